"""Whether the catalogs of a tree say in every language what the source says."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from fairlead.base.globs import matching
from fairlead.checks.model import Answer, Asked, Finding, Level, Reply
from fairlead.localization.decoded import decoded
from fairlead.localization.keys import Keys, unknown
from fairlead.localization.mentions import in_code, in_document
from fairlead.localization.model import Broken, Catalog, Family, Mistake, Place, Unread
from fairlead.localization.places import candidates, unplaced
from fairlead.localization.reading import catalogs, families
from fairlead.localization.rules import Wanted, finding, findings
from fairlead.manifest.questions import Localization

LARGEST = 8 << 20
"""The largest file that is read, in bytes: ten times what a large catalog has."""
ALL = 256 << 20
"""The most that is read of one tree, in bytes."""
TOLD = 1_000
"""The most findings of a reply; the errors come first."""

Held = list[tuple[Place, tuple[Catalog, ...]]]


def answer(asked: Asked) -> Reply:
    """Reads every catalog of the tree, and looks at each family of them."""
    question = asked.question
    if not isinstance(question, Localization):
        raise TypeError(f"not a question about localization: {question}")
    tree = Tree(Path(asked.tree))
    named = matching(question.files, tree.paths) if question.files else tree.paths
    places = candidates(named, bool(question.files))
    held, broken = _read(tree, places, question.source)
    if question.files:
        tree.unread += [f"{path}: its path names no language" for path in unplaced(named, places)]
    if not any(found for _place, found in held) and not broken and not tree.unread:
        rule = f"of {', '.join(question.files)}" if question.files else "of the tree"
        return Reply(Answer.NOT_APPLICABLE, f"no file {rule} is a catalog")
    looked = families(held)
    found = [
        *broken,
        *_mentioned(tree, looked, question),
        *findings(looked, Wanted(question.source, question.languages)),
    ]
    return _reply(found, tree.unread, held)


def _mentioned(
    tree: "Tree", looked: tuple[Family, ...], question: Localization
) -> Iterator[Finding]:
    """Keys that code and documents name, and no source has."""
    keys = Keys(looked, question.source)
    code = [
        (path, mention)
        for path in matching(question.code, tree.paths)
        for mention in in_code(path, tree.text(path))
    ]
    documented = [
        (path, mention)
        for path in matching(question.documents, tree.paths)
        for mention in in_document(tree.text(path), keys.first_words)
    ]
    yield from unknown(code, keys, documents=False)
    yield from unknown(documented, keys, documents=True)


class Tree:
    """The files of a tree. ``unread`` are sentences on those that could not be read."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.unread: list[str] = []
        self._left = ALL
        self.paths = tuple(sorted(self._walk()))

    def _walk(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name != ".git"]
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), self.root)

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None for one that is not read, which is then in ``unread``.

        A link within the tree is left out without a word: what it leads to is read where it is.
        """
        whole = self.root / path
        if whole.is_symlink() or not whole.is_file():
            if not whole.resolve().is_relative_to(self.root):
                self.unread.append(f"{path}: a link out of the tree")
            return None
        size = whole.stat().st_size
        if size > min(LARGEST, self._left):
            self.unread.append(f"{path}: {size:,} bytes are more than is read")
            return None
        self._left -= size
        return whole.read_bytes()

    def text(self, path: str) -> str:
        """The text of a file; "" for one that is not read, or is no text."""
        data = self.read(path)
        try:
            return decoded(data or b"")
        except Broken as error:
            self.unread.append(f"{path}: {error.what}")
            return ""


def _read(tree: Tree, places: Iterable[Place], source: str) -> tuple[Held, list[Finding]]:
    """What each place holds, and what is plainly broken."""
    held: Held = []
    broken: list[Finding] = []
    read: dict[str, bytes | None] = {}
    for place in places:
        if place.path not in read:
            read = {place.path: tree.read(place.path)}
        data = read[place.path]
        if data is None:
            continue
        try:
            held.append((place, catalogs(place, data, source)))
        except Broken as error:
            mistake = Mistake(error.rule, error.line, error.what)
            broken.append(finding(place.path, place.language, mistake))
        except Unread as error:
            tree.unread.append(f"{place.path}: {error}")
    return held, broken


def _reply(found: list[Finding], unread: list[str], held: Held) -> Reply:
    levels = Counter(one.level for one in found)
    for one in found[:TOLD]:
        print(f"{one.path}:{one.line}: {one.level}: {one.message} [{one.rule}]")  # noqa: T201
    for sentence in unread:
        print(f"not read: {sentence}")  # noqa: T201
    languages = {catalog.language for _place, held_ in held for catalog in held_} - {""}
    what = f"{len(held)} catalogs in {len(languages)} languages"
    counts = ", ".join(f"{levels[level]} {level}s" for level in Level if levels[level])
    reason = f"{what}: {counts}" if counts else f"{what}: nothing is wrong"
    if len(found) > TOLD:
        reason += f" (the first {TOLD} are told)"
    if levels[Level.ERROR]:
        kept = Answer.FAILED
    elif unread:
        kept, reason = Answer.NOT_KNOWN, f"{len(unread)} files were not read, first {unread[0]}"
    else:
        kept = Answer.PASSED
    return Reply(kept, reason, tuple(found[:TOLD]))
