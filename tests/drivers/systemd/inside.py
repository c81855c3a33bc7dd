"""What is tried of the runtime on a booted server, by pytest, as root. ``test_runtime.py`` boots
the server, has this run there, and takes each test's result for its own."""

import itertools
import os
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from contracts import runtime
from contracts.runtime import COPY, OTHER, PLACE, TWIN, until
from drivers.systemd.world import ServerWorld, alive
from fairlead.base.errors import FairleadError, Refused, UsageError
from fairlead.base.secret import Secret
from fairlead.drivers.systemd import Limits, names, systemctl
from fairlead.drivers.systemd.files import UNITS
from fairlead.rollout.ports import Launch, ProcessState, TaskState

ECHO = Path("/srv/echo.py")  # prints what it was given, as Python literals


@pytest.fixture
def world() -> Iterator[ServerWorld]:
    made = ServerWorld()
    made.reset()
    yield made
    made.reset()


class TestSystemdRuntime(runtime.RuntimeContract):
    """The contract, on real units."""


def test_a_copy_runs_as_the_places_own_user(world: ServerWorld) -> None:
    """In the place's slice, with no capability, and with no way to get one."""
    world.runtime.start(world.lasting())
    status = Path(f"/proc/{world.pid()}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    user = names.user_of(PLACE)
    assert (
        subprocess.check_output(["id", "-nu", fields["Uid"].split()[0]], text=True) == f"{user}\n"
    )
    assert fields["NoNewPrivs"] == "1"
    assert {fields[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
    assert names.slice_of(PLACE) in Path(f"/proc/{world.pid()}/cgroup").read_text()


def test_a_copy_writes_its_own_state_and_nothing_else(world: ServerWorld) -> None:
    """Its state, its sockets' directory and its own /tmp; not its release, not the system."""
    tree = world.home.store / "artifacts/sha256-1/tree"
    tree.mkdir(parents=True)
    Path("/srv/open").mkdir(exist_ok=True)
    for everybodys in (tree, Path("/srv/open")):  # so that it is not their modes that forbid it
        everybodys.chmod(0o777)
    launch = world.launch("true")
    sockets = Path(launch.address.removeprefix("unix/")).parent
    places = (
        launch.data,
        sockets,
        "/tmp",
        tree,
        "/usr",
        "/etc",
        "/var/lib",
        "/run",
        "/run/lock",
        "/srv/open",
        "/dev",
    )
    tries = "; ".join(f"touch {p}/x 2>/dev/null && echo {p}; true" for p in places)
    said = world.said(tries, TREE=str(tree))
    assert said.splitlines() == [launch.data, str(sockets), "/tmp"]
    assert not Path("/tmp/x").exists()


def test_a_copy_sees_nothing_of_another_place(world: ServerWorld) -> None:
    """Neither its state, nor its logs, its release, its sockets, its processes."""
    theirs = world.home.store / "artifacts/theirs"
    theirs.mkdir(parents=True)
    world.runtime.start(world.lasting(OTHER))
    other, pid = world.lasting(OTHER), world.pid(place=OTHER)
    (Path(other.data) / "media").write_text("theirs")
    sockets = Path(other.address.removeprefix("unix/")).parent
    secret = (f"{other.data}/media", other.data, other.log, theirs, sockets, f"/proc/{pid}")
    hidden = (world.home.root / "systemd", world.home.keys, world.home.record, "/root/.bashrc")
    said = world.said("; ".join(f"cat {p} || ls {p}" for p in (*secret, *hidden)))
    assert "theirs" not in said.replace(str(theirs), "")
    assert len(said.splitlines()) == 2 * len((*secret, *hidden)), "each was refused twice"


def test_a_copy_cannot_see_homes(world: ServerWorld) -> None:
    """Not even what everybody may read there."""
    diary = Path("/home/ada/diary")
    diary.parent.mkdir(exist_ok=True)
    diary.write_text("dear")
    assert diary.stat().st_mode & stat.S_IROTH
    said = world.said(f"cat {diary}; ls /home; ls /root")
    assert "dear" not in said
    assert "ada\n" not in said.replace(str(diary), "")


def test_a_copy_sees_no_devices(world: ServerWorld) -> None:
    """But for those that every program may use."""
    Path("/dev/planted").touch()
    said = world.said("ls /dev").split()
    assert {"null", "urandom"} <= set(said)
    assert "planted" not in said


def test_a_set_user_id_program_gives_nothing(world: ServerWorld) -> None:
    """`su` and its like run as who called them."""
    program = Path("/usr/local/bin/rooted")
    program.write_bytes(Path("/usr/bin/id").read_bytes())
    program.chmod(0o4755)
    assert world.said(f"{program} -u").strip() == world.said("id -u").strip() != "0"


def test_the_proxy_alone_may_connect(world: ServerWorld) -> None:
    """A socket carries the proxy's group, others cannot even reach it."""
    program = (
        "import socket, sys, time\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n"
        "print('done', flush=True); time.sleep(600)"
    )
    launch = world.launch("python3", "-c", program, world.lasting().address.removeprefix("unix/"))
    world.runtime.start(launch)
    until(lambda: "done" in world.log())
    ask = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"

    def connects(user: str) -> bool:
        argv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        argv += ["python3", "-c", ask, launch.address.removeprefix("unix/")]
        return subprocess.run(argv, capture_output=True).returncode == 0

    assert connects("www-data")
    assert not connects("nobody")


def test_two_places_share_no_directory(world: ServerWorld) -> None:
    """A socket or a state in another place's directory is refused."""
    world.runtime.start(world.lasting())
    ours = world.lasting()
    for odd in ({"address": ours.address}, {"data": ours.data}):
        with pytest.raises(Refused):
            world.runtime.start(msgspec.structs.replace(world.lasting(OTHER), **odd))
    assert world.runtime.processes(OTHER) == ()


def test_systemd_has_nothing_to_say_of_a_unit(world: ServerWorld) -> None:
    """It knows every setting, and its own scale of exposure, 0 to 10, has it at 2.5 or less."""
    world.runtime.start(world.lasting())
    unit = names.copy_unit(PLACE, COPY)
    checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    scale = ["systemd-analyze", "security", "--threshold=25", "--no-pager", unit]
    judged = subprocess.run(scale, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout[-3000:]


def test_a_copy_that_cannot_be_set_up_is_given_up(world: ServerWorld) -> None:
    """It is not tried again and again: nothing would be another."""
    world.runtime.start(msgspec.structs.replace(world.lasting(), directory="/nonesuch"))
    until(lambda: world.runtime.processes(PLACE)[0].gave_up)
    assert "exit status 200" in world.runtime.processes(PLACE)[0].detail
    world.runtime.start(world.lasting())
    assert world.runtime.processes(PLACE)[0].state is ProcessState.RUNNING


def test_limits_are_kept(world: ServerWorld) -> None:
    """More memory or tasks than it may have, it does not get; the kernel's end of it is told."""
    world.runtime = ServerWorld(Limits(memory=50_000_000, tasks=20, files=100)).runtime
    assert world.said("ulimit -n").strip() == "100"
    eat = "x = bytearray(100_000_000); print('eaten', flush=True)"
    world.runtime.start(world.launch("python3", "-c", eat))
    until(lambda: world.runtime.processes(PLACE)[0].crashes > 0)
    assert "eaten" not in world.log()
    until(lambda: "memory" in world.runtime.processes(PLACE)[0].detail)
    world.runtime.stop(PLACE, COPY)
    until(lambda: world.runtime.processes(PLACE) == ())
    fork = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do sleep 9 & done"
    assert "fork" in world.said(fork)


def test_a_copys_own_limit_goes_before_that_of_all(world: ServerWorld) -> None:
    """What its role's memory says in the manifest."""
    unit = names.copy_unit(PLACE, COPY)
    world.runtime.start(msgspec.structs.replace(world.lasting(), memory=70 * 1024**2))
    told = subprocess.check_output(["systemctl", "show", "-PMemoryMax", unit], text=True)
    assert int(told) == 70 * 1024**2


def test_a_directory_that_root_made_for_a_place_is_handed_over(world: ServerWorld) -> None:
    """Its uploads can be written; what a link of the place's own leads to is left alone."""
    data = Path(world.lasting().data)
    (data / "media").mkdir(parents=True)
    Path("/srv/roots").mkdir(exist_ok=True)
    (data / "link").symlink_to("/srv/roots")
    assert world.said(f"touch {data}/media/upload && echo written").strip() == "written"
    assert Path("/srv/roots").stat().st_uid == 0


def test_a_secret_is_in_no_place_that_others_read(world: ServerWorld) -> None:
    """Not in the unit, not in what systemd tells, not in arguments; the process has it."""
    planted = "pl4nted-s3cret"
    script = "echo $TOKEN | tr a-z A-Z; sleep 600"
    launch = world.launch("sh", "-c", script)
    world.runtime.start(msgspec.structs.replace(launch, secrets={"TOKEN": Secret(planted)}))
    until(lambda: planted.upper() in world.log())
    unit = names.copy_unit(PLACE, COPY)
    told = subprocess.check_output(["systemctl", "show", unit], text=True)
    told += subprocess.check_output(["systemctl", "cat", unit], text=True)
    told += subprocess.check_output(["ps", "-eo", "args"], text=True)
    told += subprocess.check_output(["journalctl", "--no-pager"], text=True)
    assert planted not in told
    holding = [p for p in world.home.root.rglob("*") if p.is_file() and planted in p.read_text()]
    assert [(p.stat().st_uid, stat.S_IMODE(p.stat().st_mode)) for p in holding] == [(0, 0o600)]
    world.runtime.stop(PLACE, COPY)
    until(lambda: world.runtime.processes(PLACE) == ())
    assert not holding[0].exists()


def test_a_masked_unit_is_said(world: ServerWorld) -> None:
    """Neither started nor unmasked: the error names the unit and the way out."""
    unit = names.copy_unit(PLACE, COPY)
    subprocess.run(["systemctl", "mask", unit], check=True, capture_output=True)
    with pytest.raises(Refused) as refused:
        world.runtime.start(world.lasting())
    assert unit in refused.value.what
    assert refused.value.hint == f"systemctl unmask {unit}"
    assert world.runtime.processes(PLACE) == ()
    assert (UNITS / unit).is_symlink()
    subprocess.run(["systemctl", "unmask", unit], check=True, capture_output=True)
    world.runtime.start(world.lasting())
    assert world.runtime.processes(PLACE)[0].state is ProcessState.RUNNING


@pytest.mark.parametrize("notify", [False, True])
def test_a_masked_slice_is_said(world: ServerWorld, notify: bool) -> None:
    """systemd's own words, and nothing is left behind."""
    subprocess.run(["systemctl", "mask", names.slice_of(PLACE)], check=True, capture_output=True)
    with pytest.raises(FairleadError, match=None if notify else "masked"):
        world.runtime.start(msgspec.structs.replace(world.lasting(), notify=notify))
    assert world.runtime.processes(PLACE) == ()
    assert not (UNITS / names.copy_unit(PLACE, COPY)).exists()
    subprocess.run(["systemctl", "unmask", names.slice_of(PLACE)], check=True)
    world.runtime.start(world.lasting())


def test_a_copy_stopped_by_hand_is_gone(world: ServerWorld) -> None:
    """And comes neither at boot nor by itself; `start` starts it."""
    world.runtime.start(world.lasting())
    unit = names.copy_unit(PLACE, COPY)
    subprocess.run(["systemctl", "stop", unit], check=True)
    assert world.runtime.processes(PLACE) == ()
    assert not (UNITS / f"{names.TARGET}.wants" / unit).is_symlink()
    world.runtime.start(world.lasting())
    assert world.runtime.processes(PLACE)[0].state is ProcessState.RUNNING


def test_a_copy_that_keeps_crashing_waits_longer_each_time(world: ServerWorld) -> None:
    """Tried again for ever, with growing pauses; each end is counted and said."""
    world.runtime.start(world.launch("sh", "-c", "date +%s.%N; exit 3"))
    until(lambda: len(world.log().split()) >= 6, 20)
    times = [float(text) for text in world.log().split()[:6]]
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert pauses[0] < 1.0
    assert pauses[4] > pauses[2] > 0.2
    assert pauses[4] > 0.8 * 2
    seen = world.runtime.processes(PLACE)[0]
    assert seen.crashes >= 5
    assert (seen.state, seen.gave_up) == (ProcessState.CRASHED, False)
    assert seen.detail == "it ended: exit status 3"


def test_a_copy_that_waits_is_stopped_at_once(world: ServerWorld) -> None:
    """Asked to end while it waits for its next try, it is gone."""
    world.runtime.start(world.launch("false"))
    until(lambda: world.runtime.processes(PLACE)[0].crashes >= 5, 20)
    world.runtime.stop(PLACE, COPY)
    until(lambda: world.runtime.processes(PLACE) == (), 1.0)


def test_a_copy_that_does_not_end_is_killed(world: ServerWorld) -> None:
    """With its children, after its stop limit."""
    script = "trap '' TERM; sh -c 'trap \"\" TERM; echo done; sleep 600' & wait; sleep 600"
    world.runtime.start(msgspec.structs.replace(world.launch("sh", "-c", script), stop=1))
    until(lambda: "done" in world.log())
    pid, began = world.pid(), time.monotonic()
    world.runtime.stop(PLACE, COPY)
    assert world.runtime.processes(PLACE)[0].state is ProcessState.STOPPING
    with pytest.raises(FairleadError):
        world.runtime.start(world.lasting())
    until(lambda: world.runtime.processes(PLACE) == ())
    assert time.monotonic() - began >= 1.0
    assert not alive(pid)
    assert world.runtime.strays(PLACE) == ()


def test_a_socket_left_by_a_crash_is_removed(world: ServerWorld) -> None:
    """So that the next try can bind it."""
    path = world.lasting().address.removeprefix("unix/")
    program = (
        "import socket, sys, os, time\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); print('bound', flush=True)\n"
        "time.sleep(600)"
    )
    world.runtime.start(world.launch("python3", "-c", program, path))
    until(lambda: world.log().count("bound") == 1)
    world.crash(COPY)
    until(lambda: world.log().count("bound") == 2)
    world.runtime.stop(PLACE, COPY)
    until(lambda: world.runtime.processes(PLACE) == ())
    assert not Path(path).exists()


def test_a_stop_that_was_cut_short_is_asked_again(world: ServerWorld) -> None:
    """Killed between its note and its word to systemd, the next look says the word."""
    world.runtime.start(world.lasting())
    world.runtime._mark(names.copy_unit(PLACE, COPY)).touch()
    until(lambda: world.runtime.processes(PLACE) == ())


def test_a_changed_copy_of_the_same_name_runs_what_is_new(world: ServerWorld) -> None:
    """Also when systemd still holds the old unit in memory."""
    for text in ("one", "two", "three"):
        world.runtime.start(world.launch("sh", "-c", f"echo {text}; exec sleep 600"))
        until(lambda text=text: world.log().endswith(f"{text}\n"))
        unit = names.copy_unit(PLACE, COPY)
        subprocess.run(["systemctl", "add-wants", "--runtime", "multi-user.target", unit])
        systemctl.reload()
        world.runtime.stop(PLACE, COPY)
        until(lambda: world.runtime.processes(PLACE) == ())


SERVE = """
import os, signal, socket, sys, time
assert os.environ["LISTEN_PID"] == str(os.getpid()), os.environ
made = socket.socket(fileno=3)
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
made.settimeout(0.05)
print("serves", sys.argv[1], flush=True)
while not ended:
    try:
        one, _ = made.accept()
    except TimeoutError:
        continue
    one.sendall(sys.argv[1].encode())
    one.close()
"""
SOCKET = "/run/fairlead/1a2b3c4d-web.sock"


def handed(world: ServerWorld, release: int, *argv: str) -> Launch:
    """A copy that says its release to whoever connects to the socket that it is handed."""
    argv = argv or ("python3", "-c", SERVE, str(release))
    launch = world.launch(*argv, copy=COPY._replace(release=release))
    return msgspec.structs.replace(launch, address=f"unix/{SOCKET}", socket=True)


def asked() -> str:
    """What whoever has the socket says."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(SOCKET)
        return client.recv(100).decode()


def test_a_socket_holds_connections_while_a_copy_is_replaced(world: ServerWorld) -> None:
    """Those that come when nobody is there wait, and are the next copy's; the old one, asked to
    end, does not come back for them."""
    seven, eight = handed(world, 7), handed(world, 8)
    world.runtime.start(seven)
    assert asked() == "7"
    assert world.runtime.processes(PLACE)[0].socket_stays
    world.runtime.stop(PLACE, seven.copy, keep_socket=True)
    until(lambda: world.runtime.processes(PLACE) == ())
    answers: list[str] = []
    waiting = [threading.Thread(target=lambda: answers.append(asked())) for _ in range(20)]
    for thread in waiting:
        thread.start()
    time.sleep(1.0)  # nothing is to happen in it
    assert (answers, world.runtime.processes(PLACE)) == ([], ())
    world.runtime.start(eight)
    for thread in waiting:
        thread.join()
    assert answers == ["8"] * 20
    world.runtime.stop(PLACE, eight.copy)
    until(lambda: world.runtime.processes(PLACE) == ())
    until(lambda: not Path(SOCKET).exists())
    assert list(UNITS.glob("*.socket")) == []
    world.runtime.start(seven)
    assert asked() == "7"


def test_a_crash_loses_none_of_those_that_wait(world: ServerWorld) -> None:
    """The next try is handed the same socket."""
    launch = handed(world, 7)
    world.runtime.start(launch)
    assert asked() == "7"
    os.kill(world.pid(launch.copy), signal.SIGSTOP)
    answers: list[str] = []
    waiting = threading.Thread(target=lambda: answers.append(asked()))
    waiting.start()
    time.sleep(0.2)
    world.crash(launch.copy)
    waiting.join()
    assert answers == ["7"]


def test_the_proxy_alone_may_connect_to_a_socket_that_is_handed(world: ServerWorld) -> None:
    """It is root's, and the place's user cannot put another in its place."""
    launch = handed(world, 7)
    world.runtime.start(launch)
    assert asked() == "7"
    found = Path(SOCKET).stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, 33, 0o660)
    assert Path(SOCKET).parent.stat().st_mode & 0o022 == 0
    user = names.user_of(PLACE)
    ask = ["setpriv", f"--reuid={user}", "--clear-groups", "rm", "-f", SOCKET]
    assert subprocess.run(ask, capture_output=True).returncode != 0


def test_a_socket_is_dropped_once_no_copy_is_handed_it(world: ServerWorld) -> None:
    """A release whose role listens for itself: the socket stays as long as the old copy."""
    old, new = handed(world, 7), world.lasting(copy=COPY._replace(release=8))
    world.runtime.start(old)
    world.runtime.start(new)
    assert asked() == "7"
    world.runtime.stop(PLACE, old.copy)
    until(lambda: len(world.runtime.processes(PLACE)) == 1)
    until(lambda: not Path(SOCKET).exists())
    world.runtime.start(handed(world, 9))
    world.runtime.stop(PLACE, COPY._replace(release=9), keep_socket=True)
    until(lambda: len(world.runtime.processes(PLACE)) == 1)
    assert Path(SOCKET).exists()
    world.runtime.start(world.lasting(copy=COPY._replace(release=10)))
    until(lambda: not Path(SOCKET).exists())


def test_systemd_has_nothing_to_say_of_a_socket(world: ServerWorld) -> None:
    """It knows every setting of it, and of the copy."""
    launch = handed(world, 7)
    world.runtime.start(msgspec.structs.replace(launch, notify=True, watchdog=30))
    checked = [names.socket_unit(PLACE, "web"), names.copy_unit(PLACE, launch.copy)]
    ran = subprocess.run(["systemd-analyze", "verify", *checked], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


TELL = """
import os, socket, sys, time
def tell(word):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.connect(os.environ["NOTIFY_SOCKET"])
        made.send(word.encode())
time.sleep(1)
if os.fork() == 0:  # a server's worker may be who knows
    tell("READY=1\\nSTATUS=serves")
    print("told", flush=True)
    for _ in range(int(sys.argv[1])):
        tell("WATCHDOG=1")
        time.sleep(0.3)
    os._exit(0)
time.sleep(600)
"""


def test_a_copy_that_says_when_it_has_started_is_not_waited_for(world: ServerWorld) -> None:
    """Its process is there at once; systemd hears from it, and of any of its processes."""
    launch = msgspec.structs.replace(world.launch("python3", "-c", TELL, "0"), notify=True)
    began = time.monotonic()
    world.runtime.start(launch)
    assert time.monotonic() - began < 1.0
    unit, asked = names.copy_unit(PLACE, COPY), ("SubState", "StatusText")
    seen = world.runtime.processes(PLACE)[0]
    assert (seen.state, seen.pid > 0) == (ProcessState.RUNNING, True)
    assert systemctl.show([unit], asked)[unit]["SubState"] == "start"
    until(lambda: systemctl.show([unit], asked)[unit]["SubState"] == "running")
    assert systemctl.show([unit], asked)[unit]["StatusText"] == "serves"


def test_a_copy_that_never_says_so_can_be_stopped(world: ServerWorld) -> None:
    """And one that cannot be executed is given up as any other."""
    lasting = msgspec.structs.replace(world.lasting(), notify=True)
    world.runtime.start(lasting)
    world.runtime.start(lasting)
    world.runtime.stop(PLACE, COPY)
    until(lambda: world.runtime.processes(PLACE) == ())
    world.runtime.start(lasting)
    world.runtime._mark(names.copy_unit(PLACE, COPY)).touch()
    until(lambda: world.runtime.processes(PLACE) == ())
    world.runtime.start(msgspec.structs.replace(world.missing(), notify=True))
    until(lambda: world.runtime.processes(PLACE)[0].gave_up)


def test_a_copy_that_falls_silent_is_started_again(world: ServerWorld) -> None:
    """By systemd's watchdog, which the log of the place tells apart from a crash."""
    launch = world.launch("python3", "-c", TELL, "5")
    world.runtime.start(msgspec.structs.replace(launch, notify=True, watchdog=1))
    until(lambda: "told" in world.log())
    time.sleep(1.2)  # longer than its watchdog's time: it speaks
    assert world.runtime.processes(PLACE)[0].crashes == 0
    until(lambda: world.runtime.processes(PLACE)[0].crashes == 1)
    until(lambda: world.log().count("told") == 2)


def test_a_copys_own_limit_of_tasks_is_kept(world: ServerWorld) -> None:
    """What its role's tasks says in the manifest."""
    unit = names.copy_unit(PLACE, COPY)
    world.runtime.start(msgspec.structs.replace(world.lasting(), tasks=33))
    assert systemctl.show([unit], ("TasksMax",))[unit]["TasksMax"] == "33"


def test_a_log_begins_anew_before_it_is_too_long(world: ServerWorld) -> None:
    """What was printed before lies beside it."""
    world.runtime.start(world.launch("sh", "-c", "head -c 11000000 /dev/zero; echo end; sleep 600"))
    until(lambda: world.log().endswith("end\n"))
    world.runtime.processes(PLACE)
    assert world.log() == ""
    assert Path(f"{world.lasting().log}.1").stat().st_size == 11_000_004


def test_a_task_past_its_limit_is_124(world: ServerWorld) -> None:
    """It is ended, and says so."""
    world.runtime.run(world.script("slow", "sleep 600", limit=1))
    assert world.runtime.task(PLACE, "slow").state is TaskState.RUNNING
    until(lambda: world.runtime.task(PLACE, "slow").state is TaskState.EXITED)
    assert world.runtime.task(PLACE, "slow").exit == 124


@pytest.mark.parametrize(("script", "code"), [("kill -TERM $$", 143), ("kill -KILL $$", 137)])
def test_a_task_ended_by_a_signal_says_which(world: ServerWorld, script: str, code: int) -> None:
    """As a shell says it."""
    world.runtime.run(world.script("hit", script))
    until(lambda: world.runtime.task(PLACE, "hit").state is TaskState.EXITED)
    assert world.runtime.task(PLACE, "hit").exit == code


def test_a_task_that_cannot_be_executed_is_127(world: ServerWorld) -> None:
    """And its log says so."""
    task = msgspec.structs.replace(world.task("none"), argv=("/nonesuch",))
    world.runtime.run(task)
    until(lambda: world.runtime.task(PLACE, "none").state is TaskState.EXITED)
    assert world.runtime.task(PLACE, "none").exit == 127
    assert "/nonesuch: not found" in Path(task.log).read_text()


def test_a_task_leaves_no_unit_and_no_secret(world: ServerWorld) -> None:
    """Once it is over, a look clears its unit and its environment away; its outcome stays."""
    task = msgspec.structs.replace(world.task("tidy"), secrets={"TOKEN": Secret("x")})
    world.runtime.run(task)
    until(lambda: world.runtime.task(PLACE, "tidy").state is TaskState.EXITED)
    until(lambda: world.runtime.processes(PLACE) == () and not list(UNITS.glob("fairlead-*.*")))
    assert list((world.home.root / "systemd").glob("*.env")) == []
    assert world.runtime.task(PLACE, "tidy").exit == 0


def test_a_task_started_by_hand_does_not_run_again(world: ServerWorld) -> None:
    """The unit itself asks whether it ran."""
    world.runtime.run(world.task("once"))
    until(lambda: world.runtime.task(PLACE, "once").state is TaskState.EXITED)
    unit = names.task_unit(PLACE, "once")

    def over() -> bool:
        return systemctl.show([unit], ("ActiveState",))[unit]["ActiveState"] == "inactive"

    until(over)
    subprocess.run(["systemctl", "start", "--wait", unit], capture_output=True)
    until(over)
    assert world.runs("once") == 1
    assert world.runtime.task(PLACE, "once").exit == 0


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
ODD = st.sampled_from(
    ["", " ", "%n %% %", "$HOME ${HOME} $$", "a\nb", "\\n \\", "'\"", ";", "a;b", "#x", "\t\r\x01"]
)
NAME = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True).map(lambda name: f"X_{name}")


@settings(max_examples=30, phases=[Phase.explicit, Phase.generate])
@given(
    words=st.lists(TEXT | ODD, max_size=6), variables=st.dictionaries(NAME, TEXT | ODD, max_size=6)
)
def test_every_word_and_value_arrives_as_it_was_given(
    words: list[str], variables: dict[str, str]
) -> None:
    """Through the unit's quoting, its specifiers, its expansions and the environment's file."""
    world = ServerWorld()
    try:
        ECHO.write_text(
            "import os, sys, time\n"
            "own = {k: v for k, v in os.environ.items() if k.startswith('X_')}\n"
            "print(ascii((sys.argv[1:], sorted(own.items()))), flush=True)\n"
            "print('done', flush=True)\n"
            "time.sleep(600)\n"
        )
        said = world.output("python3", str(ECHO), *words, LC_ALL="C.UTF-8", **variables)
        assert said.strip() == ascii((words, sorted(variables.items())))
    finally:
        world.reset()


@pytest.mark.parametrize(
    "odd",
    [
        {"argv": ("sh", "\ud800")},
        {"environment": {"A": "\0"}},
        {"environment": {"A": "\ud800"}},
        {"environment": {"no-name": "1"}},
        {"environment": {"": "1"}},
        {"directory": "/a\nUser=root"},
        {"log": "relative"},
    ],
)
def test_what_systemd_would_drop_or_change_is_refused(
    world: ServerWorld, odd: dict[str, object]
) -> None:
    """Before anything is written."""
    with pytest.raises(UsageError):
        world.runtime.start(msgspec.structs.replace(world.lasting(), **odd))
    assert world.runtime.processes(PLACE) == ()
    assert list(UNITS.glob("fairlead-*.*")) == []


def test_figures(world: ServerWorld) -> None:
    """Starting and looking stay quick; what was measured is printed."""
    world.runtime.start(world.lasting())
    start, look = [], []
    for number in range(2, 12):
        copy = msgspec.structs.replace(world.lasting(), copy=TWIN._replace(number=number))
        began = time.perf_counter()
        world.runtime.start(copy)
        start.append(time.perf_counter() - began)
        began = time.perf_counter()
        world.runtime.processes(PLACE)
        look.append(time.perf_counter() - began)
    for what, times in (("start", start), ("processes", look)):
        times.sort()
        print(f"{what}: median {times[5] * 1000:.1f} ms, worst {times[-1] * 1000:.1f} ms")
    assert start[5] < 1.0
    assert os.geteuid() == 0
