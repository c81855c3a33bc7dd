"""``trace``: from anything a person may hold to the one line that tells its story."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo

import msgspec

from fairlead.base.clock import stamp
from fairlead.base.errors import NotFound, UsageError
from fairlead.base.journal import Outcome, Verb
from fairlead.record import references as refs
from fairlead.record.chain import entry_of
from fairlead.record.line import Told, also, line, links, process_text, serving_text
from fairlead.record.model import Entry, Trace
from fairlead.record.moment import EXAMPLES, Moment, moment
from fairlead.record.ports import Store
from fairlead.record.rules import sentence, short

_MANY = 500  # entries of one thing that are looked at from either end
_RELEASE = re.compile(r"(?:([a-z][a-z0-9-]*)/)?(?:r|release )?([1-9][0-9]{0,8})")
_PID = re.compile(r"(?:(?:pid|process)[: ] ?)?([1-9][0-9]{0,9})")
_HEX = re.compile(r"[0-9a-f]{7,40}")
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{7,64})…?|sha256:([0-9a-f]{1,64})…?")
_FORMS = "a commit, a digest, a release (7, riverside/7), a process (pid:4711), a time (15:42)"


class _Meaning(msgspec.Struct, frozen=True):
    """One thing that the text may stand for, by what the record knows."""

    said: str
    app: str
    release: int = 0
    commit: str = ""
    environment: str = ""
    revision: str = ""
    line: str = ""  # the whole answer, for what is no change


def trace(
    store: Store,
    text: str,
    app: str | None = None,
    *,
    now: float,
    zone: tzinfo = UTC,
    environment: str | None = None,
) -> Trace:
    """What became of a commit, digest, release, process, plan, deploy commit or time.

    ``zone`` is where times without an offset are read and shown. Raises NotFound, and
    UsageError with the meanings when the text has several.
    """
    wanted = " ".join(text.split())
    when = moment(wanted, now, zone)
    if when is not None:
        return _at(store, wanted, when, app, environment, now, zone)
    found = [m for m in _meanings(store, wanted.lower()) if app in (None, m.app)]
    found = [m for m in found if environment is None or m.environment in ("", environment)]
    return _told(store, wanted, _only(wanted, found), environment, now, zone)


def _only(text: str, found: list[_Meaning]) -> _Meaning:
    if len(found) == 1:
        return found[0]
    if found:
        meanings = "; ".join(meaning.said for meaning in found)
        raise UsageError(
            f"{text} may mean: {meanings}", "say which: riverside/7, pid:4711, --app NAME"
        )
    raise NotFound(f"nothing on record for {text!r}", f"trace takes {_FORMS}")


def _meanings(store: Store, text: str) -> Iterator[_Meaning]:
    """Everything on record that the text may stand for, each change once."""
    if found := _RELEASE.fullmatch(text):
        yield from _releases(store, found[1], int(found[2]))
    if found := _PID.fullmatch(text):
        yield from _processes(store, found[1])
    if _HEX.fullmatch(text):
        yield from _commits(store, text)
        yield from _by_value(store, refs.REVISION, text, "deploy commit")
    if found := _DIGEST.fullmatch(text):
        digest = f"sha256:{found[1] or found[2]}"
        yield from _by_value(store, refs.DIGEST, digest, "artifact")
        yield from _by_value(store, refs.PLAN, digest, "plan")


def _releases(store: Store, app: str | None, number: int) -> Iterator[_Meaning]:
    for name in _apps(store) if app is None else (app,):
        if store.find(refs.RELEASE, refs.release(name, number), limit=1):
            yield _Meaning(f"release {name}/{number}", name, number)


def _apps(store: Store) -> Iterator[str]:
    """The apps that have releases; one look into the index for each."""
    value = store.first_value(refs.RELEASE, "")
    while value:
        app = value.partition("/")[0]
        yield app
        value = store.first_value(refs.RELEASE, f"{app}0")  # "0" comes right after "/"


def _processes(store: Store, pid: str) -> Iterator[_Meaning]:
    """The newest use of a process id in each app: the system gives ids out again."""
    newest: dict[str, Entry] = {}
    for entry in _entries(store, refs.PID, pid, newest=True):
        newest[entry.app] = entry
    for entry in newest.values():
        said = f"process {pid} ({process_text(entry)})"
        if entry.verb == Verb.AGENT:
            yield _Meaning(said, entry.app, line=sentence(entry))
            continue
        yield _Meaning(
            said,
            entry.app,
            entry.release,
            entry.text("commit"),
            entry.environment,
            entry.text("revision"),
        )


def _commits(store: Store, prefix: str) -> Iterator[_Meaning]:
    for commit in _values(store, refs.COMMIT, prefix):
        apps = {entry.app for entry in _both_ends(store, refs.COMMIT, commit)}
        for app in sorted(apps):
            yield _Meaning(f"commit {short(commit)} of {app}", app, commit=commit)


def _by_value(store: Store, kind: str, prefix: str, noun: str) -> Iterator[_Meaning]:
    """What refers to a digest, a plan or a deploy commit, one meaning for each change."""
    for value in _values(store, kind, prefix):
        seen: dict[tuple[str, int], Entry] = {}
        for entry in _telling(_both_ends(store, kind, value)):
            seen[entry.app, entry.release] = entry
        if kind == refs.DIGEST:  # releases may share an artifact: the newest tells its story
            seen = {(entry.app, 0): entry for entry in seen.values()}
        for entry in seen.values():
            yield _meaning(
                kind, f"{noun} {short(value)} ({entry.app} release {entry.release})", entry
            )


def _telling(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Those that say which release a thing belongs to; a step may stop another release's copy."""
    story = (Verb.RELEASE, Verb.DESIRE, Verb.APPROVE, Verb.ROLLOUT)
    found = tuple(entry for entry in entries if entry.release and entry.verb in story)
    return found or entries


