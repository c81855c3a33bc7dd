"""Change → Verdict: every check asked in a clean tree of exactly that commit, side by side.

An answer whose key (``keys.py``) was answered before is not asked for again: it is taken from
that verdict, which this home signed, and says so.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from uuid import uuid4

from msgspec.structs import replace

from fairlead.base.clock import Clock, day, stamp
from fairlead.base.errors import FairleadError
from fairlead.base.journal import Event, Fact, Journal, Outcome, Verb
from fairlead.base.trees import remove_tree
from fairlead.checks import rules
from fairlead.checks.asking import Asker, Round
from fairlead.checks.gate import judged, told
from fairlead.checks.keys import Inputs, key_of
from fairlead.checks.model import (
    Answer,
    Change,
    CheckResult,
    Earlier,
    Surroundings,
    Verdict,
    Waiver,
)
from fairlead.checks.ports import Ours, Runner, Services, Sink, Sources, VerdictStore
from fairlead.manifest.model import Check

_OUTCOMES = {
    Answer.PASSED: Outcome.DONE,
    Answer.FAILED: Outcome.FAILED,
    Answer.NOT_KNOWN: Outcome.UNKNOWN,
}


@dataclass(frozen=True)
class Desk:
    """What verifying needs. ``work`` holds trees while they are checked, ``logs`` the output
    (``<logs>/<app>/<commit>/<check>.log``). ``width`` is how many checks run side by side.
    ``asker`` starts a question of Fairlead's own; ``machine`` is a digest of the programs that
    checks find on the machine."""

    sources: Sources
    runner: Runner
    services: Services
    verdicts: VerdictStore
    journal: Journal
    clock: Clock
    asker: Asker
    work: Path
    logs: Path
    machine: str = ""
    width: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))


@dataclass(frozen=True)
class Asking:
    """What is asked of a change, by whom, and what lets it through.

    ``required`` are the checks that no gate opens without (empty: all). ``fresh``: nothing that
    was answered before is believed.
    """

    checks: tuple[Check, ...]
    repository: Path
    around: Surroundings
    ours: Ours
    required: frozenset[str] = frozenset()
    waivers: tuple[Waiver, ...] = ()
    fresh: bool = False


def verify(desk: Desk, change: Change, asking: Asking, show: Sink) -> Verdict:
    """Ask every check of the change; the verdict is stored and journalled before it returns.

    Raises UsageError for checks that need each other in a circle, FairleadError when the tree
    cannot be laid out.
    """
    graph = rules.order(asking.checks)
    keys = _keys(desk, change, asking)
    earlier = {} if asking.fresh else _earlier(desk, change, asking, keys)
    known = None if asking.fresh else _stored(desk, change, show)
    if known is not None and _still(known, earlier, asking, _today(desk)):
        show(f"checks: {change.commit[:12]} passed before, and nothing they depend on changed")
        return known
    facts: dict[str, Fact] = {
        "commit": change.commit,
        "tree": change.tree,
        "checks": tuple(check.name for check in asking.checks),
    }
    if change.overlay:
        facts["overlay"] = change.overlay
    intent = desk.journal.write(_event(change, Outcome.INTENT, "asks its checks", facts))
    try:
        results = _ask(desk, change, asking, graph, keys, earlier, show)
        results = judged(results, asking.required, asking.waivers, _today(desk))
        verdict = Verdict(change.app, change.commit, change.tree, results, change.overlay)
        desk.verdicts.put(verdict)
    except BaseException as error:  # also a Ctrl-C: what was begun gets its outcome
        why = f"nobody can say: {getattr(error, 'what', type(error).__name__)}"
        desk.journal.write(_event(change, Outcome.UNKNOWN, why, facts, intent))
        raise
    facts["checks"] = tuple(f"{result.name}: {told(result)}" for result in results)
    facts |= {"verdict": str(verdict.answer), "log": str(desk.logs / change.app / change.name)}
    outcome = _OUTCOMES[verdict.answer]
    desk.journal.write(_event(change, outcome, summary(verdict), facts, intent))
    return verdict


def summary(verdict: Verdict) -> str:
    """One sentence for a verdict: what did not pass and why, or that all did."""
    if not verdict.results:
        return "passed: the manifest has no checks, so nothing was asked"
    if verdict.answer is not Answer.PASSED:
        closed = [r for r in verdict.results if r.required and not r.opens]
        said = (f"{result.name} {result.answer} ({result.reason})" for result in closed)
        return f"{verdict.answer}: {'; '.join(said)}"
    return f"passed: {', '.join(f'{r.name} {told(r)}' for r in verdict.results)}"


def _today(desk: Desk) -> str:
    return day(desk.clock.now())


def _keys(desk: Desk, change: Change, asking: Asking) -> dict[str, str]:
    """Each check's key, by its name; "" for one that must be asked each time."""
    files = desk.sources.listing(asking.repository, change.source)
    asker = desk.asker.key
    inputs = Inputs(change.tree, files, asking.around.key, desk.machine, asker)
    found = {}
    for check in asking.checks:
        besides = [f"{name} {version}" for name, version in desk.services.versions(check.services)]
        if check.question is not None:
            besides.append(asking.ours.key(change, check))
        known = "" not in besides
        found[check.name] = key_of(check, inputs, "\n".join(besides)) if known else ""
    return found


