"""What a Django app's own Python says its settings come to. It runs the app's code, as the user
its unit names; so it is done only when a person agreed to that."""

import os
import posixpath
import subprocess
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from fairlead.adopt.model import At, Unit, Variable
from fairlead.base.errors import NotFound
from fairlead.base.secret import Secret
from fairlead.drivers.living.tree import Tree

LIMIT = 30  # seconds
_ASK = """
import json, sys
import django
from django.conf import settings
django.setup()
d = settings.DATABASES.get("default", {})
told = {f"DATABASES.default.{k}": str(d.get(k) or "") for k in
        ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")}
for name in ("MEDIA_ROOT", "STATIC_ROOT", "STATIC_URL", "SECRET_KEY"):
    told[name] = str(getattr(settings, name, "") or "")
told["ALLOWED_HOSTS"] = ",".join(settings.ALLOWED_HOSTS)
sys.stdout.write("\\n" + json.dumps(told))
"""
_WHERE = At("what the app's own Python said")


def asked(tree: Tree, units: Sequence[Unit], variables: Sequence[Variable]) -> tuple[Variable, ...]:
    """Settings by their names. Raises NotFound where there is nobody to ask, or no answer."""
    for unit in units:
        python = _python(tree, unit)
        if python:
            given = {v.name: v.value.reveal() for v in (*variables, *unit.variables)}
            # By its link: that is how a Python knows whose packages it has.
            path, directory = str(tree.named(python)), str(tree.here(unit.directory))
            return tuple(_said(path, unit, given, directory))
    raise NotFound("no unit starts a Python of its own to ask")


def _python(tree: Tree, unit: Unit) -> str:
    """The interpreter beside the program that a unit starts."""
    first = unit.commands[0].words[0] if unit.commands and unit.commands[0].words else ""
    beside = [f"{posixpath.dirname(first)}/{name}" for name in ("python", "python3")]
    inside = posixpath.basename(posixpath.dirname(first)) == "bin" and first.count("/") > 3
    return next((p for p in beside if inside and tree.thing(p).kind == "file"), "")


def _said(python: str, unit: Unit, given: Mapping[str, str], directory: str) -> Iterator[Variable]:
    try:
        done = subprocess.run(
            [python, "-c", _ASK],
            cwd=directory,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **given},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=LIMIT,
            check=True,
            user=unit.user if unit.user and os.geteuid() == 0 else None,
        )
        told = msgspec.json.decode(done.stdout.rpartition(b"\n")[2], type=dict[str, str])
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError):
        # Its own words may show a value.
        raise NotFound("its own Python could not say: manage.py check says why") from None
    yield from (Variable(name, Secret(value), _WHERE) for name, value in told.items())
