"""The line that answers ``trace``: pure, from the entries that tell of one change."""

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

import msgspec

from fairlead.base.journal import Outcome, Verb
from fairlead.record.model import Entry, Link
from fairlead.record.rules import (
    checks_sentence,
    copy_text,
    duration,
    failures,
    one_line,
    passed,
    short,
)

_RETURNS = ("return", "rollback")


class Told(msgspec.Struct, frozen=True):
    """All the entries of one change, each list ascending.

    ``of_commit`` refer to the commit, ``of_release`` to the release, ``of_revision`` to the
    deploy repo's commit that ``desire`` made.
    """

    app: str
    commit: str
    release: int
    of_commit: tuple[Entry, ...] = ()
    of_release: tuple[Entry, ...] = ()
    desire: Entry | None = None
    of_revision: tuple[Entry, ...] = ()


def latest(entries: Iterable[Entry], verb: Verb) -> Entry | None:
    """The newest entry of a verb, an outcome before an intent."""
    found = [entry for entry in entries if entry.verb == verb]
    return max(found, key=lambda entry: (entry.outcome != Outcome.INTENT, entry.seq), default=None)


def clock_text(at: str, now: float, zone: tzinfo) -> str:
    """An entry's time in ``zone``: ``15:42:03`` today, with the date on other days."""
    try:  # fromisoformat and not strptime, whose first use imports 5 ms of locale and calendar
        then = datetime.fromisoformat(at).replace(tzinfo=UTC).astimezone(zone)
    except ValueError:
        return at  # edited by hand: verify names it, a trace shows it as it stands
    today = datetime.fromtimestamp(now, zone)
    return then.strftime("%H:%M:%S" if then.date() == today.date() else "%Y-%m-%d %H:%M:%S")


def links(told: Told, now: float, zone: tzinfo) -> tuple[Link, ...]:
    """The stations in order, up to the first that the change did not get past."""
    made = [_verdict(told), _artifact(told)]
    if all(link.ok for link in made) or told.release:
        made.append(_desired(told, now, zone))
    if told.desire is not None:
        made += [_rollout(told, now, zone), *_smoke(told), *_after(told, now, zone)]
    return tuple(_until_stopped(made))


def line(told: Told, made: tuple[Link, ...]) -> str:
    """The whole trace as one line."""
    return one_line(" → ".join([_headline(told), *(link.text for link in made)]))


def _headline(told: Told) -> str:
    subject = next((s for e in (*told.of_release, *told.of_commit) if (s := e.text("subject"))), "")
    commit = f"commit {short(told.commit)}" if told.commit else "commit not on record"
    quoted = f'{commit} "{subject}"' if subject else commit
    return (
        f"{told.app} release {told.release}: {quoted}" if told.release else f"{told.app} {quoted}"
    )


def _until_stopped(made: list[Link]) -> Iterable[Link]:
    """A change that failed a station has no later ones to speak of."""
    for link in made:
        yield link
        if link.ok is False and link.station in ("checks", "artifact"):
            return


def _link(station: str, text: str, ok: bool | None, entry: Entry | None = None) -> Link:
    return Link(station, text, ok, entry.seq if entry else 0, entry.at if entry else "")


def _verdict(told: Told) -> Link:
    entry = latest(told.of_commit, Verb.VERIFY)
    if entry is None:
        return _link("checks", "no verdict on record", None)
    if entry.outcome == Outcome.INTENT:
        return _link("checks", "checks under way", None, entry)
    if entry.outcome == Outcome.UNKNOWN:
        return _link("checks", "checks: nobody knows how they ended", None, entry)
    return _link("checks", checks_sentence(entry), passed(entry), entry)


def _artifact(told: Told) -> Link:
    made = latest(told.of_release, Verb.RELEASE)
    entry = latest(told.of_commit, Verb.BUILD)
    digest = (made.text("digest") if made else "") or (entry.text("digest") if entry else "")
    bad = entry is not None and entry.outcome in (Outcome.FAILED, Outcome.REFUSED)
    if entry is not None and bad and not told.release:
        return _link("artifact", f"build {entry.outcome}: {entry.why}", ok=False, entry=entry)
    if digest:
        laid = " with an overlay" if made and made.text("overlay") else ""
        said = f"artifact {short(digest)}{laid}"
        return _link("artifact", said, ok=True, entry=entry or made)
    if entry is not None and entry.outcome == Outcome.INTENT:
        return _link("artifact", "build under way", None, entry)
    return _link("artifact", "no artifact on record", None, entry)


_HOW = {
    "proposed": "proposed in {place}",
    "promote": "promoted to {place}",
    "settings": "desired in {place} with new settings",
    "secrets": "desired in {place} with new secrets",
    "overlay": "desired in {place} with another overlay",
    "rollback": "desired again in {place}",
    "return": "returned to in {place}",
}


def _desired(told: Told, now: float, zone: tzinfo) -> Link:
    entry = told.desire
    if entry is None:
        return _not_desired(told)
    how = _HOW.get(entry.text("how"), "desired in {place}").format(place=entry.environment or "?")
    revision = f" ({short(entry.text('revision'))})" if entry.text("revision") else ""
    approval = _approval(told, entry)
    approved = f", approved by {approval.who}" if approval else ""
    text = f"{how} by {entry.who}{revision} {clock_text(entry.at, now, zone)}{approved}"
    return _link("desired", text, ok=True, entry=entry)


