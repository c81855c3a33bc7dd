"""Releases that do not work: each is stopped or returned from, and users notice nothing."""

import os
import time

import pytest

from fairlead.base.journal import Outcome, Verb
from fairlead.drivers.supervisor import proc
from scenes.house import APP, House, kill, until


def test_a_release_that_crashes_at_its_start_is_returned_from(house: House):
    """Within seconds, with git's output saying why; the copy that served never stopped."""
    app = house.app("crash")
    app.released()
    pids = app.pids()
    with app.users():
        began = time.monotonic()
        app.change("crash", crash=True)
        pushed = app.push()
        took = time.monotonic() - began
        assert "returned: web.1 of release 2 crashed" in pushed.said
        assert "no module named tides" in pushed.said or "exit status 1" in pushed.said
        app.settled()
    assert app.version()["release"] == 1
    assert app.pids() == pids
    assert took < 20
    _ended(house, "crash", 2, Outcome.FAILED)


def test_a_release_that_hangs_meets_its_ready_limit(house: House):
    """It starts and never listens: not known to be ready is never ready."""
    app = house.app("hang", ready="3s")
    app.released()
    with app.users():
        app.change("hang", hang=True)
        pushed = app.push()
        assert "returned: web.1 of release 2 was not ready within 3 s" in pushed.said
        app.settled()
    assert app.version()["release"] == 1


def test_a_release_that_answers_500_is_refused_within_ten_seconds(house: House):
    """It is there and it is wrong: it gets no traffic, and not its whole ready limit either."""
    app = house.app("wrong", ready="60s")
    app.released()
    with app.users():
        began = time.monotonic()
        app.change("wrong", health=500)
        pushed = app.push()
        took = time.monotonic() - began
        assert "/health answered 500" in pushed.said
        app.settled()
    assert took < 20, took  # 10 s on a machine that does nothing else
    assert app.version()["release"] == 1


def test_a_worker_that_fails_after_the_web_came_up_takes_the_release_back(house: House):
    """Whole: the web's traffic goes back too, and the old worker works again (promise 4)."""
    app = house.app("half", worker=True)
    app.released()
    with app.users():
        app.change("half", worker=3)
        pushed = app.push()
        assert "returned: worker.1 of release 2 crashed" in pushed.said
        app.settled()
    assert app.version()["release"] == 1
    assert {name.partition(" ")[0] for name in app.pids()} == {"web.1", "worker.1"}
    assert not app.data("overlaps").exists()


def test_a_smoke_check_that_returns_nonsense_is_returned_from(house: House):
    """Its body is no JSON, so nobody knows whether it is well: it gets no traffic."""
    app = house.app("smoke")
    app.released()
    with app.users() as users:
        app.change("smoke", smoke="<html>well?</html>")
        pushed = app.push()
        assert "/smoke did not answer with JSON" in pushed.said
        app.settled()
        assert users.snapshot.failed == 0
    assert app.version()["release"] == 1


def test_a_migration_that_fails_leaves_the_old_release_serving(house: House):
    """Its backup was taken before; the record says that it failed, and it ran once."""
    app = house.app("migrate", migrate=True)
    app.released()
    with app.users(paths=["/rows", "/version"]):
        app.write({"migrations/0002_more.sql": "alter table passages add column depth integer;"})
        app.change("migrate", migrate_exit=1)
        pushed = app.push()
        assert "The migration of release 2 failed: exit 1" in pushed.said
        app.settled()
    assert app.version()["release"] == 1
    assert app.data("migrations.log").read_text().splitlines() == ["1", "2"]
    steps = house.entries("migrate", Verb.STEP)
    failed = [e for e in steps if e.release == 2 and e.outcome == Outcome.FAILED]
    assert [e.text("step") for e in failed] == ["migrate"]
    backups = house.tools.home.backups(app.place)
    assert list(backups.glob("before-2*"))


