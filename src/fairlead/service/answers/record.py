"""``record``: whether it holds, and its entries."""

from collections.abc import Iterator

import msgspec

from fairlead.base.errors import FairleadError
from fairlead.desired import read
from fairlead.record import flow
from fairlead.record.model import Broken, Entry, Head, Verified
from fairlead.record.rules import sentence
from fairlead.service.tools import Tools


class Checked(msgspec.Struct, frozen=True):
    """Whether the record holds. ``anchor`` says why no signed head could be asked, "" if one was."""

    answer: Verified | Broken
    anchor: str = ""

    @property
    def holds(self) -> bool:
        """Whether every entry holds."""
        return isinstance(self.answer, Verified)


class Line(msgspec.Struct, frozen=True):
    """An entry with its sentence."""

    entry: Entry
    sentence: str


class Shown(msgspec.Struct, frozen=True):
    """Some entries, ascending, and how many there are in all."""

    entries: tuple[Line, ...]
    newest: int


def verify(tools: Tools) -> Checked:
    """Check every entry and, where the deploy repo can be read, the head that is signed there."""
    try:
        anchored = read.anchored(tools.deploy.repo.look(), tools.deploy.verifier)
    except FairleadError as error:
        return Checked(flow.verify(tools.store), error.what)
    heads = [Head(anchored.seq, anchored.hash)] if anchored else []
    return Checked(flow.verify(tools.store, heads), "" if anchored else "no head was signed yet")


def show(tools: Tools, since: int | None, lines: int) -> Shown:
    """Up to ``lines`` entries after number ``since``; without one, the newest."""
    newest = flow.head_of(tools.store).seq
    after = max(0, newest - lines) if since is None else since
    entries = flow.read(tools.store, after, lines)
    return Shown(tuple(map(line_of, entries)), newest)


def follow(tools: Tools, since: int | None, app: str = "") -> Iterator[Line]:
    """Entries as they are written, for ever."""
    start = flow.head_of(tools.store).seq if since is None else since
    for entry in flow.follow(tools.store, start, tools.clock, app or None):
        yield line_of(entry)


def line_of(entry: Entry) -> Line:
    """An entry, told."""
    return Line(entry, sentence(entry))
