"""The embedded runtime keeps the port's contract, and what only real processes can break."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import runtime
from contracts.runtime import COPY, PLACE, TWIN, until
from fairlead.base.errors import FairleadError, Unknown, UsageError
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.drivers.supervisor import Service, SupervisorRuntime, daemon, launch, layout, proc
from fairlead.drivers.supervisor.launch import State, back_off, next_state
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Launch, Process, ProcessState, Task, TaskState

PATH = {"PATH": "/usr/bin:/bin"}


class RealWorld:
    """A home whose path is made to break quoting, and a supervisor of its own."""

    def __init__(self, directory: Path) -> None:
        self.home = Home(directory / "a ;home %(here)s \"'\n#x")
        self.runtime = SupervisorRuntime(self.home)
        self.started: list[subprocess.Popen[bytes]] = []

    def launch(self, *argv: str, copy: CopyId = COPY, place: Place = PLACE, **more: str) -> Launch:
        log = str(self.home.log(place, f"{copy.role}-{copy.release}-{copy.number}"))
        address = f"unix/{self.home.run}/{place.environment}-{copy.number}.sock"
        return Launch(place, copy, argv, "/", {**PATH, **more}, log, address, stop=5)

    def lasting(self, place: Place = PLACE, copy: CopyId = COPY) -> Launch:
        return self.launch("sleep", "600", copy=copy, place=place)

    def missing(self) -> Launch:
        return self.launch("/nonesuch")

    def task(self, key: str, exits: int = 0, place: Place = PLACE) -> Task:
        script = f"echo {key}; exit {exits}"
        return self.script(key, script, place)

    def script(self, key: str, script: str, place: Place = PLACE, limit: int = 60) -> Task:
        log = str(self.home.log(place, "task"))
        return Task(place, key, ("sh", "-c", script), "/", PATH, log, limit)

    def runs(self, key: str) -> int:
        log = self.home.log(PLACE, "task")
        until(lambda: log.read_text().count(key) > 0)
        return log.read_text().count(key)

    def only(self) -> Process:
        (process,) = self.runtime.processes(PLACE)
        return process

    def crash(self, copy: CopyId) -> None:
        (pid,) = (p.pid for p in self.runtime.processes(PLACE) if p.copy == copy)
        until(lambda: proc.marks(pid) != {})  # it is the program by now, not launch.py
        os.kill(pid, signal.SIGKILL)

    def stray(self) -> int:
        marks = {"FAIRLEAD_PLACE": str(PLACE), "FAIRLEAD_RUNTIME": self.home.run.name}
        self.started.append(
            subprocess.Popen(["sleep", "600"], env={**PATH, **marks}, process_group=0)
        )
        until(lambda: proc.marks(self.started[-1].pid) != {})
        return self.started[-1].pid

    def down(self) -> None:
        os.kill(self.runtime.supervisor_pid(), signal.SIGKILL)
        until(lambda: self.runtime.supervisor_pid() == 0)

    def log(self, copy: CopyId = COPY) -> str:
        path = Path(self.launch("x", copy=copy).log)
        return path.read_text() if path.exists() else ""

    def reset(self) -> None:
        """Nothing runs, nothing is remembered; a supervisor runs."""
        self.runtime.ensure()
        programs = self.runtime._programs
        with daemon.locked(self.home):
            for directory in programs.directories(""):
                programs._remove(directory.name)
        proc.signal_all(daemon.marked(self.home), signal.SIGKILL)
        self.end_started()
        for left in (self.home.root / "apps", self.home.logs / PLACE.app):
            shutil.rmtree(left, ignore_errors=True)

    def end_started(self) -> None:
        while self.started:
            process = self.started.pop()
            process.kill()
            process.wait()

    def close(self) -> None:
        self.runtime.shutdown(5)
        self.end_started()
        shutil.rmtree(self.home.run)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealWorld]:
    made = RealWorld(tmp_path_factory.mktemp("supervisor"))
    yield made
    made.close()


@pytest.fixture
def world(shared: RealWorld) -> Iterator[RealWorld]:
    shared.reset()
    yield shared
    shared.reset()


class TestSupervisorRuntime(runtime.RuntimeContract):
    """The contract, on real processes."""


def test_two_that_ensure_at_once_start_one(tmp_path: Path) -> None:
    """The supervisor is one per home, whoever comes first."""
    world = RealWorld(tmp_path)
    try:
        runtimes = [SupervisorRuntime(world.home) for _ in range(4)]
        started: list[bool] = []
        threads = [
            threading.Thread(target=lambda r=r: started.append(r.ensure())) for r in runtimes
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(started) == [False, False, False, True]
        assert world.runtime.ensure() is False
    finally:
        world.close()


def test_before_any_supervisor_nothing_is_known(tmp_path: Path) -> None:
    """No supervisor is not the same as no copies; the error says how to start it."""
    home = Home(tmp_path / "h")
    for ask in (
        lambda: SupervisorRuntime(home).processes(PLACE),
        lambda: SupervisorRuntime(home).stop(PLACE, COPY),
        lambda: SupervisorRuntime(home).service_state("agent"),
    ):
        with pytest.raises(Unknown) as caught:
            ask()
        assert "fairlead up" in caught.value.hint
    assert SupervisorRuntime(home).supervisor_pid() == 0


def test_a_supervisor_that_hangs_is_not_doubled(world: RealWorld) -> None:
    """One that runs and does not answer is reported; a second would run every copy twice."""
    pid = world.runtime.supervisor_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        world.runtime._programs.rpc._limit = 0.2
        world.runtime._programs.rpc.close()
        with pytest.raises(Unknown, match=f"process {pid} and does not answer"):
            world.runtime.ensure()
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: world.runtime.ensure() is False)
    assert world.runtime.supervisor_pid() == pid


def test_the_supervisor_outlives_who_started_it(tmp_path: Path) -> None:
    """A process that starts it and a copy, and ends, leaves both running; its marks and
    secrets are not in the supervisor's environment."""
    world = RealWorld(tmp_path)
    script = (
        "import sys; from pathlib import Path; from fairlead.base.paths import Home\n"
        "from fairlead.drivers.supervisor import SupervisorRuntime\n"
        "SupervisorRuntime(Home(Path(sys.argv[1]))).ensure()"
    )
    env = {**os.environ, "MY_TOKEN": "hush", "FAIRLEAD_PLACE": "shop/production"}
    try:
        subprocess.run([sys.executable, "-c", script, str(world.home.root)], env=env, check=True)
        pid = world.runtime.supervisor_pid()
        assert os.getsid(pid) != os.getsid(0)
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"hush" not in environment
        assert b"FAIRLEAD" not in environment
        world.runtime.start(world.lasting())
        assert world.only().state is ProcessState.RUNNING
        assert world.runtime.strays(PLACE) == ()
    finally:
        world.close()


