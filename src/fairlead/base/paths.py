"""Where everything of one Fairlead home lies.

A unix socket's path may be 108 bytes at most (unix(7)), and a home may lie deep.
So sockets lie in a short run directory of the same user's, named by the home's hash.
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from fairlead.base.errors import Refused
from fairlead.base.ids import Place


@dataclass(frozen=True, slots=True)
class Home:
    """The directory that holds one embedded Fairlead: all its state, and nothing elsewhere
    but its sockets. ``root`` is absolute."""

    root: Path

    @property
    def deploy(self) -> Path:
        """The deploy repo's work tree."""
        return self.root / "deploy"

    @property
    def keys(self) -> Path:
        """The machine's key and the signers it trusts; mode 0700."""
        return self.root / "keys"

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

    def repository(self, app: str) -> Path:
        """The bare git repository that users push the app to."""
        return self.root / "apps" / app / "repo.git"

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
        """The short directory of this home's sockets; mode 0700.

        Not below XDG_RUNTIME_DIR: a login, a push and a service would disagree on that, and
        it goes away at logout while copies run on.
        """
        tail = hashlib.sha256(str(self.root).encode()).hexdigest()[:10]
        return Path("/tmp") / f"fairlead-{os.getuid()}-{tail}"  # noqa: S108  see ``make``

    def copy_socket(self, place: Place, release: int, role: str, number: int) -> Path:
        """A copy's own socket: short, and of no other copy of this home."""
        key = hashlib.sha256(str(place).encode()).hexdigest()[:8]
        return self.run / f"{key}-r{release}-{role}-{number}.sock"

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
        """Create the home and its run directory, readable by their owner only.

        Raises Refused when the run directory belongs to somebody else or is open to others.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        self.run.mkdir(mode=0o700, exist_ok=True)
        found = self.run.lstat()
        private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
        if not private or found.st_uid != os.getuid():
            raise Refused(
                f"the run directory is not ours alone: {self.run}",
                f"look at it (ls -ld {self.run}) and remove it",
            )
