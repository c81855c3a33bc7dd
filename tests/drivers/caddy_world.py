"""A real Caddy with real copies behind it, for the tests of the proxy's driver."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.proxy import PLACE, until
from drivers.proxy_world import Users
from fairlead.base.errors import Unknown
from fairlead.base.paths import Home
from fairlead.certificates.model import Authority
from fairlead.drivers.caddy.admin import Admin
from fairlead.drivers.caddy.process import caddy_argv, caddy_environment, prepare
from fairlead.drivers.caddy.proxy import LETS_ENCRYPTS, Caddy


class CaddyWorld(Users):
    """The contract's world with a Caddy of its own in a home of its own."""

    def __init__(self, root: Path, copies: Path, authority: Authority = LETS_ENCRYPTS) -> None:
        super().__init__(copies)
        self.home = Home(root / "home")
        self.home.make()
        prepare(self.home)
        self.proxy = Caddy(self.home, authority)
        self.admin = Admin(self.home.caddy_socket)
        self.log = root / "caddy.log"
        self.start()

    def start(self) -> None:
        argv, environment = caddy_argv(self.home), caddy_environment(self.home)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
        until(self._answers)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """End Caddy and what is open."""
        self.hang_up()
        self.process.terminate()
        self.process.wait(10)

    def role(self) -> Path:
        return self.home.proxy / PLACE.app / PLACE.environment / "web"

    def meddle(self) -> None:
        live = self.role() / "live"
        for slot in range(100):
            (live / f"{slot:02}").unlink()
            (live / f"{slot:02}").write_text(self.address(2) + "\n")

    def rss(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def _answers(self) -> bool:
        try:
            return bool(self.admin.get("/config/"))
        except Unknown:
            return False


@pytest.fixture
def world(copies: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CaddyWorld]:
    """A Caddy that serves nothing yet."""
    root = Path(tempfile.mkdtemp(prefix="fl-caddy-"))
    monkeypatch.setitem(os.environ, "XDG_RUNTIME_DIR", str(root))
    made = CaddyWorld(root, copies)
    yield made
    made.stop()
    shutil.rmtree(root)