def test_a_program_that_keeps_crashing_is_seen_and_waits_longer_each_time(world: RealWorld) -> None:
    """Two crashes within 2 s; the waits grow; the reason is told."""
    began = time.monotonic()
    world.runtime.start(world.launch("sh", "-c", "date +%s.%N; sleep 0.05; exit 3"))
    until(lambda: world.only().crashes >= 2)
    assert time.monotonic() - began < 2
    until(lambda: world.only().crashes == 5)
    process = world.only()
    assert process.gave_up is False
    assert "exit status 3" in process.detail
    tries = [float(line) for line in world.log().split()]
    waits = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert len(tries) in (5, 6)  # the count is exact: one crash for each try that has ended
    assert waits[1] > 0.2
    assert waits[2] > 0.4
    assert waits[3] > 0.8


def test_the_wait_is_bounded_and_starts_anew_after_a_good_run() -> None:
    """Never over 30 s; a run of a minute wipes the row of quick crashes, not the count."""
    assert [back_off(n) for n in (0, 1, 2, 3, 4)] == [0, 0, 0.2, 0.4, 0.8]
    assert back_off(1000) == 30
    running = State("running 9 9 1 1 0.0 0.0 0.0\n")
    assert next_state(running, 59.0, 59.0).streak == 10
    again = next_state(running, 60.0, 60.0)
    assert (again.streak, again.crashes) == (1, 10)
    waiting = State("waiting 9 9 1 1 0.0 0.0 0.0\n")
    assert next_state(waiting, 1.0, 1.0).crashes == 9


