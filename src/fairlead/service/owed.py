"""What is pulled is answered at its forge: a status beside the commit, where a token is kept.

Nothing waits for the forge: that a commit is being asked is sent beside its checks, and the answer
when the branch has moved. An answer that could not be sent is owed: looks that bring nothing new
try again, ``TRIES`` times in all. A failure is written down once, when a row of them begins.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from msgspec.structs import replace

from fairlead.base.ids import CommitId
from fairlead.base.journal import Event, Outcome, Verb
from fairlead.checks.forge_at import forge_at
from fairlead.checks.model import Answer
from fairlead.checks.ports import Forge, Sent, Sink
from fairlead.service.push import Offered
from fairlead.service.tools import Tools
from fairlead.source.model import Owed, Source

TRIES = 5
_LONGEST = 500
"""Characters of a sentence that are kept; a forge takes fewer."""


@contextmanager
def under_way(tools: Tools, app: str, commit: CommitId, show: Sink) -> Iterator[None]:
    """The forge is shown that a commit is being asked, while it is. Not sent is not tried again."""
    forge = _forge(tools, tools.sources.get(app))
    if forge is None:
        yield
        return
    with ThreadPoolExecutor(1, thread_name_prefix="forge") as beside:
        sending = beside.submit(forge.status, commit, f"fairlead/{app}", None, "being asked")
        yield
    _noted(tools, app, sending.result(), show)


def owe(tools: Tools, app: str, found: Offered) -> None:
    """Keep the answer, until the forge was shown it. What was not judged is not known."""
    source = tools.sources.get(app)
    if source is None or _forge(tools, source) is None:
        return
    answer = found.verdict.answer if found.verdict else Answer.NOT_KNOWN
    owed = Owed(answer, found.sentence[:_LONGEST])
    tools.sources.put(replace(source, owed={**source.owed, found.commit: owed}))


def pay(tools: Tools, app: str, show: Sink) -> None:
    """Show the forge every answer that is owed."""
    source = tools.sources.get(app)
    forge = _forge(tools, source)
    for commit, owed in source.owed.items() if source else ():
        if forge is None:  # nobody to show it to any more
            _owes(tools, app, commit, None)
            continue
        name = f"fairlead/{app}"
        sent = forge.status(CommitId(commit), name, owed.answer, owed.sentence)
        again = not sent.done and owed.tries + 1 < TRIES
        _owes(tools, app, commit, replace(owed, tries=owed.tries + 1) if again else None)
        _noted(tools, app, sent, show)


def _forge(tools: Tools, source: Source | None) -> Forge | None:
    at = forge_at(source.address.url, source.forge) if source else None
    token = tools.sources.token(source.app) if source and at else None
    return tools.forge(at, token) if at and token else None


def _owes(tools: Tools, app: str, commit: str, owed: Owed | None) -> None:
    source = tools.sources.get(app)
    if source:
        others = {other: one for other, one in source.owed.items() if other != commit}
        tools.sources.put(replace(source, owed=others | ({commit: owed} if owed else {})))


def _noted(tools: Tools, app: str, sent: Sent, show: Sink) -> None:
    """Say it, and write down where a row of failures begins and ends."""
    show(sent.sentence)
    source = tools.sources.get(app)
    if source is None:
        return
    if sent.done == bool(source.untold):
        how, outcome = ("told", Outcome.DONE) if sent.done else ("untold", Outcome.FAILED)
        facts = {"how": how, "source": source.address.url}
        event = Event(Verb.SOURCE, outcome, "agent", sent.sentence, app, facts=facts)
        tools.record.write(event)
    tools.sources.put(replace(source, untold="" if sent.done else sent.sentence))
