"""What a push's hooks are answered, and what its pusher sees."""

import msgspec

from fairlead.base.errors import FairleadError
from fairlead.base.journal import Verb
from fairlead.base.stop import Stop
from fairlead.checks.ports import Sink
from fairlead.record.chain import entry_of
from fairlead.record.trace import trace
from fairlead.service.follow import await_commit
from fairlead.service.overlaid import pushed_manifest
from fairlead.service.push import HEADS, Update, offered, receiving, told
from fairlead.service.tools import Tools


class Question(msgspec.Struct, frozen=True):
    """What a hook asks. ``receiver`` is the process id of git's receiving end; ``asker`` is the
    user id of who asks, by the kernel: what the question says of that is not listened to."""

    hook: str
    app: str
    who: str
    receiver: int
    updates: tuple[Update, ...]
    quarantine: dict[str, str]
    kind: str = "hook"
    asker: int = -1


def pre_receive(tools: Tools, asked: Question, say: Sink, stop: Stop) -> int:
    """Verify every ref; 1 when one may not move, and then none does."""
    there = receiving(tools, asked.quarantine, stop)
    found = [
        offered(there, asked.app, update, asked.who, say, asked.receiver, stop)
        for update in asked.updates
    ]
    for one in found:
        for line in told(one):
            say(line)
    return 0 if all(one.accepted for one in found) else 1


def post_receive(tools: Tools, asked: Question, say: Sink, stop: Stop) -> int:
    """Show what becomes of the push, to the end."""
    for update in asked.updates:
        places = _places(tools, asked.app, update)
        if places:
            _show(tools, asked.app, update.new, places, say, stop)
    return 0


def _places(tools: Tools, app: str, update: Update) -> int:
    """In how many environments the push is asked for."""
    if not update.new or not update.ref.startswith(HEADS):
        return 0
    commit = tools.repositories.resolve(tools.home.repository(app), update.new)
    try:
        manifest = pushed_manifest(tools, app, commit)
    except FairleadError:
        return 0
    branch = update.ref.removeprefix(HEADS)
    return sum(environment.branch == branch for environment in manifest.environments)


def _show(tools: Tools, app: str, commit: str, places: int, say: Sink, stop: Stop) -> None:
    for end in await_commit(tools, app, commit, places, _pushed(tools, commit), say, stop):
        if end.outcome == "waiting":
            say(end.sentence)
        if not end.well:
            say(f"{end.outcome}: {end.sentence}")
            say(f"look: {end.look}")
    say(trace(tools.store, commit, now=tools.clock.now()).line)


def _pushed(tools: Tools, commit: str) -> int:
    """The entry that says that the commit was pushed: what follows it is what became of it."""
    rows = tools.store.find("commit", commit, limit=50, newest=True)
    return max((row.seq for row in rows if entry_of(row).verb == Verb.PUSH), default=0)
