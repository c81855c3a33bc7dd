"""A home with everything real in it, small apps that are pushed to it, and users who come."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairlead.base.errors import Unknown
from fairlead.base.ids import Place
from fairlead.base.journal import Outcome, Verb
from fairlead.demo.report import Report
from fairlead.demo.runners import TrafficProcess
from fairlead.desired import read
from fairlead.drivers.supervisor import proc
from fairlead.record.flow import read as read_record
from fairlead.record.flow import verify
from fairlead.record.model import Entry, Head, Verified
from fairlead.rollout.flow import is_done
from fairlead.service import drift
from fairlead.service.up import REMOTE, set_up
from fairlead.wire import home_of, tools_of

APP = Path(__file__).parent / "app"
RATE = 80.0
PATIENCE = 45.0
"""Seconds anything may take on a machine that is busy with other things."""

MANIFEST = """
app = "{app}"

[build]
kind = "command"
commands = ["{python} build.py"]

[build.assets]
url = "/static/"
directory = "public"

[check.unit]
command = "{python} check.py"

[role.web]
command = "{python} server.py {{socket}}"
copies = {copies}
health = "/health"
stop_limit = "7s"
ready_limit = "{ready}"
{more}

[smoke.version]
path = "/version"
version = "release"

[smoke.words]
path = "/smoke"
json = {{ status = "ok" }}
limit = "2s"
"""
MIGRATE = """
[migrate]
command = "{python} migrate.py"
files = ["migrations/*.sql"]
contract = ["migrations/*_contract_*.sql"]
database = "DATABASE_URL"
"""
WORKER = """
[role.worker]
command = "{python} worker.py"
singleton = true
settle = "1s"
stop_limit = "5s"
"""
LOCAL = """
[environment.local]
branch = "main"
strategy = {strategy}

[environment.local.settings]
DATABASE_URL = "sqlite:///{{data}}/app.sqlite3"
"""


def until(true: Callable[[], Any], what: str, limit: float = PATIENCE) -> Any:
    """Wait for it; what it said once that is true. Fails with ``what`` past the limit."""
    deadline = time.monotonic() + limit
    while not (found := true()):
        assert time.monotonic() < deadline, f"not within {limit:g} s: {what}"
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class Pushed:
    """How a push ended: git's exit code, and all it printed."""

    code: int
    said: str


