"""Hooks of a repository (githooks(5)): small scripts that become Fairlead."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from fairlead.base.errors import UsageError

HOOKS = ("pre-receive", "post-receive")
"""pre-receive may refuse the whole push before any ref moves; post-receive comes after."""
_KNOWN = frozenset({*HOOKS, "update", "post-update", "reference-transaction"})


def write_hooks(directory: Path, argv: Sequence[str], names: Sequence[str]) -> None:
    """Write them into ``directory``. Raises UsageError for a relative program or unknown hook."""
    if not argv or not Path(argv[0]).is_absolute():
        raise UsageError(f"a hook needs an absolute program: {list(argv)}", "use sys.executable")
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name not in _KNOWN:
            raise UsageError(f"not a hook: {name!r}", f"use one of {', '.join(sorted(_KNOWN))}")
        _write(directory / name, script([*argv, "hook", name]))


def script(argv: Sequence[str]) -> str:
    """The text of a hook that becomes ``argv`` with git's own arguments behind it."""
    words = " ".join(shlex.quote(word) for word in argv)
    return f'#!/bin/sh\n# Written by fairlead; written again when it starts.\nexec {words} "$@"\n'


def _write(path: Path, text: str) -> None:
    """In place of what is there, in one step: a push may run it meanwhile."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.chmod(0o755)
    fresh.replace(path)
