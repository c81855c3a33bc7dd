"""A copy and a task as the text of a unit, and their environment as the text of a file. Pure.

The unit can be read by everybody (``systemctl cat``) and holds no value of the environment. That
is in a file of root's, which systemd reads before it gives up root's rights.
"""

from collections.abc import Mapping

import msgspec

from fairlead.base.errors import UsageError
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.drivers.systemd import names
from fairlead.drivers.systemd.quoting import path, plain, variable, word
from fairlead.plan.model import CopyId

NOT_FOUND = (126, 127)
"""A shell's exit codes for a program that is not there or may not be executed (POSIX.1-2017,
2.8.2)."""
NOT_SET_UP = (200, 203, 209, 216, 217, 226, 228, 233)
"""systemd's exit codes where it got as far as neither: directory, shell, log, group, user,
namespace, system call filter, runtime directory (systemd.exec(5), "Process Exit Codes")."""


class Limits(msgspec.Struct, frozen=True):
    """What one copy or task may use: bytes of memory, tasks (threads), open files. 0: no limit.

    More than 10,000 open files let old programs, which close every number that could be one,
    take seconds to start.
    """

    memory: int = 0
    tasks: int = 0
    files: int = 10_000


class Ground(msgspec.Struct, frozen=True):
    """What a process of a place stands on, as paths.

    ``hidden`` is Fairlead's home: of it, the process sees no more than ``read`` (its release and
    what that depends on) and ``write`` (its state, its socket's directory).
    """

    hidden: str
    read: tuple[str, ...]
    write: tuple[str, ...]


class Unit(msgspec.Struct, frozen=True):
    """What a copy's and a task's unit have in common. ``program`` is the path of ``argv[0]``;
    ``variables`` is the environment's file; ``stop`` is in seconds."""

    place: Place
    title: str
    program: str
    argv: tuple[str, ...]
    directory: str
    variables: str
    log: str
    stop: int
    ground: Ground
    limits: Limits


class Ways(msgspec.Struct, frozen=True):
    """How a copy and systemd come to terms: whether it says when it has started, every how many
    seconds it says that it lives (0: not), the unit of the socket that it is handed ("": none)."""

    notify: bool = False
    watchdog: int = 0
    socket: str = ""


class About(msgspec.Struct, frozen=True):
    """What Fairlead must know of a copy and systemd does not."""

    address: str = ""
    program: str = ""
    log: str = ""
    socket: str = ""


_X = "[X-Fairlead]"  # systemd.syntax(7): sections that begin with X- are not systemd's


def copy_text(unit: Unit, copy: CopyId, address: str, ways: Ways) -> str:
    """The unit of a copy: started at boot, and again whenever it ends."""
    own = "" if ways.socket else socket_of(address)
    home = names.copy_unit(unit.place, copy).removesuffix(".service")
    head = [
        "# Written by Fairlead. To change how this role runs, change its fairlead.toml.",
        "[Unit]",
        f"Description={plain(unit.title)}",
        "After=network.target postgresql.service",
        f"PartOf={names.TARGET}",
        "StartLimitIntervalSec=0",
        *([f"Requires={ways.socket}"] if ways.socket else []),
        "",
        "[Service]",
        *_ways(ways),
        f"RuntimeDirectory={home}",
        "RuntimeDirectoryMode=0700",
        "RuntimeDirectoryPreserve=restart",
        _command(_copy_script(own), "sh", unit.program, *unit.argv[1:]),
        *_common(unit),
        f"ExecStopPost=:/bin/sh -c {word(_ENDED)}",
        "Restart=always",
        "RestartSec=100ms",
        f"RestartPreventExitStatus={' '.join(map(str, NOT_FOUND + NOT_SET_UP))}",
        "",
        "[Install]",
        f"WantedBy={names.TARGET}",
        "",
        _X,
        f"Address={plain(address)}",
        f"Program={plain(unit.argv[0])}",
        f"Log={plain(unit.log)}",
        *([f"Socket={ways.socket}"] if ways.socket else []),
    ]
    return "\n".join(head) + "\n"


