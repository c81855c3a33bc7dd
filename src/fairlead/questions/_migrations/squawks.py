"""Runs squawk over the SQL of migrations."""

import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from fairlead.base.errors import Unknown
from fairlead.migrations import squawk
from fairlead.migrations.model import Migration
from fairlead.questions._migrations import commands

_LIMIT = 60.0


def ask(
    migrations: Iterable[Migration], version: str, program: Path | None = None
) -> tuple[tuple[squawk.Said, ...], dict[str, Migration]]:
    """What it says, and the migrations by the names of files it uses for them. ``version`` is
    PostgreSQL's ("" for none known). Raises Unknown."""
    program = program or Path(sysconfig.get_path("scripts"), "squawk")
    with tempfile.TemporaryDirectory() as directory:
        files: dict[str, Migration] = {}
        groups: dict[bool, list[str]] = {True: [], False: []}
        for number, one in enumerate(migrations):
            if not one.statements:
                continue
            path = Path(directory, f"{number:05}.sql")
            path.write_text(squawk.text(one)[0], encoding="utf-8")
            files[str(path)] = one
            groups[one.atomic].append(str(path))
        said: tuple[squawk.Said, ...] = ()
        for atomic, paths in groups.items():
            if paths:
                said += _run(program, paths, version, atomic)
        return said, files


def _run(program: Path, paths: list[str], version: str, atomic: bool) -> tuple[squawk.Said, ...]:
    argv = [str(program), "--reporter", "json"]
    argv += [f"--include={rule}" for rule in squawk.wanted()]
    argv += ["--pg-version", version] if version else []
    argv += ["--assume-in-transaction"] if atomic else ["--no-assume-in-transaction"]
    ran = commands.run([*argv, *paths], str(Path(paths[0]).parent), {}, _LIMIT)
    if ran.unknown or ran.code not in (0, 1):
        raise Unknown(f"squawk says nothing: {ran.unknown or ran.tail or ran.code}")
    try:
        return squawk.said(ran.said.encode())
    except msgspec.DecodeError:
        raise Unknown(f"squawk's answer is not JSON: {ran.tail}") from None
