"""``plan``: the way from what runs to what should run, and its digest."""

import msgspec

from fairlead.base.errors import NotFound, UsageError
from fairlead.base.ids import Digest, Place
from fairlead.desired import read
from fairlead.desired.model import Desired, Proposal
from fairlead.plan.explain import explain
from fairlead.plan.model import Halted
from fairlead.plan.next_wave import backs_up
from fairlead.plan.room import figures
from fairlead.plan.unfold import unfold
from fairlead.plan.view import View
from fairlead.rollout.look import look
from fairlead.service.answers.status import plainly
from fairlead.service.tools import Tools


class PlanTold(msgspec.Struct, frozen=True):
    """A plan in sentences. ``of`` is "desired", "proposed" or "asked about"; ``empty`` says
    that there is nothing to do; ``approve`` is the command that consents to it, or ""; ``room`` is
    what it needs and what there is, "" where it has begun."""

    place: str
    release: int
    of: str
    digest: Digest
    empty: bool
    sentences: tuple[str, ...]
    approve: str = ""
    room: str = ""


def plan(tools: Tools, place: Place, number: int = 0) -> PlanTold:
    """The plan for what is proposed, else for what is desired; or for release ``number``.

    Raises NotFound when nothing is asked for, Unknown when the world does not answer.
    """
    wanted, of = _wanted(tools, place, number)
    seen = look(tools.world, place, plainly(wanted))
    found = unfold(wanted, seen)
    view = View(wanted, seen)
    approve = f"fairlead approve {place}" if of == "proposed" else ""
    empty = not found.waves
    release = wanted.release.number
    room = "" if empty and not isinstance(found.ends, Halted) else figures(view, backs_up(view))
    return PlanTold(str(place), release, of, found.digest, empty, explain(found), approve, room)


def proposed(proposal: Proposal) -> Desired:
    """A proposal as what would be desired."""
    return Desired(
        place=proposal.place,
        revision=proposal.revision,
        release=proposal.release,
        strategy=proposal.strategy,
        how=proposal.how,
        previous=proposal.previous,
    )


def document(tools: Tools, place: Place) -> bytes:
    """Exactly the bytes to sign by hand in approval of what is proposed, by its plan now."""
    found = plan(tools, place)
    return read.approval_document(
        tools.deploy.repo.look(), tools.deploy.verifier, place, found.digest
    )


def _wanted(tools: Tools, place: Place, number: int) -> tuple[Desired, str]:
    if number:
        return _asked_about(tools, place, number), "asked about"
    held = read.proposal(tools.deploy.repo.look(), tools.deploy.verifier, place)
    if held is not None:
        return proposed(held), "proposed"
    wanted = tools.desired(place)
    if wanted is None:
        raise NotFound(f"nothing is desired in {place}", "fairlead status")
    return wanted, "desired"


def _asked_about(tools: Tools, place: Place, number: int) -> Desired:
    """A release as if it were asked for now; nothing is written."""
    look_ = tools.deploy.repo.look()
    release = read.release(look_, tools.deploy.verifier, place.app, number)
    environment = release.manifest.environment(place.environment)
    if environment is None:
        known = ", ".join(e.name for e in release.manifest.environments)
        what = f"release {number} knows no environment {place.environment!r}"
        raise UsageError(what, f"its fairlead.toml names: {known}")
    now = tools.desired(place)
    previous = now.release.number if now else 0
    return Desired(place, f"asked-{number}", release, environment.strategy, "release", previous)