def test_a_killed_copy_is_back_within_a_second(world: RealWorld) -> None:
    """Without anybody looking: the supervisor alone restarts it."""
    world.runtime.start(world.launch("sh", "-c", "echo up; exec sleep 600"))
    until(lambda: world.log() == "up\n")
    world.crash(COPY)
    began = time.monotonic()
    until(lambda: world.log() == "up\nup\n")
    assert time.monotonic() - began < 1.0
    assert (world.only().crashes, world.only().state) == (1, ProcessState.RUNNING)


def test_an_end_with_success_is_a_crash_too(world: RealWorld) -> None:
    """A copy is to keep running; nobody asked it to end."""
    world.runtime.start(world.launch("true"))
    until(lambda: world.only().crashes >= 1)


def test_what_a_crash_leaves_behind_is_ended_before_the_next_try(world: RealWorld) -> None:
    """A copy never runs twice at once: the killed main process's child goes first."""
    world.runtime.start(world.launch("sh", "-c", "echo $$; sleep 601 & wait"))
    until(lambda: world.log() != "")
    group = int(world.log())
    until(lambda: len(_in_group(group)) == 2)
    (child,) = (pid for pid in _in_group(group) if pid != group)
    os.kill(group, signal.SIGKILL)
    until(lambda: len(world.log().split()) == 2)
    assert proc.find(child) is None
    assert world.runtime.strays(PLACE) == ()


def test_a_stale_socket_is_removed_before_the_next_try(world: RealWorld) -> None:
    """A server that will not bind over a socket starts again after kill -9."""
    script = (
        "import socket, sys, time\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(600)"
    )
    path = layout.socket_of(world.lasting().address)
    world.runtime.start(world.launch(sys.executable, "-c", script, path))
    until(lambda: _accepts(path))
    world.crash(COPY)
    until(lambda: not _accepts(path) or world.only().crashes == 1)
    until(lambda: _accepts(path))
    assert world.only().crashes == 1
    world.runtime.stop(PLACE, COPY)
    until(lambda: world.runtime.processes(PLACE) == ())
    assert not Path(path).exists()


def test_a_copy_is_handed_its_socket(world: RealWorld) -> None:
    """As systemd does it; the next try is handed one too, and none outlives the copy."""
    script = (
        "import os, socket, time; assert os.environ['LISTEN_PID'] == str(os.getpid())\n"
        "s = socket.socket(fileno=2 + int(os.environ['LISTEN_FDS']))\n"
        "while True: s.accept()[0].sendall(b'mine')"
    )
    launch = msgspec.structs.replace(world.launch(sys.executable, "-c", script), socket=True)
    path = layout.socket_of(launch.address)

    def says() -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                return client.recv(4) == b"mine"
        except OSError:
            return False

    world.runtime.start(launch)
    until(says)
    world.crash(COPY)
    until(lambda: world.only().crashes == 1 and says())
    assert not world.only().socket_stays
    world.runtime.stop(PLACE, COPY, keep_socket=True)
    until(lambda: world.runtime.processes(PLACE) == ())
    assert not Path(path).exists()


def test_stop_does_not_wait_and_kills_at_the_limit(world: RealWorld) -> None:
    """A copy that ignores SIGTERM is stopping until its limit, and then gone; others go on."""
    stubborn = world.launch("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done")
    world.runtime.start(msgspec.structs.replace(stubborn, stop=1))
    until(lambda: world.log() == "up\n")
    began = time.monotonic()
    world.runtime.stop(PLACE, COPY)
    assert time.monotonic() - began < 0.5
    process = world.only()
    assert process.state is ProcessState.STOPPING
    assert abs(process.since - time.time()) < 2
    with pytest.raises(FairleadError, match="still stopping"):
        world.runtime.start(world.lasting())
    world.runtime.start(world.lasting(copy=TWIN))
    until(lambda: [p.copy for p in world.runtime.processes(PLACE)] == [TWIN])
    assert 0.8 < time.monotonic() - began < 5


def test_a_copy_stopped_as_it_starts_ends_at_once(world: RealWorld) -> None:
    """Wherever on its way to the program the request meets it; not only at its stop limit."""
    for _ in range(10):
        world.runtime.start(msgspec.structs.replace(world.lasting(), stop=30))
        world.runtime.stop(PLACE, COPY)
        until(lambda: world.runtime.processes(PLACE) == (), 5)


