"""Joins drivers to ports: the only file that sees both."""

import getpass
import os
import sys
import time
from functools import cached_property
from pathlib import Path

from fairlead.artifact.flow import Workshop
from fairlead.artifact.ports import Toolchain
from fairlead.base.canonical import digest
from fairlead.base.clock import SystemClock
from fairlead.base.errors import Unknown
from fairlead.base.paths import Home
from fairlead.base.wake import listens, wake
from fairlead.checks.flow import Desk
from fairlead.desired import flow as desired
from fairlead.desired.flow import Deploy
from fairlead.desired.ports import Signer
from fairlead.drivers._listen import free_listen
from fairlead.drivers.backups import DatabaseBackups
from fairlead.drivers.caddy.process import caddy_argv, caddy_environment, prepare
from fairlead.drivers.caddy.proxy import Caddy
from fairlead.drivers.commands.run import Commands
from fairlead.drivers.deploy_git import GitDeployRepo
from fairlead.drivers.git.repository import GitRepositories
from fairlead.drivers.git.worktree import GitWorktree
from fairlead.drivers.http import HttpClient
from fairlead.drivers.notes import NoteFile
from fairlead.drivers.record_sqlite import SqliteRecord
from fairlead.drivers.sshsig.keys import KeyVerifier, load_key, machine_key
from fairlead.drivers.state import SqliteLeases, SqliteMarkStore, StateFile, this_process
from fairlead.drivers.store.store import DirectoryStore
from fairlead.drivers.supervisor.runtime import Service, SupervisorRuntime
from fairlead.drivers.toolchains.npm import Npm
from fairlead.drivers.toolchains.tool import installer_environment
from fairlead.drivers.toolchains.uv import Uv
from fairlead.drivers.verdicts import VerdictFiles
from fairlead.record.flow import Record
from fairlead.rollout.canary import CanaryJudge
from fairlead.rollout.probe import Prober
from fairlead.rollout.world import World
from fairlead.service.commands import ShortCommands
from fairlead.service.files import PlaceFiles
from fairlead.service.ports import MachineSeen
from fairlead.service.releases import KnownReleases
from fairlead.service.tools import Tools


def home_of(given: str = "") -> Home:
    """The home in force: what is given, else FAIRLEAD_HOME, else the user's own (XDG base
    directory specification: state that outlives restarts)."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    named = given or os.environ.get("FAIRLEAD_HOME") or f"{state}/fairlead"
    return Home(Path(named).expanduser().absolute())


def tools_of(home: Home, who: str = "") -> Tools:
    """Every room of one home, joined. Makes what a home needs that is not there yet."""
    home.make()
    clock, runner = SystemClock(), Commands()
    store = SqliteRecord(home.record)
    record = Record(store, clock)
    repositories = GitRepositories()
    signer = machine_key(home.keys)
    deploy = Deploy(GitDeployRepo(home.deploy), KeyVerifier(home.keys / "allowed_signers"), record)
    desired.ensure(deploy.repo, clock.now())
    toolchains: dict[str, Toolchain] = {
        "python": Uv(runner, home.cache / "uv"),
        "node": Npm(runner, home.cache / "npm"),
    }
    artifacts = DirectoryStore(home.store)
    shop = Workshop(repositories, runner, artifacts, toolchains, record, clock, home.logs)
    notes, machine = NoteFile(home.notes), EmbeddedMachine(home)
    files, http = PlaceFiles(home, shop, notes, machine), HttpClient()
    commands = ShortCommands(runner)
    state = StateFile(home.state)
    world = World(
        runtime=machine.runtime,
        proxy=Caddy(home),
        http=http,
        backups=DatabaseBackups(),
        marks=SqliteMarkStore(state),
        leases=SqliteLeases(state),
        files=files,
        releases=KnownReleases(deploy),
        commands=commands,
        journal=record,
        clock=clock,
        prober=Prober(http, clock),
        canary=CanaryJudge(http, commands, files, clock),
    )
    verdicts = VerdictFiles(home.verdicts)
    desk = Desk(repositories, runner, verdicts, record, home.work, home.logs)
    me = who or os.environ.get("FAIRLEAD_WHO") or getpass.getuser()
    return Tools(
        home=home,
        clock=clock,
        me=me,
        owner=this_process(me),
        deploy=deploy,
        signer=signer,
        record=record,
        store=store,
        desk=desk,
        shop=shop,
        world=world,
        repositories=repositories,
        machine=machine,
        notes=notes,
    )


def worktree_of(directory: Path) -> GitWorktree:
    """The clone a directory lies in. Raises NotFound."""
    return GitWorktree(directory)


def key_of(path: str) -> Signer:
    """A person's own private key, to approve with. Raises NotFound, Refused."""
    return load_key(Path(path).expanduser(), getpass.getuser())


