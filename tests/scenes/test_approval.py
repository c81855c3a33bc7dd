"""An environment that a person guards: a push is held, and consent is to one plan."""

import json
from contextlib import ExitStack

import pytest

from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.base.journal import Outcome, Verb
from fairlead.service.rollback import rollback
from scenes.house import House, stray, until

GUARDED = """
[environment.staging]
branch = "main"
strategy = {{ kind = "blue-green", hold = "0s" }}

[environment.staging.settings]
DATABASE_URL = "sqlite:///{{data}}/app.sqlite3"

[environment.live]
approval = true
strategy = {strategy}

[environment.live.settings]
DATABASE_URL = "sqlite:///{{data}}/app.sqlite3"
"""
HELD = '\n[environment.local]\nbranch = "main"\napproval = true\nstrategy = {strategy}\n'


def test_a_push_is_held_until_somebody_approves_its_plan(house: House):
    """Proposed is not desired: it waits, says what for, and goes on with the approval."""
    app = house.app("guarded", environments=HELD)
    pushed = app.push()
    assert pushed.code == 0
    assert "waits for approval: fairlead approve guarded/local" in pushed.said
    assert not app.pids()
    told = json.loads(house.cli("plan", "guarded/local", "--json").stdout)
    approved = house.cli("approve", "guarded/local", "--plan", told["digest"][:19])
    assert approved.returncode == 0, approved.stderr
    app.serves(1)
    app.settled()
    [consent] = house.entries("guarded", Verb.APPROVE)
    assert consent.text("plan") == told["digest"]
    rollouts = house.entries("guarded", Verb.ROLLOUT)
    assert [(e.release, e.outcome) for e in rollouts] == [(1, Outcome.DONE)]


def test_a_plan_that_was_read_and_is_another_now_is_not_approved(house: House):
    """Consent to what one has not read is none."""
    app = house.app("reread", environments=HELD)
    app.push()
    refused = house.cli("approve", "reread/local", "--plan", "sha256:0123456789ab")
    assert refused.returncode == 3
    assert "no longer applies" in refused.stderr
    assert not app.pids()


def test_a_world_that_changed_after_the_approval_stops_the_rollout(house: House):
    """The approved plan no longer applies: written down, and what served serves on."""
    app = house.app("moved", environments=HELD)
    app.push()
    assert house.cli("approve", "moved/local").returncode == 0
    app.serves(1)
    app.settled()
    app.change("second")
    app.push()
    with app.users(), ExitStack() as world:
        house.tools.machine.stop_agent()
        assert house.cli("approve", "moved/local", "--no-wait").returncode == 0
        world.enter_context(stray(house, app))
        house.tools.machine.ensure_agent()
        until(lambda: _refused(house, "moved"), "the rollout is refused")
        assert "no longer applies" in _refused(house, "moved")[-1]
        app.settled_on(1)
    assert app.version()["release"] == 1


def _refused(house: House, app: str) -> list[str]:
    return [e.why for e in house.entries(app, Verb.ROLLOUT) if e.outcome == Outcome.REFUSED]


def test_the_same_artifact_goes_from_staging_to_live(house: House):
    """Promoted once it has proven itself, held there, approved, serving: one digest all along."""
    app = house.app("prom", environments=GUARDED, migrate=True)
    staging, live = Place("prom", "staging"), Place("prom", "live")
    app.released()
    app.serves(1, staging)
    app.settled(staging)
    promoted = house.cli("promote", "prom/staging", "live", "--why", "it is good")
    assert promoted.returncode == 0, promoted.stderr
    assert house.tools.desired(live) is None
    approved = house.cli("approve", "prom/live")
    assert approved.returncode == 0, approved.stderr
    app.serves(1, live)
    app.settled(live)
    wishes = house.entries("prom", Verb.DESIRE)
    assert len({e.text("digest") for e in wishes if e.text("digest")}) == 1
    assert app.data("app.sqlite3", live).exists()


def test_what_has_not_proven_itself_is_not_promoted(house: House):
    """It did not pass its smoke checks there, so it goes nowhere else."""
    app = house.app("unproven", environments=GUARDED)
    app.change("bad", smoke="nonsense")
    app.push()
    refused = house.cli("promote", "unproven/staging", "live")
    assert refused.returncode == 3
    assert "has not passed its smoke checks" in refused.stderr


def test_going_back_past_a_contract_is_refused_with_the_ways_out(house: House):
    """The schema has moved past the older release: it would not run (promise 11)."""
    app = house.app("contract", migrate=True)
    app.released()
    app.write({"migrations/0002_contract_boats.sql": "alter table passages rename boat to ship;"})
    app.change("contracted")
    app.released()
    app.settled()
    with app.users():
        with pytest.raises(Refused, match="the schema has moved past release 1") as refused:
            rollback(house.tools, app.place, 0, "oh")
        assert "0002_contract_boats.sql" in refused.value.what
        assert "roll forward" in refused.value.hint
        assert "restore the backup" in refused.value.hint
        back = house.cli("rollback", "contract/local")
        assert back.returncode == 3
        assert "Traceback" not in back.stderr
    assert app.version()["release"] == 2