class House:
    """One home. ``close`` ends all that runs in it, whatever state it is in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.tools = tools_of(home_of(str(self.home)), who="ada")

    def app(self, name: str, **how: Any) -> "App":
        """A new app with its repository; see ``App.write`` for ``how``."""
        set_up(self.tools, name)
        app = App(self, name, self.root / name)
        app.begin(**how)
        return app

    def close(self) -> None:
        self.tools.machine.shutdown()
        shutil.rmtree(self.tools.home.run, ignore_errors=True)

    def agent(self) -> int:
        """The agent's process id, once one runs that listens."""
        machine = self.tools.machine
        return until(lambda: machine.seen().listening and machine.seen().agent, "an agent runs")

    def entries(self, app: str, *verbs: Verb) -> list[Entry]:
        """The app's entries of these verbs, but for intents."""
        found = read_record(self.tools.store, 0, 100_000)
        return [
            e for e in found if e.app == app and e.verb in verbs and e.outcome != Outcome.INTENT
        ]

    def verified(self) -> object:
        """What verifying the record against the signed head says."""
        signed = read.anchored(self.tools.deploy.repo.look(), self.tools.deploy.verifier)
        return verify(self.tools.store, [Head(signed.seq, signed.hash)] if signed else [])

    def must_hold(self) -> None:
        found = self.verified()
        assert isinstance(found, Verified), found

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Fairlead's own command line on this home."""
        return self.cli_in(self.root, *words)

    def cli_in(self, where: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """The same, typed in a directory."""
        argv = [sys.executable, "-m", "fairlead", "--home", str(self.home), *words]
        return subprocess.run(
            argv, cwd=where, capture_output=True, text=True, timeout=120, env=environment()
        )


class App:
    """An app of a house, as its developer's clone."""

    def __init__(self, house: House, name: str, clone: Path) -> None:
        self.house = house
        self.name = name
        self.clone = clone
        self.place = Place(name, "local")

    def begin(self, **how: Any) -> None:
        self.clone.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", REMOTE, str(self.house.tools.home.repository(self.name)))
        shutil.copytree(APP, self.clone, dirs_exist_ok=True)
        self.manifest(**how)
        self.write({"behave.json": json.dumps({"word": "first"}), ".gitignore": "public\n"})
        self.commit("The first")

    def manifest(
        self, *, copies: int = 1, strategy: str = '"blue-green"', ready: str = "60s",
        migrate: bool = False, worker: bool = False, more: str = "", tail: str = "",
        environments: str = LOCAL,
    ) -> None:  # fmt: skip
        text = MANIFEST + MIGRATE * migrate + WORKER * worker + environments + tail
        self.write(
            {
                "fairlead.toml": text.format(
                    app=self.name, python=sys.executable, copies=copies, ready=ready,
                    strategy=strategy, more=more,
                )
            }
        )  # fmt: skip

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, subject: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def change(self, word: str, **behave: Any) -> str:
        """Commit a change of what the app does; the commit."""
        self.write({"behave.json": json.dumps({"word": word, **behave})})
        return self.commit(f"Now {word}")

    def git(self, *words: str) -> str:
        return git(self.clone, *words)

    def push(self, ref: str = "HEAD:refs/heads/main", *options: str) -> Pushed:
        """Push, and wait for the end as a pusher does."""
        with self.pushing(ref, *options) as process:
            said, _ = process.communicate(timeout=110)
        return Pushed(process.returncode, said)

    @contextmanager
    def pushing(self, ref: str = "HEAD:refs/heads/main", *options: str) -> Iterator[Any]:
        """A push under way, in a process group of its own."""
        argv = ["git", "-C", str(self.clone), "push", *options, REMOTE, ref]
        with subprocess.Popen(
            argv, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def released(self) -> Pushed:
        """Push, and it must serve."""
        pushed = self.push()
        assert pushed.code == 0, pushed.said
        assert "rolled out in" in pushed.said, pushed.said
        assert "returned: " not in pushed.said, pushed.said
        return pushed

    def head(self, branch: str = "main") -> str:
        """What the branch is in Fairlead's repository, "" for nothing."""
        said = self.git("ls-remote", REMOTE, f"refs/heads/{branch}")
        return said.partition("\t")[0]

    def address(self, place: Place | None = None) -> str:
        return self.house.tools.notes.listen(str(place or self.place))

    def get(self, path: str, place: Place | None = None) -> tuple[int, str]:
        answer = self.house.tools.world.http.get(self.address(place), path, 5.0)
        return answer.status, answer.body.decode()

    def version(self, place: Place | None = None) -> dict[str, Any]:
        """What the app says it is; {} when it does not answer."""
        status, body = self.get("/version", place)
        return json.loads(body) if status == 200 else {}

    def serves(self, number: int, place: Place | None = None) -> None:
        until(
            lambda: self.version(place).get("release") == number,
            f"release {number} serves, it is {self.version(place)}",
        )

    def settled(self, place: Place | None = None) -> None:
        """Wait until the place's rollout is over and nothing is left to do there."""
        tools, where = self.house.tools, place or self.place

        def over() -> bool:
            wanted = tools.desired(where)
            try:
                return bool(wanted and is_done(tools.world, wanted)) and not self.drift(where)
            except Unknown:
                return False

        until(over, f"{where} settles")

    def settled_on(self, number: int) -> None:
        """Wait until that release is the one desired, and has passed smoke again."""
        tools = self.house.tools

        def over() -> bool:
            wanted = tools.desired(self.place)
            return bool(wanted and wanted.release.number == number and is_done(tools.world, wanted))

        until(over, f"release {number} is settled on")

    def drift(self, place: Place | None = None) -> list[str]:
        return [item.kind for item in drift.find(self.house.tools, place or self.place)]

    def pids(self) -> dict[str, int]:
        """The copies that run, by name."""
        seen = self.house.tools.world.runtime.processes(self.place)
        return {str(p.copy): p.pid for p in seen if p.pid}

    def data(self, name: str, place: Place | None = None) -> Path:
        return self.house.tools.home.data(place or self.place) / name

    def clone_again(self) -> "App":
        """A second developer's clone of the same app."""
        other = App(self.house, self.name, self.clone.with_name(f"{self.clone.name}-again"))
        git(self.clone.parent, "clone", "--quiet", str(self.clone), str(other.clone))
        url = str(self.house.tools.home.repository(self.name))
        other.git("remote", "add", REMOTE, url)
        return other

    @contextmanager
    def users(self, allowed: int = 0, **options: Any) -> Iterator[TrafficProcess]:
        """Users throughout the block; afterwards no request of theirs may have failed."""
        paths = options.pop("paths", [("/version", 3), ("/", 1)])
        with TrafficProcess(f"http://{self.address()}", RATE, paths=paths, **options) as traffic:
            until(lambda: traffic.snapshot.sent > 20, "users have come")
            yield traffic
            report = traffic.stop(wait_long=True)
        failed_at_most(report, allowed)


def failed_at_most(report: Report, allowed: int) -> None:
    told = "; ".join(f"{f.what} {f.path}" for f in report.failures[:5])
    assert report.failed <= allowed, f"{report.failed} of {report.sent} failed: {told}"
    assert report.asset_404 == 0, f"{report.asset_404} assets of an older page were gone"


def environment() -> dict[str, str]:
    """What a person's terminal has: their name for the record, and none of git's hooks' words."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("GIT_DIR")}
    who = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"}
    who |= {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org"}
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "FAIRLEAD_WHO": "ada"}
    return {**plain, **who, **own, "LC_ALL": "C.UTF-8"}


def git(where: Path, *words: str) -> str:
    """Git, as a person types it: once more while somebody else holds the index."""
    argv = ["git", "-C", str(where), *words]
    for _ in range(50):
        done = subprocess.run(argv, env=environment(), capture_output=True, text=True, timeout=60)
        if "index.lock': File exists" not in done.stderr:
            break
        time.sleep(0.1)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout.strip()


def kill(pid: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Kill one process by its id; one that is gone already is fine."""
    assert pid > 1
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return


@contextmanager
def stray(house: House, app: App) -> Iterator[subprocess.Popen[bytes]]:
    """A process that carries the home's mark and that no copy accounts for."""
    marks = {proc.MARK_RUNTIME: house.tools.home.run.name, proc.MARK_PLACE: str(app.place)}
    environ = {**os.environ, **{os.fsdecode(key): value for key, value in marks.items()}}
    argv = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(argv, env=environ, start_new_session=True) as process:
        try:
            world = house.tools.world
            until(lambda: process.pid in world.runtime.strays(app.place), "it is seen")
            yield process
        finally:
            process.kill()
