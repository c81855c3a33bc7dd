"""Commands with a user of their own: the contract once more, and what they must not be able to do.

What is planted belongs to nobody's account: user and group ids that no account has. Every refusal
stands beside the same try without a cell, so that it is the cell that refuses.
"""

import errno
import os
import shlex
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread, Timer

import pytest

from contracts.runner import ENVIRONMENT, RunnerContract, gone
from fairlead.base.errors import NotFound, Refused
from fairlead.checks.ports import Command, Exit
from fairlead.drivers.commands import Commands, Identity, identity_of
from fairlead.drivers.commands.handover import give, take
from needs import missing

NOBODY = Identity(64123, 64123)
STRANGER = 64124

pytestmark = pytest.mark.usefixtures("_root")


@pytest.fixture(name="_root")
def _needs_root() -> None:
    if os.geteuid() != 0:
        missing("only root may give commands another user: as root this would try it")


class TestCommandsInACell(RunnerContract):
    """The runner of this machine, with an identity."""

    @pytest.fixture
    def runner(self) -> Commands:
        return Commands(grace=0.3, identity=NOBODY)


@dataclass
class Yard:
    """A home with what nobody may see, and the tree of one command."""

    home: Path

    @property
    def place(self) -> Path:
        return self.home / "work" / "check"

    @property
    def tree(self) -> Path:
        return self.place / "tree"

    def run(
        self, script: str, *, cell: bool = True, reads: tuple[Path, ...] = (), limit: float = 20
    ) -> tuple[Exit, list[str]]:
        """A shell's words in the tree; how it ended, and what it said."""
        return self.argv("sh", "-c", script, cell=cell, reads=reads, limit=limit)

    def python(self, program: str, *, cell: bool = True) -> tuple[Exit, list[str]]:
        return self.argv(sys.executable, "-c", program, cell=cell)

    def argv(
        self, *argv: str, cell: bool = True, reads: tuple[Path, ...] = (), limit: float = 20
    ) -> tuple[Exit, list[str]]:
        heard: list[str] = []
        own = tuple(str(self.place / name) for name in ("tree", "home", "tmp"))
        command = Command(
            argv,
            str(self.tree),
            ENVIRONMENT | {"HOME": own[1], "TMPDIR": own[2]},
            limit,
            writes=own,
            reads=tuple(str(path) for path in reads),
        )
        runner = Commands(grace=0.3, identity=NOBODY if cell else None)
        return runner.run(command, heard.append), heard

    def secret(self, name: str) -> Path:
        """A file that anybody may read who can name it."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("not for you\n")
        path.chmod(0o666)
        return path


@pytest.fixture
def yard() -> Iterator[Yard]:
    """In a directory that anybody may enter: only the cell refuses."""
    with TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        yield yard_in(Path(root, "fairlead"))


def yard_in(home: Path) -> Yard:
    found = Yard(home)
    for name in ("tree", "home", "tmp"):
        (found.place / name).mkdir(parents=True)
    (found.tree / "app.py").write_text("print('hello')\n")
    return found


def owner(path: Path) -> int:
    return path.lstat().st_uid


@pytest.mark.parametrize(
    "name",
    [
        "record.sqlite",
        "keys/secrets/ring",
        "deploy/deploy.toml",
        "verdicts/other/1.json",
        "store/artifacts/00/tree/app.py",
        "store/environments/00/venv/lib/module.py",
        "store/staging/00/tree/app.py",
        "work/check-of-another/tree/app.py",
        "apps/other/production/data/other.sqlite3",
    ],
)
def test_nothing_of_fairlead_or_of_another_app_is_there(yard: Yard, name: str) -> None:
    """Not to read and not to write, whatever its modes say."""
    secret = yard.secret(name)
    quoted = shlex.quote(str(secret))
    script = f"cat {quoted}; echo changed >> {quoted}; ls -d {shlex.quote(str(yard.home))}/*"
    _, heard = yard.run(script)
    assert "not for you" not in heard
    assert secret.read_text() == "not for you\n"
    assert [line for line in heard if line.endswith("/work")]  # the way to its tree is there
    assert not [line for line in heard if line.endswith("/" + name.partition("/")[0])] or (
        name.startswith("work/")
    )
    assert "not for you" in yard.run(script, cell=False)[1]
    assert secret.read_text() == "not for you\nchanged\n"


def test_the_rest_of_the_machine_is_not_there_either(yard: Yard) -> None:
    """Programs are; people's files, daemons' sockets and other software's data are not."""
    _, heard = yard.run("ls /; ls /var /var/tmp /tmp /dev/shm; cat /etc/shadow; touch /usr/mine")
    shown = set(heard[: heard.index("/dev/shm:")])
    assert {"usr", "etc", "proc", "dev", "tmp"} <= shown
    assert not {"home", "run", "srv", "mnt", "media", "boot", "opt"} & shown
    assert any("/etc/shadow: Permission denied" in line for line in heard)
    assert any("Read-only file system" in line for line in heard)


