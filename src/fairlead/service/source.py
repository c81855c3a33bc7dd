"""An app's source: a git repository elsewhere that it is pulled from.

The agent's clock looks there. What is new is fetched into a quarantine and offered to the gate
that a push is offered to (``push.offered``); only what passes moves the branch, and ``taken_up``
goes on with it as with what was pushed. Every step starts from what is stored, so it may be
killed anywhere: the branch is where it was or where it is wanted, and the next look goes on.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from fairlead.base.clock import stamp
from fairlead.base.errors import FairleadError, NotFound, Unknown, UsageError
from fairlead.base.ids import CommitId, name
from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.base.stop import NEVER, Stop
from fairlead.checks.forge_at import KINDS, forge_at
from fairlead.checks.ports import Sink
from fairlead.service.owed import owe, pay, under_way
from fairlead.service.push import HEADS, Offered, Update, given_up, offered, receiving, told
from fairlead.service.tools import Tools
from fairlead.source.model import Reach, Source
from fairlead.source.rules import MOST, checked, fingerprint, host_of, parse, pause

PATIENCE = 20.0
"""Seconds that a person waits for a pull of the clock's to end."""


class SourceShown(msgspec.Struct, frozen=True):
    """Where an app is pulled from. ``key`` is the public half of its deploy key, ``host_keys``
    the fingerprints the host is known by, ``seen`` the newest commit that each branch brought,
    ``problem`` why the last look failed. With ``forge_token`` there is a token, by which the forge
    is shown the answers; ``untold`` is why it was not shown the last."""

    app: str
    url: str
    branches: tuple[str, ...]
    every: int
    key: str = ""
    host_keys: tuple[str, ...] = ()
    seen: Mapping[str, str] = {}
    problem: str = ""
    forge_token: bool = False
    untold: str = ""


class SourceList(msgspec.Struct, frozen=True):
    """Every source of a home."""

    sources: tuple[SourceShown, ...]


class SourceGone(msgspec.Struct, frozen=True):
    """The app that is pulled no more, and where it was pulled from."""

    app: str
    url: str


class Pulled(msgspec.Struct, frozen=True):
    """What a look brought: one ``Offered`` a branch that was new."""

    app: str
    url: str
    offered: tuple[Offered, ...]

    @property
    def well(self) -> bool:
        """Whether everything that was new was accepted."""
        return all(one.accepted for one in self.offered)


class Wanted(msgspec.Struct, frozen=True):
    """What a person sets. ``key`` is the file of a private key, ``new_key`` has one made;
    ``anew`` forgets the host's pinned key. ``forge_token`` is the file of a token, and ``forge``
    what a host of one's own is (``KINDS``)."""

    url: str
    branches: tuple[str, ...] = ("main",)
    every: int = 60
    key: Path | None = None
    new_key: bool = False
    anew: bool = False
    forge_token: Path | None = None
    forge: str = ""


def set_source(tools: Tools, app: str, wanted: Wanted) -> SourceShown:
    """Let an app be pulled, in the place of another source. Its repository is made if it has
    none. Raises UsageError, Refused, Busy."""
    address, branches = parse(wanted.url), checked(wanted.branches, wanted.every)
    if wanted.key and wanted.new_key:
        raise UsageError("a key is given and a new one wanted", "name one of them")
    tools.repositories.ensure_repository(tools.home.repository(name(app, "an app")))
    with tools.sources.held(app, PATIENCE):
        was = tools.sources.get(app)
        same = was is not None and was.address == address
        token = tools.sources.token_in(wanted.forge_token) if wanted.forge_token else None
        made = Source(
            app=app,
            address=address,
            branches=branches,
            every=wanted.every,
            set_at=stamp(tools.clock.now()),
            key=_key(tools, app, wanted) or (was.key if was else ""),
            seen=was.seen if was and same else {},
            forge=wanted.forge,
        )
        if was and host_of(was) == host_of(made):
            kept = () if wanted.anew else was.host_keys
            made = msgspec.structs.replace(made, host_keys=kept, forge=wanted.forge or was.forge)
        if token and forge_at(address.url, made.forge) is None:
            what = f"a token is given, and nothing says which forge this is: {address.url}"
            raise UsageError(what, f"--forge {', '.join(KINDS)}: what a host of your own is")
        if was and not _same_forge(was, made):
            tools.sources.put_token(app, None)  # it must not go to somebody else
        tools.sources.put(made)
        if token:
            tools.sources.put_token(app, token)
        _note(tools, made, "set", made.address.url, tools.me)
    tools.machine.wake()
    return _shown(tools, made)