@pytest.mark.parametrize("keeper", [False, True])
def test_a_migration_killed_with_the_agent_is_never_read_as_done(house: House, keeper: bool):
    """Killed alone, it failed, and the old release serves on. Killed with what keeps its
    outcome, nobody knows how it ended, and it is run again (promise 12)."""
    app = house.app(f"lost{keeper:d}", migrate=True)
    app.released()
    with app.users(paths=["/rows", "/version"]):
        app.write({"migrations/0002_more.sql": "alter table passages add column depth integer;"})
        app.change("lost", migrate_seconds=3)
        with app.pushing() as pusher:
            log = app.data("migrations.log")
            until(lambda: log.read_text().splitlines() == ["1", "2"], "the migration runs")
            kill(house.agent())
            for pid in _migrating(house, keeper=keeper):
                kill(pid)
            said, _ = pusher.communicate(timeout=100)
        app.serves(2 if keeper else 1)
        app.settled()
    assert log.read_text().splitlines() == (["1", "2", "2"] if keeper else ["1", "2"]), said
    assert app.get("/rows") == (200, "1")
    house.must_hold()


def test_a_release_that_takes_long_to_be_ready_is_waited_for(house: House):
    """Users are served by the release before as if nothing happened."""
    app = house.app("slow")
    app.released()
    with app.users() as users:
        app.change("slow", boot=8)
        app.released()
        assert users.snapshot.max_ms < 2500
    assert app.version()["release"] == 2


@pytest.mark.soak
def test_a_release_that_takes_twenty_seconds_to_be_ready_is_waited_for(house: House):
    """The same with the figure of the issue, inside the default ready limit of 60 s."""
    app = house.app("slower")
    app.released()
    with app.users() as users:
        app.change("slower", boot=20)
        app.released()
        assert users.snapshot.max_ms < 2500


def test_a_first_release_that_fails_leaves_nothing_half_left(house: House):
    """Nothing served before it, so nothing serves; the next good push does."""
    app = house.app("stillborn")
    app.change("crash", crash=True)
    pushed = app.push()
    assert "failed: " in pushed.said
    until(lambda: not app.pids(), "its copies are gone")
    until(lambda: not house.tools.world.proxy.sites(app.place), "its route is gone")
    app.change("well")
    app.released()
    assert app.version()["release"] == 2


def test_a_build_that_fails_says_so_and_changes_nothing(house: House):
    """The change passed its checks and cannot become an artifact."""
    app = house.app("unbuilt")
    app.released()
    app.write({"build.py": "import sys; print('no compiler'); sys.exit(4)"})
    app.change("unbuilt")
    pushed = app.push()
    assert "a build command failed with exit 4" in pushed.said
    assert app.version()["release"] == 1
    app.write({"build.py": (APP / "build.py").read_text()})
    app.change("built")
    app.released()
    assert app.version()["word"] == "built"


def test_a_build_that_leaves_no_assets_is_no_artifact(house: House):
    """The manifest names a directory of assets and there is none: said when it is built, with
    the key, and not when users already wait for it."""
    app = house.app("bare")
    app.released()
    app.write({"build.py": "print('nothing to build')\n"})
    app.change("bare")
    pushed = app.push()
    assert "build.assets.directory: the build left no directory 'public'" in pushed.said
    assert app.version()["release"] == 1
    assert house.tools.world.releases.get("bare", 2) is None


def _ended(house: House, app: str, release: int, outcome: Outcome) -> None:
    found = [e.outcome for e in house.entries(app, Verb.ROLLOUT) if e.release == release]
    assert found == [outcome]


def _migrating(house: House, *, keeper: bool) -> list[int]:
    """The process that runs the migration; with ``keeper``, first the one that waits for it."""
    home = os.fsencode(house.tools.home.run.name)
    for process in proc.lines(proc.ours()).values():
        marks = proc.marks(process.pid)
        if marks.get(proc.MARK_RUNTIME) == home and proc.MARK_TASK in marks:
            return [process.parent, process.pid] if keeper else [process.pid]
    raise AssertionError("no migration runs")
