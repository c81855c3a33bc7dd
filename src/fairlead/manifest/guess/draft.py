"""A manifest in the making: lines with their reasons, and how they are written down."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fairlead.manifest.guess.repository import Repository
from fairlead.manifest.mistakes import key_text


class Reason(msgspec.Struct, frozen=True):
    """Why a line of the manifest says what it says."""

    key: str
    why: str


class Guess(msgspec.Struct, frozen=True):
    """A manifest's text, what the repository was taken for, why each line, and what is left to
    the person: ``todo`` are sentences about what could not be known or will not work as it is."""

    kind: str
    text: str
    reasons: tuple[Reason, ...]
    todo: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A key, its value, and why."""

    key: str
    value: Any
    why: str = ""


@dataclass(slots=True)
class Draft:
    """What one look at a repository proposes. ``tables`` are by their heading."""

    kind: str
    tables: dict[str, list[Line]] = field(default_factory=dict)
    todo: list[str] = field(default_factory=list)

    def add(self, table: str, key: str, value: Any, why: str = "") -> None:
        """Propose a line."""
        self.tables.setdefault(table, []).append(Line(key, value, why))

    def drop(self, table: str) -> None:
        """Take a whole table back."""
        self.tables.pop(table, None)

    def rename(self, table: str, to: str) -> None:
        """Call a table something else, with those below it."""
        for name in [n for n in self.tables if n == table or n.startswith(f"{table}.")]:
            self.tables[to + name.removeprefix(table)] = self.tables.pop(name)

    def value(self, table: str, key: str) -> Any:
        """What a line proposes, or None."""
        return next((x.value for x in self.tables.get(table, ()) if x.key == key), None)

    def replace(self, table: str, key: str, value: Any, why: str) -> None:
        """Propose another value for a line, in its place."""
        lines = self.tables.setdefault(table, [])
        at = next((n for n, line in enumerate(lines) if line.key == key), len(lines))
        lines[at : at + 1] = [Line(key, value, why)]


_ORDER = ("build", "build.assets", "role", "migrate", "state", "check", "smoke", "environment")


def written(
    draft: Draft, repository: Repository, environment: str = "local", by: str = "fairlead init"
) -> Guess:
    """The guess that a draft comes to; ``environment`` is the one that runs from the branch."""
    draft.add("", "app", repository.name, f"the directory is called {repository.directory}")
    why = "the branch that is checked out here" if repository.branch != "main" else ""
    lines = draft.tables.setdefault(f"environment.{environment}", [])
    lines.insert(0, Line("branch", repository.branch, why))
    tables = sorted(draft.tables.items(), key=lambda item: _place(item[0]))
    text = "\n".join([*_head(draft, by), *(line for table in tables for line in _table(*table))])
    reasons = (
        Reason(key_text(table, line.key), line.why)
        for table, found in tables
        for line in found
        if line.why
    )
    return Guess(draft.kind, text + "\n", tuple(reasons), tuple(draft.todo))


def _place(table: str) -> tuple[int, int]:
    # Sorting is stable: within one kind of table the order they were proposed in stays.
    named = table if table in _ORDER else table.partition(".")[0]
    return (_ORDER.index(named) if named in _ORDER else -1), table.count(".")


def _head(draft: Draft, by: str) -> Iterator[str]:
    yield f"# Written by `{by}`, which took this repository for {draft.kind}."
    yield "# Every key there is: fairlead init --example"
    if draft.todo:
        yield "#\n# To look at:"
    for sentence in draft.todo:
        yield from _comment(sentence, "# - ", "#   ")
    yield ""


def _table(name: str, lines: list[Line]) -> Iterator[str]:
    if name:
        yield f"\n[{name}]"
    for line in lines:
        yield from _comment(line.why, "# ", "# ") if line.why else ()
        yield f"{key_text('', line.key)} = {toml(line.value)}"


def _comment(text: str, first: str, later: str) -> list[str]:
    plain = "".join(c if c.isprintable() else "·" for c in text)  # a file name may hold anything
    return textwrap.wrap(plain, 98, initial_indent=first, subsequent_indent=later)


def toml(value: Any) -> str:
    """A value as TOML 1.0 writes it: text, whole number, true/false, list, inline table."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(_escaped(c) for c in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {toml(v)}" for k, v in value.items()) + " }"
    return str(value)


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").isalnum() else toml(name)


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    if code < 32 or code == 127:
        return f"\\u{code:04x}"
    return character
