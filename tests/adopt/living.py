"""A hand-made server from ``tests/cases/adopt``: its tree, with a real clone in it."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairlead.adopt.rules import Wanted
from fairlead.service.adopt import Proposed, propose
from fairlead.wire.adopt import reading

CASES = Path(__file__).parent.parent / "cases" / "adopt"
AT = "2026-01-01T00:00:00+00:00"
IGNORED = shutil.ignore_patterns("__pycache__")


class LivingCase:
    """One case, laid out below ``root``."""

    def __init__(self, case: Path, root: Path) -> None:
        self.case = case
        self.root = root
        self.about: Mapping[str, Any] = json.loads((case / "case.json").read_text())
        self.clone = root / str(self.about["clone"]).lstrip("/")
        self.clone.mkdir(parents=True)
        shutil.copytree(case / "commit", self.clone, dirs_exist_ok=True, ignore=IGNORED)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", "https://ada:p4ss@git.example/shop.git")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "As it is")
        for name, text in self.about.get("stash", {}).items():
            (self.clone / name).write_text(text)
            self.git("stash", "push", "--quiet", "-m", "tried something")
        shutil.copytree(case / "root", root, dirs_exist_ok=True, ignore=IGNORED)
        for link, target in self.about.get("links", {}).items():
            (root / link).parent.mkdir(parents=True, exist_ok=True)
            (root / link).symlink_to(target)

    def git(self, *words: str) -> str:
        # Always the same commit, so that a golden file can name it.
        when = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        for role in ("AUTHOR", "COMMITTER"):
            when |= {f"GIT_{role}_NAME": "Ada", f"GIT_{role}_EMAIL": "ada@example.org"}
            when[f"GIT_{role}_DATE"] = AT
        argv = ["git", "-C", str(self.clone), *words]
        done = subprocess.run(
            argv, env={**os.environ, **when}, capture_output=True, text=True, check=True
        )
        return done.stdout

    def proposed(
        self, out: Path, *, plain: bool = False, environment: str = "production"
    ) -> Proposed:
        wanted = Wanted("", environment, plain)
        return propose(reading(self.root), self.clone, wanted, out)
