"""nginx's configuration read as nginx reads it: directives, blocks, includes.

Syntax: nginx.org/en/docs/beginners_guide.html#conf_structure and ngx_conf_file.c.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

_TOKEN = re.compile(
    r"""\#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|(?:\\.|\$\{[^}]*\}|[^\s{};\\])+""",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\([\"'\\ ])")
Token = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive with its words, the first being its name, and its block. ``spans`` are
    where its words stand in the text, quotes included."""

    words: tuple[str, ...]
    block: "tuple[Directive, ...]" = ()
    spans: tuple[tuple[int, int], ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """Its first word."""
        return self.words[0] if self.words else ""


def parse(text: str) -> tuple[Directive, ...]:
    """The directives of a file that nginx itself has read."""
    found = ((t[0], *t.span()) for t in _TOKEN.finditer(text) if not t[0].startswith("#"))
    return tuple(_directives(found))


def _directives(tokens: Iterator[Token]) -> Iterator[Directive]:
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    for word, start, end in tokens:
        if word == "}":
            return
        if word in "{;":
            block = tuple(_directives(tokens)) if word == "{" else ()
            yield Directive(tuple(words), block, tuple(spans))
            words, spans = [], []
        else:
            words.append(_plain(word))
            spans.append((start, end))


def _plain(token: str) -> str:
    bare = token[1:-1] if token[0] in "\"'" else token
    return _ESCAPED.sub(r"\1", bare)


def expanded(file: str, files: Mapping[str, str]) -> Iterator[tuple[Directive, str]]:
    """The directives of a file and of those it includes at its top, each with its file."""
    yield from inside(parse(files.get(file, "")), file, files)


def inside(
    block: Sequence[Directive], file: str, files: Mapping[str, str]
) -> Iterator[tuple[Directive, str]]:
    """The directives of a block, with those of the files it includes, each with its file."""
    for directive in block:
        if directive.name == "include":
            for found in included(directive.words[-1], files):
                yield from expanded(found, files)
        else:
            yield directive, file


def included(pattern: str, files: Mapping[str, str]) -> list[str]:
    """Which of the files an ``include`` means; the first one is the main file, and nginx
    resolves a relative path against its directory."""
    main = PurePosixPath(next(iter(files)))
    wanted = (main.parent / pattern).parts
    return sorted(name for name in files if _matches(PurePosixPath(name).parts, wanted))


def _matches(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
