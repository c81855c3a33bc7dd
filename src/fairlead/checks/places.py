"""Where a tool's own output points: ``src/a.py:12:5: message`` and its like, as findings.

Known forms: GNU's ``file:line:column: message`` (GNU Coding Standards, "Formatting Error
Messages"), which gcc, ruff, flake8, mypy, pytest and ``eslint -f unix`` share; tsc's
``file(line,column): message``; the arrow line of ruff and rustc; the blocks of eslint and
stylelint; Python's tracebacks; the frames of Node's, and TAP; and what black, ruff and prettier say of
files that they would write otherwise. A line counts only when it names a file of the tree.

The output is whoever's who wrote the commit, so every pattern is linear, lines are cut, and both
lines and findings are bounded.
"""

import re
from collections.abc import Collection, Iterable

from fairlead.base.text import printable
from fairlead.checks.model import Finding, Level

MOST_FINDINGS = 50
MOST_CHARACTERS = 20_000_000
"""How much of the output is read: more than a person would."""

_PATH = r"(?P<path>[^\s:()'\"][^:()'\"]{0,400}?)"
_GNU = re.compile(rf"^\s{{0,8}}{_PATH}:(?P<line>\d{{1,7}})(?::\d{{1,7}})?:\s*(?P<said>.*)$")
_TSC = re.compile(rf"^{_PATH}\((?P<line>\d{{1,7}}),\d{{1,7}}\): (?P<said>.*)$")
_ARROW = re.compile(rf"^\s{{0,12}}(?:-->|❯) {_PATH}:(?P<line>\d{{1,7}}):\d{{1,7}}\s*$")
_FRAME = re.compile(r'^\s{0,8}File "(?P<path>[^"]{1,400})", line (?P<line>\d{1,7})(?:, in .*)?$')
_NODE = re.compile(
    r"^\s{1,12}at (?:[^()]{0,200} \()?(?:file://)?(?P<path>/?[^\s():]{1,400}):(?P<line>\d{1,7}):\d{1,7}\)?$"
)
_WOULD = re.compile(
    r"^(?:would reformat|Would reformat:|\[warn\]|Unformatted:) (?P<path>\S.{0,400})$"
)
_IN_BLOCK = re.compile(
    r"^\s{1,12}(?P<line>\d{1,7}):\d{1,7}\s+(?P<level>error|warning|✖|⚠|×|‼)?\s*(?P<said>\S.*)$"
)
_RAISED = re.compile(r"^(?:E\s{1,7})?(?P<said>(?:\w{1,80}\.){0,8}[A-Z]\w{1,80}(?::\s.*)?)$")
_LEVELS = {
    "warning": Level.WARNING,
    "note": Level.NOTE,
    "info": Level.NOTE,
    "⚠": Level.WARNING,
    "‼": Level.WARNING,
}
_LEVEL = re.compile(r"^(?:fatal )?(?P<level>error|warning|note|info)\b[\s:]*", re.IGNORECASE)
_TAP = re.compile(r"^\s{1,12}location: '(?P<path>[^':]{1,400}):(?P<line>\d{1,7}):\d{1,7}'$")
_NOT_OK = re.compile(r"^\s{0,40}not ok \d{1,7}\s?-?\s?(?P<said>.*)$")  # TAP 14, "Test Points"
_NAME = re.compile(r"(?:\w{1,80}\.){0,8}[A-Z]\w{1,80}")  # pytest's, behind the place it was raised
_CALLER = re.compile(r"in \S+$")  # pytest's, of a function on the way there
_FAR = 12
"""How many lines after a Python frame its exception is looked for."""


def places(
    check: str, lines: Iterable[str], paths: Collection[str], tree: str = ""
) -> tuple[Finding, ...]:
    """What a check's output points at, in its order, each place and sentence once.

    ``paths`` are the files of the tree; ``tree`` is where it was laid out, taken off absolute
    paths. Their rule is ``<check>.output``. Never raises for what the lines hold.
    """
    named = frozenset(filter(str.isprintable, paths))
    reading = _Reading(check, named, tree.rstrip("/") + "/" if tree else "")
    left = MOST_CHARACTERS
    for line in lines:
        left -= len(line) + 1
        if left < 0 or len(reading.found) >= MOST_FINDINGS:
            break
        reading.read(printable(line))
    reading.end_frame("")
    return tuple(reading.found.values())[:MOST_FINDINGS]


