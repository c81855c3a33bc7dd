"""The house's rule, the half that import-linter cannot say: by file name and by what is called.

import-linter (pyproject.toml, `make check`) holds the order of the rooms. Here: what a pure file
may touch, what a driver may see, who may see a driver. Each rule is also shown to bite.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"

# fmt: off
IMPURE_MODULES = frozenset({
    "asyncio", "concurrent", "http", "io", "logging", "multiprocessing", "os", "platform", "random",
    "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys",
    "tempfile", "threading", "time", "urllib", "uuid", "xmlrpc",
})
# fmt: on
PURE_PATHS = {"pathlib.PurePath", "pathlib.PurePosixPath"}
IMPURE_BUILTINS = {"open", "print", "input", "eval", "exec", "__import__"}
IMPURE_METHODS = {"now", "utcnow", "today", "read_text", "write_text", "read_bytes", "write_bytes"}


def imports_of(tree: ast.AST, module: str) -> Iterator[tuple[str, int]]:
    """Each imported name, absolute, with its line: `from a.b import c` is `a.b.c`."""
    base = module.split(".")[:-1]  # a package is named `package.__init__` here
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = base[: len(base) - node.level + 1] if node.level else []
            start = ".".join([*above, *filter(None, [node.module])])
            yield from ((f"{start}.{name.name}", node.lineno) for name in node.names)


def is_pure(module: str) -> bool:
    """The planner's room, and every room's frozen nouns and rules."""
    parts = module.split(".")
    return parts[:2] == ["fairlead", "plan"] or parts[-1] in ("model", "rules")


def impurities(tree: ast.AST, module: str) -> Iterator[str]:
    """What a pure file may not have: `now` and ids are arguments, others look at the world."""
    for name, line in imports_of(tree, module):
        top = name.split(".")[0]
        if top in IMPURE_MODULES or (top == "pathlib" and name not in PURE_PATHS):
            yield f"{module}:{line} imports {name}: no clock, disk, network or chance here"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in IMPURE_BUILTINS:
            yield f"{module}:{node.lineno} calls {called.id}(): a pure file only answers"
        if isinstance(called, ast.Attribute) and called.attr in IMPURE_METHODS:
            yield f"{module}:{node.lineno} calls .{called.attr}(): pass the value in"


def driver_sight(tree: ast.AST, module: str) -> Iterator[str]:
    """A driver sees base, ports and models; of drivers only itself and `drivers._shared`."""
    parts = module.split(".")
    for name, line in imports_of(tree, module):
        seen = name.split(".")
        if seen[0] != "fairlead" or seen[1:2] == ["base"]:
            continue
        if seen[1:2] == ["drivers"]:
            fine = seen[:3] == parts[:3] or "".join(seen[2:3]).startswith("_")
        else:
            fine = bool({"ports", "model"} & set(seen[2:3]))
            # The memory driver is the planner's own `effect`: that is its meaning.
            fine |= parts[2:3] == ["memory"] and seen[1:3] == ["plan", "effect"]
        if not fine:
            yield f"{module}:{line} imports {name}: a driver sees base, ports and models"


def who_sees_drivers(tree: ast.AST, module: str) -> Iterator[str]:
    """Only `wire` joins drivers to ports."""
    for name, line in imports_of(tree, module):
        if name.startswith("fairlead.drivers"):
            yield f"{module}:{line} imports {name}: only fairlead.wire imports drivers"


def base_alone(tree: ast.AST, module: str) -> Iterator[str]:
    """`base` needs the standard library and itself, nothing else."""
    for name, line in imports_of(tree, module):
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(
            "fairlead.base"
        ):
            yield f"{module}:{line} imports {name}: base needs the standard library only"


def rules_for(module: str) -> list[Callable[[ast.AST, str], Iterator[str]]]:
    """The rules that hold for a module, by its name."""
    room = module.split(".")[1:2]
    rules = [impurities] if is_pure(module) else []
    if room == ["drivers"]:
        rules.append(driver_sight)
    elif room != ["wire"]:
        rules.append(who_sees_drivers)
    if room == ["base"]:
        rules.append(base_alone)
    return rules


def breaches(text: str, module: str) -> list[str]:
    tree = ast.parse(text)
    return [found for rule in rules_for(module) for found in rule(tree, module)]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


def test_every_file_keeps_the_house_rule() -> None:
    """No file of the package breaks a rule of the house."""
    found = [
        breach
        for path in sorted((SOURCE / "fairlead").rglob("*.py"))
        for breach in breaches(path.read_text(encoding="utf-8"), module_name(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("fairlead.plan.next_wave", "import time"),
        ("fairlead.plan.strategies.canary", "from datetime import datetime\ndatetime.now()"),
        ("fairlead.checks.model", "from pathlib import Path"),
        ("fairlead.desired.rules", "open('deploy.toml')"),
        ("fairlead.desired.rules", "import os.path"),
        ("fairlead.drivers.caddy", "from fairlead.rollout.flow import roll"),
        ("fairlead.drivers.caddy", "from fairlead.plan.effect import effect"),
        ("fairlead.drivers.caddy", "from . import supervisor"),
        ("fairlead.drivers.caddy", "import fairlead.service"),
        ("fairlead.rollout.flow", "from fairlead.drivers import caddy"),
        ("fairlead.cli.main", "def go():\n    import fairlead.drivers.caddy"),
        ("fairlead.base.canonical", "import msgspec"),
        ("fairlead.base.errors", "from fairlead.plan.model import Plan"),
    ],
)
def test_a_breach_is_seen(module: str, text: str) -> None:
    """Each rule bites on the smallest file that breaks it."""
    assert len(breaches(text, module)) == 1


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("fairlead.plan.model", "from pathlib import PurePosixPath\nimport msgspec"),
        ("fairlead.drivers.caddy", "from fairlead.rollout.ports import Proxy\nimport os"),
        ("fairlead.drivers.caddy", "from fairlead.drivers._unix import call"),
        ("fairlead.drivers.memory", "from fairlead.plan.effect import effect"),
        ("fairlead.wire", "from fairlead.drivers import caddy"),
        ("fairlead.base.clock", "import time"),
    ],
)
def test_what_is_allowed_passes(module: str, text: str) -> None:
    """The rules leave alone what the design allows."""
    assert breaches(text, module) == []
