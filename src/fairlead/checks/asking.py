"""One check, asked.

Checks that run side by side would disturb each other in one tree, so each gets a tree of its own,
laid out from the repository again (as fast as a copy: 15 ms for 60 files, 35 ms for 1,000), with
its own HOME and TMPDIR. All of it is removed when the check has ended.
"""

import os
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from fairlead.base.errors import FairleadError, Unknown
from fairlead.checks import rules
from fairlead.checks.model import (
    Answer,
    Asked,
    Change,
    CheckResult,
    Reply,
    Surroundings,
)
from fairlead.checks.places import places
from fairlead.checks.ports import (
    Command,
    Exit,
    Lent,
    Ours,
    Runner,
    RunningServices,
    Sink,
    Sources,
    VerdictStore,
)
from fairlead.manifest.commands import words
from fairlead.manifest.model import Check

MOST_FINDINGS = 200
"""How many findings a verdict keeps of one check; the rest are counted."""

_MOST_LINES = 5_000  # of output, the last ones, that findings are looked for in
_LARGEST_REPLY = 32 << 20  # bytes
_LARGEST_KEPT = 32 << 20
_PROCESSES = 512  # a check may be so many at once: a test suite is dozens, a fork bomb is not
_DISK = 4 << 30


@dataclass(frozen=True)
class Asker:
    """How a question of Fairlead's own is started: the command's first words, the directories it
    reads, and a digest of what it is made of."""

    argv: tuple[str, ...]
    reads: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True)
class Round:
    """One asking of a change's checks: what they share. ``logs`` is the change's own directory."""

    sources: Sources
    runner: Runner
    services: RunningServices
    verdicts: VerdictStore
    ours: Ours
    asker: Asker
    change: Change
    repository: Path
    around: Surroundings
    logs: Path
    show: Sink
    _talking: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, check: Check, answered: Mapping[str, CheckResult], place: Path) -> CheckResult:
        """The check's answer. ``place`` is a directory of its own that is not there yet."""
        failed, result = 0, self._once(check, answered, place / "0")
        while result.answer is Answer.FAILED and failed < check.retries:
            self.say(check, f"failed ({result.reason}): asked again")
            failed += 1
            result = self._once(check, answered, place / str(failed))
        if result.answer is Answer.PASSED and failed:
            reason = f"{result.reason}, after failing {failed} of {failed + 1} times"
            result = replace(result, flaky=True, reason=reason)
        self.say(check, f"{result.answer}: {result.reason}")
        return result

    def say(self, check: Check, line: str) -> None:
        """A line for a person, under the check's name."""
        with self._talking:
            self.show(f"{check.name} | {line}")

    def _once(self, check: Check, answered: Mapping[str, CheckResult], place: Path) -> CheckResult:
        for name in ("home", "tmp", "out"):
            (place / name).mkdir(parents=True, mode=0o700)
        try:
            return self._laid_out(check, answered, place)
        except FairleadError as error:
            if check.question is None and not check.services:
                raise  # the tree itself: nothing can be asked of this change
            return CheckResult(check.name, Answer.NOT_KNOWN, error.what)

    def _laid_out(
        self, check: Check, answered: Mapping[str, CheckResult], place: Path
    ) -> CheckResult:
        paths = tuple(self.sources.listing(self.repository, self.change.source))
        result = rules.not_asked(check, answered, paths)
        if result is not None:
            return result
        if check.question is not None:
            reply = self.ours.reply(self.change, check)
            if reply is not None:
                return self._replied(check, reply, place / "out")
        laid = self.sources.lay_out(
            self.repository, self.change.source, place / "tree", check.reads
        )
        for note in laid.notes:
            self.say(check, note)
        put_links(self.around, place / "tree")
        with ExitStack() as services:
            lent = None
            if check.services:
                lent = services.enter_context(self.services.give(check.services, check.name))
            if lent and lent.network and not check.network:
                reason = f"{', '.join(check.services)}: one of them needs network = true"
                return CheckResult(check.name, Answer.NOT_KNOWN, reason)
            result = self._run(check, place, lent, paths)
            gone = lent.ended() if lent else ""
        if gone:  # whatever was said of a service that has ended counts for nothing
            return replace(result, answer=Answer.NOT_KNOWN, reason=gone, findings=())
        return result

    def _run(
        self, check: Check, place: Path, lent: Lent | None, paths: tuple[str, ...]
    ) -> CheckResult:
        own = tuple(str(place / name) for name in ("tree", "home", "tmp"))
        variables = {**(lent.variables if lent else {}), **dict(check.settings)}
        whole = rules.whole_environment(self.around, *own) | variables
        reads = (self.around.path, *(lent.reads if lent else ()))
        if check.question is None:
            command = self._command(check, words(check.command), own, whole, reads)
            lines: deque[str] = deque(maxlen=_MOST_LINES)
            end = self._ran(check, command, lines.append)
            answer, reason = rules.answer_of(check, end)
            findings = places(check.name, lines, paths, own[0]) if answer is Answer.FAILED else ()
            return self._result(check, Reply(answer, _noted(check, reason, end), findings), end)
        services = dict(lent.variables) if lent else {}
        values = {"environment": whole, "services": services, "seconds": check.limit}
        return self._asked(check, place, own, values, reads)

    def _asked(
        self,
        check: Check,
        place: Path,
        own: tuple[str, ...],
        values: dict[str, Any],
        reads: tuple[str, ...],
    ) -> CheckResult:
        assert check.question is not None
        room = place / "room"
        room.mkdir()
        told = self.ours.told(self.change, check, room)
        out, asked, reply = place / "out", place / "asked.json", place / "out" / ".reply"
        question = Asked(check.question, own[0], str(out), values | told.values)
        asked.write_bytes(msgspec.json.encode(question))
        argv = (*self.asker.argv, str(asked), str(reply))
        bare = rules.whole_environment(Surroundings(), *own)
        seen = (*reads, *self.asker.reads, *told.reads, str(asked))
        # The room too: what is tried there leaves files as it would anywhere.
        command = self._command(check, argv, (*own, str(out), str(room)), bare, seen)
        end = self._ran(check, command, lambda _: None)
        if not end.well:
            _, reason = rules.answer_of(check, end)
            # Our own process has no verdict but its reply: whatever it ended with, nobody knows.
            return self._result(check, Reply(Answer.NOT_KNOWN, _noted(check, reason, end)), end)
        result = self._replied(check, _read(reply), out)
        return self._result_of(result, check, end)

    def _command(
        self,
        check: Check,
        argv: tuple[str, ...],
        writes: tuple[str, ...],
        environment: Mapping[str, str],
        reads: tuple[str, ...],
    ) -> Command:
        return Command(
            argv=argv,
            directory=writes[0],
            environment=environment,
            limit=check.limit,
            log=str(self.logs / f"{check.name}.log"),
            writes=writes,
            reads=tuple(path for path in reads if path),
            network=check.network,
            memory=check.memory,
            processes=_PROCESSES,
            disk=_DISK,
        )

    def _ran(self, check: Check, command: Command, keep: Sink) -> Exit:
        def heard(line: str) -> None:
            keep(line)
            self.say(check, line)

        return self.runner.run(command, heard)

    def _replied(self, check: Check, reply: Reply, out: Path) -> CheckResult:
        """A reply as a result: what it leaves is kept under its digest."""
        kept = tuple((name, self.verdicts.keep(_left(out, name))) for name in reply.kept)
        return replace(_result(check, reply), kept=kept)

    def _result(self, check: Check, reply: Reply, end: Exit) -> CheckResult:
        return self._result_of(_result(check, reply), check, end)

    def _result_of(self, result: CheckResult, check: Check, end: Exit) -> CheckResult:
        log = str(self.logs / f"{check.name}.log")
        return replace(result, milliseconds=round(end.seconds * 1000), log=log)


