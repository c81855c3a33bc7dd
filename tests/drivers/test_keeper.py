"""The keeper as somebody without rights, as on a laptop: what it keeps all the same.

Here as nobody, from a copy that anybody may read; it needs the standard library only.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

import fairlead
from contracts.runner import BOMB, HOARD, MANY_FILES, SCATTERED
from needs import missing, needs

NOBODY = 65534


class Said(NamedTuple):
    """The keeper's status, and the command's output."""

    code: int
    signal: int
    online: bool
    over: str
    problem: str
    output: list[str]


class Keeper:
    """Runs commands as nobody."""

    def __init__(self, root: Path) -> None:
        package = Path(fairlead.__file__).parent
        (root / "fairlead" / "drivers").mkdir(parents=True)
        for name in ("__init__.py", "drivers/__init__.py"):
            shutil.copyfile(package / name, root / "fairlead" / name)
        for name in ("base", "drivers/_keeper"):
            shutil.copytree(package / name, root / "fairlead" / name)
        self.own = root / "own"
        self.own.mkdir()
        self._root = root
        if os.geteuid() == 0:
            os.chown(self.own, NOBODY, NOBODY)

    def run(
        self, program: str, network: int = 0, seen: tuple[str, ...] = (), **limits: int
    ) -> Said:
        """``seen``: in a cell that has these directories, and the one to write to."""
        setpriv = needs("setpriv", package="util-linux", adds="be somebody without rights")
        python = needs("python3", package="python3", adds="run a keeper that nobody may run")
        python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else python
        code = (
            f"import sys; sys.path.append({str(self._root)!r}); "
            "from fairlead.drivers._keeper.main import main; sys.exit(main(sys.argv[1:]))"
        )
        status, said = os.pipe()
        life, alive = os.pipe()
        words = os.memfd_create("environment")
        os.write(words, b"PATH=/usr/bin:/bin")
        os.lseek(words, 0, os.SEEK_SET)
        most = [limits.get(name, 0) for name in ("memory", "processes", "disk")]
        who = os.geteuid() or NOBODY
        ids = (who, who) if seen else (-1, -1)
        mounts = sorted([*(f"r{path}" for path in seen), f"w{self.own}"], key=lambda m: m[1:])
        told = [said, life, words, 20, 0.5, 0, network, *most, *ids, *mounts, "--"]
        user = (setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        ran = subprocess.run(
            [*(user if os.geteuid() == 0 else ()), python, "-I", "-S", "-B", "-c", code,
             *map(str, told), python, "-c", program],
            cwd=self.own, pass_fds=(said, life, words), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, start_new_session=True,
        )  # fmt: skip
        for descriptor in (said, life, words, alive):
            os.close(descriptor)
        with os.fdopen(status) as file:
            parts = file.read().split("\n", 6)
        assert len(parts) == 7, ran
        output = ran.stdout.splitlines()
        return Said(int(parts[0]), int(parts[1]), parts[4] == "1", parts[5], parts[6], output)


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    with TemporaryDirectory(prefix="fl-") as path:
        Path(path).chmod(0o755)
        yield Keeper(Path(path))


@pytest.mark.parametrize(
    ("program", "limits", "over"),
    [
        (BOMB, {"processes": 100}, "processes"),
        (SCATTERED, {"processes": 100}, "processes"),
        (HOARD, {"memory": 200 << 20}, "memory"),
        (MANY_FILES, {"disk": 50 << 20}, "disk"),
    ],
    ids=["fork", "sessions", "memory", "disk"],
)
@pytest.mark.parametrize("network", [0, 1])
def test_limits_need_no_rights(
    keeper: Keeper, program: str, limits: dict[str, int], over: str, network: int
) -> None:
    """They hold for who has none, with a network and without."""
    said = keeper.run(program, network, **limits)
    assert (said.over, said.signal) == (over, 9), said


def test_nor_does_being_without_a_network(keeper: Keeper) -> None:
    """Where the system lets anybody make namespaces; else the network stays, and that is told."""
    program = "import socket; print(*[name for _, name in socket.if_nameindex()])"
    said = keeper.run(program)
    assert (said.code, said.problem) == (0, "")
    assert (said.output == ["lo"]) is not said.online
    assert keeper.run(program, network=1).online


def test_who_it_is_stays_the_same(keeper: Keeper) -> None:
    """Its own ids and files are its own in a network of its own; it gained nothing."""
    program = (
        "import os; open('mine', 'w').close(); print(os.getuid(), os.stat('mine').st_uid)\n"
        "print([line.split()[1] for line in open('/proc/self/status') if 'CapEff' in line][0])"
    )
    user = os.geteuid() or NOBODY
    said = keeper.run(program, processes=50)
    assert said.output == [f"{user} {user}", "0" * 16]
    assert (keeper.own / "mine").stat().st_uid == user


SYSTEM = tuple(path for path in ("/bin", "/etc", "/lib", "/lib64", "/usr") if os.path.lexists(path))


def test_who_has_no_rights_can_have_a_cell(keeper: Keeper) -> None:
    """The rest of the machine is not there, its processes neither; its keeper cannot be ended or
    looked into."""
    program = (
        "import os\n"
        "for path in ('/home', '/root', '/run', '/srv', '/proc/3'):\n"
        "    if os.path.exists(path): print(path)\n"
        "for try_ in (lambda: os.kill(1, 9), lambda: open('/usr/mine', 'w'),\n"
        "             lambda: os.readlink('/proc/1/fd/0')):\n"
        "    try: try_()\n"
        "    except OSError as error: print(error.strerror)\n"
        "open('mine', 'w').close()\n"
    )
    said = keeper.run(program, seen=SYSTEM)
    if said.problem:
        missing(f"here nobody may make namespaces ({said.problem}): elsewhere this would try it")
    assert said.output == ["Read-only file system", "Permission denied"], said
    assert (said.code, said.online) == (0, False)
    assert (keeper.own / "mine").stat().st_uid == (os.geteuid() or NOBODY)


@pytest.mark.parametrize("program", [BOMB, SCATTERED], ids=["fork", "sessions"])
def test_limits_hold_in_such_a_cell(keeper: Keeper, program: str) -> None:
    """The kernel ends all of it in one step."""
    said = keeper.run(program, seen=SYSTEM, processes=100)
    if said.problem and not said.over:
        missing(f"here nobody may make namespaces ({said.problem}): elsewhere this would try it")
    assert (said.over, said.signal) == ("processes", 9), said
