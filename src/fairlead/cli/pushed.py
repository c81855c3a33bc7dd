"""What a push's hooks do, and what its pusher sees."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from fairlead.base.errors import FairleadError
from fairlead.base.journal import Verb
from fairlead.base.paths import Home
from fairlead.record.chain import entry_of
from fairlead.record.trace import trace
from fairlead.service.follow import await_commit
from fairlead.service.push import HEADS, Update, manifest_at, offered
from fairlead.service.tools import Tools
from fairlead.wire import tools_of

_NONE = "0" * 40


def updates_of(lines: Iterable[str]) -> list[Update]:
    """What git says on a hook's standard input (githooks(5)): ``old new ref`` lines."""
    found = []
    for line in lines:
        old, new, ref = line.rstrip("\n").split(" ", 2)
        found.append(Update(ref, old.replace(_NONE, ""), new.replace(_NONE, "")))
    return found


def app_here() -> str:
    """The app whose repository git runs us in: hooks start in its directory."""
    return Path.cwd().parent.name


def say(line: str) -> None:
    """A line for the pusher's terminal, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def pre_receive(home: Home, lines: Iterable[str]) -> int:
    """Verify every ref; 1 when one may not move, and then none does."""
    tools = tools_of(home)
    app, receiver = app_here(), os.getppid()  # git itself: a hook is a script that becomes us
    updates = updates_of(lines)
    found = [offered(tools, app, update, tools.me, say, receiver) for update in updates]
    for one in found:
        state = "accepted" if one.accepted else "refused"
        say(f"{one.ref.removeprefix(HEADS)}: {state}: {one.sentence}")
        if one.accepted and one.verdict and not one.protected:
            say("no environment runs from this branch: it was verified, and nothing else changes")
    return 0 if all(one.accepted for one in found) else 1


def post_receive(home: Home, lines: Iterable[str], *, woken: bool) -> int:
    """Show what the agent does with the push, to the end."""
    if not woken:
        say("no agent is running: fairlead up starts one, and it takes this push up")
        return 0
    tools, app = tools_of(home), app_here()
    for update in updates_of(lines):
        places = _places(tools, app, update)
        if places:
            _show(tools, app, update.new, places)
    return 0


def _places(tools: Tools, app: str, update: Update) -> int:
    """In how many environments the push is asked for."""
    if not update.new or not update.ref.startswith(HEADS):
        return 0
    commit = tools.repositories.resolve(tools.home.repository(app), update.new)
    try:
        manifest = manifest_at(tools, app, commit)
    except FairleadError:
        return 0
    branch = update.ref.removeprefix(HEADS)
    return sum(environment.branch == branch for environment in manifest.environments)


def _show(tools: Tools, app: str, commit: str, places: int) -> None:
    for end in await_commit(tools, app, commit, places, _pushed(tools, commit), say):
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
