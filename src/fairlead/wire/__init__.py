"""Joins drivers to ports: the only file that sees both.

What few commands need is imported where it is made, and made when it is asked for: importing
all of it takes 60 ms, and ``fairlead rollback`` is waited for.
"""

import getpass
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead import __version__
from fairlead.base.clock import SystemClock, seconds_of
from fairlead.base.later import Later
from fairlead.base.paths import BUILD_USER, SERVER_HOME, SHELL, Home
from fairlead.desired import flow as desired
from fairlead.desired.flow import Deploy
from fairlead.desired.ports import Signer
from fairlead.drivers.deploy_git import GitDeployRepo
from fairlead.drivers.notes import NoteFile
from fairlead.drivers.record_sqlite import SqliteRecord
from fairlead.drivers.sshsig.keys import KeyVerifier, load_key, machine_key
from fairlead.drivers.state import SqliteLeases, SqliteMarkStore, StateFile, this_process
from fairlead.record.flow import Record
from fairlead.service.releases import KnownReleases
from fairlead.service.tools import Tools
from fairlead.wire.embedded import EmbeddedMachine
from fairlead.wire.server import ServerMachine

if TYPE_CHECKING:
    from fairlead.artifact.flow import Workshop
    from fairlead.artifact.ports import Toolchain
    from fairlead.certificates.flow import Keeper
    from fairlead.checks.flow import Desk
    from fairlead.checks.ports import Forges
    from fairlead.drivers.commands.identity import Identity
    from fairlead.drivers.commands.run import Commands
    from fairlead.drivers.git.fetch import GitUpstream
    from fairlead.drivers.git.repository import GitRepositories
    from fairlead.drivers.git.server import Server
    from fairlead.drivers.git.worktree import GitWorktree
    from fairlead.drivers.people import PeopleFile
    from fairlead.drivers.postgres import PostgresDatabases
    from fairlead.drivers.sources import SourceFiles
    from fairlead.rollout.world import World
    from fairlead.service.sealed import Sealed
    from fairlead.service.server import Office


def home_of(given: str = "") -> Home:
    """The home in force: what is given, else FAIRLEAD_HOME, else for root on a server the
    server's, else the user's own (XDG base directory specification: state that outlives
    restarts)."""
    named = given or os.environ.get("FAIRLEAD_HOME")
    if not named and os.geteuid() == 0 and Home(SERVER_HOME).record.exists():
        return Home(SERVER_HOME)
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Home(Path(named or f"{state}/fairlead").expanduser().absolute())


def tools_of(home: Home, who: str = "") -> Tools:
    """Every room of one home, joined. Makes what a home needs that is not there yet."""
    home.make()
    clock = SystemClock()
    store = SqliteRecord(home.record)
    record = Record(store, clock)
    signer = machine_key(home.keys)
    deploy = Deploy(GitDeployRepo(home.deploy), KeyVerifier(home.keys / "allowed_signers"), record)
    desired.ensure(deploy.repo, clock.now())
    rooms = _Rooms(home, deploy, record, clock, signer)
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
        marks=rooms.marks,
        releases=rooms.releases,
        machine=rooms.machine,
        notes=rooms.notes,
        sealed=Later(lambda: rooms.sealed),
        repositories=Later(lambda: rooms.repositories),
        desk=Later(lambda: rooms.desk),
        shop=Later(lambda: rooms.shop),
        world=Later(lambda: rooms.world),
        people=Later(lambda: rooms.people),
        databases=Later(lambda: rooms.databases),
        certificates=Later(lambda: rooms.certificates),
        sources=Later(lambda: rooms.sources),
        upstream=Later(lambda: rooms.upstream),
        forge=Later(_forges),
    )


def _forges() -> "Forges":
    from fairlead.drivers.forges import forge

    return forge


