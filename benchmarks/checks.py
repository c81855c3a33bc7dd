"""All questions of the example, asked for the first time, again, and after a change of its README.

    python -m benchmarks checks [--quick] [--json] [--save DIRECTORY]

Beside it the example's own tests, run by hand with the same dependencies.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.machine import Ran, environment, machine, must, note, run, save, scratch, spread
from benchmarks.tables import columns, reached, taken_on
from fairlead.demo.scene import example

LIMITS = {"beyond_tests": 20.0, "again": 0.7, "readme": 1.5}

_LEFT = ("__pycache__", "staticfiles", "*.sqlite3*")
_SOURCES = '["levels/**", "riverside/**", "manage.py", "requirements.txt"]'
QUESTIONS = f"""
[check.texts]
question = {{ kind = "localization", files = ["**/*.po"] }}
reads = {_SOURCES}

[check.api]
question = {{ kind = "api", contract = "openapi.yaml", fresh = {{ "GET /api/stations" = ["status"] }} }}
reads = ["openapi.yaml"]

[check.schema]
question = {{ kind = "migrations", tests = "python manage.py test" }}
reads = {_SOURCES}

[check.leaks]
question = "secrets"

[check.size]
question = {{ kind = "size", artifact = "100M" }}

[check.overlays]
question = "overlays"

[check.plans]
question = "plans"
"""


class Clone:
    """The example with every question in its manifest, in a directory of its own."""

    def __init__(self, root: Path) -> None:
        self.top = root / "riverside"
        self._home = root / "home"
        self._env = environment(FAIRLEAD_WHO="bench", FAIRLEAD_HOME=str(self._home))
        shutil.copytree(example(), self.top, ignore=shutil.ignore_patterns(*_LEFT))
        manifest = self.top / "fairlead.toml"
        tests = 'command = "python manage.py test"\n'
        text = manifest.read_text().replace(tests, f"{tests}reads = {_SOURCES}\n")
        manifest.write_text(text + QUESTIONS)
        self._git("init", "-q", "-b", "main")
        self.commit("One")

    def commit(self, subject: str) -> None:
        """Everything that is there."""
        self._git("add", "-A")
        self._git("commit", "-q", "-m", subject)

    def change(self, path: str, text: str) -> None:
        """Add a line to a file, and commit it."""
        with (self.top / path).open("a") as file:
            file.write(text)
        self.commit(f"A line of {path}")

    def verify(self, *words: str) -> tuple[float, dict[str, Any]]:
        """``fairlead verify``: its seconds, and what it says."""
        done = run([Path(sys.executable).parent / "fairlead", "verify", "--json", *words],
                   self.top, self._env, 300)  # fmt: skip
        said = done.said[done.said.index("{\n") :]
        found: dict[str, Any] = json.loads(said)
        if found["answer"] != "passed":
            raise RuntimeError(f"the checks did not pass: {found['sentence']}")
        return done.seconds, found

    def tests(self) -> float:
        """Seconds of its own tests, run by hand."""
        (python,) = [
            path
            for path in self._home.glob("store/environments/*/venv/bin/python")
            if (path.parents[1] / "lib").is_dir()
        ][:1]
        return must(run([python, "manage.py", "test"], self.top, self._env)).seconds

    def _git(self, *words: str) -> Ran:
        who = ("-c", "user.name=You", "-c", "user.email=you@localhost")
        return must(run(["git", *who, *words], self.top, self._env))


def measure(clone: Clone, times: int) -> dict[str, Any]:
    """By turns, so that what else the machine does falls on all."""
    note("the dependencies are installed, and everything asked once")
    clone.verify()
    took: dict[str, list[float]] = {"by_hand": [], "cold": [], "again": [], "readme": []}
    checks: dict[str, float] = {}
    for number in range(times):
        took["by_hand"].append(clone.tests())
        seconds, found = clone.verify("--fresh")
        took["cold"].append(seconds)
        checks = {r["name"]: r["milliseconds"] / 1000 for r in found["verdict"]["results"]}
        took["again"].append(clone.verify()[0])
        clone.change("README.md", f"\nA line {number}.\n")
        took["readme"].append(clone.verify()[0])
    return {"seconds": {name: spread(found) for name, found in took.items()}, "checks": checks}


def met(found: dict[str, Any]) -> dict[str, bool | None]:
    """Which of the figures to reach were reached."""
    seconds = {name: each["median"] for name, each in found["seconds"].items()}
    beyond = seconds["cold"] - seconds["by_hand"]
    return {
        "all questions cold, 20 s beyond the tests": beyond <= LIMITS["beyond_tests"],
        "nothing changed 0.7 s": seconds["again"] <= LIMITS["again"],
        "only the README changed 1.5 s": seconds["readme"] <= LIMITS["readme"],
    }


def table(result: dict[str, Any]) -> str:
    """The figures as text."""
    said = {
        "by_hand": "its own tests, by hand",
        "cold": "all questions, nothing believed",
        "again": "again, nothing changed",
        "readme": "again, its README changed",
    }
    rows = [
        (said[name], *(each[key] for key in ("median", "least", "most")))
        for name, each in result["seconds"].items()
    ]
    head = ("seconds", "median", "least", "most")
    checks = [("check, in the last round", "seconds"), *sorted(result["checks"].items())]
    parts = (taken_on(result["machine"]), columns([head, *rows]), columns(checks))
    return "\n\n".join([*parts, reached(result["met"])])


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save", type=Path, help="a directory for the result and its table")
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": machine()}
    with scratch() as root:
        result |= measure(Clone(root), 1 if options.quick else 5)
    result["met"] = met(result)
    text = table(result)
    if options.save:
        save(options.save / "checks.json", result, text)
    print(json.dumps(result, indent=1) if options.json else text)
    return 0 if all(result["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
