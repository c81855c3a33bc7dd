"""Text for a person: plain and aligned in a pipe, with colour and the terminal's width on one.

A piece of text is a ``str``, or a ``(text, style)`` pair; styles are the few names in ``INK``.
No piece can carry an escape code or a line end of its own.
"""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from fairlead.base.text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Piece = str | tuple[str, str]
INK = {
    "good": "green",
    "bad": "bold red",
    "warn": "yellow",
    "moving": "cyan",
    "dim": "dim",
    "head": "bold",
}
GAP = 2
LEAST = 10
"""Columns that a shortened cell keeps, however narrow the terminal is."""


class Paper:
    """Plain text on a stream. ``now``: what times are told against."""

    rich = False
    """Whether a person reads along on a terminal, so that more may be shown."""

    def __init__(self, stream: TextIO, now: float) -> None:
        self._stream = stream
        self.now = now

    def line(self, *pieces: Piece, indent: int = 0) -> None:
        """One line of text."""
        self._put(" " * indent + "".join(map(plain, pieces)))

    def blank(self) -> None:
        """An empty line."""
        self._put("")

    def table(
        self,
        rows: Iterable[Sequence[Piece]],
        head: Sequence[str] = (),
        indent: int = 0,
        *,
        cut: bool = False,
    ) -> None:
        """Columns, each as wide as its widest cell; the last one is not padded.

        On a terminal the last column is folded, or ``cut`` where one line is enough.
        """
        whole = [list(map(plain, row)) for row in rows]
        if head and whole:
            whole.insert(0, [word.upper() for word in head])
        widths = [max(map(len, column), default=0) for column in zip(*whole, strict=True)]
        for row in whole:
            cells = [f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)]
            self._put((" " * indent + (" " * GAP).join(cells)).rstrip())

    def raw(self, head: str, text: str) -> None:
        """A line of somebody else's: in a pipe as it is."""
        self._stream.write(f"{head}{text}\n")

    def flush(self) -> None:
        """Let it be seen now."""
        self._stream.flush()

    def _put(self, text: str) -> None:
        self._stream.write(text.rstrip() + "\n")


class Terminal(Paper):
    """The same on a terminal: coloured unless NO_COLOR (https://no-color.org) is set, and
    folded at its width with the indent kept."""

    rich = True

    def __init__(self, stream: TextIO, now: float, width: int | None = None) -> None:
        super().__init__(stream, now)
        self._console = _console(stream, width)

    def line(self, *pieces: Piece, indent: int = 0) -> None:
        """One line of text; what does not fit goes on below, indented."""
        from rich.padding import Padding

        self._console.print(Padding(inked(pieces), (0, 0, 0, indent), expand=False))

    def _cut(self, rows: "list[list[Text]]", least: list[int], indent: int) -> None:
        """Shorten the last column to what the others leave, if that is worth anything."""
        cells = [[text.cell_len for text in row] for row in rows]
        others = [max(column) for column in zip(least, *cells, strict=True)][:-1]
        room = self._console.width - indent - sum(others) - GAP * (len(others) + 1)
        for row in rows:
            row[-1].truncate(max(room, LEAST), overflow="ellipsis")

    def blank(self) -> None:
        """An empty line."""
        self._console.print()

    def raw(self, head: str, text: str) -> None:
        """A line of somebody else's, without what would drive the terminal."""
        self._console.print(inked([(head, "dim"), text]), soft_wrap=True)

    def table(
        self,
        rows: Iterable[Sequence[Piece]],
        head: Sequence[str] = (),
        indent: int = 0,
        *,
        cut: bool = False,
    ) -> None:
        """Columns without lines around them."""
        from rich.padding import Padding
        from rich.table import Table

        whole = [[inked([cell]) for cell in row] for row in rows]
        if not whole:
            return
        if cut:
            self._cut(whole, [len(word) for word in head] or [0] * len(whole[0]), indent)
        table = Table(
            box=None,
            show_header=bool(head),
            header_style="dim",
            pad_edge=False,
            padding=(0, GAP, 0, 0),
        )
        last = len(whole[0]) - 1
        for n in range(len(whole[0])):
            table.add_column(head[n] if head else "", overflow="fold", no_wrap=n != last)
        for row in whole:
            table.add_row(*row)
        self._console.print(Padding(table, (0, 0, 0, indent), expand=False))


def plain(piece: Piece) -> str:
    """A piece's text, safe to show."""
    return printable(piece if isinstance(piece, str) else piece[0])


def inked(pieces: Iterable[Piece]) -> "Text":
    """Pieces as rich's text, never read as its markup."""
    from rich.text import Text

    text = Text(overflow="fold")
    for piece in pieces:
        style = "" if isinstance(piece, str) else INK.get(piece[1], "")
        text.append(plain(piece), style)
    return text


def _console(stream: TextIO, width: int | None) -> "Console":
    from rich.console import Console

    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def paper_on(stream: TextIO) -> Paper:
    """What suits the stream."""
    rich = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Terminal(stream, time.time()) if rich else Paper(stream, time.time())


def talk() -> Paper:
    """Standard error, for what goes on meanwhile."""
    return paper_on(sys.stderr)
