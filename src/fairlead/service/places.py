"""Bringing a place to what is wanted there: what the agent does, again and again."""

from enum import StrEnum
from functools import partial

import msgspec

from fairlead.base.errors import FairleadError
from fairlead.base.ids import Digest, Place
from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.desired import flow as desired
from fairlead.desired.flow import Act
from fairlead.desired.model import Desired
from fairlead.plan.model import Halted, JobState, Plan, Settled, Waiting, Wave
from fairlead.plan.unfold import unfold
from fairlead.record.chain import entry_of
from fairlead.record.flow import head_of
from fairlead.rollout.flow import Overtaken, roll_out, state_of, tend
from fairlead.rollout.look import look
from fairlead.service.files import give_listen
from fairlead.service.tools import Tools


class Rest(StrEnum):
    """How a place was left."""

    SETTLED = "settled"
    MOVING = "moving"  # something is under way: look again soon
    HALTED = "halted"  # it cannot go on, and there is nothing to go back to
    EMPTY = "empty"  # nothing is desired, nothing runs


class Left(msgspec.Struct, frozen=True):
    """How one ``reconcile`` left a place. ``again_at`` is when something falls due (0: nothing)."""

    place: Place
    rest: Rest
    sentence: str
    again_at: float = 0.0


def reconcile(tools: Tools, place: Place) -> Left:
    """Bring the place to what is wanted there; a rollout that fails is returned from.

    Raises Refused or UsageError when what is wanted cannot be trusted (what runs is left
    alone), Busy when another process is at it, Unknown when the world does not answer.
    """
    wanted = tools.desired(place)
    if wanted is None:
        return _left(place, tend(tools.world, place, None, tools.owner, asked=True))
    mark = state_of(tools.world, wanted)
    if mark is None or mark.state is JobState.RUNNING:
        return _roll_out(tools, wanted, begun=mark is not None)
    if mark.state is JobState.FAILED:
        return _go_back(tools, wanted, mark.detail)
    return _left(place, tend(tools.world, place, wanted, tools.owner))


def plan_of(tools: Tools, wanted: Desired) -> Plan:
    """The plan from what is there now."""
    return unfold(wanted, look(tools.world, wanted.place, wanted))


def _roll_out(tools: Tools, wanted: Desired, begun: bool) -> Left:
    environment = wanted.release.manifest.environment(wanted.place.environment)
    give_listen(tools.notes, tools.machine, wanted.place, environment.listen if environment else "")
    if not begun:
        _note_by_hand(tools, wanted)
    plan = "" if begun else plan_of(tools, wanted).digest
    if plan and wanted.approved and wanted.approved != plan:
        return _plan_moved(tools, wanted, Digest(plan))
    ending = roll_out(tools.world, wanted, tools.owner, plan, partial(_newer, tools, wanted))
    if isinstance(ending.decision, Overtaken):
        return reconcile(tools, wanted.place)
    if isinstance(ending.decision, Halted):
        return _go_back(tools, wanted, ending.decision.sentence)
    return Left(wanted.place, Rest.MOVING, ending.decision.sentence)


def _newer(tools: Tools, wanted: Desired) -> str:
    """What is desired in the place instead of ``wanted``; "" while that is desired.

    A deploy repo that cannot be read now says nothing: the rollout goes on as begun.
    """
    try:
        now = tools.desired(wanted.place)
    except FairleadError:
        return ""
    if now is None:
        return "no release is desired any more"
    return "" if now.revision == wanted.revision else f"release {now.release.number} is desired now"


def _note_by_hand(tools: Tools, wanted: Desired) -> None:
    """Write down what a person asked for with plain git: no verb of ours did."""
    rows = tools.store.find("revision", wanted.revision, limit=1)
    if rows:
        return
    artifact = wanted.release.artifact
    facts: dict[str, Fact] = {
        "revision": wanted.revision,
        "commit": artifact.commit,
        "digest": artifact.digest,
        "how": wanted.how,
        "previous": wanted.previous,
    }
    place, number, why = wanted.place, wanted.release.number, wanted.why or "by hand, with git"
    tools.record.write(
        Event(Verb.DESIRE, Outcome.DONE, wanted.who or "git", why, *place, number, facts)
    )


def _plan_moved(tools: Tools, wanted: Desired, plan: Digest) -> Left:
    """The world is no longer the one that people approved a plan for."""
    why = f"the plan that was approved no longer applies: it is {plan[:19]} now"
    facts: dict[str, Fact] = {"revision": wanted.revision, "plan": plan, "reason": why}
    tools.record.write(_event(wanted, Outcome.REFUSED, why, facts))
    return _go_back(tools, wanted, why)


def _event(wanted: Desired, outcome: Outcome, why: str, facts: dict[str, Fact]) -> Event:
    place, number = wanted.place, wanted.release.number
    return Event(Verb.ROLLOUT, outcome, "agent", why, place.app, place.environment, number, facts)


def _go_back(tools: Tools, wanted: Desired, why: str) -> Left:
    """Ask for the release that served before, as an ordinary commit in the deploy repo."""
    place = wanted.place
    if wanted.how == "return":
        return Left(place, Rest.HALTED, f"the way back failed as well: {why}")
    if not tools.proven(place) - {wanted.release.number}:
        return _nothing_before(tools, wanted, why)
    act = Act("agent", why, tools.clock.now())
    desired.revert(tools.deploy, place, act, how="return", proven=tools.proven(place))
    return reconcile(tools, place)


def _nothing_before(tools: Tools, wanted: Desired, why: str) -> Left:
    """No release ever passed smoke here, so there is none to go back to.

    What has traffic and is of another release keeps it; else the place is emptied.
    """
    place, number = wanted.place, wanted.release.number
    said = f"there is no good release to go back to: {why}"
    told = map(entry_of, tools.store.find("revision", wanted.revision, limit=500, newest=True))
    if not any(entry.text("reason") == _NO_WAY_BACK for entry in told):
        facts: dict[str, Fact] = {
            "revision": wanted.revision,
            "how": "return",
            "reason": _NO_WAY_BACK,
        }
        tools.record.write(_event(wanted, Outcome.REFUSED, said, facts))
    routes = look(tools.world, place, wanted).routes
    if {copy.release for route in routes for copy, _ in route.shares} - {number}:
        return Left(place, Rest.HALTED, said)
    decision = tend(tools.world, place, None, tools.owner, asked=True)
    return Left(place, Rest.HALTED if isinstance(decision, Settled) else Rest.MOVING, said)


_NO_WAY_BACK = "nothing to return to"


def _left(place: Place, decision: Wave | Waiting | Settled | Halted) -> Left:
    match decision:
        case Settled(sentence=sentence, again_at=again):
            return Left(place, Rest.SETTLED, sentence, again)
        case Waiting(sentence=sentence, until=until):
            return Left(place, Rest.MOVING, sentence, until)
        case Wave(sentence=sentence):
            return Left(place, Rest.MOVING, sentence)
        case Halted(sentence=sentence):
            return Left(place, Rest.HALTED, sentence)


def anchor(tools: Tools) -> str:
    """Sign the record's head into the deploy repo; the commit."""
    head = head_of(tools.store)
    with tools.deploy.repo.writing("anchor the record"):
        return desired.anchor(
            tools.deploy.repo, tools.signer, head.seq, head.hash, tools.clock.now()
        )
