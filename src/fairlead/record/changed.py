"""``changed``: every change in a stretch of time, with its difference to what was before."""

from collections.abc import Iterable, Iterator

from fairlead.base.clock import stamp
from fairlead.base.journal import Outcome, Verb
from fairlead.record.chain import entry_of
from fairlead.record.model import (
    Changed,
    CommitsBetween,
    Difference,
    Differs,
    Entry,
    FactsOf,
    Happened,
    Kind,
    ReleaseFacts,
)
from fairlead.record.ports import Store
from fairlead.record.rules import sentence

_ENDS = {
    Outcome.REFUSED.value: Kind.REFUSED,
    Outcome.FAILED.value: Kind.FAILED,
    Outcome.UNKNOWN.value: Kind.NOT_KNOWN,
}
_HOW = {"rollback": Kind.ROLLBACK, "return": Kind.RETURN}
_VERBS = {
    Verb.DRIFT.value: Kind.DRIFT,
    Verb.ADOPT.value: Kind.ADOPTED,
    Verb.APPROVE.value: Kind.APPROVAL,
    Verb.AGENT.value: Kind.AGENT,
    Verb.CLEAN.value: Kind.CLEAN,
    Verb.KEY.value: Kind.KEY,
    Verb.ACCESS.value: Kind.ACCESS,
    Verb.SERVER.value: Kind.SERVER,
    Verb.DATABASE.value: Kind.DATABASE,
    Verb.RENEW.value: Kind.CERTIFICATE,
    Verb.SOURCE.value: Kind.SOURCE,
    Verb.WAIVE.value: Kind.WAIVER,
    Verb.CLIENT.value: Kind.CLIENT,
}


def changed(
    store: Store,
    since: float,
    until: float,
    app: str | None = None,
    environment: str | None = None,
    *,
    facts_of: FactsOf = lambda app, number: None,
    commits: CommitsBetween = lambda app, old, new: (),
) -> Changed:
    """Every change from ``since`` (included) to ``until`` (excluded), oldest first.

    ``facts_of`` finds a release's facts (its file lies in the deploy repo) and ``commits`` the
    commits between two of an app's; without them a difference is said to be not known.
    """
    begin, end = stamp(since), stamp(until)
    entries = (entry for row in store.between(begin, end) if _telling(entry := entry_of(row)))
    chosen = [entry for entry in entries if _wanted(entry, app, environment)]
    return Changed(begin, end, happened(chosen, facts_of, commits))


def happened(
    entries: Iterable[Entry], facts_of: FactsOf, commits: CommitsBetween
) -> tuple[Happened, ...]:
    """The changes among these entries."""
    kept = tuple(entries)
    carried_out = {_carried(entry) for entry in kept if entry.verb == Verb.ROLLOUT}
    pushes = {
        (e.app, e.text("commit"))
        for e in kept
        if e.verb == Verb.PUSH and e.outcome == Outcome.REFUSED
    }

    def tell() -> Iterator[Happened]:
        for entry in kept:
            kind = _kind(entry)
            if kind is None or (kind is Kind.DESIRED and _carried(entry) in carried_out):
                continue
            if entry.verb == Verb.VERIFY and (entry.app, entry.text("commit")) in pushes:
                continue  # its push was refused for it, and says so
            yield _told(entry, kind, facts_of, commits)

    return tuple(tell())


def _telling(entry: Entry) -> bool:
    """Whether an entry can be a change: outcomes are, but for the steps inside a rollout."""
    return entry.outcome != Outcome.INTENT and entry.verb != Verb.STEP


def _wanted(entry: Entry, app: str | None, environment: str | None) -> bool:
    """What has no app or no environment (the agent, a push) concerns them all."""
    return app in (None, entry.app or app) and environment in (
        None,
        entry.environment or environment,
    )


def _carried(entry: Entry) -> tuple[str, str, str]:
    return (entry.app, entry.environment, entry.text("revision"))


def _kind(entry: Entry) -> Kind | None:
    """What sort of change it is; None for what is a step on the way to one."""
    if entry.verb == Verb.VERIFY:
        return _verify_kind(entry)
    if entry.outcome in _ENDS:
        return _ENDS[entry.outcome]
    if entry.verb == Verb.ROLLOUT:
        return _rollout_kind(entry)
    if entry.verb == Verb.DESIRE:
        return Kind.DESIRED
    if entry.verb == Verb.LEASE:
        return Kind.TAKEOVER if entry.text("taken_from") else None
    return _VERBS.get(entry.verb)


def _verify_kind(entry: Entry) -> Kind | None:
    """A verdict counts by what it says, however its entry ended."""
    verdict = entry.text("verdict")
    if verdict == "failed":
        return Kind.FAILED
    return Kind.NOT_KNOWN if verdict == "not known" else _ENDS.get(entry.outcome)


def _rollout_kind(entry: Entry) -> Kind:
    if entry.number("previous") == entry.release:
        return Kind.REPAIR
    return _HOW.get(entry.text("how"), Kind.RELEASE)


def _told(entry: Entry, kind: Kind, facts_of: FactsOf, commits: CommitsBetween) -> Happened:
    differs = kind in (Kind.RELEASE, Kind.ROLLBACK, Kind.RETURN, Kind.DESIRED)
    return Happened(
        entry.seq,
        entry.at,
        kind,
        entry.who,
        entry.why,
        sentence(entry),
        entry.app,
        entry.environment,
        entry.release,
        _difference(entry, facts_of, commits) if differs else None,
    )


def _difference(entry: Entry, facts_of: FactsOf, commits: CommitsBetween) -> Difference:
    previous = entry.number("previous") or 0
    new = facts_of(entry.app, entry.release)
    old = facts_of(entry.app, previous) if previous else None
    if new is None or old is None:
        return Difference(
            previous, known=False, new_commit=new.commit if new else entry.text("commit")
        )
    between = commits(entry.app, old.commit, new.commit) if old.commit != new.commit else ()
    return difference(previous, old, new, entry.environment, between)


def difference(
    previous: int,
    old: ReleaseFacts,
    new: ReleaseFacts,
    environment: str,
    commits: tuple[str, ...] = (),
) -> Difference:
    """What one release changed against another in an environment."""
    return Difference(
        previous,
        known=True,
        old_commit=old.commit,
        new_commit=new.commit,
        commits=commits,
        dependencies=_differing(dict(old.dependencies), dict(new.dependencies)),
        settings=_differing(_settings(old, environment), _settings(new, environment)),
        schema=old.schema != new.schema,
        secrets=_differing(_versions(old, environment), _versions(new, environment)),
    )


def _settings(facts: ReleaseFacts, environment: str) -> dict[str, str]:
    return dict(pair for name, pairs in facts.settings if name == environment for pair in pairs)


def _versions(facts: ReleaseFacts, environment: str) -> dict[str, str]:
    named = (pairs for name, pairs in facts.secrets if name == environment)
    return {name: str(version) for pairs in named for name, version in pairs}


def _differing(old: dict[str, str], new: dict[str, str]) -> tuple[Differs, ...]:
    names = sorted(old.keys() | new.keys())
    pairs = (Differs(name, old.get(name, ""), new.get(name, "")) for name in names)
    return tuple(pair for pair in pairs if pair.old != pair.new)