class _Reading:
    """What the lines so far lead to expect of the next."""

    def __init__(self, check: str, paths: frozenset[str], tree: str) -> None:
        self.found: dict[tuple[str, int, str], Finding] = {}
        self._rule = f"{check}.output"
        self._paths = paths
        self._tree = tree
        self._before = ""  # the line before, which an arrow line belongs to
        self._block = ""  # the file whose findings are listed below its name
        self._frame: tuple[str, int] | None = None  # the innermost frame in the tree
        self._since = 0  # lines since it
        self._stack = ""  # what the stack of Node's belongs to that was already placed
        self._not_ok = ""  # TAP's test that failed
        self._assertion = ""  # pytest's last line that says what did not hold

    def read(self, line: str) -> None:
        """One line of the output."""
        kinds = (self._gnu, self._arrow, self._tap, self._traced, self._in_block, self._would)
        if not any(kind(line) for kind in kinds):
            self._block = self._path(line.strip()) or (self._block if line[:1].isspace() else "")
        if line.startswith("E  "):
            self._assertion = self._assertion or line[1:].strip()
        if line.strip() and not line.lstrip().startswith("at "):
            self._before = line.strip()

    def end_frame(self, said: str) -> None:
        """A traceback has ended, with what was raised."""
        if self._frame:
            self._add(*self._frame, said or "a traceback ends here")
        self._frame = None

    def _gnu(self, line: str) -> bool:
        match = _GNU.match(line) or _TSC.match(line)
        path = self._path(match["path"]) if match else ""
        if not match or not path:
            return False
        said = match["said"]
        if _NAME.fullmatch(said) and self._assertion:
            said, self._assertion = self._assertion, ""
        if said and not _CALLER.match(said):
            self._add(path, int(match["line"]), said)
        return True

    def _arrow(self, line: str) -> bool:
        match = _ARROW.match(line)
        path = self._path(match["path"]) if match else ""
        if match and path:
            self._add(path, int(match["line"]), self._before)
        return bool(path)

    def _tap(self, line: str) -> bool:
        failed = _NOT_OK.match(line)
        if failed:
            self._not_ok = failed["said"]
        match = _TAP.match(line) if self._not_ok else None
        path = self._path(match["path"]) if match else ""
        if match and path:
            self._add(path, int(match["line"]), self._not_ok)
            self._not_ok = ""
        return bool(failed or path)

    def _traced(self, line: str) -> bool:
        match = _FRAME.match(line)
        if match:
            path = self._path(match["path"])
            self._frame, self._since = ((path, int(match["line"])), 0) if path else (self._frame, 0)
            return True
        node = _NODE.match(line)
        path = self._path(node["path"]) if node else ""
        if node and path and self._stack != self._before:
            self._stack = self._before
            self._add(path, int(node["line"]), self._before)
        return self._raised(line) or node is not None

    def _raised(self, line: str) -> bool:
        self._since += 1
        match = _RAISED.match(line) if self._frame else None
        if match or self._since > _FAR:
            self.end_frame(match["said"] if match else "")
        return bool(match)

    def _in_block(self, line: str) -> bool:
        match = _IN_BLOCK.match(line) if self._block else None
        if match:
            level = _LEVELS.get(match["level"] or "", Level.ERROR)
            self._add(self._block, int(match["line"]), match["said"], level)
        return bool(match)

    def _would(self, line: str) -> bool:
        match = _WOULD.match(line)
        path = self._path(match["path"].strip()) if match else ""
        if path:
            self._add(path, 0, "would be formatted otherwise")
        return bool(path)

    def _add(self, path: str, line: int, said: str, level: Level | None = None) -> None:
        named = _LEVEL.match(said)
        if level is None:
            level = _LEVELS.get(named["level"].lower(), Level.ERROR) if named else Level.ERROR
        message = (said[named.end() :] if named else "").strip() or said.strip() or "see the output"
        finding = Finding(self._rule, message, level, path, line)
        self.found.setdefault((path, line, message), finding)

    def _path(self, text: str) -> str:
        """The path in the tree that is meant; "" for none."""
        short = text.removeprefix(self._tree) if self._tree else text
        short = short.removeprefix("./")
        return short if short in self._paths else ""