def _earlier(
    desk: Desk, change: Change, asking: Asking, keys: Mapping[str, str]
) -> dict[str, CheckResult]:
    """The answers that need not be asked for again, by the check's name."""
    found, now = {}, desk.clock.now()
    for check in asking.checks:
        key = keys[check.name]
        known = desk.verdicts.answered(change.app, key) if key else None
        if known is None:
            continue
        verdict, result = known
        oldest = stamp(now - check.max_age) if check.max_age else ""
        # An answer from the future was given by a clock that was wrong, or is now.
        if oldest <= result.at <= stamp(now):
            found[check.name] = _taken(result, verdict, change)
    return found


def _taken(result: CheckResult, verdict: Verdict, change: Change) -> CheckResult:
    """The answer as this change's verdict has it: of another one, with a word of which; of the
    change's own, as it stands there, for that verdict is about to be replaced."""
    if (verdict.commit, verdict.overlay) == (change.commit, change.overlay):
        return result
    return replace(result, earlier=Earlier(verdict.commit, result.at), milliseconds=0)


def _stored(desk: Desk, change: Change, show: Sink) -> Verdict | None:
    try:
        return desk.verdicts.get(change.app, change.commit, change.overlay)
    except FairleadError as error:
        show(f"checks: asked again: {error.what}")
        return None


def _still(known: Verdict, earlier: Mapping[str, CheckResult], asking: Asking, today: str) -> bool:
    """Whether a stored verdict is what would come out again: each answer stands, and so does what
    lets it through."""
    names = tuple(check.name for check in asking.checks)
    if known.answer is not Answer.PASSED or tuple(r.name for r in known.results) != names:
        return False
    if any(r.name not in earlier or earlier[r.name].key != r.key for r in known.results):
        return False
    return judged(known.results, asking.required, asking.waivers, today) == known.results


def _event(
    change: Change, outcome: Outcome, why: str, facts: Mapping[str, Fact], intent: int = 0
) -> Event:
    return Event(
        verb=Verb.VERIFY,
        outcome=outcome,
        who=change.who,
        why=why,
        app=change.app,
        facts=dict(facts),
        intent=intent,
    )


def _ask(
    desk: Desk,
    change: Change,
    asking: Asking,
    graph: TopologicalSorter[str],
    keys: Mapping[str, str],
    earlier: Mapping[str, CheckResult],
    show: Sink,
) -> tuple[CheckResult, ...]:
    """The answers, in the manifest's order. A check is asked once all it needs answered."""
    by_name = {check.name: check for check in asking.checks}
    answered: dict[str, CheckResult] = {}
    running: dict[Future[CheckResult], str] = {}
    with _room(desk, "services") as room, desk.services.open(room) as services:
        round_ = Round(
            sources=desk.sources,
            runner=desk.runner,
            services=services,
            verdicts=desk.verdicts,
            ours=asking.ours,
            asker=desk.asker,
            change=change,
            repository=asking.repository,
            around=asking.around,
            logs=desk.logs / change.app / change.name,
            show=show,
        )

        def one(check: Check, before: Mapping[str, CheckResult]) -> CheckResult:
            known = earlier.get(check.name)
            if known is not None:
                round_.say(check, told(known))
                return known
            at = stamp(desk.clock.now())
            with _room(desk, check.name) as place:
                result = round_.ask(check, before, place)
            return replace(result, key=keys[check.name], at=at)

        with ThreadPoolExecutor(max(1, desk.width)) as pool:
            while graph.is_active():
                for name in graph.get_ready():
                    running[pool.submit(one, by_name[name], dict(answered))] = name
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    name = running.pop(future)
                    answered[name] = future.result()
                    graph.done(name)
    return tuple(answered[check.name] for check in asking.checks)


@contextmanager
def _room(desk: Desk, name: str) -> Iterator[Path]:
    """A directory's path that is nobody's, and gone afterwards."""
    place = desk.work / f"check-{name}-{uuid4().hex[:12]}"
    try:
        yield place
    finally:
        if place.exists():
            remove_tree(place)
