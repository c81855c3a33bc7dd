"""The command line's start, and what Fairlead holds in memory with three apps.

    python -m benchmarks start [--quick] [--json] [--save DIRECTORY]

Three small apps are brought up in a home of their own, and left to come to rest.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import (
    Ran,
    environment,
    free_address,
    machine,
    must,
    note,
    run,
    save,
    scratch,
    spread,
)
from benchmarks.tables import columns, reached, taken_on
from fairlead.base.ids import Place
from fairlead.service.tools import Tools
from fairlead.wire import home_of, tools_of

APPS = ("tide", "chart", "buoy")

MANIFEST = """app = "{name}"

[build]
kind = "command"
commands = ["{python} -m py_compile serve.py"]

[role.web]
command = "{python} serve.py {{port}}"
health = "/"

[environment.local]
branch = "main"
listen = "{listen}"
"""

SERVE = '''"""A web app in ten lines, so that what is measured is not the app."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\\n")

    def log_message(self, *words):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
'''

LIMITS = {"version": 0.100, "status": 0.250, "agent_mb": 60.0}


class Home:
    """A home with three apps."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._env = environment(FAIRLEAD_WHO="bench", FAIRLEAD_HOME=str(root / "home"))
        self.tools: Tools = tools_of(home_of(str(root / "home")), who="bench")

    def bring_up(self) -> None:
        """Commit and bring up every app; wait until each has come to rest."""
        for name in APPS:
            clone = self._commit(name)
            must(self.fairlead("up", str(clone)))
        deadline = time.monotonic() + 30
        while any(self._moving(name) for name in APPS):
            if time.monotonic() > deadline:
                raise RuntimeError("the apps do not come to rest")
            time.sleep(0.1)

    def fairlead(self, *words: str) -> Ran:
        """``fairlead …`` as a process."""
        return run([Path(sys.executable).parent / "fairlead", *words], self._root, self._env)

    def python(self, *words: str) -> Ran:
        """The interpreter, to compare with."""
        return run([sys.executable, *words], self._root, self._env)

    def memory(self) -> dict[str, float]:
        """MB resident of each of Fairlead's processes."""
        seen = self.tools.machine.seen()
        pids = {"supervisor": seen.supervisor, "proxy": seen.proxy, "agent": seen.agent}
        return {name: round(resident(pid), 1) for name, pid in pids.items()}

    def shutdown(self) -> None:
        """End everything of the home."""
        self.tools.machine.shutdown()

    def _moving(self, name: str) -> bool:
        place = Place(name, "local")
        return any(p.crashes for p in self.tools.world.runtime.processes(place)) or not any(
            seen.site.upstreams for seen in self.tools.world.proxy.sites(place)
        )

    def _commit(self, name: str) -> Path:
        clone = self._root / name
        clone.mkdir()
        text = MANIFEST.format(name=name, python=sys.executable, listen=free_address())
        (clone / "fairlead.toml").write_text(text)
        (clone / "serve.py").write_text(SERVE)
        who = ("-c", "user.name=You", "-c", "user.email=you@localhost")
        for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "One")):
            must(run(["git", *who, *words], clone, self._env))
        return clone


def resident(pid: int) -> float:
    """MB that a process holds in memory (proc(5): VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} is gone")


def measure(home: Home, times: int, rest: float) -> dict[str, Any]:
    """Starts by turns, so that what else the machine does falls on all; and the memory."""
    commands: dict[str, Callable[[], Ran]] = {
        "python": lambda: home.python("-c", "pass"),
        "version": lambda: home.fairlead("--version"),
        "help": lambda: home.fairlead("--help"),
        "status": lambda: home.fairlead("status"),
        "status_json": lambda: home.fairlead("status", "--json"),
        "releases": lambda: home.fairlead("releases", APPS[0]),
        "trace": lambda: home.fairlead("trace", f"{APPS[0]}/1"),
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(times + 1):
        for name, start in commands.items():
            seconds = must(start()).seconds
            if number:  # the first compiles, and fills the disk's cache
                took[name].append(seconds)
    time.sleep(rest)
    memory = home.memory()
    starts = {name: spread(found) for name, found in took.items()}
    return {"seconds": starts, "resident_mb": memory, "apps": len(APPS)}


def met(found: dict[str, Any]) -> dict[str, bool | None]:
    """Which of the figures to reach were reached."""
    seconds, memory = found["seconds"], found["resident_mb"]
    return {
        "fairlead --version 100 ms": seconds["version"]["median"] <= LIMITS["version"],
        "fairlead status 250 ms": seconds["status"]["median"] <= LIMITS["status"],
        "agent 60 MB": memory["agent"] <= LIMITS["agent_mb"],
    }


def table(result: dict[str, Any]) -> str:
    """The figures as text."""
    head = ("median of starts, ms", "median", "least", "most")
    rows = [
        (name, *(round(1000 * each[key]) for key in ("median", "least", "most")))
        for name, each in result["seconds"].items()
    ]
    memory = [(f"{name}, MB resident", mb) for name, mb in result["resident_mb"].items()]
    parts = (taken_on(result["machine"]), columns([head, *rows]), columns(memory))
    return "\n\n".join([*parts, reached(result["met"])])


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer starts")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save", type=Path, help="a directory for the result and its table")
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": machine()}
    with scratch() as root:
        home = Home(root)
        try:
            note(f"bringing up {', '.join(APPS)}")
            home.bring_up()
            result |= measure(home, 5 if options.quick else 20, 2 if options.quick else 20)
        finally:
            home.shutdown()
    result["met"] = met(result)
    text = table(result)
    if options.save:
        save(options.save / "start.json", result, text)
    print(json.dumps(result, indent=1) if options.json else text)
    return 0 if all(result["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
