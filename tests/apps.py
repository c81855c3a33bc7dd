"""Small real repositories, and what the path needs around them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import fairlead
from fairlead.base.clock import SystemClock
from fairlead.base.ids import CommitId
from fairlead.base.journal import FACTS, Event
from fairlead.checks.asking import Asker
from fairlead.checks.flow import Desk
from fairlead.checks.model import Change, Reply
from fairlead.checks.ports import Told
from fairlead.drivers.commands import Commands
from fairlead.drivers.git import GitRepositories
from fairlead.drivers.services import LocalServices
from fairlead.drivers.sshsig import KeyVerifier, machine_key
from fairlead.drivers.verdicts import VerdictFiles
from fairlead.manifest.model import Check

GIT = GitRepositories()


class Repository:
    """A bare repository and a commit made from whatever files a test names."""

    def __init__(self, root: Path) -> None:
        self.source = root / "source"
        self.bare = root / "app.git"
        GIT.ensure_repository(self.bare)
        self.source.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", self.source, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def write(self, files: dict[str, str | bytes]) -> None:
        for name, text in files.items():
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)

    def commit(self, files: dict[str, str | bytes] | None = None, subject: str = "a change"):
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        self.git("push", "--quiet", "--force", str(self.bare), "HEAD:refs/heads/main")
        return CommitId(self.git("rev-parse", "HEAD"))

    def change(self, commit: CommitId) -> Change:
        facts = GIT.facts(self.bare, commit)
        return Change("demo", commit, facts.tree, "refs/heads/main", facts.email, facts.subject)


class Tree:
    """``Ours`` of a place where nothing was released: no question is told anything."""

    def key(self, change: Change, check: Check) -> str:
        return "the tree alone"

    def told(self, change: Change, check: Check, room: Path) -> Told:
        return Told()

    def reply(self, change: Change, check: Check) -> Reply | None:
        return None


def desk_in(root: Path, journal: "Kept", **other: Any) -> Desk:
    """A desk with everything real, in a directory."""
    signer, package = machine_key(root / "keys"), Path(fairlead.__file__).parents[1]
    parts = {
        "sources": GIT,
        "runner": Commands(grace=0.2),
        "services": LocalServices(other.get("runner", Commands(grace=0.2)), root / "services"),
        "verdicts": VerdictFiles(root / "verdicts", signer, KeyVerifier(root / "keys/none")),
        "journal": journal,
        "clock": SystemClock(),
        "asker": Asker((sys.executable, "-I", "-m", "fairlead.questions"), (str(package),), "1"),
        "work": root / "work",
        "logs": root / "logs",
    }
    return Desk(**(parts | other))


class Kept:
    """A journal in memory that refuses what the record would: facts no entry of the verb has."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> int:
        assert set(event.facts) <= FACTS[event.verb], event
        self.events.append(event)
        return len(self.events)

    def said(self) -> list[tuple[str, str]]:
        return [(event.verb, event.outcome) for event in self.events]


def wheel(directory: Path, name: str, version: str) -> None:
    """A wheel (PEP 427) of one module that knows its version, and a script that prints it."""
    directory.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\ndef main():\n    print(VERSION)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(directory / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)


def snapshot(root: Path) -> dict[str, tuple[str, bytes]]:
    """Every file and link below a directory: its kind and mode, its bytes or target."""
    found = {}
    for folder, folders, names in os.walk(root):
        for name in [*names, *(n for n in folders if Path(folder, n).is_symlink())]:
            path = Path(folder, name)
            if path.is_symlink():
                entry = ("link", os.fsencode(path.readlink()))
            else:
                entry = ("755" if path.stat().st_mode & 0o100 else "644", path.read_bytes())
            found[str(path.relative_to(root))] = entry
    return found
