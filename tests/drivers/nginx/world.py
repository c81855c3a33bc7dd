"""A real nginx with real copies behind it. As root its workers run as www-data, as on a server."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.proxy import until
from drivers.proxy_world import Users
from fairlead.base.errors import Unknown
from fairlead.drivers.nginx.program import Installed, Program
from fairlead.drivers.nginx.proxy import Nginx
from needs import needs

CONFIGURATION = """
{user}worker_processes 2;
daemon off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 512; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path body;
    proxy_temp_path body;
    fastcgi_temp_path body;
    uwsgi_temp_path body;
    scgi_temp_path body;
    include conf.d/*.conf;
    include sites-enabled/*;
}}
"""


class NginxWorld(Users):
    """The contract's world with an nginx of its own, set up as Debian's is."""

    software = "nginx"  # the name cannot be left out; the version is

    def __init__(self, root: Path, copies: Path, binary: str) -> None:
        super().__init__(copies)
        root.chmod(0o755)
        self.root = root
        for name in ("conf.d", "sites-enabled", "body"):
            (root / name).mkdir()
        user = "user www-data;\n" if os.getuid() == 0 else ""
        (root / "nginx.conf").write_text(CONFIGURATION.format(user=user))
        self.installed = Installed(
            Path(binary), root / "nginx.conf", root / "conf.d", root / "nginx.pid", root
        )
        self.program = Program(self.installed)
        self.state = root / "state"
        self.shelf = root / "certificates"
        self.proxy = Nginx(self.installed, self.state, self.shelf)
        self.start()

    def start(self) -> None:
        with (self.root / "stderr").open("ab") as log:
            argv = self.installed.argv("-e", str(self.root / "error.log"))
            self.process = subprocess.Popen(argv, stdout=log, stderr=log)
        until(self._answers)

    def kill(self) -> None:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        workers = [int(pid) for pid in path.read_text().split()]
        for pid in (self.process.pid, *workers):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in workers))

    def stop(self) -> None:
        """End nginx and what is open."""
        self.hang_up()
        self.process.terminate()
        self.process.wait(10)

    def role(self) -> Path:
        return next(path.parent for path in self.state.glob("*/web/live"))

    def file(self) -> Path:
        """The file of PLACE."""
        return self.installed.include / "fairlead-shop.production.conf"

    def meddle(self) -> None:
        for slot in range(100):
            path = self.role() / "live" / f"{slot:02}"
            path.unlink()
            path.symlink_to(self.address(2).removeprefix("unix/"))

    def reload(self) -> None:
        """Somebody else reloads nginx; returns when its old workers listen no more."""
        before = self.workers()
        self.process.send_signal(signal.SIGHUP)
        until(lambda: not self.workers() & before)

    def workers(self) -> set[int]:
        """Workers that are not being shut down."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        pids = {int(pid) for pid in path.read_text().split()}
        return {pid for pid in pids if _title(pid) and b"shutting" not in _title(pid)}

    def rss(self) -> int:
        pids = [self.process.pid, *self.workers()]
        texts = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
        return sum(int(text.partition("VmRSS:")[2].split()[0]) for text in texts)

    def _answers(self) -> bool:
        try:
            return self.program.master() == self.process.pid and len(self.workers()) == 2
        except Unknown:
            return False


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def world(copies: Path) -> Iterator[NginxWorld]:
    """An nginx that serves nothing yet."""
    binary = needs("nginx", package="nginx-light", adds="serve through a real nginx")
    root = Path(tempfile.mkdtemp(prefix="fl-nginx-"))
    made = NginxWorld(root, copies, binary)
    yield made
    made.stop()
    shutil.rmtree(root)
