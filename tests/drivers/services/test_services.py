"""Services of this machine: the contract, and what must hold when something dies."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest

from contracts.services import ServicesContract, processes_of
from fairlead.base.errors import Unknown
from fairlead.checks.ports import Runner, Services
from fairlead.drivers.commands import Commands, stand_in
from fairlead.drivers.services import LocalServices
from needs import missing, needs

PROGRAMS = {
    "postgres": ("postgres", "postgresql"),
    "redis": ("redis-server", "redis-server"),
    "mariadb": ("mariadbd", "mariadb-server"),
    "rabbitmq": ("rabbitmq-server", "rabbitmq-server"),
}
EXTRA = ("mariadb", "rabbitmq")  # tried where they are, and not installed for it
SYSTEM = "/usr/sbin:/usr/bin"


@pytest.fixture(scope="session")
def cache() -> Iterator[Path]:
    """One for all tests: initdb runs once."""
    with TemporaryDirectory() as path:
        yield Path(path)


@pytest.fixture
def runner() -> Runner:
    identity = stand_in()
    if identity is None and os.geteuid() == 0:
        missing("as root, and without a cell: PostgreSQL would not run. Another user would try it")
    return Commands(grace=0.5, identity=identity)


@pytest.fixture
def services(runner: Runner, cache: Path) -> Services:
    return LocalServices(runner, cache)


@pytest.fixture
def has() -> Callable[[str], None]:
    def program_of(name: str) -> None:
        program, package = PROGRAMS[name]
        adds = f"start a real {name} for a check"
        if name in EXTRA and shutil.which(program, path=SYSTEM) is None:
            pytest.skip(f"no {program} on this machine: `apt install {package}` would {adds}")
        needs(program, package=package, adds=adds)

    return program_of


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Where anybody may pass: a short path, as a home's."""
    with TemporaryDirectory(prefix="fl-") as path:
        Path(path).chmod(0o755)
        yield Path(path)


class TestLocalServices(ServicesContract):
    """The services of this machine."""


def test_they_are_started_quickly(
    services: Services, has: Callable[[str], None], tmp_path: Path
) -> None:
    """PostgreSQL and Redis within 1.5 s, when the template is there; the first time it is made."""
    for name in ("postgres", "redis"):
        has(name)
    taken = []
    for number in range(3):
        began = time.monotonic()
        room = services.open(tmp_path / f"{number}")
        with room as running, running.give(("postgres", "redis"), "a"):
            taken.append(time.monotonic() - began)
    assert min(taken) < 1.5


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_one_that_dies_is_noticed(
    services: Services, has: Callable[[str], None], tmp_path: Path, name: str
) -> None:
    """While the check runs; the next check gets one that lives."""
    has(name)
    room = tmp_path / "work" / "room"
    program = PROGRAMS[name][0].encode()
    with services.open(room) as running:
        with running.give((name,), "a") as lent:
            assert lent.ended() == ""
            for process in processes_of(room):
                if program in Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0]:
                    os.kill(process, signal.SIGKILL)  # not its keeper
            until(lambda: lent.ended() != "")
            assert lent.ended().startswith(f"{name} ended (signal 9)")
        with running.give((name,), "b") as lent:
            assert lent.ended() == ""


