"""``status``: every place as it is now, also when half of it does not answer.

Looking is all this does: no effect, no lease, no command of anybody's is run.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec

from fairlead.base.clock import stamp
from fairlead.base.errors import FairleadError
from fairlead.base.ids import Place
from fairlead.desired import read
from fairlead.desired.model import Desired, Proposal
from fairlead.manifest.model import Environment, Recreate
from fairlead.plan.drift import drift
from fairlead.plan.model import Copy, CopyState, Job, JobState, Observed, Route, Wave
from fairlead.plan.next_wave import held_until, next_wave
from fairlead.plan.view import View
from fairlead.record import references as refs
from fairlead.record.chain import entry_of
from fairlead.record.model import Entry
from fairlead.rollout.flow import state_of
from fairlead.rollout.look import look
from fairlead.service import certificates
from fairlead.service.ports import MachineSeen
from fairlead.service.tools import Tools

WIDTH = 4
"""How many places are looked at side by side."""


class Problem(msgspec.Struct, frozen=True):
    """Why something is not known or not as it should be, and the next command."""

    what: str
    hint: str = ""


class CopyStatus(msgspec.Struct, frozen=True):
    """A copy now. ``in_flight`` None: not known."""

    name: str
    release: int
    state: str
    since: str
    pid: int
    in_flight: int | None
    crashes: int
    detail: str = ""


class RoleStatus(msgspec.Struct, frozen=True):
    """A role of the desired release: how many copies are wanted and ready."""

    role: str
    wanted: int
    ready: int


class Share(msgspec.Struct, frozen=True):
    """How much of a role's traffic a release gets, in percent."""

    role: str
    release: int
    percent: int


class Underway(msgspec.Struct, frozen=True):
    """A rollout that has begun: of what, since when, what happens now, who holds the lease."""

    release: int
    how: str
    since: str
    sentence: str
    holder: str = ""


class Waits(msgspec.Struct, frozen=True):
    """A release that waits for an approval, and the command that gives it."""

    release: int
    commit: str
    subject: str
    who: str
    command: str


class PlaceStatus(msgspec.Struct, frozen=True):
    """One place. ``state`` is settled, rolling out, asked for, failed, drifted, empty or
    not known; ``serving`` is the release that serves by the record, 0 for none."""

    app: str
    environment: str
    state: str
    sentence: str
    serving: int
    desired: int = 0
    commit: str = ""
    subject: str = ""
    since: str = ""
    strategy: str = ""
    how: str = ""
    url: str = ""
    certificate: str = ""
    roles: tuple[RoleStatus, ...] = ()
    copies: tuple[CopyStatus, ...] = ()
    shares: tuple[Share, ...] = ()
    held: int = 0
    held_until: str = ""
    underway: Underway | None = None
    proposal: Waits | None = None
    drift: tuple[str, ...] = ()
    problem: Problem | None = None


class Status(msgspec.Struct, frozen=True):
    """A home: its own processes, and every place in it."""

    home: str
    machine: MachineSeen
    places: tuple[PlaceStatus, ...]
    problem: Problem | None = None


def status(tools: Tools, app: str = "") -> Status:
    """Every place, or those of one app. What cannot be looked at is told as not known."""
    problem: Problem | None = None
    places: tuple[Place, ...] = ()
    try:
        places = tuple(p for p in tools.places() if app in ("", p.app))
    except FairleadError as error:
        problem = Problem(error.what, error.hint)
    with ThreadPoolExecutor(WIDTH) as pool:  # most of a look is waiting for git and for copies
        machine = pool.submit(tools.machine.seen)
        told = tuple(pool.map(lambda place: place_status(tools, place), places))
        return Status(str(tools.home.root), machine.result(), told, problem)


def place_status(tools: Tools, place: Place) -> PlaceStatus:
    """One place; not raising for what cannot be read."""
    entry = serving_entry(tools, place)
    try:
        wanted = tools.desired(place)
        proposal = read.proposal(tools.deploy.repo.look(), tools.deploy.verifier, place)
    except FairleadError as error:
        return _unreadable(tools, place, entry, error)
    if wanted is None:
        return _empty(place, entry, proposal)
    base = _known(tools, wanted, entry, proposal)
    try:
        seen = look(tools.world, place, plainly(wanted))
        mark = state_of(tools.world, wanted)
    except FairleadError as error:
        problem = Problem(error.what, error.hint)
        sentence = f"{_serving_by_record(base)}; what runs is not known: {error.what}"
        return _with(base, state="not known", sentence=sentence, problem=problem)
    return _looked(tools, wanted, base, seen, mark)


def plainly(wanted: Desired) -> Desired:
    """The same without a verdict from outside: a look of ours asks nobody for one."""
    return msgspec.structs.replace(wanted, strategy=Recreate())


def serving_entry(tools: Tools, place: Place) -> Entry | None:
    """The newest rollout at a place that ended well."""
    key = refs.place(place.app, place.environment)
    rows = tools.store.find(refs.SERVING, key, limit=1, newest=True)
    return entry_of(rows[0]) if rows else None


def _with(base: PlaceStatus, **fields: object) -> PlaceStatus:
    return msgspec.structs.replace(base, **fields)


def _serving_by_record(base: PlaceStatus) -> str:
    if not base.serving:
        return "by the record nothing serves"
    return f"by the record release {base.serving} serves"


