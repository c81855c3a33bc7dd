"""What the embedded runtime does with secrets: they are in the process, and hardly anywhere else."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from contracts.runtime import COPY, PLACE, until
from drivers.test_supervisor import RealWorld
from fairlead.base.secret import Secret
from fairlead.drivers.supervisor import layout, proc
from fairlead.rollout.ports import TaskState

PLANTED = "planted value\nof 'two' lines; $(id) %(here)s \U0001f511"
SECRETS = {"TOKEN": Secret(PLANTED)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealWorld]:
    made = RealWorld(tmp_path_factory.mktemp("secrets"))
    made.reset()
    yield made
    made.close()


def files_with(root: Path, value: str) -> list[Path]:
    """Every file below a directory that holds the value, in any of its lines' forms."""
    needles = [line.encode() for line in value.splitlines()]
    found = []
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in names):
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                found += [path] if any(needle in data for needle in needles) else []
    return found


def commands() -> str:
    """The command line of every process there is."""
    return "".join(
        path.read_bytes().decode("utf-8", "replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    )


def environment_of(pid: int) -> dict[bytes, bytes]:
    pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return dict(pair.split(b"=", 1) for pair in pairs if b"=" in pair)


def started(world: RealWorld) -> int:
    """The process id of the copy, once it is the program."""
    until(lambda: proc.marks(world.only().pid) != {})
    until(lambda: b"TOKEN" in environment_of(world.only().pid))
    return world.only().pid


def test_a_copy_has_them_and_one_file_of_its_owners_does(world: RealWorld) -> None:
    """``spec``, mode 0600 in a directory of mode 0700: what a restart reads again."""
    world.runtime.start(msgspec.structs.replace(world.lasting(), secrets=SECRETS))
    assert environment_of(started(world))[b"TOKEN"] == PLANTED.encode()
    spec = layout.programs(world.home) / layout.copy_name(PLACE, COPY) / "spec"
    assert files_with(world.home.root, PLANTED) == []
    assert files_with(world.home.run, PLANTED) == [spec]
    assert stat.S_IMODE(spec.stat().st_mode) == 0o600
    for directory in (spec.parent, layout.programs(world.home), world.home.run):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert "planted value" not in commands()
    assert "planted" not in repr(world.runtime.processes(PLACE))


def test_a_crash_restart_has_them_again(world: RealWorld) -> None:
    """Nobody is asked: the launcher reads the file at each try."""
    before = started(world)
    os.kill(before, signal.SIGKILL)
    until(lambda: world.only().pid not in (0, before))
    assert environment_of(started(world))[b"TOKEN"] == PLANTED.encode()


def test_a_copy_that_is_gone_leaves_no_file(world: RealWorld) -> None:
    """It is cleared away with the copy."""
    world.runtime.stop(PLACE, COPY)
    until(lambda: world.runtime.processes(PLACE) == ())
    assert files_with(world.home.run, PLANTED) == []


def test_a_task_has_them_and_its_file_is_gone_once_it_runs(world: RealWorld) -> None:
    """It runs once, so nothing needs to be read again."""
    script = 'test -n "$TOKEN" && printenv TOKEN | sha256sum; sleep 600'
    task = msgspec.structs.replace(world.script("migrate-1", script), secrets=SECRETS)
    world.runtime.run(task)
    until(lambda: Path(task.log).exists() and Path(task.log).read_text())
    assert files_with(world.home.run, PLANTED) == []
    assert files_with(world.home.root, PLANTED) == []
    assert "planted value" not in commands()
    assert world.runtime.task(PLACE, "migrate-1").state is TaskState.RUNNING


def test_a_secret_stands_over_a_setting_of_its_name(world: RealWorld) -> None:
    """One name, one value: of the two the secret's."""
    program = layout.Program(
        "p", layout.About("copy", "/log", 1), ("x",), "/", {"TOKEN": "plain"}, secrets=SECRETS
    )
    data = layout.spec(program)
    assert data.count(b"TOKEN=") == 1
    assert f"TOKEN={PLANTED}".encode() in data
    assert "planted" not in repr(program)
