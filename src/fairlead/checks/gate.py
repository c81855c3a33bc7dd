"""What stands in a gate's way, and what a person let through.

A waiver never changes an answer: the check stays failed or not known, and says for ever by whose
word, why and until when it was let through. After its last day it lets nothing through.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from fairlead.checks.model import CheckResult, Finding, Level, Verdict, Waiver


def judged(
    results: Iterable[CheckResult], required: frozenset[str], waivers: Iterable[Waiver], today: str
) -> tuple[CheckResult, ...]:
    """The results with the waivers of today laid to them, and whether a gate requires each.

    ``required`` are names of checks; empty, every one is. ``today`` is a day (``2026-11-21``).
    """
    valid = tuple(waiver for waiver in waivers if waiver.until >= today)
    return tuple(
        replace(
            result,
            required=not required or result.name in required,
            waivers=() if result.answer.opens else _letting_through(result, valid),
        )
        for result in results
    )


def _letting_through(result: CheckResult, waivers: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """The waivers that together let a closed answer through; none if one of its errors is left."""
    own = [waiver for waiver in waivers if waiver.check == result.name]
    for waiver in own:
        if not waiver.rule:
            return (waiver,)
    errors = [finding for finding in result.findings if finding.level is Level.ERROR]
    found = [_for(finding, own) for finding in errors]
    if not errors or result.more or None in found:
        return ()
    return tuple(dict.fromkeys(waiver for waiver in found if waiver is not None))


def _for(finding: Finding, waivers: list[Waiver]) -> Waiver | None:
    """The waiver for one finding: of its rule, and of its subject where the waiver names one."""
    for waiver in waivers:
        if waiver.rule == finding.rule and waiver.subject in ("", finding.subject):
            return waiver
    return None


def closed(verdict: Verdict, required: Iterable[str], today: str) -> tuple[str, ...]:
    """Why a gate that requires these checks (none named: all that were) stays closed today.

    A sentence each; none: it is open. A check that was not asked is not known.
    """
    names = tuple(required) or tuple(r.name for r in verdict.results if r.required)
    by_name = {result.name: result for result in verdict.results}
    found = []
    for name in names:
        result = by_name.get(name)
        if result is None:
            found.append(f"{name} was not asked of {verdict.commit[:12]}")
        elif not result.opens:
            found.append(f"{name} {result.answer} ({result.reason})")
        else:
            found += [
                f"{name} {result.answer}, and its waiver ended on {waiver.until}"
                for waiver in result.waivers
                if waiver.until < today
            ]
    return tuple(found)


def told(result: CheckResult) -> str:
    """An answer in a few words: what it is, and what else must be known of it."""
    said = str(result.answer)
    if result.flaky:
        said += " (flaky)"
    if result.waivers:
        first = result.waivers[0]
        said += f" (waived by {first.who} until {first.until}: {first.reason})"
    if result.earlier:
        said += f" (as of {result.earlier.commit[:12]}, {result.earlier.at[:10]})"
    return said
