"""What is asked of a change, and what was answered."""

from enum import StrEnum
from typing import Any

import msgspec

from fairlead.base.ids import CommitId
from fairlead.manifest.questions import Question


class Change(msgspec.Struct, frozen=True):
    """A commit offered to the path. ``tree`` is its git tree id; ``ref`` where it was offered.

    With an environment's overlay laid over it, ``overlay`` is the overlay's digest, ``laid`` the
    commit that holds both, and ``tree`` that one's.
    """

    app: str
    commit: CommitId
    tree: str
    ref: str
    who: str
    subject: str = ""
    overlay: str = ""
    laid: str = ""

    @property
    def source(self) -> CommitId:
        """The commit whose files are checked and built."""
        return CommitId(self.laid or self.commit)

    @property
    def name(self) -> str:
        """Names it among files: the commit, and the overlay's first twelve digits."""
        return named(self.commit, self.overlay)


def named(commit: CommitId, overlay: str) -> str:
    """See ``Change.name``."""
    return f"{commit}+{overlay.removeprefix('sha256:')[:12]}" if overlay else commit


class Answer(StrEnum):
    """The four answers. Only passed and not applicable open the gate (promise 12)."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_KNOWN = "not known"
    NOT_APPLICABLE = "not applicable"

    @property
    def opens(self) -> bool:
        """Whether a gate may open on it."""
        return self in (Answer.PASSED, Answer.NOT_APPLICABLE)


class Level(StrEnum):
    """How much a finding weighs (SARIF 2.1.0, 3.27.10). Only an error fails a check."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(msgspec.Struct, frozen=True):
    """One thing that a check found.

    ``rule`` is a stable name (``localization.placeholder``), ``message`` a sentence. ``path`` is
    relative to the tree, ``line`` counts from 1 (0: not known). ``subject`` is what it is about
    (a key, an operation, a table): with the rule it names the finding for a waiver. ``hint`` is
    what to do next.
    """

    rule: str
    message: str
    level: Level = Level.ERROR
    path: str = ""
    line: int = 0
    subject: str = ""
    hint: str = ""


class Reply(msgspec.Struct, frozen=True):
    """What a question of Fairlead's own answers.

    ``facts`` are (name, value) pairs that the release carries (``migration:0002`` → ``expand``).
    ``kept`` are names of files it left in its out directory that are kept with the verdict
    (an API's contract).
    """

    answer: Answer
    reason: str
    findings: tuple[Finding, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    kept: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """A question of Fairlead's own, as its process is told it (JSON).

    ``tree`` is the commit's, laid out; ``out`` a directory for what is kept. ``given`` holds the
    ``environment`` that commands of the app run with here, the variables of its ``services``, the
    ``seconds`` it may take, and what the question needs besides, by its own names.
    """

    question: Question
    tree: str
    out: str
    given: dict[str, Any] = {}


class Earlier(msgspec.Struct, frozen=True):
    """The verdict that an answer was taken from: its commit, and when it was asked (RFC 3339)."""

    commit: CommitId
    at: str


class Waiver(msgspec.Struct, frozen=True):
    """A person's word that a check need not hold until a day (``2027-03-01``, UTC, itself included).

    With a ``rule``, and a ``subject``, it is for those of the check's findings only.
    """

    check: str
    reason: str
    who: str
    until: str
    rule: str = ""
    subject: str = ""


class CheckResult(msgspec.Struct, frozen=True):
    """One question's answer: why, how long it took, and where its output is kept.

    ``key`` is the digest of all that the answer depends on, "" where that is not known. ``at`` is
    when it was asked (RFC 3339). ``flaky``: it passed only when asked again. ``earlier`` is set
    for an answer that was not asked for again. ``findings`` are the first of what it found, and
    ``more`` how many there are besides; ``facts`` and ``kept`` (name, digest) are what a question
    of Fairlead's own gave. ``required``: no gate opens without it. ``waivers`` are those that let
    it through although it did not pass.
    """

    name: str
    answer: Answer
    reason: str
    milliseconds: int = 0
    log: str = ""
    key: str = ""
    at: str = ""
    flaky: bool = False
    earlier: Earlier | None = None
    findings: tuple[Finding, ...] = ()
    more: int = 0
    facts: tuple[tuple[str, str], ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    required: bool = True
    waivers: tuple[Waiver, ...] = ()

    @property
    def opens(self) -> bool:
        """Whether a gate may open on it."""
        return self.answer.opens or bool(self.waivers)


class Verdict(msgspec.Struct, frozen=True):
    """All the answers for one commit. With no checks at all it is passed, and says so.

    ``overlay`` is the digest of the overlay that was laid over the commit.
    """

    app: str
    commit: CommitId
    tree: str
    results: tuple[CheckResult, ...]
    overlay: str = ""

    @property
    def answer(self) -> Answer:
        """Of those that are required and not waived: failed if any failed; else not known if any
        is; else passed."""
        answers = {
            result.answer for result in self.results if result.required and not result.waivers
        }
        if Answer.FAILED in answers:
            return Answer.FAILED
        if Answer.NOT_KNOWN in answers:
            return Answer.NOT_KNOWN
        return Answer.PASSED


class Surroundings(msgspec.Struct, frozen=True):
    """What a command of an app finds around its tree: the dependencies it runs with.

    ``key`` names them ("" for none) and ``path`` is their directory. ``bins`` come first on
    PATH, ``variables`` are set, ``roots`` (relative to the tree) are put on PYTHONPATH, and
    ``links`` are (name in the tree, target) pairs that stand in the tree while it is used.
    ``packages`` are sorted (name, version) pairs; ``notes`` are sentences a person should read.
    """

    key: str = ""
    path: str = ""
    bins: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    roots: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