def test_a_killed_agent_leaves_none_behind(
    has: Callable[[str], None], runner: Runner, cache: Path, tmp_path: Path
) -> None:
    """kill -9 of who asked for them ends them; what they wrote goes with the next round."""
    for name in ("postgres", "redis"):
        has(name)
    room = tmp_path / "work" / "room"
    program = f"""
import time
from pathlib import Path
from fairlead.drivers.commands import Commands, stand_in
from fairlead.drivers.services import LocalServices
services = LocalServices(Commands(identity=stand_in()), Path({str(cache)!r}))
with services.open(Path({str(room)!r})) as running, running.give(("postgres", "redis"), "a"):
    print("given", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == b"given\n"
        assert processes_of(room)
        ours.kill()
    until(lambda: processes_of(room) == [])
    assert room.exists()
    with LocalServices(runner, cache).open(tmp_path / "work" / "next"):
        assert not room.exists()


def test_a_round_that_lives_is_left_alone(
    services: Services, has: Callable[[str], None], tmp_path: Path
) -> None:
    """Two verifies at once: each has its own, also where both must prepare the template."""
    has("postgres")
    began: list[str] = []

    def second() -> None:
        room = services.open(tmp_path / "work" / "two")
        with room as running, running.give(("postgres",), "a") as lent:
            began.append(lent.variables["PGHOST"])

    with services.open(tmp_path / "work" / "one") as running:
        other = Thread(target=second)
        other.start()
        with running.give(("postgres",), "a") as lent:
            other.join()
            assert lent.ended() == ""
            assert began
            assert began != [lent.variables["PGHOST"]]
        assert (tmp_path / "work" / "one").exists()


def test_a_home_with_a_long_path_has_its_sockets_elsewhere(
    services: Services, has: Callable[[str], None], tmp_path: Path
) -> None:
    """The path of a socket has 107 bytes at most; nothing of it stays."""
    has("redis")
    room = tmp_path / ("long" * 25) / "room"
    with services.open(room) as running, running.give(("redis",), "a") as lent:
        (place,) = lent.reads
        assert len(place) < 100
        assert Path(place).is_dir()
    assert not Path(place).parent.exists()


def test_one_that_cannot_start_is_not_known_and_says_why(
    runner: Runner, has: Callable[[str], None], tmp_path: Path, cache: Path
) -> None:
    """A template that is damaged: the server's own words; and nothing runs on."""
    has("postgres")
    services, room = LocalServices(runner, tmp_path / "cache"), tmp_path / "work" / "room"
    with services.open(room) as running, running.give(("postgres",), "a"):
        pass
    for control in (tmp_path / "cache").rglob("pg_control"):
        control.unlink()
    failed = pytest.raises(Unknown, match="could not be started: postgres ended")
    with services.open(room) as running, failed, running.give(("postgres",), "a"):
        pytest.fail("it was given")
    assert processes_of(room) == []


def test_a_template_that_was_being_made_when_killed_is_made_again(
    runner: Runner, has: Callable[[str], None], tmp_path: Path
) -> None:
    """It is whole, or it is not there."""
    has("postgres")
    services = LocalServices(runner, tmp_path / "cache")
    ((_, version),) = services.versions(("postgres",))
    half = tmp_path / "cache" / f".postgres-{version}-2.new"
    (half / "data").mkdir(parents=True)
    (half / "data" / "PG_VERSION").write_text("15\n")
    with services.open(tmp_path / "room") as running, running.give(("postgres",), "a") as lent:
        assert lent.ended() == ""


def test_rabbitmq_is_reached_by_loopback(
    services: Services, has: Callable[[str], None], tmp_path: Path
) -> None:
    """And says so: a check without a network cannot use it."""
    has("rabbitmq")
    with services.open(tmp_path / "room") as running, running.give(("rabbitmq",), "a") as lent:
        assert (lent.network, lent.reads) == (True, ())
        assert lent.variables["AMQP_URL"].startswith("amqp://guest:guest@127.0.0.1:")


def test_a_check_cannot_leave_its_cell_by_way_of_its_database(
    services: Services, runner: Runner, has: Callable[[str], None], tmp_path: Path
) -> None:
    """COPY … TO PROGRAM runs what it is told as the server's user: in the server's cell."""
    has("postgres")
    if os.geteuid() != 0:
        missing("only root has cells: as root this would try to leave one")
    secret = tmp_path / "secret"
    secret.write_text("not for you")
    secret.chmod(0o644)
    contract = ServicesContract()
    with services.open(tmp_path / "room") as running, running.give(("postgres",), "a") as lent:
        sql = f"COPY (SELECT 1) TO PROGRAM 'cat {secret} > {lent.reads[0]}/out; ls / > /dev/null'"
        psql = shutil.which("psql")
        assert psql is not None
        ran = subprocess.run(
            [psql, "-XAtq", "-c", sql], env=dict(lent.variables), capture_output=True
        )
        assert (Path(lent.reads[0]) / "out").read_text() == "", ran.stderr
        end, _ = contract.use(runner, lent, tmp_path / "tree", "postgres")
        assert end.well


def until(fact: Callable[[], bool]) -> None:
    """Waits 5 s for it."""
    deadline = time.monotonic() + 5
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.01)
