"""The supervisor's own life: one per home, started once, outliving whoever started it."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fairlead.base.errors import FairleadError, Unknown
from fairlead.base.paths import Home
from fairlead.drivers.supervisor import layout, proc
from fairlead.drivers.supervisor.rpc import Fault, Rpc

_PROMPT = Path(__file__).with_name("prompt.py")  # named, not imported: it imports supervisor
_ALIVE = (10, 20, 40)  # starting, running, stopping
_START_LIMIT = 20.0  # seconds; it takes 0.3 on an idle machine


@contextlib.contextmanager
def locked(home: Home) -> Iterator[None]:
    """One at a time, among all processes of this home, may change which programs there are."""
    try:
        file = os.open(home.run / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        hint = "fairlead up starts it"
        raise Unknown(f"no supervisor runs for this home: {home.root}", hint) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def pid(home: Home) -> int:
    """The supervisor's process id, or 0 when none runs."""
    try:
        number = int((layout.root(home) / "supervisord.pid").read_text())
    except (FileNotFoundError, ValueError):
        return 0
    ours = os.fsencode(layout.root(home) / "supervisord.conf")
    try:
        command = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return 0
    return number if ours in command.split(b"\0") and proc.find(number) else 0


def ensure(home: Home, rpc: Rpc) -> bool:
    """Start the supervisor unless it runs; True when it was started.

    Raises Unknown when one runs and does not answer: starting a second would run copies twice.
    """
    if _answers(rpc):
        return False
    home.make()
    with locked(home):
        if _answers(rpc):
            return False
        if running := pid(home):
            raise Unknown(
                f"the supervisor runs as process {running} and does not answer",
                f"look at it; if it is stuck: kill -9 {running}, then fairlead up",
            )
        _start(home)
        _wait_until(lambda: _answers(rpc), _START_LIMIT, home)
    return True


def _answers(rpc: Rpc) -> bool:
    try:
        rpc.call("supervisor.getPID")
    except Unknown:
        return False
    return True


def _start(home: Home) -> None:
    """A fresh supervisor knows nothing: what the one before left on disk goes first."""
    shutil.rmtree(layout.programs(home), ignore_errors=True)
    layout.refresh(home)
    home.supervisor_socket.unlink(missing_ok=True)
    config = str(layout.root(home) / "supervisord.conf")
    run = subprocess.run(
        [sys.executable, "-I", str(_PROMPT), "-c", config],
        cwd=layout.root(home),
        # Nothing of the caller's environment: it may hold secrets, and marks of a copy.
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONWARNINGS": "ignore"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        timeout=_START_LIMIT,
        check=False,
    )
    if run.returncode != 0:
        said = run.stdout.decode("utf-8", "replace").strip()[-500:]
        raise FairleadError(
            f"the supervisor did not start: {said}", f"see {home.logs}/supervisor.log"
        )


def _wait_until(true: Callable[[], bool], limit: float, home: Home) -> None:
    deadline = time.monotonic() + limit
    while not true():
        if time.monotonic() > deadline:
            raise FairleadError(
                f"the supervisor did not answer within {limit:.0f} s",
                f"see {home.logs}/supervisor.log",
            )
        time.sleep(0.01)


def shutdown(home: Home, rpc: Rpc, limit: float) -> None:
    """End the supervisor and everything of this home; what outlasts ``limit`` is killed."""
    deadline = time.monotonic() + limit
    # An agent that no supervisor started would start what is being ended again.
    proc.signal_all(_orphan_agents(home, rpc), signal.SIGKILL)
    running = pid(home)
    if running:
        with contextlib.suppress(Unknown, Fault):
            _stop_all(home, rpc, deadline)
            rpc.call("supervisor.shutdown")
    while running and proc.find(running) and time.monotonic() < deadline:
        time.sleep(0.01)
    rpc.close()
    left = [running] if running and proc.find(running) else []
    proc.signal_all([*left, *marked(home)], signal.SIGKILL)
    shutil.rmtree(layout.programs(home), ignore_errors=True)
    home.supervisor_socket.unlink(missing_ok=True)


def _stop_all(home: Home, rpc: Rpc, deadline: float) -> None:
    """All at once; the supervisor's own shutdown would go one after another."""
    for directory in layout.programs(home).iterdir():
        (directory / "stop").touch(mode=0o600)
    rpc.call("supervisor.stopAllProcesses", False)
    while time.monotonic() < deadline:
        if not any(info["state"] in _ALIVE for info in rpc.call("supervisor.getAllProcessInfo")):
            return
        time.sleep(0.01)


def _orphan_agents(home: Home, rpc: Rpc) -> list[int]:
    """Agents that a supervisor which died has left."""
    try:
        ours = {info["pid"] for info in rpc.call("supervisor.getAllProcessInfo")}
    except Unknown:
        ours = set()
    agents = [p for p in marked(home) if proc.marks(p).get(proc.MARK_SERVICE) == b"agent"]
    return [agent for agent in agents if agent not in ours]


def marked(home: Home) -> list[int]:
    """Every process that carries this home's mark, but for ourselves and what we run in."""
    spared = proc.ancestors(os.getpid())
    mark = os.fsencode(home.run.name)
    return [
        pid
        for pid in proc.ours()
        if pid not in spared and proc.marks(pid).get(proc.MARK_RUNTIME) == mark
    ]