def _not_desired(told: Told) -> Link:
    if not told.release:
        return _link("desired", "no release made of it", None)
    asked = latest((e for e in told.of_release if e.release == told.release), Verb.DESIRE)
    why = f": {asked.why}" if asked and asked.outcome in (Outcome.REFUSED, Outcome.FAILED) else ""
    return _link("desired", f"not desired{why}", None, asked)


def _approval(told: Told, desire: Entry) -> Entry | None:
    """The newest approval given since the desire, in its environment."""
    since = (
        e for e in told.of_release if e.seq > desire.seq and e.environment == desire.environment
    )
    found = latest((e for e in since if e.release == desire.release), Verb.APPROVE)
    return found if found and found.outcome == Outcome.DONE else None


def rollout_of(told: Told) -> Entry | None:
    """How the desired release's rollout ended: the first entry that decides it.

    Later rollouts under the same desire are repairs of drift. One whose process died is
    resumed under a new intent, so an unknown end counts only when no better is there.
    """
    found = [e for e in told.of_revision if e.verb == Verb.ROLLOUT and e.release == told.release]
    decided = (Outcome.DONE, Outcome.FAILED, Outcome.REFUSED)
    first = next((entry for entry in found if entry.outcome in decided), None)
    return first or (found[-1] if found else None)


def _rollout(told: Told, now: float, zone: tzinfo) -> Link:
    entry = rollout_of(told)
    if entry is None and told.desire and told.desire.text("how") == "proposed":
        return _link("rollout", "waits for approval", None)
    if entry is None:
        return _link("rollout", "no rollout on record", None)
    if entry.outcome == Outcome.INTENT:
        return _link("rollout", f"rolling out since {clock_text(entry.at, now, zone)}", None, entry)
    if entry.outcome == Outcome.UNKNOWN:
        return _link("rollout", "rollout: nobody knows how it ended", None, entry)
    if entry.outcome == Outcome.DONE:
        took = entry.number("milliseconds")
        text = "rolled out" if took is None else f"rolled out in {duration(took)}"
        return _link("rollout", f"{text}, {failures(entry)}", ok=True, entry=entry)
    return _link(
        "rollout", f"rollout {entry.outcome}: {entry.text('reason') or entry.why}", False, entry
    )


def _smoke(told: Told) -> Iterable[Link]:
    rollout = rollout_of(told)
    if rollout is None or rollout.outcome == Outcome.INTENT:
        return
    asked = [e for e in told.of_revision if _is_smoke(e, told.release) and e.seq < rollout.seq]
    entry = asked[-1] if asked else None
    if entry is not None and entry.outcome == Outcome.DONE:
        yield _link("smoke", "smoke passed", ok=True, entry=entry)
    elif entry is not None:
        said = f"smoke {'failed' if entry.outcome == Outcome.FAILED else 'not known'}"
        detail = entry.text("detail") or entry.why
        ok = False if entry.outcome == Outcome.FAILED else None
        yield _link("smoke", f"{said}: {detail}" if detail else said, ok, entry)
    elif rollout.outcome == Outcome.DONE:
        yield _link("smoke", "no smoke check on record", None)


def _is_smoke(entry: Entry, release: int) -> bool:
    ended = entry.outcome != Outcome.INTENT and entry.release == release
    return ended and entry.verb == Verb.STEP and entry.text("step") == "smoke"


def _after(told: Told, now: float, zone: tzinfo) -> Iterable[Link]:
    """What took its place afterwards, or, until a rollout has done it, what is to."""
    later = [e for e in told.of_release if told.desire and _takes_its_place(e, told.desire)]
    if not later:
        return
    done = next((e for e in later if e.verb == Verb.ROLLOUT), None)
    entry = done or later[0]
    wish = next((e for e in later if e.verb == Verb.DESIRE and e.release == entry.release), entry)
    how = wish.text("how")
    became, becomes = (
        _BECAME.get(how, "replaced by release {n}"),
        _BECOMES.get(how, "release {n} desired"),
    )
    said = (became if done else becomes).format(n=entry.release, who=wish.who)
    why = f": {wish.why}" if how in _RETURNS and wish.why else ""
    yield _link("after", f"{said} {clock_text(entry.at, now, zone)}{why}", None, entry)


_BECAME = {"return": "returned to release {n}", "rollback": "taken back to release {n} by {who}"}
_BECOMES = {"return": "returning to release {n}", "rollback": "{who} asked for release {n} again"}


def _takes_its_place(entry: Entry, desire: Entry) -> bool:
    same = entry.environment == desire.environment and entry.outcome == Outcome.DONE
    other = entry.number("previous") == desire.release != entry.release
    return same and other and entry.verb in (Verb.DESIRE, Verb.ROLLOUT) and entry.seq > desire.seq


def also(told: Told) -> tuple[str, ...]:
    """Other environments the release was desired in."""
    here = told.desire.environment if told.desire else ""
    desires = (e for e in told.of_release if e.verb == Verb.DESIRE and e.release == told.release)
    return tuple(sorted({e.environment for e in desires if e.outcome == Outcome.DONE} - {here, ""}))


def process_text(entry: Entry) -> str:
    """``web.1 of riverside release 7 in local``, or the agent."""
    if entry.verb == Verb.AGENT:
        return "the agent"
    return f"{copy_text(entry) or 'a task'} of {entry.app} release {entry.release} in {entry.environment}"


def serving_text(serving: Iterable[tuple[str, int]]) -> str:
    """``riverside/local served release 7; shop/production served release 3``."""
    return "; ".join(f"{place} served release {number}" for place, number in serving)
