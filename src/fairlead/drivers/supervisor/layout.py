"""The supervisor's files: where they lie, and what is in them.

    RUN/supervisor/                 mode 0700, the supervisor's working directory
        supervisord.conf            written anew by each start
        python, launch.py, logs     links and a copy, so that no path of ours needs quoting
        p/<program>/                one per program; names are ours: [a-z0-9-] only
        p/<program>/program.conf    there only while the supervisor takes the program in
        p/<program>/spec            the command and its environment (0600; may hold secrets)
        p/<program>/about           what we must know to list it, without secrets
        p/<program>/state           written by launch.py: tries, crashes, since when
        p/<program>/stop            exists once it was asked to end; its mtime is when
        p/<program>/logs            a link to the log's directory

Everything here is relative to that directory, so a home's path may hold any character.
"""

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fairlead.base.errors import UsageError
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.base.secret import Secret
from fairlead.drivers.supervisor import launch
from fairlead.plan.model import CopyId

LOG_BYTES = "10MB"
LOG_BACKUPS = 3
# supervisord reads log names with its own expansions and comments; a directory goes through a
# link, and the last part must be plain.
_LOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,199}")

_SUPERVISORD = """\
; Written by Fairlead at each start of the supervisor.
[unix_http_server]
file=%(here)s/../supervisor.sock
chmod=0600
[supervisord]
logfile=%(here)s/logs/supervisor.log
logfile_maxbytes=1MB
logfile_backups=1
pidfile=%(here)s/supervisord.pid
identifier=fairlead
umask=022
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[include]
files=p/*/program.conf
"""

# autorestart for what must keep running: startsecs=0, since launch.py does the counting and the
# back-off. SIGTERM goes to the main process alone (a prefork server's children must not be
# ended under their requests or jobs); what is left after the limit is killed with its group.
_PROGRAM = """\
[program:{name}]
command=./python -I -S -B ./launch.py p/{name}
autostart=false
autorestart={again}
startsecs=0
startretries=3
stopsignal=TERM
stopwaitsecs={stop}
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile=p/{name}/logs/{log}
stdout_logfile_maxbytes={bytes}
stdout_logfile_backups={backups}
"""


class About(msgspec.Struct, frozen=True):
    """What a program is: a copy, a task or a service. Holds no secret."""

    kind: str
    log: str
    stop: int
    place: Place | None = None
    copy: CopyId | None = None
    key: str = ""
    address: str = ""


class Program(msgspec.Struct, frozen=True):
    """One program to put under the supervisor, with all that launch.py must know.

    ``beside`` is the copy's socket, or the directory of the task's outcome. ``secrets`` go into
    the environment too, and stand nowhere but in ``spec``. ``hands_socket``: the copy is handed the
    socket ``beside``, which listens already.
    """

    name: str
    about: About
    argv: tuple[str, ...]
    directory: str
    environment: Mapping[str, str]
    beside: str = ""
    limit: int = 0
    keeps_running: bool = True
    secrets: Mapping[str, Secret] = {}
    hands_socket: bool = False


def root(home: Home) -> Path:
    """The supervisor's directory."""
    return home.run / "supervisor"


def programs(home: Home) -> Path:
    """The directory of the programs' directories."""
    return root(home) / "p"


def short(text: str) -> str:
    """Eight hex digits that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def copy_name(place: Place, copy: CopyId) -> str:
    """The program's name of a copy."""
    return f"{copy_prefix(place)}r{copy.release}-{copy.role}-{copy.number}"


def copy_prefix(place: Place) -> str:
    """What the program names of a place's copies begin with."""
    return f"copy-{short(str(place))}-"


def task_name(place: Place, key: str) -> str:
    """The program's name of a task."""
    return f"{task_prefix(place)}{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def task_prefix(place: Place) -> str:
    """What the program names of a place's tasks begin with."""
    return f"task-{short(str(place))}-"


def socket_of(address: str) -> str:
    """The path of a ``unix//path`` address, or ""."""
    return address.removeprefix("unix/") if address.startswith("unix//") else ""


