"""``fairlead status``."""

from collections.abc import Iterator

import click

from fairlead.cli import words
from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.paper import Paper, Piece
from fairlead.service.answers.status import (
    CopyStatus,
    PlaceStatus,
    RoleStatus,
    Status,
)
from fairlead.service.answers.status import status as look
from fairlead.service.ports import MachineSeen

_STATES = {
    "settled": "good",
    "rolling out": "moving",
    "asked for": "moving",
    "drifted": "warn",
    "failed": "bad",
    "not known": "bad",
    "empty": "dim",
}
_COPIES = {"ready": "good", "starting": "moving", "stopping": "dim"}


@verb("status", "fairlead status", "fairlead status riverside", "fairlead status --json")
@click.argument("app", default="")
def status(door: Door, app: str) -> None:
    """What serves, what is under way, what waits.

    Every place with its release, its copies and its traffic; what the agent is doing there
    now; releases that wait for an approval; drift. Looking changes nothing.
    """
    if "/" in app:
        app = app.partition("/")[0]
    if app:
        from pathlib import Path

        from fairlead.service.answers.where import app_meant

        app = app_meant(door.tools, app, Path.cwd())
    door.show(look(door.tools, app), write)


def write(paper: Paper, view: Status) -> None:
    """The status, place after place."""
    for place in view.places:
        _place(paper, place)
        paper.blank()
    if view.problem:
        paper.line((view.problem.what, "bad"))
        paper.line(("hint: ", "dim"), view.problem.hint)
        paper.blank()
    elif not view.places:
        paper.line("No app is here yet: `fairlead up`, in its repository, brings one.")
        paper.blank()
    _machine(paper, view.machine)


def _place(paper: Paper, place: PlaceStatus) -> None:
    style = _STATES.get(place.state, "")
    title: list[Piece] = [(f"{place.app}/{place.environment}", "head"), "  ", (place.state, style)]
    if place.url:
        title += ["  ", (place.url, "dim")]
    paper.line(*title)
    if place.sentence:
        paper.line(place.sentence, indent=2)
    paper.table(_facts(place, paper.now), indent=2)
    if place.problem and place.problem.hint:
        paper.line(("hint: ", "dim"), place.problem.hint, indent=2)


def _facts(place: PlaceStatus, now: float) -> Iterator[tuple[Piece, Piece]]:
    """What is worth a line, and only that."""
    if place.serving:
        yield ("serving", "dim"), _serving(place, now)
    if place.desired and place.desired != place.serving:
        yield ("desired", "dim"), _desired(place)
    for role in place.roles:
        yield (role.role, "dim"), _role(place, role)
    for copy in _odd(place):
        yield "", _copy(copy, now)
    if shares := _shares(place):
        yield ("traffic", "dim"), shares
    if place.held:
        yield ("held", "dim"), f"release {place.held} until {words.clock(place.held_until, now)}"
    if place.certificate:
        yield ("https", "dim"), place.certificate
    yield from _open(place, now)


def _open(place: PlaceStatus, now: float) -> Iterator[tuple[Piece, Piece]]:
    """What is under way, what waits for a person, what is amiss."""
    if place.underway:
        holder = f", by {place.underway.holder}" if place.underway.holder else ""
        yield ("rollout", "dim"), f"since {words.ago(place.underway.since, now)}{holder}"
    if place.proposal:
        waits = place.proposal
        said = f"release {waits.release} ({waits.subject}), by {waits.who}: {waits.command}"
        yield ("waits", "dim"), (said, "warn")
    for number, item in enumerate(place.drift):
        yield (("drift", "dim") if number == 0 else ""), (item, "warn")
    if place.drift:
        yield "", f"fairlead drift {place.app}/{place.environment} --revert, or --adopt"


def _serving(place: PlaceStatus, now: float) -> str:
    said = f"release {place.serving}"
    if place.serving == place.desired:
        said += f" · {words.commit(place.commit)} {place.subject}".rstrip()
    return f"{said} · {words.ago(place.since, now)}" if place.since else said


def _desired(place: PlaceStatus) -> str:
    how = "" if place.how == "release" else f" · {place.how}"
    subject = f" {place.subject}" if place.subject else ""
    return f"release {place.desired} · {words.commit(place.commit)}{subject}{how}"


def _role(place: PlaceStatus, role: RoleStatus) -> Piece:
    others = [c for c in place.copies if c.release != place.desired and _role_of(c) == role.role]
    said = f"{role.ready} of {role.wanted} ready"
    for number in sorted({copy.release for copy in others}):
        count = len([copy for copy in others if copy.release == number])
        said += f", {count} of release {number}"
    return said, "good" if role.ready >= role.wanted else "warn"


def _role_of(copy: CopyStatus) -> str:
    return copy.name.partition(".")[0]


def _odd(place: PlaceStatus) -> Iterator[CopyStatus]:
    """Copies that are not simply ready."""
    for copy in place.copies:
        if copy.state != "ready" or copy.crashes:
            yield copy


def _copy(copy: CopyStatus, now: float) -> Piece:
    times = "once" if copy.crashes == 1 else f"{copy.crashes} times"
    crashes = f", crashed {times}" if copy.crashes else ""
    detail = f": {copy.detail}" if copy.detail else ""
    since = words.ago(copy.since, now)
    said = f"{copy.name} of release {copy.release} {copy.state} {since}{crashes}{detail}"
    return said, _COPIES.get(copy.state, "bad")


def _shares(place: PlaceStatus) -> str:
    """Who gets the traffic, where that is more than one release, or not the desired one."""
    releases = {share.release for share in place.shares}
    if releases <= {place.desired}:
        return ""
    parts = [f"{s.role} {s.percent} % release {s.release}" for s in place.shares]
    return ", ".join(parts)


def _machine(paper: Paper, seen: MachineSeen) -> None:
    agent = f"process {seen.agent}" if seen.agent else "runs"
    told = {
        "agent": agent if seen.agent or seen.listening else "",
        "proxy": f"process {seen.proxy}" if seen.proxy else "",
        "supervisor": f"process {seen.supervisor}" if seen.supervisor else "",
    }
    pieces: list[Piece] = []
    for name, said in told.items():
        pieces += [(f"{name} ", "dim"), (said, "") if said else ("does not run", "bad"), "  "]
    paper.line(*pieces)
    if not told["supervisor"] or not told["proxy"]:
        paper.line(("hint: ", "dim"), "fairlead agent start starts all that does not run")
    elif not told["agent"]:
        paper.line(("hint: ", "dim"), "fairlead agent start: what runs runs on without it")