def _ways(ways: Ways) -> list[str]:
    lines = ["Type=exec"]
    if ways.notify:
        # Whether it gets ready is judged by its health path: nobody else sets it a limit.
        lines = ["Type=notify", "NotifyAccess=all", "TimeoutStartSec=infinity"]
    if ways.watchdog:
        lines.append(f"WatchdogSec={ways.watchdog}")
    if ways.socket:
        lines.append(f"Sockets={ways.socket}")
    return lines


BACKLOG = 4096
"""Connections that may wait in a socket: the most that the kernel lets (net.core.somaxconn)."""


def socket_text(place: Place, role: str, path_: str, group: str) -> str:
    """The unit of the socket that a role's copies are handed, one after the other.

    It is root's, in a directory of root's, so that the place's user cannot have another file
    given to it; ``group``, the proxy's, may connect.
    """
    unit = names.socket_unit(place, role)
    holder = names.HOLDER.replace("@", f"@{unit.removeprefix('fairlead-').removesuffix('.socket')}")
    lines = [
        "# Written by Fairlead. Connections wait here while a copy of the role is replaced.",
        "[Unit]",
        f"Description=socket of {role}, {place}",
        "",
        "[Socket]",
        f"ListenStream={path(path_)}",
        f"SocketGroup={group}",
        "SocketMode=0660",
        "DirectoryMode=0711",
        f"Backlog={BACKLOG}",
        "RemoveOnStop=yes",
        f"Service={holder}",
    ]
    return "\n".join(lines) + "\n"


HOLDER = """\
# Written by Fairlead. systemd starts a service when somebody connects to a socket that nobody has.
# That must not be a copy, which would come back when it was asked to end: so it is this, which
# does nothing for as long as the socket is there.
[Unit]
Description=Stands for the copies to come at %i.socket
PartOf=fairlead-%i.socket

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
"""


def task_text(unit: Unit, directory: str, limit: int) -> str:
    """The unit of a task: it runs once and leaves its outcome in ``directory``.

    The claim comes before the command and the outcome after it, from the unit itself: nobody
    of us has to be there.
    """
    head = [
        "# Written by Fairlead. It runs once.",
        "[Unit]",
        f"Description={plain(unit.title)}",
        "CollectMode=inactive-or-failed",
        "",
        "[Service]",
        "Type=exec",
        _command(_CLAIM, directory, unit.program, *unit.argv[1:]),
        *_common(unit),
        f"ExecStopPost=:/bin/sh -c {word(_OUTCOME)} {word(directory)}",
        f"RuntimeMaxSec={limit}",
    ]
    return "\n".join(head) + "\n"


def _command(script: str, *words: str) -> str:
    """A line that has a shell do its part and then become the program. ":" keeps systemd from
    reading "$"."""
    return f"ExecStart=:/bin/sh -c {' '.join(map(word, (script, *words)))}"


def _common(unit: Unit) -> list[str]:
    user = names.user_of(unit.place)
    lines = [
        f"Slice={names.slice_of(unit.place)}",
        f"User={user}",
        f"Group={user}",
        # Group, because a socket's group is the proxy's: see places.py.
        "UMask=0007",
        f"WorkingDirectory={path(unit.directory)}",
        f"EnvironmentFile={path(unit.variables)}",
        f"StandardOutput=append:{path(unit.log)}",
        "StandardError=inherit",
        # The main process alone is asked: a prefork server's children must not be ended under
        # their requests or jobs.
        "KillMode=mixed",
        "KillSignal=SIGTERM",
        f"TimeoutStopSec={unit.stop}",
        *_ground(unit.ground),
        *_HARDENED,
        f"LimitNOFILE={unit.limits.files}",
    ]
    if unit.limits.memory:
        lines += [f"MemoryMax={unit.limits.memory}", "MemorySwapMax=0"]
    if unit.limits.tasks:
        lines.append(f"TasksMax={unit.limits.tasks}")
    return lines


def _ground(ground: Ground) -> list[str]:
    return [
        f"TemporaryFileSystem={path(ground.hidden)}:ro",
        *(f"BindReadOnlyPaths={path(one)}" for one in ground.read),
        *(f"BindPaths={path(one)}" for one in ground.write),
    ]


