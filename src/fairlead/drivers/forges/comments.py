"""One comment of ours on a change request: found again by its first line, and rewritten.

The first line is a link reference that nothing refers to (CommonMark 0.31, 4.7): every forge
shows nothing for it. Anybody can write such a line, so a comment counts as ours only if whoever
the token speaks for wrote it.
"""

from collections.abc import Iterator
from typing import Protocol

import msgspec

from fairlead.base.errors import NotAllowed, NotFound, Unknown

_LONGEST = 30_000
"""Characters; the forge that takes least (Bitbucket) takes 32,768."""
_TRIES = 2


class Comment(msgspec.Struct, frozen=True):
    """A comment, by its id there. ``author`` is who wrote it; ``machine``: an app did."""

    id: str
    author: str
    text: str
    machine: bool = False


class Comments(Protocol):
    """What a dialect can do with the comments of one change request. Each may raise what
    ``Api.ask`` does."""

    def me(self) -> str:
        """Whom the token speaks for, as authors are named; "" for an app, which is not told."""
        ...

    def comments(self, request: str) -> Iterator[Comment]:
        """Every comment, the oldest first."""
        ...

    def add(self, request: str, text: str) -> None:
        """Write a new one. Not asked twice: it would stand there twice."""
        ...

    def change(self, request: str, comment: str, text: str) -> None:
        """Write another text in the place of one's own."""
        ...


def marked(name: str, text: str) -> str:
    """The text with its first line, cut to what every forge takes."""
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n\n… cut: see the output"
    return f"{_mark(name)}\n\n{cut}"


def put(dialect: Comments, request: str, name: str, text: str) -> str:
    """Make ``text`` the one comment of that name; what was done, in a word or two."""
    whole = marked(name, text)
    for left in reversed(range(_TRIES)):
        known = _own(dialect, request, name)
        if known and known.text.strip() == whole.strip():
            return "said already"
        try:
            return _put(dialect, request, known, whole)
        except Unknown:  # it may stand there now: look, rather than write it twice
            if not left:
                raise
    raise AssertionError("a round returns or raises")


def _put(dialect: Comments, request: str, known: Comment | None, whole: str) -> str:
    if known:
        try:
            dialect.change(request, known.id, whole)
        except (NotAllowed, NotFound):
            pass  # not ours after all, or gone since
        else:
            return "rewritten"
    dialect.add(request, whole)
    return "added"


def _own(dialect: Comments, request: str, name: str) -> Comment | None:
    me, mark = dialect.me(), _mark(name)
    for comment in dialect.comments(request):
        ours = comment.author == me if me else comment.machine
        if ours and comment.text.lstrip().startswith(mark):
            return comment
    return None


def _mark(name: str) -> str:
    return f"[//]: # ({name})"