_COPY_PORTS = 20_000  # to 32,000: below what the kernel hands out to clients


class EmbeddedMachine:
    """The embedded default's own processes: one supervisor, and under it Caddy and the agent."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @cached_property
    def runtime(self) -> SupervisorRuntime:
        """The runtime of the home."""
        return SupervisorRuntime(self._home)

    def ensure(self) -> bool:
        """Start the supervisor and the proxy unless they run; True when one was started now."""
        started = self.runtime.ensure()
        if self.runtime.service_state("caddy") is None:
            prepare(self._home)
            self._service("caddy", caddy_argv(self._home), caddy_environment(self._home))
            started = True
        return started

    def ensure_agent(self) -> bool:
        """Start the agent unless it runs; True when it was started now."""
        if self.runtime.service_state("agent") is not None:
            return False
        argv = (sys.executable, "-m", "fairlead.agent", str(self._home.root))
        self._service("agent", argv, agent_environment())
        return True

    def replace_agent(self) -> bool:
        """Put an agent under the supervisor in this one's place; True when this one is to end.

        One that a person runs in the foreground goes on.
        """
        if os.environ.get("FAIRLEAD_SERVICE") != "agent":
            return False
        self.ensure_agent()
        return True

    def _service(self, name: str, argv: tuple[str, ...], environment: dict[str, str]) -> None:
        self._home.logs.mkdir(mode=0o700, exist_ok=True)
        log = str(self._home.logs / f"{name}.log")
        self.runtime.service(Service(name, argv, str(self._home.root), environment, log))

    def wake(self) -> bool:
        """Tell the agent to look now; False when none listens."""
        return wake(self._home)

    def stop_agent(self, limit: float = 15.0) -> None:
        """Ask the agent to end, and wait until it has; copies run on. Raises Unknown."""
        self.runtime.stop_service("agent")
        deadline = time.monotonic() + limit
        while self.runtime.service_state("agent") is not None:
            if time.monotonic() > deadline:
                raise Unknown(f"the agent did not end within {limit:.0f} s", "fairlead status")
            time.sleep(0.01)

    def seen(self) -> MachineSeen:
        """What runs of the home's own; starts nothing and wakes nobody."""
        return MachineSeen(
            self.runtime.supervisor_pid(),
            self._pid("caddy"),
            self._pid("agent"),
            listens(self._home),
        )

    def _pid(self, service: str) -> int:
        try:
            seen = self.runtime.service_state(service)
        except Unknown:
            return 0
        return seen.pid if seen else 0

    def shutdown(self) -> None:
        """End everything of this home: copies, proxy, agent, supervisor."""
        self.runtime.shutdown()

    def alive(self, pid: int) -> bool:
        """Whether that process is there; one that took its number counts."""
        return Path(f"/proc/{pid}").exists()

    def free_listen(self, taken: frozenset[str]) -> str:
        """A free ``127.0.0.1:port`` that is not in ``taken``."""
        return free_listen(taken)

    def copy_listen(self, key: str) -> str:
        """A free ``127.0.0.1:port`` for the copy of that name."""
        # Copies that start at once must not be given one port: each looks from a place of its own.
        first = _COPY_PORTS + int(digest(key)[-4:], 16) % 10_000
        return free_listen(first=first, last=_COPY_PORTS + 12_000)


def agent_environment() -> dict[str, str]:
    """What the agent needs of the caller's environment: who and where it is, and how the
    package managers it starts reach their registries. Nothing else of it goes along."""
    kept = ("PATH", "HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")
    own = {name: os.environ[name] for name in kept if name in os.environ}
    return {**installer_environment(os.environ), **own, "LANG": "C.UTF-8"}