class _Rooms:
    """What is made when it is asked for, and what it is made of."""

    def __init__(
        self, home: Home, deploy: Deploy, record: Record, clock: SystemClock, signer: Signer
    ) -> None:
        self._home = home
        self._signer = signer
        self._deploy = deploy
        self._record = record
        self._clock = clock
        self._state = StateFile(home.state)
        self.marks = SqliteMarkStore(self._state)
        self.releases = KnownReleases(deploy)
        self.machine = ServerMachine(home) if home.server else EmbeddedMachine(home)
        self.notes = NoteFile(home.notes)

    @cached_property
    def repositories(self) -> "GitRepositories":
        from fairlead.drivers.git.repository import GitRepositories

        return GitRepositories()

    @cached_property
    def sources(self) -> "SourceFiles":
        from fairlead.drivers.sources import SourceFiles

        return SourceFiles(self._home.sources)

    @cached_property
    def upstream(self) -> "GitUpstream":
        from fairlead.drivers.git.fetch import GitUpstream

        return GitUpstream(self._home.run)

    @cached_property
    def people(self) -> "PeopleFile":
        from functools import partial

        from fairlead.access.rules import authorized_keys
        from fairlead.drivers.people import PeopleFile

        return PeopleFile(self._home, partial(authorized_keys, shell=SHELL))

    @cached_property
    def databases(self) -> "PostgresDatabases":
        from fairlead.drivers.postgres import PostgresDatabases

        return PostgresDatabases()

    @cached_property
    def sealed(self) -> "Sealed":
        from fairlead.drivers.keyring import FileKeyRing
        from fairlead.service.sealed import Sealed

        return Sealed(self._deploy.repo, FileKeyRing(self._home.keys / "secrets"))

    @cached_property
    def _identity(self) -> "Identity | None":
        """Who runs checks and builds: on a server, a user without rights, in a cell."""
        from fairlead.drivers.commands import identity_of

        return identity_of(BUILD_USER) if self._home.server else None

    @cached_property
    def _runner(self) -> "Commands":
        from fairlead.drivers.commands import Commands

        return Commands(identity=self._identity)

    @cached_property
    def _checker(self) -> "Commands":
        """Who runs checks: in a cell wherever the system allows one, also of an embedded home.
        Builds of such a home go without: their package caches lie elsewhere."""
        from fairlead.drivers.commands import Commands, stand_in

        return Commands(identity=self._identity or stand_in())

    @cached_property
    def desk(self) -> "Desk":
        from fairlead.checks.asking import Asker
        from fairlead.checks.flow import Desk
        from fairlead.drivers.programs import programs_key
        from fairlead.drivers.services import LocalServices
        from fairlead.drivers.verdicts import VerdictFiles

        home, package = self._home, Path(__file__).parents[1]
        ours = (sys.executable, "-I", "-m", "fairlead.questions")
        return Desk(
            sources=self.repositories,
            runner=self._checker,
            services=LocalServices(self._checker, home.cache / "services"),
            verdicts=VerdictFiles(home.verdicts, self._signer, self._deploy.verifier),
            journal=self._record,
            clock=self._clock,
            asker=Asker(ours, (str(package.parent),), __version__),
            work=home.work,
            logs=home.logs,
            machine=programs_key(),
        )

    @cached_property
    def shop(self) -> "Workshop":
        from fairlead.artifact.flow import Workshop
        from fairlead.drivers.store.store import DirectoryStore
        from fairlead.drivers.toolchains.npm import Npm
        from fairlead.drivers.toolchains.uv import Uv

        home, runner = self._home, self._runner
        toolchains: dict[str, Toolchain] = {
            "python": Uv(runner, None if home.server else home.cache / "uv"),
            "node": Npm(runner, None if home.server else home.cache / "npm"),
        }
        store, record, clock = DirectoryStore(home.store), self._record, self._clock
        return Workshop(self.repositories, runner, store, toolchains, record, clock, home.logs)

    @cached_property
    def certificates(self) -> "Keeper | None":
        """Who keeps them: a server's; an embedded home has no domains to keep any for."""
        if not isinstance(self.machine, ServerMachine):
            return None
        from fairlead.certificates.flow import Keeper

        return Keeper(self.machine.source, self.world.proxy, self._record, self._clock)

    @cached_property
    def world(self) -> "World":
        from fairlead.drivers.backups import DatabaseBackups
        from fairlead.drivers.http import HttpClient
        from fairlead.rollout.canary import CanaryJudge
        from fairlead.rollout.probe import Prober
        from fairlead.rollout.world import World
        from fairlead.service.files import PlaceFiles

        files = PlaceFiles(self._home, self.shop, self.notes, self.machine)
        http, commands = HttpClient(), self.machine.commands(self._runner)
        return World(
            runtime=self.machine.runtime,
            proxy=self.machine.proxy,
            http=http,
            backups=DatabaseBackups(),
            capacity=self.machine.capacity,
            marks=self.marks,
            leases=SqliteLeases(self._state),
            files=files,
            releases=self.releases,
            commands=commands,
            secrets=self.sealed,
            journal=self._record,
            clock=self._clock,
            prober=Prober(http, self._clock),
            canary=CanaryJudge(http, commands, files, self.sealed, self._clock),
        )


def office_of(home: Home) -> "Office":
    """What changes the machine of a server's home; nothing of the home is made for it."""
    from fairlead.drivers.host import DebianHost, InstalledPrograms
    from fairlead.server.flow import Ground
    from fairlead.service.server import Office

    def recorded() -> float:
        """The time of the record's newest entry; 0 before the first."""
        store = SqliteRecord(home.record) if home.record.exists() else None
        rows = store.read(store.head()[0] - 1, 1) if store else ()
        return seconds_of(rows[0].at) if rows else 0.0

    programs = InstalledPrograms(home.prefix, Path(__file__).parents[1], __version__)
    host = DebianHost(home, programs.make, recorded)
    me = os.environ.get("FAIRLEAD_WHO") or os.environ.get("SUDO_USER") or getpass.getuser()
    return Office(Ground(host, programs), home, me, lambda: tools_of(home, me).record)


def worktree_of(directory: Path) -> "GitWorktree":
    """The clone a directory lies in. Raises NotFound."""
    from fairlead.drivers.git.worktree import GitWorktree

    return GitWorktree(directory)


def server_of(address: str, key: str, known_hosts: str) -> "Server":
    """A server that is reached over SSH. Raises UsageError."""
    from fairlead.base.secret import Secret
    from fairlead.drivers.git.server import Server

    return Server(address, Secret(key), known_hosts)


def key_of(path: str) -> Signer:
    """A person's own private key, to approve with. Raises NotFound, Refused."""
    return load_key(Path(path).expanduser(), getpass.getuser())