def _meaning(kind: str, said: str, entry: Entry) -> _Meaning:
    """An entry's change; a deploy commit or a plan also says where it was desired."""
    exact = kind in (refs.REVISION, refs.PLAN)
    environment, revision = (entry.environment, entry.text("revision")) if exact else ("", "")
    return _Meaning(said, entry.app, entry.release, entry.text("commit"), environment, revision)


def _values(store: Store, kind: str, prefix: str) -> tuple[str, ...]:
    """Up to two indexed values that begin with ``prefix``: two are enough to be ambiguous."""
    first = store.first_value(kind, prefix)
    second = store.first_value(kind, first + "\0") if first else ""
    return tuple(value for value in (first, second) if value.startswith(prefix) and value)


def _entries(
    store: Store, kind: str, value: str, *, newest: bool = False, upto: int = 0
) -> tuple[Entry, ...]:
    return tuple(map(entry_of, store.find(kind, value, limit=_MANY, newest=newest, upto=upto)))


def _both_ends(store: Store, kind: str, value: str) -> tuple[Entry, ...]:
    """The oldest and the newest entries of a thing, ascending: enough for any story."""
    oldest = _entries(store, kind, value)
    if len(oldest) < _MANY:
        return oldest
    found = {entry.seq: entry for entry in (*oldest, *_entries(store, kind, value, newest=True))}
    return tuple(found.values())


def _told(
    store: Store, text: str, meaning: _Meaning, environment: str | None, now: float, zone: tzinfo
) -> Trace:
    if meaning.line:
        return Trace(text, meaning.said, meaning.line, meaning.app)
    told = _gather(store, meaning, environment)
    made = links(told, now, zone)
    digests = [entry.text("digest") for entry in (*told.of_commit, *told.of_release)]
    return Trace(
        text,
        meaning.said,
        line(told, made),
        told.app,
        told.release,
        told.commit,
        next(filter(None, reversed(digests)), ""),
        told.desire.environment if told.desire else "",
        made,
        also(told),
    )


def _gather(store: Store, meaning: _Meaning, environment: str | None) -> Told:
    """Follow the references from what is known to all the entries of the change."""
    release, commit = meaning.release, meaning.commit
    if not release and commit:
        release = _made_of(_of_app(store, refs.COMMIT, commit, meaning.app))
    of_release: tuple[Entry, ...] = ()
    if release:
        of_release = _both_ends(store, refs.RELEASE, refs.release(meaning.app, release))
        commit = commit or next(
            (c for e in of_release if e.release == release and (c := e.text("commit"))), ""
        )
    desire = _desire(of_release, release, environment or meaning.environment, meaning.revision)
    revision = desire.text("revision") if desire else ""
    return Told(
        meaning.app,
        commit,
        release,
        _of_app(store, refs.COMMIT, commit, meaning.app) if commit else (),
        of_release,
        desire,
        _of_app(store, refs.REVISION, revision, meaning.app) if revision else (),
    )


def _of_app(store: Store, kind: str, value: str, app: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in _both_ends(store, kind, value) if entry.app == app)


def _made_of(entries: Iterable[Entry]) -> int:
    """The newest release that was made of a commit; 0 for none."""
    made = (e.release for e in entries if e.verb == Verb.RELEASE and e.outcome == Outcome.DONE)
    return max(made, default=0)


def _desire(
    entries: Iterable[Entry], release: int, environment: str, revision: str
) -> Entry | None:
    """The newest desire of the release, in the environment or by the deploy commit asked about."""
    desires = [
        entry
        for entry in entries
        if (entry.verb, entry.outcome, entry.release) == (Verb.DESIRE, Outcome.DONE, release)
        and environment in ("", entry.environment)
    ]
    exact = [entry for entry in desires if revision and entry.text("revision") == revision]
    return next(reversed(exact or desires), None)


def _at(
    store: Store,
    text: str,
    when: Moment,
    app: str | None,
    environment: str | None,
    now: float,
    zone: tzinfo,
) -> Trace:
    """What served at a time."""
    upto = store.last_before(stamp(when.end))
    serving = [entry for place in _places(store) if (entry := _serving(store, place, upto))]
    serving = [e for e in serving if app in (None, e.app) and environment in (None, e.environment)]
    if not serving:
        raise NotFound(f"nothing on record served at {text}", f"times may be written as {EXAMPLES}")
    if len(serving) == 1:
        (only,) = serving
        said, place = f"what served in {only.environment} at {text}", only.environment
        meaning = _Meaning(said, only.app, only.release, "", place, only.text("revision"))
        return _told(store, text, meaning, place, now, zone)
    told = serving_text((refs.place(e.app, e.environment), e.release) for e in serving)
    return Trace(text, f"what served at {text}", f"{text}: {told}")


def _places(store: Store) -> Iterator[str]:
    value = store.first_value(refs.SERVING, "")
    while value:
        yield value
        value = store.first_value(refs.SERVING, value + "\0")


def _serving(store: Store, place: str, upto: int) -> Entry | None:
    """The newest rollout at a place that ended well, no later than entry ``upto``."""
    if not upto:
        return None
    rows = store.find(refs.SERVING, place, limit=1, newest=True, upto=upto)
    return entry_of(rows[0]) if rows else None
