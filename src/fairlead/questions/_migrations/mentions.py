"""Where the code of a release names a column, a table or a value.

Its migrations, tests and documents do not count: they do not serve. SQL that names both table and
column is strong evidence; the bare word may mean something else.
"""

import re
from collections.abc import Iterator

from fairlead.base.errors import Unknown
from fairlead.migrations.model import Difference, Mention, Verb
from fairlead.questions import _tree

MOST_BYTES = 1_000_000
MOST_ALL = 256_000_000
MOST_FOUND = 5
_NEAR = 6
_SKIPPED = re.compile(
    r"(^|/)(tests?|testing|docs?|node_modules|\.[^/]+|__pycache__|locale|staticfiles)(/|$)"
    r"|(^|/)(test_[^/]*|[^/]*_test|conftest)\.[a-z]+$",
)
# What is code; all else is for people or for machines that do not query.
_CODE = re.compile(
    r"\.(py|pyi|sql|html?|jinja2?|j2|js|ts|jsx|tsx|mjs|cjs|rb|erb|go|java|kt|php|ex|exs|rs|cs|sh|"
    r"ya?ml|toml|json|cfg|ini)$|(^|/)[^./]+$"
)
_COMMENT = re.compile(r"^\s*(#|--|//|\*)")
_SQL = re.compile(r"\b(SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|JOIN)\b", re.IGNORECASE)


class Code:
    """The code of one release, read once. Raises Unknown where there is too much or it is gone."""

    def __init__(self, tree: str, migrations: frozenset[str]) -> None:
        self._files: dict[str, list[str]] = {}
        size = 0
        try:
            for path in _tree.files(tree):
                if path in migrations or _SKIPPED.search(path) or not _CODE.search(path):
                    continue
                text, whole = _tree.start_of(tree, path, MOST_BYTES)
                size += len(text)
                if size > MOST_ALL or whole > MOST_BYTES:
                    raise Unknown(f"there is too much code to look for names in: {path}")
                self._files[path] = text.decode("utf-8", "replace").splitlines()
        except OSError as error:
            raise Unknown(f"the release's code cannot be read: {error}") from None

    def names(self, one: Difference) -> tuple[Mention, ...]:
        """Where it names what ``one`` takes away; strong ones first."""
        found = sorted(self._mentions(one), key=lambda mention: not mention.strong)
        return tuple(found[:MOST_FOUND])

    def _mentions(self, one: Difference) -> Iterator[Mention]:
        words = _any(one.words or (one.column or one.relation,))
        table = _any((one.relation.rsplit(".", 1)[-1],))
        for path, lines in self._files.items():
            for number, line in enumerate(lines):
                if words.search(line) and not _COMMENT.match(line):
                    yield Mention(path, number + 1, _strong(one, table, lines, number))


def _strong(one: Difference, table: re.Pattern[str], lines: list[str], number: int) -> bool:
    """Whether it is in SQL, or beside it, that names the table too."""
    if one.verb != Verb.GONE:
        return False
    near = [
        line
        for line in lines[max(0, number - _NEAR) : number + _NEAR + 1]
        if not _COMMENT.match(line)
    ]
    return any(_SQL.search(line) for line in near) and any(table.search(line) for line in near)


def _any(words: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = "|".join(re.escape(word) for word in words)
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{alternatives})(?![A-Za-z0-9_])", re.IGNORECASE)
