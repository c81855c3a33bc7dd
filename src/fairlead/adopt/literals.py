"""Python settings files: what they hold in plain text, and the same file without it: pure.

Only what is plain to see is rewritten: a text that is the whole value of ``NAME = "…"`` at the
top of the module, or of an entry in dictionaries that stand there. Positions are the syntax
tree's own (ast), in bytes of UTF-8; everything else of the file stays as it is.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fairlead.adopt.secretlike import why_secret
from fairlead.manifest.guess.repository import called, parsed, text_of


class Literal(NamedTuple):
    """A text that stands in a file: what it is the value of (``DATABASES.default.PASSWORD``),
    the line, the text, and whether it may be replaced where it stands."""

    name: str
    line: int
    value: str
    node: ast.Constant
    simple: bool

    @property
    def variable(self) -> str:
        """What the environment calls it."""
        return variable_of(self.name)


class Change(NamedTuple):
    """Bytes ``start`` to ``end`` of a file become ``text``."""

    start: int
    end: int
    text: str


def variable_of(name: str) -> str:
    """``DATABASES.default.PASSWORD`` as an environment variable: ``DATABASE_PASSWORD``."""
    parts = [part for part in name.split(".") if part not in ("default", "OPTIONS")]
    if parts[0] == "DATABASES":
        parts[0] = "DATABASE"
    return "_".join("".join(c if c.isalnum() else "_" for c in part) for part in parts).upper()


def assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """The names that the top of a module gives a value, and the values, in order."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                name = _target(target)
                if name:
                    yield name, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _target(target: ast.expr) -> str:
    """``NAME``, or ``DATABASES.default.PASSWORD`` for an entry that is set by its keys."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Subscript):
        above, key = _target(target.value), text_of(target.slice)
        return f"{above}.{key}" if above and key else ""
    return ""


def leaves(name: str, node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The values below a value: of the dictionaries it is made of, by their keys."""
    if not isinstance(node, ast.Dict):
        yield name, node
        return
    for key, value in zip(node.keys, node.values, strict=True):
        said = text_of(key)
        if said is not None:
            yield from leaves(f"{name}.{said}", value)


def secret_literals(text: str) -> tuple[Literal, ...]:
    """Every text in a Python file that is to be sealed, in order; () where it does not parse."""
    tree = parsed(text)
    if tree is None:
        return ()
    simple = {
        id(node): name
        for target, value in assigned(tree)
        for name, node in leaves(target, value)
        if text_of(node)
    }
    names: dict[int, str] = {}
    for at, name in _named(tree):
        names.setdefault(at, name)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            name = simple.get(id(node)) or names.get(id(node), "")
            if why_secret(name.rpartition(".")[2], node.value):
                plain = id(node) in simple
                found.append(Literal(name, node.lineno, node.value, node, plain))
    return tuple(sorted(found, key=lambda literal: (literal.line, literal.node.col_offset)))


def _named(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Texts that have a name in any other way: deeper assignments, arguments, parts of texts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg and node.arg != "default":
            yield from _below(node.value, node.arg)
        elif isinstance(node, ast.Call):
            yield from _below(node, "")
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for name, value in leaves(_target(target), node.value):
                    yield from _below(value, name)


def _below(node: ast.expr, name: str) -> Iterator[tuple[int, str]]:
    """The texts that a value is made of. What is read by a key (``environ["KEY"]``) is none."""
    if text_of(node) is not None:
        yield from [(id(node), name)] if name else []
    elif isinstance(node, ast.Call):
        # env("API_KEY", default="…"): the first argument names the others.
        key = text_of(node.args[0]) if node.args else None
        read = key is not None and re.fullmatch(r"[A-Z][A-Z0-9_]*", key)
        given = [*node.args[1:], *(k.value for k in node.keywords if k.arg == "default")]
        for argument in given if read else node.args:
            yield from _below(argument, str(key) if read else name)
    elif isinstance(node, _MADE_OF):
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr):
                yield from _below(part, name)


_MADE_OF = (
    ast.List, ast.Tuple, ast.Set, ast.Dict, ast.JoinedStr, ast.BinOp, ast.BoolOp, ast.IfExp,
)  # fmt: skip


def from_environment(literal: Literal) -> Change | None:
    """The change that reads a text from the environment; None where it is not plain to see.

    Two texts side by side are one constant to Python; replacing both is what is meant then.
    """
    return span(literal.node, f'os.environ["{literal.variable}"]') if literal.simple else None


def span(node: ast.expr, text: str) -> Change:
    """``text`` in the place of a value. Line and column are the file's; ``applied`` finds them."""
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    return Change(_packed(node.lineno, node.col_offset), _packed(end_line, end_column), text)


def after(node: ast.expr, text: str) -> Change:
    """``text`` behind a value."""
    end = _packed(node.end_lineno or node.lineno, node.end_col_offset or 0)
    return Change(end, end, text)


_COLUMNS = 1 << 20


def _packed(line: int, column: int) -> int:
    return line * _COLUMNS + column


def applied(text: str, changes: list[Change], *, imports_os: bool = True) -> str:
    """The text with the changes made, and ``import os`` where it is missing and wanted."""
    starts = _line_starts(text)
    data = text.encode()
    for change in sorted(changes, reverse=True):
        start, end = (starts[at // _COLUMNS - 1] + at % _COLUMNS for at in change[:2])
        data = data[:start] + change.text.encode() + data[end:]
    done = data.decode()
    return _with_os(done) if imports_os else done


def _line_starts(text: str) -> list[int]:
    """Where each line begins, in bytes: lines as Python's own tokenizer counts them."""
    data = text.encode()
    return [0, *(at + 1 for at, byte in enumerate(data) if byte == 0x0A)]


def _with_os(text: str) -> str:
    """``import os`` after the docstring and what must come first (PEP 236)."""
    tree = parsed(text)
    if tree is None or _has_os(tree):
        return text
    line = 0
    for node in tree.body:
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        words = isinstance(node, ast.Expr) and text_of(node.value) is not None and line == 0
        if not (future or words):
            break
        line = node.end_lineno or node.lineno
    lines = text.split("\n")
    return "\n".join([*lines[:line], "import os", *lines[line:]])


def _has_os(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Import) and any(n.name == "os" and not n.asname for n in node.names)
        for node in tree.body
    )


def value_of(node: ast.expr | None, variables: Mapping[str, str]) -> str | None:
    """What a value is with these variables, as far as it is plain to see; None otherwise."""
    if node is None:
        return None
    plain = text_of(node)
    if plain is not None:
        return plain
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return str(node.value)
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
        return variables.get(text_of(node.slice) or "")
    if isinstance(node, ast.Call):
        return _called(node, variables)
    return None


def _called(node: ast.Call, variables: Mapping[str, str]) -> str | None:
    """``os.environ.get("X", "y")``, ``getenv``, ``env("X", default="y")``, ``config("X")``."""
    name = ast.unparse(node.func)
    reads = name.endswith(("environ.get", "getenv")) or called(node) in ("env", "config", "str")
    key = text_of(node.args[0]) if node.args else None
    if not reads or key is None:
        return None
    given = node.args[1] if len(node.args) > 1 else None
    default = next((k.value for k in node.keywords if k.arg == "default"), given)
    return variables.get(key, value_of(default, variables) if default else None)