def test_it_is_nobody(yard: Yard) -> None:
    """Its ids, no groups, no capabilities, nothing to be gained by a setuid program."""
    end, heard = yard.run("id -u; id -g; id -G; ulimit -c; umask; cat /proc/self/status")
    assert heard[:5] == ["64123", "64123", "64123", "0", "0022"]
    assert {"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"} <= set(
        heard
    )
    assert (end.well, end.as_root) == (True, False)
    assert yard.run("true", cell=False)[0].as_root


def test_a_process_that_stays_behind_writes_nothing_more(yard: Yard) -> None:
    """All are gone before the tree is ours again, also one that hid from its parents."""
    mark = f"mark-{os.urandom(6).hex()}"
    loop = f'trap "" TERM HUP; while :; do date +%N >> late; done # {mark}'
    end, _ = yard.run(f"setsid sh -c '{loop}' >/dev/null 2>&1 & sleep 0.2; test -s late")
    assert end.well
    assert end.left >= 1
    left = (yard.tree / "late").read_bytes()
    assert owner(yard.tree / "late") == owner(yard.tree) == 0
    assert gone(mark)
    assert (yard.tree / "late").read_bytes() == left


def test_no_setuid_file_is_left(yard: Yard) -> None:
    """Neither bit of setuid and setgid, nor rights for others, nor for a user named by a list."""
    entries = [(1, 6, 0xFFFFFFFF), (2, 7, STRANGER), (4, 4, 0xFFFFFFFF), (16, 7, 0xFFFFFFFF),
               (32, 4, 0xFFFFFFFF)]  # fmt: skip  # posix_acl_xattr.h
    rights = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    script = "cp /bin/sh shell; chmod 6777 shell; mkdir open; chmod 7777 open; touch listed"
    program = (
        "import os, subprocess\n"
        f"subprocess.run(['sh', '-c', {script!r}], check=True)\n"
        f"os.setxattr('listed', 'system.posix_acl_access', {rights!r})\n"
        "assert os.stat('shell').st_mode & 0o6000 == 0o6000\n"
        "assert os.stat('listed').st_mode & 0o020\n"
    )
    end, heard = yard.python(program)
    assert (end.well, heard) == (True, [])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in yard.tree.iterdir()}
    assert modes["shell"] == modes["open"] == 0o755
    assert modes["listed"] & 0o022 == 0
    assert {owner(path) for path in yard.tree.iterdir()} == {0}


def test_links_are_not_followed(yard: Yard, tmp_path: Path) -> None:
    """One to a file of somebody else's, and one to a directory: neither is given nor taken."""
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_text("")
    for path in (outside, outside / "file"):
        os.chown(path, STRANGER, STRANGER)
    for _ in range(2):  # the second time it is ours to give
        end, _ = yard.run(f"ln -sfn {outside}/file file; ln -sfn {outside} directory")
        assert end.well
        assert owner(yard.tree / "file") == 0
    assert (owner(outside), owner(outside / "file")) == (STRANGER, STRANGER)


def test_a_link_in_place_of_its_directory_is_refused(yard: Yard, tmp_path: Path) -> None:
    """What stands where the tree should be is not followed to what it names."""
    outside = tmp_path / "precious"
    outside.mkdir()
    (yard.place / "tmp").rmdir()
    (yard.place / "tmp").symlink_to(outside)
    end, _ = yard.run("true")
    assert not end.started
    assert owner(outside) == 0


