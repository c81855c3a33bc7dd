"""What git runs in an app's repository: ``python -m fairlead.cli.hook HOME hook NAME``.

It asks the agent and shows what the agent says. It starts twice at every push, so it loads
nothing of what the agent has loaded already.
"""

import getpass
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from fairlead.base.door import AGENT_WITHIN, QUARANTINE, ask
from fairlead.base.errors import FairleadError, Unknown
from fairlead.base.paths import Home, app_of

_NONE = "0" * 40


def main(arguments: list[str]) -> int:
    """Never a traceback: the pusher sees what happened and what to do."""
    home, name = Home(Path(arguments[0])), arguments[2]
    try:
        return _until_answered(home, question(name, sys.stdin))
    except FairleadError as error:
        say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def question(name: str, lines: Iterable[str]) -> dict[str, object]:
    """What the agent is asked: which hook, in which app, by whom, for which refs."""
    return {
        "hook": name,
        "app": app_of(Path.cwd()),  # hooks start in their repository
        "who": os.environ.get("FAIRLEAD_WHO") or getpass.getuser(),
        "receiver": os.getppid(),  # git itself: a hook is a script that becomes us
        "updates": updates_of(lines),
        "quarantine": quarantine_of(Path.cwd()),
    }


def updates_of(lines: Iterable[str]) -> list[dict[str, str]]:
    """What git says on a hook's standard input (githooks(5)): ``old new ref`` lines."""
    found = []
    for line in lines:
        old, new, ref = line.rstrip("\n").split(" ", 2)
        found.append({"ref": ref, "old": old.replace(_NONE, ""), "new": new.replace(_NONE, "")})
    return found


def quarantine_of(base: Path) -> dict[str, str]:
    """Where the pushed objects are, as absolute paths: git wrote them from ``base``."""
    given = {name: os.environ[name] for name in QUARANTINE if name in os.environ}
    return {
        name: ":".join(str(base / path) for path in paths.split(":"))
        for name, paths in given.items()
    }


def _until_answered(home: Home, asked: dict[str, object]) -> int:
    """Ask, and ask again when the agent was started again meanwhile. What was said of a push
    that is in is said again from the record: what is known here is not shown twice."""
    known = 0
    while True:
        try:
            return _shown(home, asked, known if asked["hook"] == "post-receive" else 0)
        except _WentAway as away:
            known = max(known, away.shown)


class _WentAway(Exception):
    def __init__(self, shown: int) -> None:
        super().__init__()
        self.shown = shown


def _shown(home: Home, asked: dict[str, object], known: int) -> int:
    shown = 0
    try:
        for said in ask(home.agent_door, asked, AGENT_WITHIN):
            if isinstance(said, int):
                return said
            shown += 1
            if shown > known:
                say(said)
    except Unknown:
        raise _WentAway(shown) from None
    return 1


def say(line: str) -> None:
    """A line for the pusher's terminal, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