# Not MemoryDenyWriteExecute=: Node, PyPy and PCRE compile at run time. Not RemoveIPC=: a copy that
# ends would take what its twin, of the same user, still uses. Not ProcSubset=pid: servers read
# /proc/cpuinfo and /proc/meminfo. AF_NETLINK: getifaddrs(3). /run is named because the settings for
# /proc and control groups imply MountAPIVFS=, which keeps it out of ProtectSystem= (tried: with
# systemd 252 /run/lock stayed writable).
_HARDENED = (
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ReadOnlyPaths=/run",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallErrorNumber=EPERM",
)

# Each try begins as a shell that becomes the program: as the place's own user, since with the app's
# environment nothing may run as root; and not in ExecStartPre=, which would cost a second mount
# namespace (45 of 120 ms, measured). Its variables' names are long so that they are nobody's.
#
# It waits, because systemd learned to let the pause between restarts grow only with 254 (Debian 12
# has 252): the 1st quick crash in a row is retried at once, the n-th after 0.2 * 2**(n-2) s, at
# most 30 s; a run of 60 s or more begins the row anew.
_WAIT = """\
_fl_n=0 _fl_at=0
[ ! -e "$RUNTIME_DIRECTORY/tries" ] || read -r _fl_n _fl_at <"$RUNTIME_DIRECTORY/tries"
read -r _fl_up _fl_x </proc/uptime
[ $((${_fl_up%.*} - _fl_at)) -lt 60 ] || _fl_n=0
case $_fl_n in 0|1) _fl_w=0;; 2) _fl_w=.2;; 3) _fl_w=.4;; 4) _fl_w=.8;; 5) _fl_w=1.6;;
6) _fl_w=3.2;; 7) _fl_w=6.4;; 8) _fl_w=12.8;; 9) _fl_w=25.6;; *) _fl_w=30;; esac
if [ $_fl_w != 0 ]; then
: >"$RUNTIME_DIRECTORY/waiting"; /bin/sleep $_fl_w; /bin/rm -f "$RUNTIME_DIRECTORY/waiting"
read -r _fl_up _fl_x </proc/uptime
fi
echo $((_fl_n + 1)) ${_fl_up%.*} >"$RUNTIME_DIRECTORY/tries"
"""


def _copy_script(socket: str) -> str:
    """Wait, remove a socket that a crash left (many servers won't bind over it), become it."""
    remove = f"[ ! -S {path(socket)} ] || /bin/rm -f {path(socket)}\n" if socket else ""
    return f'{_WAIT}{remove}exec "$@"\n'


# systemd forgets how a try ended when it begins the next (systemd.exec(5): EXIT_CODE is "exited",
# "killed" or "dumped").
_ENDED = """\
echo "$SERVICE_RESULT $EXIT_CODE $EXIT_STATUS" >"$RUNTIME_DIRECTORY/ended"
"""

# "set -C" makes the shell create with O_EXCL: of two who claim, one goes on.
_CLAIM = """\
set -C
echo "$INVOCATION_ID" >"$0/claim" || exit 1
/bin/sync "$0/claim" "$0" || exit 1
set +C
exec "$@"
"""

# Only the run that made the claim says how it ended.
_OUTCOME = """\
set -e
cd "$0"
read -r _fl_id <claim
[ "$_fl_id" = "$INVOCATION_ID" ] || exit 0
echo "$SERVICE_RESULT $EXIT_CODE $EXIT_STATUS" >new
/bin/sync new
/bin/mv new outcome
/bin/sync .
"""


def socket_of(address: str) -> str:
    """The path of a ``unix//path`` address, or ""."""
    return address.removeprefix("unix/") if address.startswith("unix//") else ""


def about(text: str) -> About:
    """What the text of a copy's unit says about it."""
    lines = text.partition(f"{_X}\n")[2].replace("%%", "%").splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return About(**{name.lower(): found[name] for name in _SAID if name in found})


_SAID = ("Address", "Program", "Log", "Socket")


def variables_text(environment: Mapping[str, str], secrets: Mapping[str, Secret]) -> str:
    """The environment's file. Raises UsageError for what systemd would drop."""
    pairs = {**environment, **{name: secret.reveal() for name, secret in secrets.items()}}
    return "".join(variable(name, value) for name, value in sorted(pairs.items()))


def checked_argv(argv: tuple[str, ...]) -> tuple[str, ...]:
    """A command that names a program. Raises UsageError."""
    if not argv or not argv[0]:
        raise UsageError("cannot be executed: the command is empty", "a command needs a program")
    return argv