def _result(check: Check, reply: Reply) -> CheckResult:
    first, more = reply.findings[:MOST_FINDINGS], len(reply.findings) - MOST_FINDINGS
    return CheckResult(
        check.name, reply.answer, reply.reason, findings=first, more=max(0, more), facts=reply.facts
    )


def _noted(check: Check, reason: str, end: Exit) -> str:
    """The reason, and what a reader must know of how it was asked."""
    as_root = " (as root)" if end.as_root else ""
    network = " (with network)" if end.network_on and not check.network else ""
    return f"{reason}{as_root}{network}"


def _read(path: Path) -> Reply:
    """What a question replied; not known where that cannot be read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as opened:
            data = opened.read(_LARGEST_REPLY + 1)
        if len(data) > _LARGEST_REPLY:
            return Reply(Answer.NOT_KNOWN, f"its reply is larger than {_LARGEST_REPLY} bytes")
        return msgspec.json.decode(data, type=Reply)
    except (OSError, msgspec.DecodeError) as error:
        return Reply(Answer.NOT_KNOWN, f"its reply cannot be read: {error}")


def _left(out: Path, name: str) -> bytes:
    """A file that a question left to be kept. Raises Unknown."""
    path = out / os.path.basename(name)
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as opened:
            data = opened.read(_LARGEST_KEPT + 1)
    except OSError as error:
        raise Unknown(f"what it wanted kept cannot be read: {error}", "ask again") from None
    if len(data) > _LARGEST_KEPT:
        raise Unknown(f"what it wanted kept is larger than {_LARGEST_KEPT} bytes: {name}", "")
    return data


def put_links(around: Surroundings, tree: Path) -> None:
    """Put the dependencies' links into a tree; what the commit itself has there stays."""
    for name, target in around.links:
        if not os.path.lexists(tree / name):
            (tree / name).symlink_to(target)
