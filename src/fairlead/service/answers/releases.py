"""``releases``: every release of an app, and what became of it in each environment."""

import msgspec

from fairlead.base.errors import FairleadError
from fairlead.base.ids import Place
from fairlead.base.journal import Outcome, Verb
from fairlead.desired import read
from fairlead.record import references as refs
from fairlead.record.chain import entry_of
from fairlead.record.model import Entry
from fairlead.service.answers.status import serving_entry
from fairlead.service.tools import Tools

_MANY = 200


class InPlace(msgspec.Struct, frozen=True):
    """What became of a release in an environment: ``serving``, ``desired`` (and not serving
    yet), ``waiting`` for approval, ``done before``, ``failed``, or ``never`` asked for."""

    environment: str
    outcome: str
    why: str = ""
    at: str = ""


class ReleaseLine(msgspec.Struct, frozen=True):
    """One release. ``problem`` is set when its file cannot be trusted."""

    number: int
    commit: str = ""
    subject: str = ""
    made_at: str = ""
    made_by: str = ""
    digest: str = ""
    dependencies: int = 0
    places: tuple[InPlace, ...] = ()
    problem: str = ""


class Releases(msgspec.Struct, frozen=True):
    """An app's releases, newest first. ``older`` counts those that are not listed."""

    app: str
    releases: tuple[ReleaseLine, ...]
    older: int = 0


class _Now(msgspec.Struct, frozen=True):
    """A place's present: what serves, what is desired, what is proposed, what was done."""

    place: Place
    serving: int
    desired: int
    proposed: int
    proven: frozenset[int]


def releases(tools: Tools, app: str, lines: int = 20) -> Releases:
    """The newest ``lines`` releases of an app."""
    look = tools.deploy.repo.look()
    numbers = read.releases(look, app)[::-1]
    now = tuple(_now(tools, place) for place in tools.places() if place.app == app)
    told = tuple(_line(tools, app, number, now) for number in numbers[:lines])
    return Releases(app, told, max(0, len(numbers) - lines))


def _now(tools: Tools, place: Place) -> _Now:
    look = tools.deploy.repo.look()
    entry = serving_entry(tools, place)
    try:
        desired = read.desired_number(look, place)
        held = read.proposal(look, tools.deploy.verifier, place)
    except FairleadError:  # status says what is wrong with it; here it only is not known
        desired, held = 0, None
    proposed = held.release.number if held else 0
    return _Now(place, entry.release if entry else 0, desired, proposed, tools.proven(place))


def _line(tools: Tools, app: str, number: int, now: tuple[_Now, ...]) -> ReleaseLine:
    rows = tools.store.find(refs.RELEASE, refs.release(app, number), limit=_MANY, newest=True)
    entries = [entry for entry in map(entry_of, rows) if entry.release == number]
    places = tuple(_in_place(number, at, entries) for at in now)
    try:
        release = tools.world.releases.get(app, number)
    except FairleadError as error:
        return ReleaseLine(number, places=places, problem=error.what)
    if release is None:
        return ReleaseLine(number, places=places, problem="its file is gone")
    artifact = release.artifact
    return ReleaseLine(
        number,
        artifact.commit,
        release.subject,
        release.made_at,
        release.made_by,
        artifact.digest,
        len(artifact.dependencies),
        places,
    )


def _in_place(number: int, now: _Now, entries: list[Entry]) -> InPlace:
    where = now.place.environment
    ends = [
        e
        for e in entries
        if (e.verb, e.environment) == (Verb.ROLLOUT, where) and e.outcome != Outcome.INTENT
    ]
    last = ends[-1] if ends else None
    at = last.at if last else ""
    if number == now.serving:
        return InPlace(where, "serving", at=at)
    if number == now.proposed:
        return InPlace(where, "waiting", f"fairlead approve {now.place}")
    if last and last.outcome != Outcome.DONE:
        return InPlace(where, "failed", last.why, at)
    if number == now.desired:
        return InPlace(where, "desired", at=at)
    if last or number in now.proven:
        return InPlace(where, "done before", at=at)
    return InPlace(where, "never")
