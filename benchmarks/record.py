"""The record's figures, beside what a person would use instead: a log file, or empty git commits.

    python benchmarks/record.py [--entries N] [--json]

Everything is written into a temporary directory on the disk that holds ``--directory`` (default:
the system's) and removed. Prints one JSON object and, unless --json is given, a table.
"""

import argparse
import hashlib
import json
import os
import platform
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from fairlead.base.clock import SystemClock, stamp
from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.drivers.record_sqlite import SqliteRecord
from fairlead.record.chain import sealing
from fairlead.record.flow import Record, verify
from fairlead.record.model import Verified
from fairlead.record.trace import trace

NOW = 1_795_000_000.0  # the story's time, so that the same entries have the same bytes
BATCH = 5000
APPS = ("riverside", "harbour", "lighthouse")
LIMITS = {
    "durable_per_second": (">=", 500),
    "trace_cold_ms": ("<=", 50),
    "trace_fresh_process_ms": ("<=", 50),
    "verify_seconds": ("<=", 15),
}


def hexa(seed: int, digits: int) -> str:
    """Well spread hex digits for a number."""
    return hashlib.sha256(seed.to_bytes(8, "big")).hexdigest()[:digits]


def story() -> Iterator[Event]:
    """Releases without end: what a push leaves in the record, 34 entries each."""
    number = 0
    while True:
        number += 1
        yield from release(APPS[number % len(APPS)], number // len(APPS) + 1, number)


def release(app: str, number: int, seed: int) -> Iterator[Event]:
    """One push, from its arrival to its smoke check, each as an intent and an outcome."""
    commit, digest, revision = (
        hexa(seed, 40),
        f"sha256:{hexa(seed + 2**40, 64)}",
        hexa(seed + 2**41, 40),
    )
    made: dict[str, Fact] = {"commit": commit, "digest": digest}
    subject = f"Change {seed}"
    facts: dict[str, Fact]
    yield from pair(Verb.PUSH, "anna", app, facts={"ref": "refs/heads/main", "commit": commit})
    yield from pair(
        Verb.VERIFY, "agent", app, facts={"commit": commit, "checks": ["tests: passed"]}
    )
    yield from pair(Verb.BUILD, "agent", app, facts={**made, "milliseconds": 900})
    yield from pair(Verb.RELEASE, "agent", app, number, facts={**made, "subject": subject})
    wanted: dict[str, Fact] = {"revision": revision, "how": "release", "previous": number - 1}
    yield from pair(Verb.DESIRE, "anna", app, number, facts={**made, **wanted})
    yield Event(Verb.ROLLOUT, Outcome.INTENT, "agent", subject, app, "local", number, wanted)
    for copy in range(5):
        for step in ("start", "stop"):
            facts = {"revision": revision, "step": step, "role": "web", "copy": copy + 1}
            facts["pid"] = 1000 + (seed * 10 + copy) % 4_000_000
            yield from pair(Verb.STEP, "agent", app, number, facts=facts)
    smoke = {"revision": revision, "step": "smoke", "stage": "smoke"}
    yield from pair(Verb.STEP, "agent", app, number, facts=smoke)
    facts = {**wanted, "milliseconds": 870, "failed": 0}
    yield Event(Verb.ROLLOUT, Outcome.DONE, "agent", subject, app, "local", number, facts)


def pair(
    verb: Verb, who: str, app: str, number: int = 0, *, facts: Mapping[str, Fact]
) -> Iterator[Event]:
    """An intent and its outcome."""
    environment = "local" if number else ""
    for outcome in (Outcome.INTENT, Outcome.DONE):
        yield Event(verb, outcome, who, "a change was pushed", app, environment, number, facts)


def build(store: SqliteRecord, entries: int) -> float:
    """Write the story through the store's own ``append``, many entries in a transaction. Seconds."""
    started = time.perf_counter()
    events = islice(story(), entries)
    opened: list[int] = []
    seq = 0
    while batch := list(islice(events, BATCH)):
        seals = []
        for event in batch:
            seq += 1
            closes = 0
            if event.outcome is Outcome.INTENT:
                opened.append(seq)
            else:
                closes = opened.pop()
            seals.append(sealing(closing(event, closes), stamp(NOW + seq / 10)))
        store.append(seals)
    return time.perf_counter() - started


def closing(event: Event, intent: int) -> Event:
    """The event as the outcome of that intent."""
    e = event
    return Event(e.verb, e.outcome, e.who, e.why, e.app, e.environment, e.release, e.facts, intent)


def each(act: Callable[[int], object], times: int) -> list[float]:
    """Milliseconds of each call, ascending."""
    took = []
    for number in range(times):
        started = time.perf_counter()
        act(number)
        took.append((time.perf_counter() - started) * 1000)
    return sorted(took)


def spread(took: list[float]) -> dict[str, float]:
    """Median and 99th percentile in milliseconds, and how many in a second."""
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    return {
        "p50_ms": round(p50, 3),
        "p99_ms": round(p99, 3),
        "per_second": round(1000 * len(took) / sum(took)),
    }


def forget(*paths: Path) -> None:
    """Ask the kernel to drop a file from memory, so that the next read is from the disk."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


QUESTIONS = ("commit", "digest", "release", "pid", "time")


def asked(entries: int, kind: str) -> str:
    """Something a person may hold from the middle of the story."""
    seed = max(1, entries // 34 // 2)
    return {
        "commit": hexa(seed, 9),
        "digest": f"sha256:{hexa(seed + 2**40, 16)}",
        "release": f"{APPS[seed % len(APPS)]}/{seed // len(APPS) + 1}",
        "pid": f"pid:{1000 + (seed * 10 + 1) % 4_000_000}",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW + seed * 34 / 10)),
    }[kind]


def cold_trace(path: Path, text: str) -> float:
    """Milliseconds to open the file, which is not in memory, and answer."""
    forget(path)
    started = time.perf_counter()
    store = SqliteRecord(path)
    answer = trace(store, text, APPS[0] if "T" in text else None, now=NOW)
    store.close()
    assert answer.line.count("→") >= 4, answer.line
    return (time.perf_counter() - started) * 1000


FRESH = """
import time
started = time.perf_counter()
import sys
from pathlib import Path
from fairlead.drivers.record_sqlite import SqliteRecord
from fairlead.record.trace import trace
assert trace(SqliteRecord(Path(sys.argv[1])), sys.argv[2], now=float(sys.argv[3])).line
print((time.perf_counter() - started) * 1000)
"""


def fresh_trace(path: Path, text: str) -> tuple[float, float]:
    """Milliseconds in a new process: its imports and the answer; and all, with Python's start.

    Modules are compiled once beforehand, as they are when Fairlead is installed.
    """
    env = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(path.parent / "compiled")
    started = time.perf_counter()
    argv = [sys.executable, "-c", FRESH, str(path), text, str(NOW)]
    inside = subprocess.run(argv, check=True, capture_output=True, text=True, env=env).stdout
    return float(inside), (time.perf_counter() - started) * 1000


def follow_lag(path: Path) -> list[float]:
    """Milliseconds from a write in this process to its arrival at a follower in another."""
    store = SqliteRecord(path)
    record = Record(store, SystemClock())
    program = (
        "import sys,time\nfrom pathlib import Path\n"
        "from fairlead.base.clock import SystemClock\n"
        "from fairlead.drivers.record_sqlite import SqliteRecord\n"
        "from fairlead.record.flow import follow\n"
        "store = SqliteRecord(Path(sys.argv[1]))\n"
        "print('ready', flush=True)\n"
        "for e in follow(store, store.head()[0], SystemClock()): print(e.seq, time.time(), flush=True)\n"
    )
    argv = [sys.executable, "-c", program, str(path)]
    took = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout
        reader.stdout.readline()
        time.sleep(0.1)  # it reads its starting point
        for number in range(50):
            seq = record.write(story_event(number))
            written = time.time()
            got = reader.stdout.readline().split()
            assert int(got[0]) == seq
            took.append((float(got[1]) - written) * 1000)
            time.sleep(0.007)  # not in step with the follower's looks
        reader.terminate()
    store.close()
    return sorted(took)


def story_event(number: int) -> Event:
    """One typical entry."""
    revision = hexa(number + 2**42, 40)
    facts: dict[str, Fact] = {"revision": revision, "step": "start", "role": "web", "copy": 1}
    facts["pid"] = 1000 + number
    return Event(
        Verb.STEP, Outcome.DONE, "agent", "a new copy of release 7", "riverside", "local", 7, facts
    )


class Ours:
    """Fairlead's record."""

    def __init__(self, directory: Path, entries: int) -> None:
        self.path = directory / "record.sqlite"
        self.entries = entries
        self.store = SqliteRecord(self.path)
        self.built = build(self.store, entries)
        self._record = Record(self.store, SystemClock())

    def write(self, number: int) -> None:
        """One durable entry, after all the others."""
        self._record.write(story_event(number))

    def ask(self) -> dict[str, Any]:
        """Questions, each asked of a file that is not in memory; and in a process of its own."""
        self.store.close()
        texts = {kind: asked(self.entries, kind) for kind in QUESTIONS}
        cold = {k: max(cold_trace(self.path, t) for _ in range(5)) for k, t in texts.items()}
        fresh = [fresh_trace(self.path, texts["commit"]) for _ in range(8)][1:]  # one compiles
        self.store = SqliteRecord(self.path)
        warm = each(lambda n: trace(self.store, texts["commit"], now=NOW), 200)
        return {
            "trace_warm_ms": round(warm[len(warm) // 2], 2),
            "trace_cold_by_question_ms": {k: round(v, 1) for k, v in cold.items()},
            "trace_cold_ms": round(max(cold.values()), 1),
            "trace_fresh_process_ms": round(sorted(f[0] for f in fresh)[3], 1),
            "trace_fresh_process_with_python_start_ms": round(sorted(f[1] for f in fresh)[3], 1),
        }

    def check(self) -> dict[str, Any]:
        """Verify everything; and how far behind a follower is."""
        started, cpu = time.perf_counter(), time.process_time()
        found = verify(self.store)
        took, cpu = time.perf_counter() - started, time.process_time() - cpu
        assert isinstance(found, Verified), found
        lag = follow_lag(self.path)
        return {
            "build_seconds": round(self.built, 1),
            "bytes_per_entry": round(self.path.stat().st_size / found.entries),
            "verified_entries": found.entries,
            "verify_seconds": round(took, 1),
            "verify_cpu_seconds": round(cpu, 1),  # beside the seconds, it tells the machine's load
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "follow_p50_ms": round(lag[len(lag) // 2], 1),
            "follow_max_ms": round(lag[-1], 1),
        }


class LogFile:
    """A JSON line and an fsync for each entry; grep to ask."""

    def __init__(self, directory: Path, entries: int) -> None:
        self.path = directory / "log.jsonl"
        self.argv = ["grep", "-c", asked(entries, "commit"), str(self.path)]
        with self.path.open("wb") as out:
            out.writelines(_line(event) for event in islice(story(), entries))
        self._file = self.path.open("ab", buffering=0)

    def write(self, number: int) -> None:
        """One durable line."""
        self._file.write(_line(story_event(number)))
        os.fsync(self._file.fileno())

    def ask(self) -> dict[str, Any]:
        """Find the lines that name a commit."""
        forget(self.path)
        cold, *warm = (_run(self.argv) for _ in range(4))
        return {"ask_cold_ms": round(cold, 1), "ask_warm_ms": round(sorted(warm)[1], 1)}


class GitLog:
    """An empty commit for each entry; git log --grep to ask, of as many as there is patience for."""

    def __init__(self, directory: Path, entries: int) -> None:
        path, self.entries = directory / "log.git", min(entries, 100_000)
        self._git = ["git", "-C", str(path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
        self._git += ["-c", "core.fsync=all", "-c", "gc.auto=0", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)
        stream = b"".join(_commit(event) for event in islice(story(), self.entries))
        subprocess.run([*self._git, "fast-import", "--quiet"], input=stream, check=True)

    def write(self, number: int) -> None:
        """One durable commit."""
        _run([*self._git, "commit", "-q", "--allow-empty", "-m", str(story_event(number))])

    def ask(self) -> dict[str, Any]:
        """Find the commits that name a commit."""
        wanted = f"--grep={asked(self.entries, 'commit')}"
        argv = [*self._git, "log", "--oneline", "--fixed-strings", wanted, "story"]
        warm = sorted(_run(argv) for _ in range(3))
        return {"ask_entries": self.entries, "ask_warm_ms": round(warm[1], 1)}


def side_by_side(writers: Mapping[str, Callable[[int], None]], samples: int) -> dict[str, Any]:
    """Durable writes of each, by turns, so that what else the machine does falls on all of them."""
    took: dict[str, list[float]] = {name: [] for name in writers}
    for _ in range(20):
        for name, write in writers.items():
            many = samples // 20 if name != "git" else min(samples // 20, 10)
            took[name] += each(write, many)
    return {name: spread(sorted(found)) for name, found in took.items()}


def _run(argv: list[str]) -> float:
    """Milliseconds of a program that must succeed."""
    return each(lambda n: subprocess.run(argv, check=True, capture_output=True), 1)[0]


def _line(event: Event) -> bytes:
    fields = {"verb": event.verb, "who": event.who, "why": event.why, "app": event.app}
    fields |= {"release": str(event.release), "at": str(NOW)}
    return json.dumps({**fields, "facts": dict(event.facts)}).encode() + b"\n"


def _commit(event: Event) -> bytes:
    text = f"{event.verb} {event.outcome} {event.app} {event.release} {dict(event.facts)}".encode()
    head = b"commit refs/heads/story\ncommitter a <a@example.org> 1795000000 +0000\n"
    return head + b"data %d\n%s\n" % (len(text), text)


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def table(result: dict[str, Any]) -> str:
    """The comparison as text."""
    ours_, log, git = result["fairlead"], result["log_file"], result["git"]
    rows = [
        ("", "fairlead", "JSON lines + grep", "git commit + log"),
        (
            "durable entries/s",
            ours_["durable_per_second"],
            log["append"]["per_second"],
            git["append"]["per_second"],
        ),
        (
            "one entry p50, ms",
            ours_["append"]["p50_ms"],
            log["append"]["p50_ms"],
            git["append"]["p50_ms"],
        ),
        (
            "one entry p99, ms",
            ours_["append"]["p99_ms"],
            log["append"]["p99_ms"],
            git["append"]["p99_ms"],
        ),
        ("ask, cold, ms", ours_["trace_cold_ms"], log["ask_cold_ms"], "-"),
        (
            "ask, warm, ms",
            ours_["trace_warm_ms"],
            log["ask_warm_ms"],
            f"{git['ask_warm_ms']} of {git['ask_entries']}",
        ),
        ("verify all, s", ours_["verify_seconds"], "cannot", "not measured"),
        ("one story, one line", "yes", "no: lines to read", "no: commits to read"),
    ]
    return "\n".join(f"{a:22}{b!s:>12}{c!s:>20}{d!s:>24}" for a, b, c, d in rows)


def met(figures: dict[str, Any]) -> dict[str, bool]:
    """Which of the figures to reach were reached."""
    return {
        name: figures[name] >= limit if sign == ">=" else figures[name] <= limit
        for name, (sign, limit) in LIMITS.items()
    }


def main() -> int:
    """Measure, print; 1 when a figure was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "entries": options.entries}
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        log = LogFile(Path(name), options.entries)
        git = GitLog(Path(name), options.entries)
        own = Ours(Path(name), options.entries)
        writers = {"fairlead": own.write, "log_file": log.write, "git": git.write}
        written = side_by_side(writers, options.samples)
        for what, side in (("fairlead", own), ("log_file", log), ("git", git)):
            result[what] = {"append": written[what], **side.ask()}
        result["fairlead"] |= {
            "durable_per_second": written["fairlead"]["per_second"],
            **own.check(),
        }
        own.store.close()
    result["met"] = met(result["fairlead"])
    print(json.dumps(result, indent=2))
    if not options.json:
        print("\n" + table(result))
    return 0 if all(result["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
