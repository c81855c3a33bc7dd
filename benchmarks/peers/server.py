"""A server as people have it: an app on a port, a proxy before it, services that are restarted."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.floor import install, variables
from benchmarks.machine import Ran, free_address, must, run
from benchmarks.users import await_build

HERE = Path(__file__).parent

# The app's own command (its fairlead.toml), on a port and with two processes. Without the limit
# on its shutdown a restart was seen to last until systemd's 90 s.
WEB = (
    "uvicorn riverside.asgi:application --host 127.0.0.1 --port {port} --workers 2 "
    "--loop asyncio --http httptools --ws wsproto --no-access-log "
    "--timeout-keep-alive 150 --timeout-graceful-shutdown 32"
)
ROLES = {"web": WEB, "collect": "python manage.py collect", "forecast": "python manage.py forecast"}

FRONT = """{{
    admin off
    auto_https off
    storage file_system {root}/caddy
}}
http://{address} {{
    handle_path /static/* {{
        root * {live}/staticfiles
        file_server
    }}
    handle {{
        reverse_proxy {app}
    }}
}}
"""


@dataclass
class Server:
    """One peer's server. ``script`` is its deploy script, ``live`` the directory it serves."""

    name: str
    script: str
    root: Path
    live: Path
    address: str = ""
    _own: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def venv(self) -> Path:
        """The one environment that every release of it shares."""
        return self.root / "venv"

    def set_up(self, clone: Path, origin: Path) -> None:
        """Install, lay out and start everything; the first deploy is by its own script."""
        self.root.mkdir()
        install(self.venv, clone / "requirements.txt", self.root)
        app, self.address = free_address(), free_address()
        first = {"five_commands.sh": self._live_tree, "symlink.sh": self._mirror}[self.script]
        first(origin)
        self._front(app)
        for role, command in ROLES.items():
            self._service(role, command.format(port=app.rpartition(":")[2]))
        await_build(self.address, 0, 60)

    def deploy(self) -> Ran:
        """What a person runs for a release."""
        return run(["sh", HERE / self.script, "deploy"], self.root, self._variables())

    def back(self) -> Ran:
        """What a person runs to go back."""
        return run(["sh", HERE / self.script, "back"], self.root, self._variables())

    def shutdown(self) -> None:
        """End what was started, each by its own process."""
        for process in reversed(self._own):
            process.send_signal(signal.SIGTERM)
        for process in self._own:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()

    def _variables(self) -> dict[str, str]:
        own = f"{sys.executable} {HERE / 'service.py'}"
        where = " ".join(str(self._state(role)) for role in ROLES)
        return {
            **variables(self.venv, self.root / "app.sqlite3"),
            "TREE": str(self.live),
            "ROOT": str(self.root),
            "VENV": str(self.venv),
            "UV": str(Path(sys.executable).parent / "uv"),
            "SERVICE": own,
            "SERVICES": where,
            "GIT_AUTHOR_NAME": "You",
            "GIT_AUTHOR_EMAIL": "you@localhost",
            "GIT_COMMITTER_NAME": "You",
            "GIT_COMMITTER_EMAIL": "you@localhost",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    def _state(self, role: str) -> Path:
        return self.root / "services" / role

    def _live_tree(self, origin: Path) -> None:
        """A clone that is served as it lies, with a change of its own."""
        env = self._variables()
        must(run(["git", "clone", "--quiet", origin, self.live], self.root, env))
        with (self.live / "riverside" / "settings.py").open("a") as file:
            file.write("\n# Here, and only here.\nWHERE = 'production'\n")
        self._prepared(self.live)

    def _mirror(self, origin: Path) -> None:
        """A mirror, and a first release made from it by hand."""
        env = self._variables()
        must(run(["git", "clone", "--quiet", "--mirror", origin, "repo"], self.root, env))
        first = self.root / "releases" / "0"
        first.mkdir(parents=True)
        (self.root / "shared" / "log").mkdir(parents=True)
        must(run(["git", "clone", "--quiet", origin, first], self.root, env))
        shutil.rmtree(first / ".git")
        self.live.symlink_to(first)
        self._prepared(first)

    def _prepared(self, tree: Path) -> None:
        python, env = self.venv / "bin/python", self._variables()
        for words in (("collectstatic", "--noinput", "-v0"), ("migrate", "--noinput", "-v0")):
            must(run([python, "manage.py", *words], tree, env))

    def _front(self, app: str) -> None:
        caddy = Path(sys.executable).parent / "caddy"
        config = self.root / "Caddyfile"
        config.write_text(
            FRONT.format(root=self.root, address=self.address, live=self.live, app=app)
        )
        argv = [str(caddy), "run", "--config", str(config), "--adapter", "caddyfile"]
        self._start(argv, self.root / "caddy.log")

    def _service(self, role: str, command: str) -> None:
        """Keep a role running; its shell enters the live directory anew at each start."""
        state = self._state(role)
        state.mkdir(parents=True)
        argv = [sys.executable, str(HERE / "service.py"), "run", str(state), "--"]
        self._start([*argv, "sh", "-c", f'cd "$TREE" && exec {command}'], state / "manager.log")
        deadline = time.monotonic() + 10
        while not (state / "pid").exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"the service manager of {role} does not start")
            time.sleep(0.01)

    def _start(self, argv: list[str], log: Path) -> None:
        with log.open("ab") as out:
            self._own.append(
                subprocess.Popen(
                    argv,
                    cwd=self.root,
                    env=self._variables(),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )


def five_commands(root: Path) -> Server:
    """git stash; git pull; migrate; git stash apply; restart."""
    return Server("five commands", "five_commands.sh", root, root / "tree")


def symlink(root: Path) -> Server:
    """As Capistrano deploys."""
    return Server("symlink and restart", "symlink.sh", root, root / "current")
