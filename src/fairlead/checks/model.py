"""What is asked of a change, and what was answered."""

from enum import StrEnum

import msgspec

from fairlead.base.ids import CommitId


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


class CheckResult(msgspec.Struct, frozen=True):
    """One question's answer: why, how long it took, and where its output is kept."""

    name: str
    answer: Answer
    reason: str
    milliseconds: int = 0
    log: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """All the answers for one commit. With no checks at all it is passed, and says so.

    ``asked`` is the digest of what was asked (tree, checks, dependencies): the same question
    need not be asked twice. "" in a verdict that nobody may reuse. ``overlay`` is the digest
    of the overlay that was laid over the commit.
    """

    app: str
    commit: CommitId
    tree: str
    results: tuple[CheckResult, ...]
    asked: str = ""
    overlay: str = ""

    @property
    def answer(self) -> Answer:
        """Failed if any failed; else not known if any is; else passed."""
        answers = {result.answer for result in self.results}
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
