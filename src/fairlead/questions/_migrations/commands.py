"""Commands of the app and tools, run to their end with a limit, their output read afterwards."""

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence

import msgspec

MOST_READ = 8_000_000
MOST_SAID = 300


class Ran(msgspec.Struct, frozen=True):
    """How a command ended. ``unknown`` says why that is no answer: it could not be started, its
    time was up, or it was killed."""

    code: int
    said: str = ""
    unknown: str = ""

    @property
    def tail(self) -> str:
        """The last of what it said, on one line."""
        lines = [line.strip() for line in self.said.splitlines() if line.strip(" =-\t")]
        return " / ".join(lines[-3:])[-MOST_SAID:]


def words(command: str) -> tuple[str, ...]:
    """A command's words, as the manifest's commands are read: no shell."""
    return tuple(shlex.split(command))


def run(argv: Sequence[str], directory: str, environment: Mapping[str, str], limit: float) -> Ran:
    """One command to its end, with all it started in its process group."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                argv,
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError, IndexError) as error:
            return Ran(127, unknown=f"could not be started: {error}")
        unknown = _wait(process, limit)
        output.seek(max(0, output.tell() - MOST_READ))
        said = output.read().decode("utf-8", "replace")
    return Ran(process.returncode, said, unknown)


def _wait(process: "subprocess.Popen[bytes]", limit: float) -> str:
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        return f"did not end within {limit:g} s"
    finally:
        _end(process)
    if process.returncode < 0:
        return f"was killed by signal {-process.returncode}"
    return ""


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Whatever is left of it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def is_pytest(argv: Sequence[str]) -> bool:
    """Whether a command is pytest's."""
    return any(os.path.basename(word) in ("pytest", "py.test") for word in argv)
