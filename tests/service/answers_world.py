"""A home as `wire` joins it, with the runtime, the proxy and the copies' answers in memory.

Git, the deploy repo, the record, checks, builds and the store are the real ones.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from threading import Event, Thread

from fairlead.base.errors import Busy
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.drivers.memory_proxy import MemoryHttp, MemoryProxy
from fairlead.drivers.memory_runtime import MemoryRuntime
from fairlead.rollout.canary import CanaryJudge
from fairlead.rollout.ports import HttpAnswer
from fairlead.rollout.probe import Prober
from fairlead.service.places import Rest, reconcile
from fairlead.service.ports import MachineSeen
from fairlead.service.push import Update, offered
from fairlead.service.taken_up import take_up
from fairlead.service.tools import Tools
from fairlead.wire import tools_of

LOCAL, STAGING, PRODUCTION = (Place("tide", e) for e in ("local", "staging", "production"))

MANIFEST = """\
app = "tide"

[build]
kind = "command"
commands = ["true"]

[role.web]
command = "serve {socket}"
health = "/health"

[check.tests]
command = "sh -c 'echo all fine; test ! -e broken'"

[smoke.front]
path = "/"
limit = 1

[environment.local]
branch = "main"
listen = "127.0.0.1:8000"

[environment.local.settings]
GREETING = "ahoy"

[environment.staging]
listen = "127.0.0.1:8001"

[environment.production]
approval = true
listen = "127.0.0.1:8002"
"""


class Anybody(dict[str, Callable[[str], HttpAnswer]]):
    """Every address answers, and every copy is ready. ``broken`` are the releases whose copies
    answer the smoke check with 500; ``front`` is what the proxy's own address answers."""

    def __init__(self) -> None:
        self.broken: set[int] = set()
        self.front = 200

    def __contains__(self, address: object) -> bool:
        return True

    def __missing__(self, address: str) -> Callable[[str], HttpAnswer]:
        if not address.startswith("unix/"):
            return lambda path: HttpAnswer(self.front)
        broken = any(f"-r{number}-" in address for number in self.broken)
        return lambda path: HttpAnswer(500 if broken and path == "/" else 200)


class MemoryMachine:
    """The home's own processes as numbers."""

    def __init__(self) -> None:
        self.now = MachineSeen(supervisor=11, proxy=12, agent=13, listening=True)
        self.woken = 0

    def ensure(self) -> bool:
        started = not self.now.supervisor
        self.now = MachineSeen(11, 12, self.now.agent, self.now.listening)
        return started

    def ensure_agent(self) -> bool:
        started = not self.now.agent
        self.now = MachineSeen(self.now.supervisor, self.now.proxy, 13, True)
        return started

    def stop_agent(self) -> None:
        self.now = MachineSeen(self.now.supervisor, self.now.proxy, 0, False)

    def seen(self) -> MachineSeen:
        return self.now

    def wake(self) -> bool:
        self.woken += self.now.listening
        return self.now.listening

    def shutdown(self) -> None:
        self.now = MachineSeen(0, 0, 0, False)

    def free_listen(self, taken: frozenset[str]) -> str:
        return next(a for n in range(8000, 9000) if (a := f"127.0.0.1:{n}") not in taken)


class World:
    """One home with the app "tide" pushed to it as often as a test likes."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root / "home")
        real = tools_of(self.home, "ada")
        self.machine, self.answers, http = MemoryMachine(), Anybody(), MemoryHttp()
        http.servers = self.answers
        clock = real.clock
        self.runtime = MemoryRuntime(clock)
        world = replace(
            real.world,
            runtime=self.runtime,
            proxy=MemoryProxy(),
            http=http,
            prober=Prober(http, clock),
            canary=CanaryJudge(
                http, real.world.commands, real.world.files, real.world.secrets, clock
            ),
        )
        self.tools: Tools = replace(real, world=world, machine=self.machine)
        self.source = root / "source"
        self.repository = self.home.repository("tide")
        self.tools.repositories.ensure_repository(self.repository)
        self.source.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        run = ["git", "-C", str(self.source), *arguments]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()

    def push(self, subject: str, files: dict[str, str] | None = None) -> str:
        """Commit, push to main, ask the checks; what passed is built and asked for."""
        for name, text in ({"fairlead.toml": MANIFEST} | (files or {})).items():
            (self.source / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        commit = self.git("rev-parse", "HEAD")
        self.git("push", "--quiet", "--force", str(self.repository), "HEAD:refs/heads/offered")
        said = offered(self.tools, "tide", Update("refs/heads/main", "", commit), "ada", quiet)
        if said.accepted:
            self.git("push", "--quiet", "--force", str(self.repository), "HEAD:refs/heads/main")
            take_up(self.tools, "tide", quiet)
        return commit

    def settle(self, place: Place = LOCAL) -> None:
        """What the agent does, until the place rests."""
        for _ in range(50):
            if reconcile(self.tools, place).rest in (Rest.SETTLED, Rest.HALTED, Rest.EMPTY):
                return
        raise AssertionError(f"{place} does not come to rest")

    def released(self, subject: str) -> str:
        commit = self.push(subject)
        self.settle()
        return commit

    @contextmanager
    def agent(self) -> Iterator[None]:
        """Somebody who brings every place to what is desired, while a test waits."""
        over = Event()

        def work() -> None:
            while not over.wait(0.01):
                for place in self.tools.places():
                    try:
                        reconcile(self.tools, place)
                    except Busy:
                        continue

        thread = Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def quiet(line: str) -> None:
    """What goes by is not looked at."""


@contextmanager
def runs_in(monkeypatch_set: Callable[[str, str], None]) -> Iterator[None]:
    """A run directory short enough for sockets, gone afterwards."""
    directory = mkdtemp(prefix="fl-")
    os.chmod(directory, 0o700)
    monkeypatch_set("XDG_RUNTIME_DIR", directory)
    try:
        yield
    finally:
        shutil.rmtree(directory)
