"""What git runs in an app's repository: ``python -m fairlead.cli.hook HOME hook NAME``.

It starts at every push, so it loads no command line around itself.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from fairlead.base.errors import FairleadError
from fairlead.record.flow import head_of
from fairlead.service.follow import await_commit
from fairlead.service.push import HEADS, Update, manifest_at, offered
from fairlead.service.tools import Tools
from fairlead.wire import home_of, tools_of

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


def pre_receive(tools: Tools, app: str, updates: list[Update]) -> int:
    """Verify every ref; 1 when one may not move, and then none does."""
    found = [offered(tools, app, update, tools.me, say) for update in updates]
    for one in found:
        state = "accepted" if one.accepted else "refused"
        say(f"{one.ref.removeprefix(HEADS)}: {state}: {one.sentence}")
        if one.accepted and one.verdict and not one.protected:
            say("no environment runs from this branch: it was verified, and nothing else changes")
    return 0 if all(one.accepted for one in found) else 1


def post_receive(tools: Tools, app: str, updates: list[Update]) -> int:
    """Wake the agent and show what it does, to the end."""
    since = head_of(tools.store).seq
    if not tools.machine.wake():
        say("no agent is running: fairlead up starts one, and it takes this push up")
        return 0
    for update in updates:
        places = _places(tools, app, update)
        if places:
            _show(tools, app, update.new, places, since)
    return 0


def _places(tools: Tools, app: str, update: Update) -> int:
    """In how many environments the push is asked for."""
    if not update.new or not update.ref.startswith(HEADS):
        return 0
    try:
        manifest = manifest_at(tools, app, tools.repositories.resolve(
            tools.home.repository(app), update.new))  # fmt: skip
    except FairleadError:
        return 0
    branch = update.ref.removeprefix(HEADS)
    return sum(environment.branch == branch for environment in manifest.environments)


def _show(tools: Tools, app: str, commit: str, places: int, since: int) -> None:
    from fairlead.record.trace import trace

    for end in await_commit(tools, app, commit, places, since, say):
        if not end.well:
            say(f"{end.outcome}: {end.sentence}")
    say(trace(tools.store, commit, now=tools.clock.now()).line)


HOOKS = {"pre-receive": pre_receive, "post-receive": post_receive}


def main(arguments: list[str]) -> int:
    """``HOME hook NAME``. Never a traceback: the pusher sees what happened and what to do."""
    home, _, hook = arguments
    try:
        tools = tools_of(home_of(home))
        return HOOKS[hook](tools, app_here(), updates_of(sys.stdin))
    except FairleadError as error:
        say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