def test_many_who_start_the_same_copy_start_one(world: RealWorld) -> None:
    """From several clients at once."""
    clients = [SupervisorRuntime(world.home) for _ in range(5)]
    threads = [threading.Thread(target=client.start, args=(world.lasting(),)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pid = world.only().pid
    until(lambda: proc.marks(pid) != {})
    assert world.only().pid == pid
    assert world.runtime.strays(PLACE) == ()


def test_only_the_main_process_is_asked_and_then_its_children(
    world: RealWorld, tmp_path: Path
) -> None:
    """A prefork server ends its children itself; children of one that does not are ended after
    it, and the copy is stopping until they are gone."""
    said = tmp_path / "said"
    child = "exec 2>&-; trap 'echo child >>$SAID; exit' TERM; echo up >>$SAID; while :; do sleep 0.05; done"
    main = "trap 'echo main >>$SAID; exit' TERM; sh -c \"$CHILD\" & while :; do sleep 0.05; done"
    world.runtime.start(world.launch("sh", "-c", main, SAID=str(said), CHILD=child))
    until(lambda: said.exists() and said.read_text() == "up\n")
    world.runtime.stop(PLACE, COPY)
    until(lambda: world.runtime.processes(PLACE) == ())
    assert said.read_text() == "up\nmain\nchild\n"


def test_a_crashing_copy_is_stopped_between_two_tries(world: RealWorld) -> None:
    """It does not come back."""
    world.runtime.start(world.launch("false"))
    until(lambda: world.only().crashes >= 2)
    world.runtime.stop(PLACE, COPY)
    until(lambda: world.runtime.processes(PLACE) == ())
    assert not layout.programs(world.home).joinpath(layout.copy_name(PLACE, COPY)).exists()


def test_the_whole_environment_is_the_given_one(world: RealWorld) -> None:
    """Nothing of the supervisor's; our marks; and secrets in no argument list, in private files."""
    launch = world.launch("sh", "-c", "exec cat /proc/self/environ", SECRET="hush; %(x)s\n'\"#")
    world.runtime.start(launch)
    until(lambda: world.log().endswith("\0"))
    pairs = dict(pair.split("=", 1) for pair in world.log().split("\0")[:-1])
    pairs = {
        key: value for key, value in pairs.items() if key not in ("PWD", "OLDPWD", "_", "SHLVL")
    }
    assert pairs == {
        **launch.environment,
        "FAIRLEAD_PLACE": "shop/production",
        "FAIRLEAD_COPY": "7.web.1",
        "FAIRLEAD_RUNTIME": world.home.run.name,
    }
    for path in layout.root(world.home).rglob("*"):
        if path.is_file() and b"hush" in path.read_bytes():
            assert path.stat().st_mode & 0o777 == 0o600
            assert path.name == "spec"
    assert layout.root(world.home).stat().st_mode & 0o777 == 0o700
    assert "hush" not in (world.home.logs / "supervisor.log").read_text()


def test_a_program_finds_its_signals_as_they_should_be(world: RealWorld) -> None:
    """SIGPIPE ends it (Python ignores it), and nothing is blocked."""
    world.runtime.start(world.launch("sh", "-c", "cat /proc/self/status; exec sleep 600"))
    until(lambda: "SigCgt" in world.log())
    lines = dict(line.split(":\t", 1) for line in world.log().splitlines() if ":\t" in line)
    own = 0b11 << 31  # signals 32 and 33 are the C library's: nobody else can set them, nptl(7)
    assert int(lines["SigIgn"], 16) & ~own == 0
    assert int(lines["SigBlk"], 16) & ~own == 0


_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
_NAMES = st.text(
    st.characters(exclude_characters="\0=", exclude_categories=["Cs"]), min_size=1, max_size=9
)


@settings(max_examples=15)
@given(words=st.lists(_TEXT, max_size=4), extra=st.dictionaries(_NAMES, _TEXT, max_size=3))
def test_words_and_values_survive_exactly(
    shared: RealWorld, words: list[str], extra: dict[str, str]
) -> None:
    """Through the supervisor to the program: any argument, any variable."""
    shared.runtime.ensure()
    key = f"echo-{time.monotonic_ns()}"
    out = shared.home.root / key
    code = (
        "import os, sys; f = open(sys.argv[1] + '.part', 'wb')\n"
        "f.write(repr([list(map(os.fsencode, sys.argv[2:])), dict(os.environb)]).encode())\n"
        "f.close(); os.rename(sys.argv[1] + '.part', sys.argv[1])"
    )
    argv = (sys.executable, "-I", "-S", "-c", code, str(out), *words)
    log = str(shared.home.log(PLACE, "echo"))
    shared.runtime.run(Task(PLACE, key, argv, "/", extra, log, 60))
    until(lambda: shared.runtime.task(PLACE, key).state is TaskState.EXITED)
    heard, environment = eval(out.read_text())
    assert heard == [word.encode() for word in words]
    kept = {
        k: v for k, v in environment.items() if not k.startswith(b"FAIRLEAD_") and k != b"LC_CTYPE"
    }
    wanted = {k: v for k, v in extra.items() if k != "LC_CTYPE"}
    assert kept == {k.encode(): v.encode() for k, v in wanted.items()}


def test_odd_names_are_refused_and_leave_nothing(world: RealWorld) -> None:
    """A variable's name with =, a log file's name that a configuration could misread."""
    for odd in (
        world.launch("true", **{"A=B": "x"}),
        msgspec.structs.replace(world.lasting(), log="/tmp/a ;b.log"),
        msgspec.structs.replace(world.lasting(), log="/tmp/%(here)s"),
    ):
        with pytest.raises(UsageError):
            world.runtime.start(odd)
    assert world.runtime.processes(PLACE) == ()
    world.runtime.start(world.lasting())


def _end_of(log: Path) -> bytes:
    """Its last eight bytes; none while it is being turned over."""
    try:
        return log.read_bytes()[-8:]
    except FileNotFoundError:
        return b""


def test_logs_are_bounded(world: RealWorld) -> None:
    """35 MB written are 10 MB and three older files at most, and end with the last line."""
    script = "head -c 35000000 /dev/zero | tr '\\0' x; echo; echo the end; exec sleep 600"
    world.runtime.start(world.launch("sh", "-c", script))
    path = Path(world.lasting().log)
    until(lambda: _end_of(path) == b"the end\n", 20)
    files = list(path.parent.glob(f"{path.name}*"))
    assert len(files) == 4
    assert sum(file.stat().st_size for file in files) == 35_000_000 + 9


def test_orphans_of_a_dead_supervisor_are_strays(world: RealWorld) -> None:
    """A fresh supervisor knows nothing; the copies of the one before are strays, can be ended,
    and the same copies be started again."""
    world.runtime.start(world.lasting())
    world.runtime.start(world.lasting(copy=TWIN))
    until(lambda: all(proc.marks(p.pid) for p in world.runtime.processes(PLACE)))
    old = {p.pid for p in world.runtime.processes(PLACE)}
    world.down()
    with pytest.raises(Unknown):
        world.runtime.processes(PLACE)
    assert world.runtime.ensure() is True
    assert world.runtime.processes(PLACE) == ()
    assert set(world.runtime.strays(PLACE)) == old
    world.runtime.start(world.lasting())
    assert set(world.runtime.strays(PLACE)) == old
    for pid in old:
        world.runtime.end_stray(PLACE, pid)
    until(lambda: world.runtime.strays(PLACE) == ())
    assert world.only().pid not in old


def test_a_stray_that_ignores_sigterm_is_killed_when_asked_again(world: RealWorld) -> None:
    """And children of copies, also in groups of their own, are no strays."""
    marks = {"FAIRLEAD_PLACE": str(PLACE), "FAIRLEAD_RUNTIME": world.home.run.name}
    stubborn = subprocess.Popen(
        ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"],
        env={**PATH, **marks},
        stdout=subprocess.PIPE,
        process_group=0,
    )
    world.started.append(stubborn)
    assert stubborn.stdout is not None
    assert stubborn.stdout.readline() == b"up\n"
    stubborn.stdout.close()
    world.runtime.start(world.launch("sh", "-c", "setsid sleep 600 & echo up; wait"))
    until(lambda: world.log() == "up\n")
    world.runtime.end_stray(PLACE, stubborn.pid)
    assert stubborn.pid in world.runtime.strays(PLACE)
    world.runtime.end_stray(PLACE, stubborn.pid)
    assert stubborn.wait(5) == -signal.SIGKILL
    until(lambda: world.runtime.strays(PLACE) == ())


def test_processes_of_another_home_are_none_of_ours(world: RealWorld) -> None:
    """Two homes with an app of the same name do not end each other's copies."""
    env = {**PATH, "FAIRLEAD_PLACE": str(PLACE), "FAIRLEAD_RUNTIME": "fairlead-0-0123456789"}
    world.started.append(subprocess.Popen(["sleep", "600"], env=env, process_group=0))
    until(lambda: proc.marks(world.started[-1].pid) != {})
    assert world.runtime.strays(PLACE) == ()


def test_a_task_past_its_limit_is_ended_with_all_it_started(world: RealWorld) -> None:
    """Exit code 124, as timeout(1) has it."""
    world.runtime.run(world.script("slow", "echo $$; sleep 600 & wait", limit=1))
    until(lambda: world.runtime.task(PLACE, "slow").state is TaskState.EXITED)
    assert world.runtime.task(PLACE, "slow").exit == 124
    assert _in_group(int(world.home.log(PLACE, "task").read_text().split()[0])) == []


def test_a_task_that_cannot_be_executed_exits_127(world: RealWorld) -> None:
    """And its log says why."""
    task = msgspec.structs.replace(world.task("typo"), argv=("/nonesuch",))
    world.runtime.run(task)
    until(lambda: world.runtime.task(PLACE, "typo").state is TaskState.EXITED)
    assert world.runtime.task(PLACE, "typo").exit == 127
    until(lambda: "/nonesuch" in world.home.log(PLACE, "task").read_text())


def test_a_task_outlives_the_supervisor_and_is_not_lost_while_it_runs(
    world: RealWorld, tmp_path: Path
) -> None:
    """kill -9 of the supervisor: the task goes on and leaves its outcome."""
    gate = tmp_path / "gate"
    task = world.script("migrate", f"while [ ! -e '{gate}' ]; do sleep 0.02; done; exit 4")
    world.runtime.run(task)
    until(lambda: _child(world) != 0)
    world.down()
    assert world.runtime.task(PLACE, "migrate").state is TaskState.RUNNING
    world.runtime.ensure()
    assert world.runtime.task(PLACE, "migrate").state is TaskState.RUNNING
    assert world.runtime.strays(PLACE) == ()
    gate.touch()
    until(lambda: world.runtime.task(PLACE, "migrate").state is TaskState.EXITED)
    assert world.runtime.task(PLACE, "migrate").exit == 4


def test_a_task_whose_watcher_was_killed_runs_on_and_then_is_lost(
    world: RealWorld, tmp_path: Path
) -> None:
    """Lost is said only once nothing of it runs; and it is not run again."""
    gate = tmp_path / "gate"
    task = world.script("migrate", f"while [ ! -e '{gate}' ]; do sleep 0.02; done")
    world.runtime.run(task)
    until(lambda: _child(world) != 0)
    child = proc.find(_child(world))
    assert child is not None
    os.kill(child.parent, signal.SIGKILL)
    until(lambda: proc.find(child.parent) is None)
    assert world.runtime.task(PLACE, "migrate").state is TaskState.RUNNING
    assert world.runtime.strays(PLACE) == ()
    gate.touch()
    until(lambda: world.runtime.task(PLACE, "migrate").state is TaskState.LOST)
    world.runtime.run(task)
    assert world.runtime.task(PLACE, "migrate").state is TaskState.LOST


def test_many_who_run_the_same_task_run_it_once(world: RealWorld) -> None:
    """From several clients at once."""
    task = world.task("migrate-9")
    clients = [SupervisorRuntime(world.home) for _ in range(5)]
    threads = [threading.Thread(target=client.run, args=(task,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: world.runtime.task(PLACE, "migrate-9").state is TaskState.EXITED)
    assert world.runs("migrate-9") == 1


def test_the_claim_alone_makes_a_task_run_once(tmp_path: Path) -> None:
    """Two launchers of one task, whoever started them: the second finds it claimed."""
    ran = tmp_path / "ran"
    argv = ("sh", "-c", f"echo once >> '{ran}'")
    about = layout.About("task", "/log", 10, PLACE, key="k")
    program = layout.Program("task-x", about, argv, "/", PATH, beside=str(tmp_path), limit=10)
    for _ in range(2):
        (tmp_path / "spec").write_bytes(layout.spec(program))
        subprocess.run([sys.executable, "-I", "-S", launch.__file__, str(tmp_path)], check=True)
    assert ran.read_text() == "once\n"
    assert (tmp_path / "outcome").read_text().startswith("0 ")


def test_a_tasks_secrets_are_gone_when_it_runs(world: RealWorld) -> None:
    """Its environment is on disk only until it began; its program is cleared away after."""
    task = msgspec.structs.replace(world.task("migrate-9"), environment={**PATH, "KEY": "hush"})
    world.runtime.run(task)
    until(lambda: world.runtime.task(PLACE, "migrate-9").state is TaskState.EXITED)
    files = [path for path in world.home.run.rglob("*") if path.is_file()]
    assert not any(b"hush" in path.read_bytes() for path in files)
    until(lambda: world.runtime.processes(PLACE) == () and _programs(world) == [])
    assert world.runtime.task(PLACE, "migrate-9").state is TaskState.EXITED


def test_a_service_is_kept_running_until_it_is_stopped(world: RealWorld) -> None:
    """Restarted after kill -9; left alone when wanted again; its next start uses the newest."""
    log = str(world.home.logs / "agent.log")
    service = Service("agent", ("sh", "-c", "echo one; exec sleep 600"), "/", PATH, log)
    assert world.runtime.service_state("agent") is None
    world.runtime.service(service)
    until(lambda: Path(log).exists() and Path(log).read_text() == "one\n")
    first = world.runtime.service_state("agent")
    assert first is not None
    assert first.state is ProcessState.RUNNING
    argv = ("sh", "-c", "echo two; exec sleep 600")
    world.runtime.service(msgspec.structs.replace(service, argv=argv))
    again = world.runtime.service_state("agent")
    assert again is not None
    assert again.pid == first.pid
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: Path(log).read_text() == "one\ntwo\n")
    until(lambda: (world.runtime.service_state("agent") or first).crashes == 1)
    world.runtime.stop_service("agent")
    until(lambda: world.runtime.service_state("agent") is None)


def test_a_dead_supervisors_service_is_ended_before_its_successor(world: RealWorld) -> None:
    """Two Caddys cannot listen on one port."""
    log = str(world.home.logs / "caddy.log")
    service = Service("caddy", ("sleep", "600"), "/", PATH, log)
    world.runtime.service(service)
    first = world.runtime.service_state("caddy")
    assert first is not None
    until(lambda: proc.marks(first.pid) != {})
    world.down()
    world.runtime.ensure()
    assert proc.find(first.pid) is not None
    world.runtime.service(service)
    assert proc.find(first.pid) is None
    second = world.runtime.service_state("caddy")
    assert second is not None
    assert second.state is ProcessState.RUNNING


def test_shutdown_leaves_nothing(world: RealWorld) -> None:
    """No process with the home's mark, no supervisor, no file that holds an environment."""
    world.runtime.start(world.lasting())
    world.stray()
    world.runtime.service(
        Service("agent", ("sleep", "600"), "/", PATH, str(world.home.logs / "agent.log"))
    )
    world.runtime.shutdown(5)
    assert world.runtime.supervisor_pid() == 0
    world.started[-1].wait(5)
    until(lambda: daemon.marked(world.home) == [])
    assert _programs(world) == []


def test_looking_is_quick(world: RealWorld) -> None:
    """Twelve copies at a place: the median look costs a few milliseconds."""
    for number in range(1, 13):
        world.runtime.start(world.lasting(copy=CopyId(7, "web", number)))
    took = []
    for _ in range(20):
        began = time.perf_counter()
        assert len(world.runtime.processes(PLACE)) == 12
        took.append(time.perf_counter() - began)
    assert sorted(took)[10] < 0.02  # 2 ms on an idle machine; this one may be shared


def _in_group(group: int) -> list[int]:
    return [found.pid for found in proc.lines(proc.ours()).values() if found.group == group]


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return False
    return True


def _child(world: RealWorld) -> int:
    """The process of the place's only task, once it is written down."""
    found = list((world.home.root / "apps/shop/production/tasks").glob("*/child"))
    return int(found[0].read_text().split()[0]) if found else 0


def _programs(world: RealWorld) -> list[Path]:
    base = layout.programs(world.home)
    return list(base.iterdir()) if base.exists() else []