def shown(tools: Tools, app: str = "") -> SourceList:
    """Every source, or that of one app. Raises NotFound."""
    found = (_there(tools, app),) if app else tools.sources.all()
    return SourceList(tuple(_shown(tools, source) for source in found))


def remove(tools: Tools, app: str) -> SourceGone:
    """Pull an app no more; what runs runs on. Raises NotFound, Busy."""
    with tools.sources.held(app, PATIENCE):
        source = _there(tools, app)
        tools.sources.remove(app)
        _note(tools, source, "removed", "asked for", tools.me)
    return SourceGone(app, source.address.url)


def pull(tools: Tools, app: str, show: Sink, stop: Stop = NEVER) -> Pulled:
    """Look now, and offer what is new, also what was refused before.

    Raises NotFound, Busy, Unknown, Refused.
    """
    with tools.sources.held(app, PATIENCE):
        source = _there(tools, app)
        try:
            found = tuple(_pulled(tools, source, show, stop, again=True))
        except FairleadError as error:
            _failed(tools, app, error)
            raise
        _answers(tools, app)
        return Pulled(app, source.address.url, found)


def look(tools: Tools, app: str) -> float:
    """Look as the clock does; the seconds until the next look. Raises Busy.

    A failure is written down once, when a row of them begins, and slows the looks down.
    """
    with tools.sources.held(app, 0.0):
        source = tools.sources.get(app)
        if source is None:
            return float(MOST)
        try:
            for _ in _pulled(tools, source, lambda line: None, NEVER, again=False):
                pass
        except FairleadError as error:
            return _failed(tools, app, error)
        _answers(tools, app)
        return pause(_there(tools, app))


def _key(tools: Tools, app: str, wanted: Wanted) -> str:
    if wanted.new_key:
        return tools.sources.make_key(app)
    return tools.sources.take_key(app, wanted.key) if wanted.key else ""


def _there(tools: Tools, app: str) -> Source:
    found = tools.sources.get(app)
    if found is None:
        raise NotFound(f"{app} is pulled from nowhere", f"fairlead source set {app} URL")
    return found


def _same_forge(one: Source, other: Source) -> bool:
    """Whether what is sent to one's forge goes to the other's."""
    its, others = forge_at(one.address.url, one.forge), forge_at(other.address.url, other.forge)
    return (
        its is not None and others is not None and its.api == others.api and its.kind == others.kind
    )


def _shown(tools: Tools, source: Source) -> SourceShown:
    return SourceShown(
        source.app,
        source.address.url,
        source.branches,
        source.every,
        source.key,
        tuple(map(fingerprint, source.host_keys)),
        source.seen,
        source.failing,
        tools.sources.token(source.app) is not None,
        source.untold,
    )


def _pulled(
    tools: Tools, source: Source, show: Sink, stop: Stop, *, again: bool
) -> Iterator[Offered]:
    """Offer every branch that is new there, one after the other."""
    repository = tools.home.repository(source.app)
    source = _pinned(tools, source, show)
    reach = Reach(source.address, source.host_keys, tools.sources.key(source.app))
    heads = tools.upstream.heads(repository, reach, source.branches)
    _gone(tools, source, heads, show)
    new = {b: c for b, c in heads.items() if _is_new(tools, source, b, c, again=again)}
    if not new:
        pay(tools, source.app, show)
        return
    with tools.upstream.fetched(repository, reach, tuple(new)) as quarantine:
        there = receiving(tools, quarantine, stop)
        for branch, commit in new.items():
            if not _brought(there, source.app, commit):
                show(f"{branch}: it was rewritten meanwhile: the next look takes it")
                continue
            yield _offered(tools, there, quarantine, source, branch, commit, show, stop)


def _brought(there: Tools, app: str, commit: CommitId) -> bool:
    """Whether the fetch brought what was listed."""
    try:
        there.repositories.resolve(there.home.repository(app), commit)
    except NotFound:
        return False
    return True


def _pinned(tools: Tools, source: Source, show: Sink) -> Source:
    """With the host's key; the first that it shows is the one it must show from then on."""
    if source.address.scheme != "ssh" or source.host_keys:
        return source
    found = tools.upstream.host_keys(tools.home.repository(source.app), source.address)
    if not found:
        what = f"{source.address.host} does not answer by SSH"
        raise Unknown(what, "is the host right, and reachable from here?")
    pinned = msgspec.structs.replace(source, host_keys=found)
    shown = ", ".join(map(fingerprint, found))
    _note(tools, pinned, "pinned", "seen the first time", "agent", host_keys=shown)
    tools.sources.put(pinned)
    show(f"{source.address.host} is known from now on by {shown}: compare that with the forge")
    return pinned


