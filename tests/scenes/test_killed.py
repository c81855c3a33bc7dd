"""Killed in the middle, again and again: the same end each time, and no request fails."""

import os
import random
import signal
import time

import pytest

from fairlead.base.journal import Outcome, Verb
from fairlead.record.flow import unclosed
from fairlead.service import machine
from scenes.house import App, House, kill, until

TIMES = 6
MORE_TIMES = 24


@pytest.mark.soak
def test_an_agent_killed_anywhere_in_a_rollout_ends_as_if_it_had_not(house: House):
    """kill -9 at six random moments of six rollouts with a migration and a worker."""
    _killed(house, house.app("killed", copies=2, migrate=True, worker=True), TIMES, seed=7)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_an_agent_killed_many_times_ends_as_if_it_had_not(house: House):
    """The same, more often, and several times in one rollout."""
    seed = int(os.environ.get("FAIRLEAD_SEED", time.time()))
    print(f"FAIRLEAD_SEED={seed}")
    app = house.app("often", copies=2, migrate=True, worker=True)
    _killed(house, app, MORE_TIMES, seed, most=3)


def _killed(house: House, app: App, times: int, seed: int, most: int = 1) -> None:
    chance = random.Random(seed)
    app.released()
    with app.users(paths=["/rows", "/version", "/"], assets="/", long="/slow?seconds=2"):
        for number in range(2, times + 2):
            table = f"create table t{number} (id integer);"
            app.write({f"migrations/{number:04}_more.sql": table})
            app.change(f"release {number}")
            with app.pushing() as pusher:
                until(lambda n=number: _begun(house, app, n), "it is rolled out")
                for _ in range(chance.randint(1, most)):
                    time.sleep(chance.uniform(0, 1.2))
                    kill(house.agent())
                said, _ = pusher.communicate(timeout=100)
            assert pusher.returncode == 0, said
            app.serves(number)
            app.settled()
    _ends_the_same(house, app, times + 1)


def _begun(house: House, app: App, number: int) -> bool:
    wanted = house.tools.desired(app.place)
    return wanted is not None and wanted.release.number == number


def _ends_the_same(house: House, app: App, last: int) -> None:
    """One migration for each release, no singleton twice, one release whole, all written down."""
    assert app.data("migrations.log").read_text().split() == [str(n) for n in range(1, last + 1)]
    assert not app.data("overlaps").exists()
    running = {name for name in app.pids() if name.endswith(f"release {last}")}
    assert running == {f"{copy} of release {last}" for copy in ("web.1", "web.2", "worker.1")}
    until(lambda: not [e for e in unclosed(house.tools.store) if e.app == app.name], "all closed")
    rollouts = house.entries(app.name, Verb.ROLLOUT)
    assert [e.release for e in rollouts] == list(range(1, last + 1))
    assert {e.outcome for e in rollouts} == {Outcome.DONE}
    house.must_hold()


@pytest.mark.parametrize("moment", ["checks", "rollout"])
def test_a_pusher_that_is_killed_changes_nothing_or_is_carried_on(house: House, moment: str):
    """In its checks: nothing was pushed. Once the ref moved: the agent carries it on."""
    app = house.app(f"pusher-{moment}")
    app.released()
    before = app.head()
    with app.users():
        app.change("left alone", check_seconds=2 * (moment == "checks"), boot=2)
        with app.pushing() as pusher:
            if moment == "checks":
                until(lambda: b"checking" in _said(pusher), "the check runs")
            else:
                until(lambda: _begun(house, app, 2), "it is rolled out")
            os.killpg(pusher.pid, signal.SIGKILL)
            pusher.wait()
        if moment == "checks":
            time.sleep(3)
            assert app.head() == before
            app.change("and again")
            app.released()
        app.serves(2)
        app.settled()
    until(lambda: not [e for e in unclosed(house.tools.store) if e.app == app.name], "all closed")


def test_an_agent_killed_while_it_checks_is_asked_again(house: House):
    """The pusher waits for the agent that comes back; the push is in once, and it serves."""
    app = house.app("asked-again")
    app.released()
    with app.users():
        app.change("checked twice", check_seconds=2)
        with app.pushing() as pusher:
            until(lambda: b"checking" in _said(pusher), "the check runs")
            os.kill(house.agent(), signal.SIGKILL)
            os.set_blocking(pusher.stdout.fileno(), True)
            said, _ = pusher.communicate(timeout=60)
        assert pusher.returncode == 0, said
        app.serves(2)
        app.settled()
    outcomes = [e.outcome for e in house.entries(app.name, Verb.PUSH)]
    assert outcomes == [Outcome.DONE, Outcome.UNKNOWN, Outcome.DONE]
    until(lambda: not [e for e in unclosed(house.tools.store) if e.app == app.name], "all closed")


def _said(pusher) -> bytes:
    os.set_blocking(pusher.stdout.fileno(), False)
    return os.read(pusher.stdout.fileno(), 4096) if _readable(pusher) else b""


def _readable(pusher) -> bool:
    import select

    return bool(select.select([pusher.stdout], [], [], 0)[0])


def test_an_agent_that_is_restarted_touches_no_copy(house: House):
    """Restarted under traffic, as an upgrade does: the same copies, and then it still works."""
    app = house.app("upgrade", copies=2, worker=True)
    app.released()
    pids = app.pids()
    with app.users():
        for _ in range(3):
            before = house.agent()
            machine.restart(house.tools)
            assert house.agent() != before
            assert app.pids() == pids
        app.change("after it")
        app.released()
        app.settled()
    assert app.version()["release"] == 2


def test_a_proxy_that_is_killed_comes_back_with_what_it_served(house: House):
    """The supervisor starts it again from the configuration it took last. What was on its way
    through it is lost, for the time it takes to start; nothing after that."""
    app = house.app("proxied", copies=2)
    app.released()
    app.change("second")
    app.released()
    pids = app.pids()
    caddy = house.tools.machine.seen().proxy
    kill(caddy)
    began = time.monotonic()
    until(lambda: app.version().get("release") == 2, "it serves again")
    took = time.monotonic() - began
    assert house.tools.machine.seen().proxy not in (0, caddy)
    assert app.pids() == pids
    assert took < 10
    with app.users():
        app.change("third")
        app.released()
        app.settled()


def test_a_supervisor_that_is_killed_is_replaced_and_everything_starts_once(house: House):
    """A machine's worst hour: kill -9 of supervisord itself. Its children are orphans; they are
    ended before new ones start, so that no singleton runs twice, and what was desired serves."""
    app = house.app("orphaned", copies=2, worker=True)
    app.released()
    before = app.pids()
    supervisor, agent = house.tools.machine.seen().supervisor, house.agent()
    kill(supervisor)
    until(lambda: house.tools.machine.seen().supervisor not in (0, supervisor), "a new one runs")
    app.serves(1)
    app.settled()
    until(lambda: len(app.pids()) == len(before), "every copy runs again")
    assert not set(app.pids().values()) & set(before.values())
    assert not app.data("overlaps").exists()
    until(lambda: not _any_alive(before.values()), "the orphans are gone")
    until(lambda: house.tools.machine.seen().agent not in (0, agent), "a new agent is looked after")
    with app.users():
        app.change("after it")
        app.released()
        app.settled()


def _any_alive(pids) -> bool:
    from fairlead.drivers.supervisor import proc

    return any(proc.find(pid) for pid in pids)