def _unreadable(
    tools: Tools, place: Place, entry: Entry | None, error: FairleadError
) -> PlaceStatus:
    return PlaceStatus(
        *place,
        state="not known",
        sentence=f"what should run cannot be read, so what runs is left alone: {error.what}",
        serving=entry.release if entry else 0,
        since=entry.at if entry else "",
        url=_url(tools, place),
        problem=Problem(error.what, error.hint),
    )


def _empty(place: Place, entry: Entry | None, proposal: Proposal | None) -> PlaceStatus:
    said = "nothing is desired here yet" if proposal else "nothing is desired here any more"
    serving = entry.release if entry else 0
    return PlaceStatus(*place, "empty", said, serving, proposal=_waits(proposal))


def _known(
    tools: Tools, wanted: Desired, entry: Entry | None, proposal: Proposal | None
) -> PlaceStatus:
    """What the deploy repo and the record say, before anything is looked at."""
    release = wanted.release
    environment = release.manifest.environment(wanted.place.environment)
    return PlaceStatus(
        *wanted.place,
        state="not known",
        sentence="",
        serving=entry.release if entry else 0,
        desired=release.number,
        commit=release.artifact.commit,
        subject=release.subject,
        since=entry.at if entry else "",
        strategy=str(msgspec.to_builtins(wanted.strategy)["type"]),
        how=wanted.how,
        url=_domain(tools, environment) or _url(tools, wanted.place),
        certificate=certificates.said(tools, environment),
        proposal=_waits(proposal),
    )


def _domain(tools: Tools, environment: Environment | None) -> str:
    """Where the world asks for it; "" where it has no domains, or is no server's."""
    if environment is None or not environment.domains or not tools.home.server:
        return ""
    scheme = "http" if environment.https == "off" else "https"
    return f"{scheme}://{environment.canonical or environment.domains[0]}/"


def _url(tools: Tools, place: Place) -> str:
    listen = tools.notes.listen(str(place))
    return f"http://{listen}/" if listen else ""


def _waits(proposal: Proposal | None) -> Waits | None:
    if proposal is None:
        return None
    release = proposal.release
    return Waits(
        release.number,
        release.artifact.commit,
        release.subject,
        proposal.who,
        f"fairlead approve {proposal.place}",
    )


def _looked(
    tools: Tools, wanted: Desired, base: PlaceStatus, seen: Observed, mark: Job | None
) -> PlaceStatus:
    """What the deploy repo says, with what was seen."""
    held = held_until(View(wanted, seen))
    beside = any(c.id.release == wanted.previous for c in seen.copies) and held > seen.now
    items = _drifted(wanted, seen) if mark and mark.state is JobState.SUCCEEDED else ()
    state, sentence = _state(wanted, seen, mark, items)
    return _with(
        base,
        state=state,
        sentence=sentence,
        roles=tuple(_roles(wanted, seen)),
        copies=tuple(map(_copy, seen.copies)),
        shares=tuple(share for route in seen.routes for share in _shares(route)),
        held=wanted.previous if beside else 0,
        held_until=stamp(held) if beside else "",
        underway=_underway(tools, wanted, mark, sentence),
        drift=items,
    )


def _state(
    wanted: Desired, seen: Observed, mark: Job | None, items: tuple[str, ...]
) -> tuple[str, str]:
    if mark is None:
        return "asked for", f"Release {wanted.release.number} is asked for; nobody has begun yet."
    if mark.state is JobState.FAILED:
        return "failed", mark.detail
    decision = next_wave(wanted, seen)
    if mark.state is JobState.RUNNING:
        return "rolling out", decision.sentence
    if items:
        return "drifted", f"{items[0]}." if len(items) == 1 else f"{items[0]}, and more."
    if isinstance(decision, Wave):  # the old side drains, or is stopped: nothing is amiss
        return "settled", f"Release {wanted.release.number} serves. {decision.sentence}"
    return "settled", decision.sentence


def _drifted(wanted: Desired, seen: Observed) -> tuple[str, ...]:
    return tuple(item.what for item in drift(wanted, seen))


def _underway(tools: Tools, wanted: Desired, mark: Job | None, sentence: str) -> Underway | None:
    if mark is None or mark.state is not JobState.RUNNING:
        return None
    lease = tools.world.leases.holder(wanted.place)
    holder = f"{lease.owner.partition(' [')[0]}: {lease.reason}" if lease else ""
    return Underway(wanted.release.number, wanted.how, stamp(mark.since), sentence, holder)


def _roles(wanted: Desired, seen: Observed) -> Iterator[RoleStatus]:
    for role in wanted.release.manifest.roles:
        ready = [
            c
            for c in seen.copies
            if (c.id.release, c.id.role, c.state)
            == (wanted.release.number, role.name, CopyState.READY)
        ]
        yield RoleStatus(role.name, role.copies, len(ready))


def _copy(copy: Copy) -> CopyStatus:
    name = f"{copy.id.role}.{copy.id.number}"
    return CopyStatus(
        name,
        copy.id.release,
        str(copy.state),
        stamp(copy.since),
        copy.pid,
        copy.in_flight,
        copy.crashes,
        copy.detail,
    )


def _shares(route: Route) -> Iterator[Share]:
    whole = sum(share for _, share in route.shares)
    for number in sorted({copy.release for copy, _ in route.shares}):
        part = sum(share for copy, share in route.shares if copy.release == number)
        yield Share(route.role, number, round(100 * part / whole) if whole else 0)
