"""The rollout's short commands, run by the same runner as checks and builds."""

from collections import deque
from collections.abc import Mapping

from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.checks.ports import Command, Exit, Runner
from fairlead.rollout.ports import Asked

_KEPT = 20
"""Lines of a command's output that are kept."""


class ShortCommands:
    """The rollout's ``Commands`` port on the checks' ``Runner``."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def ask(
        self,
        place: Place,
        argv: tuple[str, ...],
        directory: str,
        environment: Mapping[str, str],
        limit: float,
        secrets: Mapping[str, Secret],
    ) -> Asked:
        """Run it as everything here runs; 124 past its limit, 127 not started, 128 + n killed by signal n."""
        lines: deque[str] = deque(maxlen=_KEPT)
        # The runner hands the environment to the process and nowhere else (no log, no list).
        whole = {**environment, **{name: value.reveal() for name, value in secrets.items()}}
        command = Command(argv, directory, whole, limit, nice=0)
        end = self._runner.run(command, lines.append)
        return Asked(_code(end), "\n".join(lines) or end.detail)


def _code(end: Exit) -> int:
    if end.timed_out or end.lost:
        return 124
    if not end.started:
        return 127
    return 128 + end.signal if end.signal else end.code
