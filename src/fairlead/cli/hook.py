"""What git runs in an app's repository: ``python -m fairlead.cli.hook HOME hook NAME``.

It starts at every push, so it loads no command line around itself, and after a push it
wakes the agent before it loads anything else.
"""

import sys
from pathlib import Path

from fairlead.base.errors import FairleadError
from fairlead.base.paths import Home
from fairlead.base.wake import wake


def main(arguments: list[str]) -> int:
    """Never a traceback: the pusher sees what happened and what to do."""
    home, name = Home(Path(arguments[0])), arguments[2]
    woken = wake(home) if name == "post-receive" else False
    from fairlead.cli.pushed import post_receive, pre_receive, say

    try:
        if name == "pre-receive":
            return pre_receive(home, sys.stdin)
        return post_receive(home, sys.stdin, woken=woken)
    except FairleadError as error:
        say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