def refresh(home: Home) -> None:
    """Write what every program shares. Harmless while programs run."""
    base = root(home)
    programs(home).mkdir(parents=True, exist_ok=True)
    for made in (base, programs(home)):
        made.chmod(0o700)
    home.logs.mkdir(parents=True, exist_ok=True)
    _link(base / "logs", str(home.logs))
    # The interpreter behind a virtual environment: it outlives the environment's replacement.
    _link(base / "python", os.path.realpath(sys.executable))
    _renew(base / "launch.py", Path(launch.__file__).read_bytes())
    _renew(base / "supervisord.conf", _SUPERVISORD.encode())


def put(home: Home, program: Program) -> Path:
    """Write a program's files; whole or, on an error, not at all. Returns its directory."""
    log = _log(program)
    data = spec(program)
    directory = programs(home) / program.name
    directory.mkdir(mode=0o700, exist_ok=True)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        _link(directory / "logs", str(log.parent))
        _replace(directory / "spec", data)
        _replace(directory / "about", msgspec.json.encode(program.about))
    except OSError:
        (directory / "spec").unlink(missing_ok=True)
        raise
    return directory


@contextmanager
def offered(home: Home, program: Program) -> Iterator[None]:
    """The program is in the configuration that the supervisor may read now.

    Not for longer: it reads every program's part each time (with 30 of them a start took twice
    as long as with 5). What it has taken in it keeps without the file.
    """
    config = programs(home) / program.name / "program.conf"
    _replace(config, _config(program, _log(program).name).encode())
    try:
        yield
    finally:
        config.unlink(missing_ok=True)


def _log(program: Program) -> Path:
    log = Path(program.about.log)
    if not _LOG_NAME.fullmatch(log.name):
        raise UsageError(f"not a name for a log file: {log.name!r}", "use letters, digits, . _ @ -")
    return log


def remove(directory: Path) -> None:
    """Forget a program. Its log stays."""
    shutil.rmtree(directory, ignore_errors=True)


def about(directory: Path) -> About | None:
    """What a program is, or None when it is not (yet, or any more) whole."""
    try:
        return msgspec.json.decode((directory / "about").read_bytes(), type=About)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _config(program: Program, log: str) -> str:
    return _PROGRAM.format(
        name=program.name,
        again="true" if program.keeps_running else "false",
        stop=program.about.stop,
        log=log,
        bytes=LOG_BYTES,
        backups=LOG_BACKUPS,
    )


def spec(program: Program) -> bytes:
    """What launch.py reads. Raises UsageError for what execve(2) cannot take."""
    secrets = {name: value.reveal() for name, value in program.secrets.items()}
    environment = {**program.environment, **secrets}
    pairs = [f"{key}={value}" for key, value in environment.items()]
    wrong = [key for key in environment if not key or "=" in key]
    kind = "task" if program.about.kind == "task" else "copy"
    kind = "listening" if program.hands_socket else kind
    head = [kind, program.directory, program.beside, str(program.limit)]
    fields = [*head, str(len(program.argv)), *program.argv, *pairs]
    if wrong or not program.argv or _has_nul(fields):
        raise UsageError(
            f"cannot be executed: {program.name}: its command is empty, or a name or value is odd",
            "a command needs a program; no text may hold NUL, no variable's name may hold =",
        )
    return b"\0".join(map(os.fsencode, fields))


def _has_nul(fields: Iterable[str]) -> bool:
    return any("\0" in field for field in fields)


def _link(path: Path, target: str) -> None:
    """Point a symbolic link somewhere, atomically."""
    if path.is_symlink() and str(path.readlink()) == target:
        return
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.rename(path)


def _renew(path: Path, data: bytes) -> None:
    """Replace a file that holds something else."""
    if not path.exists() or path.read_bytes() != data:
        _replace(path, data)


def _replace(path: Path, data: bytes) -> None:
    """Replace a file whole, readable by its owner only."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
        new.rename(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
