"""``fairlead-shell NAME``: what sshd runs for somebody's key, as the git user, instead of a shell.

The command goes to the agent as it came, and the agent says whether, and answers it
(``agent.asked``). Only git's own two programs run here once they may, with hooks and settings
that whoever pushes cannot change. It starts at every push, so it loads little.
"""

import os
import re
import select
import sys
import threading
from pathlib import Path
from typing import NoReturn, TextIO

from fairlead.access.command import FETCH, LONGEST, Git, parse
from fairlead.base.door import AGENT_WITHIN, Talk, ask
from fairlead.base.errors import FairleadError, Unknown
from fairlead.base.ids import is_name
from fairlead.base.paths import SERVER_HOME, Home

HOOKS = ("pre-receive", "post-receive")
_SETTINGS = {
    "core.fsmonitor": "false",
    "receive.fsckObjects": "true",
    "transfer.hideRefs": "refs/fairlead",
}
_PROTOCOL = re.compile(r"version=[0-2]")  # git(1), GIT_PROTOCOL


def main(arguments: list[str] | None = None) -> int:
    """Answer one command. Never a traceback: who came sees what happened and what to do."""
    given = sys.argv[1:] if arguments is None else arguments
    home = Home(Path(given[1]) if len(given) > 1 else SERVER_HOME)
    try:
        if not given or not is_name(given[0]):
            raise FairleadError("nobody is named on this key's line", "fairlead server doctor")
        return _answered(home, given[0], os.environ.get("SSH_ORIGINAL_COMMAND", ""))
    except FairleadError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _answered(home: Home, who: str, command: str) -> int:
    sent = _sent(command)
    wanted = _git(sent)
    threading.Thread(target=_end_with_listener, daemon=True).start()
    if wanted is None:
        return _shown(home, {"kind": "command", "who": who, "command": sent})
    code = _permitted(home, {"kind": "git", "who": who, "verb": wanted.verb, "app": wanted.app})
    return code or become_git(home, who, wanted)


def _git(command: str) -> Git | None:
    """What git is asked for; None for everything else, also for what the agent will refuse."""
    try:
        wanted = parse(command)
    except FairleadError:
        return None
    return wanted if isinstance(wanted, Git) else None


def _sent(command: str) -> str:
    """The command as text that JSON can hold; too long a one stays too long."""
    data = command.encode(errors="surrogateescape")[: LONGEST + 1]
    return data.decode(errors="backslashreplace")


def _end_with_listener() -> None:
    """End when nobody listens any more: sshd closes our output then, and says nothing. So the
    agent sees us go, and ends what was asked for."""
    lines = select.poll()
    lines.register(sys.stdout.fileno(), 0)  # POLLERR and POLLHUP are always told (poll(2))
    lines.poll()
    os._exit(1)


def _permitted(home: Home, question: dict[str, object]) -> int:
    """Ask, and once more where the agent died meanwhile: asking changes nothing."""
    try:
        return _shown(home, question)
    except Unknown:
        return _shown(home, question)


def _shown(home: Home, question: dict[str, object]) -> int:
    for said in ask(home.agent_door, question, AGENT_WITHIN):
        if isinstance(said, int):
            return said
        _show(said, sys.stderr if question["kind"] == "git" else sys.stdout)
    return 1


def _show(said: str, plain: TextIO) -> None:
    stream = sys.stderr if isinstance(said, Talk) else plain
    stream.write(f"{said}\n")
    stream.flush()


def become_git(home: Home, who: str, wanted: Git) -> NoReturn:
    """Run git's program in this process's place. Raises FairleadError where git would leave out
    a hook that is not there or may not be run: then a push would move a branch unverified."""
    lacking = [name for name in HOOKS if not os.access(home.hooks / name, os.X_OK)]
    if lacking:
        what = f"pushes cannot be verified here: no {' and no '.join(lacking)} hook"
        raise FairleadError(what, "root: fairlead server install")
    settings = {"core.hooksPath": str(home.hooks), **_SETTINGS}
    options = [word for pair in settings.items() for word in ("-c", "=".join(pair))]
    program = "upload-pack" if wanted.verb == FETCH else "receive-pack"
    argv = ["git", *options, program, str(home.repository(wanted.app))]
    os.execvpe("git", argv, environment(who))  # noqa: S606  no shell: that is the point


def environment(who: str) -> dict[str, str]:
    """What git and its hooks find: nothing of the client's but the protocol's version."""
    found = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "FAIRLEAD_WHO": who,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    protocol = os.environ.get("GIT_PROTOCOL", "")
    return {**found, "GIT_PROTOCOL": protocol} if _PROTOCOL.fullmatch(protocol) else found


if __name__ == "__main__":
    sys.exit(main())