def test_a_file_with_a_name_outside_is_not_ours_to_give(yard: Yard, tmp_path: Path) -> None:
    """A hard link is the file itself: the command is not started."""
    outside = tmp_path / "precious"
    outside.write_text("")
    os.chown(outside, STRANGER, STRANGER)
    (yard.tree / "linked").hardlink_to(outside)
    end, _ = yard.run("true")
    assert (end.started, end.well) == (False, False)
    assert "linked has another name, outside" in end.detail
    assert (owner(outside), owner(yard.tree / "app.py")) == (STRANGER, 0)


def test_a_file_with_a_name_outside_is_not_ours_to_take(yard: Yard, tmp_path: Path) -> None:
    """Nothing changes hands when one is found."""
    outside = tmp_path / "precious"
    outside.write_text("")
    os.chown(outside, STRANGER, STRANGER)
    give(str(yard.tree), NOBODY.uid, NOBODY.gid)
    (yard.tree / "linked").hardlink_to(outside)
    with pytest.raises(Refused, match="linked has another name, outside"):
        take(str(yard.tree))
    assert (owner(outside), owner(yard.tree / "app.py")) == (STRANGER, NOBODY.uid)


def test_it_makes_no_hard_link_to_what_it_did_not_write(yard: Yard) -> None:
    """Every directory is a mount of its own (link(2), EXDEV), whatever protected_hardlinks says;
    within one it may link as it likes."""
    script = "ln /etc/passwd a; ln app.py $TMPDIR/b; ln app.py c; ls . $TMPDIR"
    end, heard = yard.run(script)
    assert sum("cross-device" in line.lower() for line in heard) == 2
    assert end.well
    assert sorted(os.listdir(yard.tree)) == ["app.py", "c"]
    assert (owner(yard.tree / "c"), os.listdir(yard.place / "tmp")) == (0, [])


def test_a_file_that_is_open_for_writing_elsewhere_is_not_trusted(yard: Yard) -> None:
    """A descriptor sent to another process outlives the command; nobody can say what it does."""
    name = f"\0fairlead-test-{os.urandom(6).hex()}"
    program = (
        "import os, socket\n"
        "file = open('app.py', 'a')\n"
        "with socket.socket(socket.AF_UNIX) as there:\n"
        f"    there.connect({name!r})\n"
        "    socket.send_fds(there, [b'x'], [file.fileno()])\n"
    )
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(name)
        door.listen()
        door.settimeout(10)
        kept: list[int] = []

        def accept() -> None:
            with door.accept()[0] as there:
                kept.extend(socket.recv_fds(there, 1, 1)[1])

        friend = Thread(target=accept)
        friend.start()
        end, _ = yard.python(program)
        friend.join()
    assert (end.lost, end.well) == (True, False)
    assert "app.py is still open for writing" in end.detail
    os.close(kept[0])
    assert yard.run("true")[0].well


def test_it_can_signal_nobody(yard: Yard) -> None:
    """Neither the agent, which it cannot see, nor a command of the same user beside it."""
    mark = f"mark-{os.urandom(6).hex()}"
    ended: list[Exit] = []
    other = yard_in(yard.home.parent / "other")
    beside = Thread(target=lambda: ended.append(other.run(f"sleep 1.5 # {mark}")[0]))
    beside.start()
    time.sleep(0.3)
    script = (
        f"kill -0 {os.getpid()} || echo agent unseen; cat /proc/*/cmdline | tr '\\0' ' ' | "
        f"grep -c {mark} || echo beside unseen; kill -9 -1"
    )
    end, heard = yard.run(script.replace(mark, mark[:-1] + "[" + mark[-1] + "]"))
    beside.join()
    assert "agent unseen" in heard
    assert "beside unseen" in heard
    assert end.signal in (0, signal.SIGKILL)
    assert ended[0].well


def test_it_cannot_end_its_keeper(yard: Yard) -> None:
    """So its end is always known."""
    end, _ = yard.run("kill -9 $PPID; kill -9 1; exit 7")
    assert (end.code, end.lost) == (7, False)


def test_the_agents_door_is_not_there(yard: Yard, tmp_path: Path) -> None:
    """Nor any other socket that is a file: Docker's, D-Bus's."""
    path = tmp_path / "door.sock"
    program = (
        "import socket\n"
        "with socket.socket(socket.AF_UNIX) as there:\n"
        f"    there.connect({str(path)!r})\n"
    )
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        path.chmod(0o777)
        door.listen()
        end, heard = yard.python(program)
        assert (end.well, heard[-1]) == (
            False,
            f"FileNotFoundError: [Errno {errno.ENOENT}] No such file or directory",
        )
        assert yard.python(program, cell=False)[0].well


