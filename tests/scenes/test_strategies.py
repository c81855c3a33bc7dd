"""Second releases under traffic: a migration, long requests, WebSockets, old pages, strategies."""

import time

import pytest

from fairlead.base.journal import Outcome, Verb
from fairlead.service.rollback import rollback
from scenes.house import House, until

COUNT = "create table boats (id integer primary key, name text);"


@pytest.mark.parametrize("strategy", ['"rolling"', '"blue-green"'])
def test_a_second_release_with_a_migration_costs_no_request(house: House, strategy: str):
    """A 5 s request in flight at the switch, an open WebSocket, and the assets of the page before."""
    app = house.app(strategy.strip('"'), copies=2, strategy=strategy, migrate=True, worker=True)
    app.released()
    asked = {"paths": [("/version", 3), ("/rows", 1), ("/", 1)], "assets": "/"}
    with app.users(**asked, long="/slow?seconds=5", websocket="/ws") as users:
        until(lambda: users.snapshot.websocket_open and users.snapshot.long_in_flight, "all ways")
        app.write({"migrations/0002_boats.sql": COUNT})
        app.change("second")
        app.released()
        app.settled()
        until(lambda: users.snapshot.websocket_open, "the WebSocket, back")
        report = users.stop(wait_long=True)
        assert report.long_failed == 0
        assert report.long_finished >= 1
        for close in report.websocket_closes:  # told to go, and back at once
            assert close.code in (1000, 1001, 1012), close
            if close.at < report.end - 2:  # one that was told at the very end had no time to
                assert close.back_ms is not None, close
                assert close.back_ms < 2000, close
    assert app.version()["release"] == 2
    assert app.data("migrations.log").read_text().split() == ["1", "2"]
    assert not app.data("overlaps").exists()
    backup = house.tools.home.backups(app.place)
    assert list(backup.glob("before-2*"))


def test_going_back_while_the_old_side_is_held_is_a_switch(house: House):
    """No process is started for it: the same copies as before the release serve again."""
    app = house.app("held", copies=2, strategy='{ kind = "blue-green", hold = "2m" }')
    app.released()
    first = app.pids()
    with app.users():
        app.change("second")
        app.released()
        app.settled()
        assert first.items() <= app.pids().items()
        began = time.monotonic()
        rollback(house.tools, app.place, 0, "it is slow")
        house.tools.machine.wake()
        app.serves(1)
        took = time.monotonic() - began
        app.settled()
    assert first.items() <= app.pids().items()
    assert took < 3, took  # 0.3 s on a machine that does nothing else
    print(f"going back by a switch: {took:.3f} s")


def test_an_old_side_that_is_not_held_is_stopped_once_it_is_idle(house: House):
    """After the drain: a request in flight on the old side ends first."""
    app = house.app("unheld", strategy='{ kind = "blue-green", hold = "0s" }')
    app.released()
    with app.users(long="/slow?seconds=4") as users:
        until(lambda: users.snapshot.long_in_flight, "a long request is out")
        app.change("second")
        app.released()
        until(lambda: len(app.pids()) == 1, "the old copy is gone")
        report = users.stop(wait_long=True)
        assert report.long_failed == 0
    assert [*app.pids()] == ["web.1 of release 2"]


CANARY = '{{ kind = "canary", weights = [50], bake = "{bake}s", patience = "3s"{verdict} }}'


@pytest.mark.parametrize(
    ("answer", "said"), [(0, "rolled out in"), (1, "is unhealthy"), (7, "nobody can say whether")]
)
def test_a_canary_goes_on_only_when_the_verdict_is_healthy(house: House, answer: int, said: str):
    """Exit 0 goes on, exit 1 goes back, and anything else is not known: it goes back too."""
    import sys

    verdict = f', verdict = "{sys.executable} verdict.py"'
    app = house.app(f"canary{answer}", strategy=CANARY.format(bake=2, verdict=verdict))
    app.released()
    app.data("verdict").write_text(str(answer))
    with app.users():
        app.change("second")
        pushed = app.push()
        assert said in pushed.said
        app.settled()
    assert app.version()["release"] == (1 if answer else 2)


def test_a_canary_shares_the_traffic_while_it_is_baked(house: House):
    """Half of the answers come from each release; without a verdict the smoke checks judge."""
    app = house.app("shares", strategy=CANARY.format(bake=3, verdict=""))
    app.released()
    with app.users():
        app.change("second")
        with app.pushing() as pusher:
            until(lambda: app.version().get("release") == 2, "it has a share")
            seen = [app.version().get("release") for _ in range(40)]
            pusher.communicate(timeout=100)
        assert {1, 2} == set(seen)
        app.settled()
    assert app.version()["release"] == 2


def test_recreate_says_that_it_has_a_gap(house: House):
    """The one strategy that may fail requests: its plan says so, and it never runs twice."""
    app = house.app("gap", strategy='"recreate"')
    app.released()
    app.change("second")
    with app.users(allowed=10_000):
        pushed = app.push()
        assert pushed.code == 0, pushed.said
        app.serves(2)
        app.settled()
    rollout = house.entries("gap", Verb.ROLLOUT)[-1]
    assert rollout.outcome == Outcome.DONE
    assert [*app.pids()] == ["web.1 of release 2"]
    assert "gap" in house.cli("plan", "gap/local", "--release", "1").stdout.lower()


def test_a_setting_changes_with_a_release_and_goes_back_with_it(house: House):
    """Settings and artifact are one thing: going back brings the old ones (promise 11)."""
    from fairlead.service.settings import set_settings

    app = house.app("settings", strategy='{ kind = "blue-green", hold = "0s" }')
    app.released()
    with app.users():
        made = set_settings(house.tools, app.place, {"COLOUR": "green"}, "greener")
        house.tools.machine.wake()
        assert made.release == 2
        app.serves(2)
        app.settled()
        assert app.version()["setting"] == "green"
        rollback(house.tools, app.place, 0, "too green")
        house.tools.machine.wake()
        app.serves(1)
        app.settled()
    assert app.version()["setting"] == ""
