"""All benchmarks in turn, or the ones that are named.

    python -m benchmarks [NAME…] [--quick] [--json] [--save DIRECTORY]

Each runs in a process of its own. Exit code 0 when every figure was reached.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

NAMES = ("start", "planner", "record", "checks", "api", "rollouts", "server")
ROOTS = ("server",)
"""What boots a machine, which takes root: without it, only by name."""
QUICK = {
    "record": ["--entries=50000", "--samples=400"],
    "planner": ["--apps=200"],
    "api": ["--operations=50"],
}
"""What makes those quick that do not know --quick."""

ROOT = Path(__file__).resolve().parents[1]


def argv(name: str, quick: bool) -> list[str]:
    """The command that measures one."""
    words = QUICK.get(name, ["--quick"]) if quick else []
    return [sys.executable, "-m", f"benchmarks.{name}", *words]


def shown(name: str, quick: bool) -> int:
    """Run one and let it print; its exit code."""
    print(f"\n== {name} ==\n", flush=True)
    return subprocess.run(argv(name, quick), cwd=ROOT, check=False).returncode


def kept(name: str, quick: bool, directory: Path | None) -> tuple[int, object]:
    """Run one for its JSON, and keep that; its exit code and the JSON."""
    words = [*argv(name, quick), "--json"]
    if directory and name in ("start", "checks", "rollouts", "server"):
        words.append(f"--save={directory}")
    ran = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    found = json.loads(ran.stdout or "null")
    if directory:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    return ran.returncode, found


def _all() -> tuple[str, ...]:
    """Every benchmark that may be run by whoever runs this."""
    if os.geteuid() == 0:
        return NAMES
    left = ", ".join(ROOTS)
    sys.stderr.write(f"skipped, for it boots a machine and so needs root: {left}\n")
    return tuple(name for name in NAMES if name not in ROOTS)


def main() -> int:
    """Run them; the worst of their exit codes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="low counts")
    parser.add_argument("--json", action="store_true", help="one object, by name")
    parser.add_argument("--save", type=Path, help="a directory for every result")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    names = [name for name in NAMES if name in (options.names or _all())]
    save = options.save.resolve() if options.save else None
    if not options.json and not save:
        return max(shown(name, options.quick) for name in names)
    found = {name: kept(name, options.quick, save) for name in names}
    if options.json:
        print(json.dumps({name: result for name, (_, result) in found.items()}, indent=1))
    return max(code for code, _ in found.values())


if __name__ == "__main__":
    sys.exit(main())