def test_what_it_runs_with_can_be_read_only(yard: Yard, tmp_path: Path) -> None:
    """Its dependencies, though they belonged to it once."""
    environment = tmp_path / "environments" / "key"
    environment.mkdir(parents=True)
    (environment / "module.py").write_text("ours\n")
    for path in (environment, environment / "module.py"):
        os.chown(path, NOBODY.uid, NOBODY.gid)
    script = (
        f"cat {environment}/module.py; echo theirs > {environment}/module.py; touch {environment}/x"
    )
    _, heard = yard.run(script, reads=(environment,))
    assert heard[0] == "ours"
    assert sum("Read-only file system" in line for line in heard) == 2
    assert "ours" not in yard.run(script)[1]


def test_odd_files_are_taken_and_removed_like_others(yard: Yard) -> None:
    """Pipes, sockets, files and directories that nobody may open."""
    script = (
        "mkfifo pipe a.py; mkdir -p shut/in; chmod 0 shut/in shut; touch closed; chmod 0 closed"
    )
    assert yard.run(script)[0].well
    found = [*yard.tree.rglob("*")]
    assert {path.name for path in found} == {"app.py", "pipe", "a.py", "shut", "in", "closed"}
    assert {owner(path) for path in found} == {0}


def test_the_loader_of_its_keeper_reads_nothing_of_an_apps_settings(yard: Yard) -> None:
    """The keeper is root: LD_PRELOAD applies to the command and to nothing before it."""
    command = Command(
        ("true",), str(yard.tree), ENVIRONMENT | {"LD_PRELOAD": "/absent.so"}, 20
    )  # fmt: skip
    heard: list[str] = []
    Commands(identity=NOBODY).run(command, heard.append)
    assert len([line for line in heard if "absent.so" in line]) == 1


def test_when_fairlead_is_killed_so_is_the_command(yard: Yard) -> None:
    """kill -9 of the process that runs it ends everything in the cell."""
    mark = f"mark-{os.urandom(6).hex()}"
    script = f"setsid sh -c 'while :; do sleep 0.05; done # {mark}' & echo started; wait"
    program = (
        "from fairlead.checks.ports import Command;"
        "from fairlead.drivers.commands import Commands, Identity;"
        "Commands(0.2, identity=Identity(64123, 64123)).run("
        f"Command(('sh', '-c', {script!r}), '/', {ENVIRONMENT!r}, 60),"
        "lambda line: print(line, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == b"started\n"
        ours.send_signal(signal.SIGKILL)
    assert gone(mark)


def keepers(mark: str) -> Iterator[int]:
    """The keepers of this process whose command has ``mark``."""
    for name in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split():
        if mark.encode() in Path(f"/proc/{name}/cmdline").read_bytes():
            yield int(name)


def test_a_keeper_that_is_killed_takes_its_command_along(yard: Yard) -> None:
    """Nobody knows how it ended; what it wrote is not taken, and it runs no more."""
    mark = f"mark-{os.urandom(6).hex()}"
    Timer(0.4, lambda: [os.kill(pid, signal.SIGKILL) for pid in keepers(mark)]).start()
    end, heard = yard.run(f"echo begun; while :; do sleep 0.05; done # {mark}")
    assert (heard, end.lost, end.well) == (["begun"], True, False)
    assert gone(mark)
    assert owner(yard.tree) == NOBODY.uid


def test_what_is_stopped_is_not_taken(yard: Yard) -> None:
    """A build of no more use leaves waste that the sweep removes."""
    stop = Event()
    Timer(0.3, stop.set).start()
    runner = Commands(grace=0.2, identity=NOBODY).until(stop)
    command = Command(("sleep", "60"), str(yard.tree), ENVIRONMENT, 60, writes=(str(yard.tree),))
    assert runner.run(command, lambda _: None).lost
    assert owner(yard.tree) == NOBODY.uid


def test_an_identity_is_a_user_without_rights() -> None:
    """By name, as the machine knows it; root is none."""
    found = identity_of("nobody", ("/opt/node",))
    assert (found.uid > 0, found.gid > 0, found.shown) == (True, True, ("/opt/node",))
    with pytest.raises(Refused):
        identity_of("root")
    with pytest.raises(NotFound):
        identity_of("no-such-user-here")
