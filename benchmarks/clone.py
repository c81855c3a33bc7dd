"""Riverside in a clone, and the changes that are released: one code-only change after another."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import free_address
from fairlead.demo.scene import Scene, example
from fairlead.demo.story import lay

HEADER = "X-Build"
"""Every answer of the app names, in this header, the code-only change it was made by."""

STOP_LIMIT = 15
"""Seconds an old web copy gets to end: more than the users' long request takes."""

STRATEGIES = {
    "rolling": '"rolling"',
    "blue-green": '"blue-green"',
    "canary": '{ kind = "canary", weights = [10, 50], bake = "1s" }',
}


@dataclass(frozen=True)
class Clone(Scene):
    """A person's clone of the example. ``root`` is a directory of its own."""

    def lay(self) -> None:
        """Lay out the example and commit it, with build 0."""
        ignore = shutil.ignore_patterns("__pycache__", ".*_cache", "staticfiles", "*.sqlite3*")
        shutil.copytree(example(), self.clone, ignore=ignore)
        manifest = self.clone / "fairlead.toml"
        line = f'[environment.local]\nlisten = "{free_address()}"\n'
        text = manifest.read_text().replace("[environment.local]\n", line, 1)
        # A WebSocket keeps an old copy until its stop limit: the run would mostly wait for that.
        manifest.write_text(text.replace('stop_limit = "35s"', f'stop_limit = "{STOP_LIMIT}s"', 1))
        self.git("init", "--quiet", "--initial-branch=main")
        self.build(0)

    def build(self, number: int) -> str:
        """A change of code and of the stylesheet (so its hashed name is another); the commit."""
        edge = self.clone / "riverside" / "edge.py"
        text = re.sub(rf'    "{HEADER}": .*\n', "", edge.read_text())
        line = f'HEADERS = {{\n    "{HEADER}": "{number}",\n'
        edge.write_text(text.replace("HEADERS = {\n", line, 1))
        style = self.clone / "levels" / "static" / "levels" / "river.css"
        text = re.sub(r"/\* build .* \*/\n", "", style.read_text())
        style.write_text(f"{text}/* build {number} */\n")
        return self.commit(f"Build {number}")

    def strategy(self, name: str) -> None:
        """Ask for a strategy in the manifest, as part of the next commit."""
        manifest = self.clone / "fairlead.toml"
        text = re.sub(
            r"(?m)^strategy = .*$", f"strategy = {STRATEGIES[name]}", manifest.read_text()
        )
        manifest.write_text(text)

    def keep(self, story: str, number: int) -> str:
        """Lay a story over the clone together with a build number; the commit."""
        lay(story, self.clone)
        return self.build(number)

    def mend(self, number: int) -> str:
        """Take the last commit's files back to what they were, as a new build; the commit."""
        self.git("read-tree", "--reset", "-u", "HEAD~1")
        return self.build(number)

    def origin(self) -> Path:
        """A bare repository that others pull from, as a code host is; made once."""
        path = self.root / "origin.git"
        if not path.exists():
            self.git("init", "--quiet", "--bare", "--initial-branch=main", str(path))
            self.git("remote", "add", "origin", str(path))
        return path

    def publish(self) -> None:
        """Push to ``origin``."""
        self.git("push", "--quiet", "origin", "main")
