"""Where everything of one Fairlead home lies.

A unix socket's path may be 108 bytes at most (unix(7)), and a home may lie deep.
So sockets lie in a short run directory: of an embedded home in one of the same user's, named by
the home's hash; of a server's in /run/fairlead.
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from fairlead.base.errors import Refused
from fairlead.base.ids import Place

SERVER_HOME = Path("/var/lib/fairlead")
"""Where a server's home lies; a home of that place is of the server form."""

BUILD_USER = "fairlead-build"
"""As whom checks and builds run on a server."""

GIT_USER = "fairlead"
"""Whom people's keys log in as on a server, and whose the repositories are there."""

SHELL = "/usr/local/bin/fairlead-shell"
"""What sshd runs for each of people's keys, with their name."""

_SERVER = SERVER_HOME.parts[1:]
_REPOSITORY = "repo.git"


@dataclass(frozen=True, slots=True)
class Home:
    """The directory that holds one Fairlead: all its state, and nothing elsewhere but its
    sockets. ``root`` is absolute.

    A home at ``PREFIX/var/lib/fairlead`` is a server's: root's, entered by others on their way
    to what is theirs. Every other one is embedded: its owner's alone.
    """

    root: Path

    @property
    def server(self) -> bool:
        """Whether it is of the server form."""
        return self.root.parts[-len(_SERVER) :] == _SERVER

    @property
    def prefix(self) -> Path:
        """What stands before a server's paths: ``/``, but in tests."""
        return self.root.parents[len(_SERVER) - 1]

    @property
    def people(self) -> Path:
        """Who may do what over SSH, and by which keys; mode 0600."""
        return self.root / "people.json"

    @property
    def authorized_keys(self) -> Path:
        """The same as sshd reads it (sshd(8), AUTHORIZED_KEYS FILE FORMAT)."""
        return self.root / "authorized_keys"

    @property
    def hooks(self) -> Path:
        """What git runs in each of a server's repositories; root's, so no pusher changes it."""
        return self.root / "hooks"

    @property
    def repositories(self) -> Path:
        """Where a server's repositories lie."""
        return self.root / "repositories"

    @property
    def deploy(self) -> Path:
        """The deploy repo's work tree."""
        return self.root / "deploy"

    @property
    def keys(self) -> Path:
        """The machine's key and the signers it trusts; mode 0700."""
        return self.root / "keys"

    @property
    def sources(self) -> Path:
        """Where apps are pulled from, and their deploy keys; mode 0700."""
        return self.root / "sources"

    @property
    def record(self) -> Path:
        """The record."""
        return self.root / "record.sqlite"

    @property
    def state(self) -> Path:
        """Marks and leases."""
        return self.root / "state.sqlite"

    @property
    def notes(self) -> Path:
        """Which pushes were taken up, and which address each place was given."""
        return self.root / "notes.json"

    @property
    def cache(self) -> Path:
        """Downloads of package managers; beside the store, so that installs are hard links."""
        return self.root / "store" / "cache"

    @property
    def store(self) -> Path:
        """Artifacts and dependency environments, each under its digest."""
        return self.root / "store"

    @property
    def logs(self) -> Path:
        """What checks, builds, tasks, copies and services print."""
        return self.root / "logs"

    @property
    def verdicts(self) -> Path:
        """Stored verdicts, by app and commit."""
        return self.root / "verdicts"

    @property
    def work(self) -> Path:
        """Trees of checks and builds under way; whatever is left here is waste."""
        return self.root / "work"

    @property
    def proxy(self) -> Path:
        """The proxy's configuration, and per role whom it hands requests to."""
        return self.root / "proxy"

    @property
    def certificates(self) -> Path:
        """Certificates that were got for domains, and the account they were got with; mode 0700."""
        return self.root / "certificates"

    def repository(self, app: str) -> Path:
        """The bare git repository that users push the app to."""
        if self.server:
            return self.repositories / f"{app}.git"
        return self.root / "apps" / app / _REPOSITORY

    def apps(self) -> tuple[str, ...]:
        """Every app with a repository, sorted."""
        if self.server:
            return tuple(sorted(path.stem for path in self.repositories.glob("*.git")))
        found = (self.root / "apps").glob(f"*/{_REPOSITORY}")
        return tuple(sorted(path.parent.name for path in found))

    def data(self, place: Place) -> Path:
        """The app's own state in one environment; outlives releases."""
        return self.root / "apps" / place.app / place.environment / "data"

    def backups(self, place: Place) -> Path:
        """Backups taken before migrations."""
        return self.root / "apps" / place.app / place.environment / "backups"

    def log(self, place: Place, name: str) -> Path:
        """The log file of a copy or a task."""
        return self.logs / place.app / place.environment / f"{name}.log"

    @property
    def run(self) -> Path:
        """The short directory of this home's sockets; mode 0700, on a server 0711.

        Not below XDG_RUNTIME_DIR: a login, a push and a service would disagree on that, and
        it goes away at logout while copies run on.
        """
        if self.server:
            return self.prefix / "run" / "fairlead"
        tail = hashlib.sha256(str(self.root).encode()).hexdigest()[:10]
        return Path("/tmp") / f"fairlead-{os.getuid()}-{tail}"  # noqa: S108  see ``make``

    def copy_socket(self, place: Place, release: int, role: str, number: int) -> Path:
        """A copy's own socket: short, and of no other copy of this home.

        On a server it lies in a directory of the place's, which is its user's.
        """
        key = hashlib.sha256(str(place).encode()).hexdigest()[:8]
        name = f"r{release}-{role}-{number}.sock"
        return self.run / key / name if self.server else self.run / f"{key}-{name}"

    def role_socket(self, place: Place, role: str) -> Path:
        """On a server: the socket of a role whose copies are handed it, one after the other.

        It lies in a directory of root's: what listens there is made by root, at the place's wish.
        """
        key = hashlib.sha256(str(place).encode()).hexdigest()[:8]
        return self.run / f"{key}-{role}.sock"

    @property
    def supervisor_socket(self) -> Path:
        """The supervisor's XML-RPC socket."""
        return self.run / "supervisor.sock"

    @property
    def caddy_socket(self) -> Path:
        """Caddy's admin socket."""
        return self.run / "caddy.sock"

    @property
    def agent_socket(self) -> Path:
        """Where the agent is woken."""
        return self.run / "agent.sock"

    @property
    def agent_door(self) -> Path:
        """Where the agent is asked."""
        return self.run / "door.sock"

    def make(self) -> None:
        """Create the home and its run directory, an embedded one's readable by its owner only.

        Raises Refused when the run directory belongs to somebody else or is open to others.
        """
        mode = 0o711 if self.server else 0o700
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(mode)
        for own in (self.deploy, self.logs, self.verdicts, self.work) if self.server else ():
            own.mkdir(exist_ok=True)
            own.chmod(0o700)
        self.run.mkdir(mode=mode, parents=self.server, exist_ok=True)
        found = self.run.lstat()
        private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == mode
        if not private or found.st_uid != os.getuid():
            hint = f"look at it (ls -ld {self.run}) and remove it"
            raise Refused(f"the run directory is not ours alone: {self.run}", hint)


def app_of(repository: Path) -> str:
    """The app whose repository this is (see ``Home.repository``)."""
    return repository.parent.name if repository.name == _REPOSITORY else repository.stem