def _gone(tools: Tools, source: Source, heads: Mapping[str, CommitId], show: Sink) -> None:
    """Say once of each branch that it is not there."""
    gone = tuple(branch for branch in source.branches if branch not in heads)
    for branch in gone:
        show(f"{branch}: no such branch there: what runs from it is left as it is")
        if branch not in source.gone:
            why = "it was deleted, or was never there"
            _note(tools, source, "gone", why, "agent", branches=branch)
    if gone != source.gone:
        _put(tools, source.app, gone=gone)


def _is_new(tools: Tools, source: Source, branch: str, commit: CommitId, *, again: bool) -> bool:
    """Whether a branch there brings what is neither here nor was refused.

    Who pushed here what is on its way there too is not set back by it.
    """
    seen, head = source.seen.get(branch, ""), _head(tools, source.app, branch)
    if commit == head or (commit == seen and not again):
        _seen(tools, source.app, branch, commit)
        return False
    ahead = bool(head) and head != seen and _contains(tools, source.app, head, commit)
    if ahead:
        _seen(tools, source.app, branch, commit)
    return not ahead


def _head(tools: Tools, app: str, branch: str) -> str:
    try:
        return tools.repositories.resolve(tools.home.repository(app), HEADS + branch)
    except NotFound:
        return ""


def _contains(tools: Tools, app: str, head: str, commit: CommitId) -> bool:
    try:
        return tools.repositories.is_ancestor(tools.home.repository(app), commit, CommitId(head))
    except NotFound:
        return False


def _offered(
    tools: Tools,
    there: Tools,
    quarantine: Mapping[str, str],
    source: Source,
    branch: str,
    commit: CommitId,
    show: Sink,
    stop: Stop,
) -> Offered:
    """Ask the gate about a branch that is new, and move it if it may."""
    app, repository, me = source.app, tools.home.repository(source.app), os.getpid()
    update = Update(HEADS + branch, _head(tools, app, branch), commit)
    origin: dict[str, Fact] = {"source": source.address.url}
    if update.old and not there.repositories.is_ancestor(repository, CommitId(update.old), commit):
        origin["rewritten"] = True
    with under_way(tools, app, commit, show):
        try:
            found = offered(there, app, update, f"source:{app}", show, me, stop, origin)
            if not stop.is_set():
                owe(tools, app, found)
            if found.accepted:
                tools.upstream.take_in(repository, quarantine, commit)
                tools.repositories.move(repository, branch, commit, update.old)
        except FairleadError as error:
            given_up(tools, app, update, me, f"the branch was not moved: {error.what}")
            raise
        if not stop.is_set():
            _seen(tools, app, branch, commit)
        for line in told(found):
            show(line)
        tools.machine.wake()
    pay(tools, app, show)
    return found


def _seen(tools: Tools, app: str, branch: str, commit: CommitId) -> None:
    source = _there(tools, app)
    if source.seen.get(branch) != commit:
        _put(tools, app, seen={**source.seen, branch: commit})


def _put(tools: Tools, app: str, **fields: object) -> None:
    tools.sources.put(msgspec.structs.replace(_there(tools, app), **fields))


def _failed(tools: Tools, app: str, error: FairleadError) -> float:
    """Write it down when a row of failures of this kind begins; the seconds to the next look."""
    source = _there(tools, app)
    kind = type(error).__name__
    if not source.failures or source.failing.partition(": ")[0] != kind:
        _note(tools, source, "failed", error.what, "agent", Outcome.FAILED)
    _put(tools, app, failing=f"{kind}: {error.what}", failures=source.failures + 1)
    return pause(_there(tools, app))


def _answers(tools: Tools, app: str) -> None:
    """Write down that a row of failures is over."""
    source = _there(tools, app)
    if source.failures:
        _note(tools, source, "answers", f"after {source.failures} failed looks", "agent")
        _put(tools, app, failing="", failures=0)


def _note(
    tools: Tools,
    source: Source,
    how: str,
    why: str,
    who: str,
    outcome: Outcome = Outcome.DONE,
    **more: Fact,
) -> None:
    facts: dict[str, Fact] = {"how": how, "source": source.address.url, **more}
    if how == "set":
        facts |= {"branches": source.branches, "key": source.key}
    tools.record.write(Event(Verb.SOURCE, outcome, who, why, source.app, facts=facts))
