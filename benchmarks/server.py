"""Fairlead on a real server, beside what people do now: the figures of a booted Debian.

    python -m benchmarks server [--quick] [--json] [--save DIRECTORY]

A host is booted with systemd-nspawn, so it needs root. See docs/benchmarks.md.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, note, save, scratch, spread
from benchmarks.ours import Went, kept
from benchmarks.rollouts import parts_of, totals, window, worst_at_switches
from benchmarks.server_tables import server_table
from benchmarks.users import best, sustained, users
from fairlead.demo.report import Report

NEEDED = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "ssh": "openssh-client",
    "curl": "curl",
}
RATES = (100, 200, 300)
LONG = 20.0
ORDER = ("rolling", "canary", "blue-green")
"""Blue-green last: what it holds would have to end before a rolling release of one copy begins."""

MEMORY = 80.0  # MB resident, all of ours but proxy and database
SMALL = 1024  # MB
REQUESTS = 50_000
FIRST = 180.0


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    rate: float
    copies: tuple[int, ...]
    releases: int  # of each strategy, with so many copies each
    quiet: int  # releases and floors with nobody there
    kills: int  # releases over which an agent is killed at every entry
    peers: int  # releases by each of them
    only: tuple[str, ...]  # of the peers; empty: all
    caddy: tuple[str, ...]  # strategies

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Size":
        """As asked for; small with ``--quick``."""
        if options.quick:
            return cls(options.rate, (1,), 1, 1, 1, 1, ("five_commands",), ("blue-green",))
        return cls(options.rate, (1, 3), 2, 3, 4, 1, (), ORDER)


def why_not() -> str:
    """Why this machine cannot boot a host; "" when it can."""
    if os.geteuid() != 0:
        return "not root: a host is booted with systemd-nspawn (sudo)"
    missing = [package for name, package in NEEDED.items() if not shutil.which(name)]
    return f"apt install {' '.join(missing)}" if missing else ""


class Run:
    """Fairlead on one host under load."""

    def __init__(self, fairlead: Any, size: Size) -> None:
        self._fairlead = fairlead
        self._clone = fairlead.clone
        self._size = size
        self._build = 0
        self._serving = self._before = 0
        self._went: list[Went] = []
        self._upgrade: dict[str, float] = {}
        self._killed = 0

    def quiet(self) -> dict[str, Any]:
        """Code-only releases with nobody there, and what they hold in memory."""
        from benchmarks.server_host import Memory

        time.sleep(2)
        memory = Memory(self._fairlead.machine)
        rest = memory.look()
        with memory:
            self._clone.strategy("rolling")  # which leaves no side that is held
            pushes = [self._push("rolling", "quiet") for _ in range(self._size.quiet)]
            time.sleep(1)
        most = memory.most
        return {
            "serving": spread(went.seconds for went in pushes),
            "parts": parts_of(pushes),
            "memory": {
                "at_rest_mb": round(rest.ours, 1),
                "most_mb": round(most.ours, 1),
                "most_was": most.of,
                "agent_most_mb": round(most.agent, 1),
                "login_and_hooks_most_mb": round(most.hooks, 1),
                "checks_and_builds_most_mb": round(most.builds, 1),
            },
        }

    def strategies(self, names: tuple[str, ...]) -> None:
        """Releases and ways back by each strategy, with so many copies each."""
        for copies in self._size.copies:
            self._clone.copies(copies)
            for name in names:
                self._clone.strategy(name)
                self._strategy(name, copies)

    def _strategy(self, name: str, copies: int) -> None:
        what = f"{copies} {'copy' if copies == 1 else 'copies'}"
        for number in range(self._size.releases):
            if name == "rolling":  # it would wait for copies that still drain
                self._fairlead.settle(2 if number == 0 else 1)
            self._note(self._push(name, what))
            time.sleep(2)
        held = name == "blue-green"
        if not held:
            self._fairlead.settle(1)
        went = self._fairlead.back(self._before, name, "back, held" if held else "back, not held")
        self._note(went)
        self._before, self._serving = self._serving, self._before
        time.sleep(2)

    def incidents(self, reload: bool) -> None:
        """What happens to a server: an agent that dies, an upgrade, somebody else's reload."""
        self._clone.copies(1)
        self._clone.strategy("blue-green")
        if reload:
            with self._beside(self._reloads):
                self._note(self._push("blue-green", "nginx reloaded by someone else"))
        with self._beside(self._upgrades):
            self._note(self._push("blue-green", "Fairlead upgraded"))
        time.sleep(2)
        step = max(self._size.kills, 3)
        for number in range(self._size.kills):
            process = self._fairlead.kills(range(1 + number, 40, step))
            self._note(self._push("blue-green", "agent killed"))
            self._killed += int(process.communicate()[0])
        note(f"  the agent was killed {self._killed} times")

    def broken(self) -> None:
        """Releases that must not come to serve."""
        for story in ("crash", "answers_500"):
            self._build += 1
            self._clone.keep(story, self._build)
            self._note(self._fairlead.refused(story))
            time.sleep(2)
            self._build += 1
            self._clone.mend(self._build)
            self._before, self._serving = self._serving, self._build
            self._note(self._fairlead.push(self._build, "blue-green", "mended"))
            time.sleep(2)

    def told(self, report: Report) -> dict[str, Any]:
        """What came of it."""
        ordinary = [w for w in self._went if "cop" in w.what]
        back = [w for w in self._went if w.what.startswith("back")]
        both = [*ordinary, *back]
        return {
            "serving": spread(w.seconds for w in ordinary),
            "back_held": spread(w.seconds for w in back if "not" not in w.what),
            "back_not_held": spread(w.seconds for w in back if "not" in w.what),
            "by": {
                f"{what}, {name}": self._by(report, [w for w in both if self._is(w, what, name)])
                for what, name in dict.fromkeys((w.what, w.strategy) for w in both)
            },
            "worst_ms_a_release": spread((window(report, w)["max_ms"] for w in both), 1),
            "incidents": {
                what: self._by(report, [w for w in self._went if w.what == what])
                for what in ("nginx reloaded by someone else", "Fairlead upgraded", "agent killed")
                if any(w.what == what for w in self._went)
            },
            "agent_killed": self._killed,
            "upgrade": self._upgrade,
            "broken": {
                w.what: {**kept(w), "users": window(report, w)}
                for w in self._went
                if w.what in ("crash", "answers_500")
            },
            "totals": totals(report, self._went),
        }

    def _is(self, went: Went, what: str, name: str) -> bool:
        return (went.what, went.strategy) == (what, name)

    def _by(self, report: Report, went: list[Went]) -> dict[str, Any]:
        return {
            "seconds": spread(w.seconds for w in went),
            "failed": sum(window(report, w)["failed"] for w in went),
            "asset_404": sum(window(report, w)["asset_404"] for w in went),
            "worst_ms_at_switches": worst_at_switches(report, went),
            "sent_worst_ms_at_switches": worst_at_switches(report, went, "sent_max_ms"),
        }

    def _push(self, strategy: str, what: str) -> Went:
        self._build += 1
        self._clone.build(self._build)
        self._before, self._serving = self._serving, self._build
        went: Went = self._fairlead.push(self._build, strategy, what)
        return went

    def _note(self, went: Went) -> None:
        self._went.append(went)
        took = f"{went.seconds:.2f} s" if went.serving else f"{went.end - went.begin:.2f} s"
        proxy = self._fairlead.proxy
        note(f"  {proxy}: {went.strategy} {went.what}: {took}, exit {went.code} {went.said}")

    @contextmanager
    def _beside(self, do: Callable[[], None]) -> Iterator[None]:
        thread = threading.Thread(target=do)
        thread.start()
        yield
        thread.join()

    def _upgrades(self) -> None:
        time.sleep(0.5)
        there, back = self._fairlead.upgrade()
        self._upgrade = {"upgrade_seconds": there, "undo_seconds": back}

    def _reloads(self) -> None:
        for _ in range(5):
            time.sleep(random.uniform(0.2, 0.9))
            self._fairlead.machine.run("systemctl", "reload", "nginx")


def on_nginx(root: Path, parcels: Any, size: Size) -> dict[str, Any]:
    """The floor, and Fairlead on nginx, alone and under load."""
    from benchmarks.server_host import host
    from benchmarks.server_ours import ServerClone, ServerFairlead, floor

    root.mkdir()
    clone = ServerClone(root)
    clone.lay()
    with host() as booted:
        fairlead = ServerFairlead(booted, clone, "nginx")
        note("nginx: from an installed Debian to the first release")
        first = fairlead.install(parcels)
        note(f"  {first}")
        run = Run(fairlead, size)
        fairlead.settle()
        by_hand = floor(booted, clone.clone, size.quiet)
        quiet = run.quiet()
        note(f"  floor {by_hand['all']} s, push to serving {quiet['serving']['median']} s")
        rates = sustained(fairlead.address, (*RATES,), 2)
        rate = min(size.rate, max(best(rates), RATES[0]))
        note(f"  users come at {rate:g} requests a second")
        with users(fairlead.address, rate, LONG) as traffic:
            time.sleep(2)
            run.strategies(ORDER)
            run.incidents(reload=True)
            run.broken()
            report = traffic.stop(wait_long=True)
    head = {"first": first, "floor": by_hand, "quiet": quiet, "p99_ms_by_rate": rates}
    return {**head, "rate": rate, **run.told(report)}


def on_caddy(root: Path, parcels: Any, size: Size, rate: float) -> dict[str, Any]:
    """The same, shorter, on Caddy."""
    from benchmarks.server_host import host
    from benchmarks.server_ours import ServerClone, ServerFairlead

    root.mkdir()
    clone = ServerClone(root)
    clone.lay()
    with host() as booted:
        fairlead = ServerFairlead(booted, clone, "caddy")
        note("caddy: from an installed Debian to the first release")
        first = fairlead.install(parcels)
        run = Run(fairlead, replace(size, releases=1, kills=min(size.kills, 2)))
        with users(fairlead.address, rate, LONG) as traffic:
            time.sleep(2)
            run.strategies(size.caddy)
            run.incidents(reload=False)
            run.broken()
            report = traffic.stop(wait_long=True)
    return {"first": first, **run.told(report)}


def on_little(root: Path, parcels: Any, size: Size) -> dict[str, Any]:
    """The same host with 1 GB and no swap; its disk is a disk, so that only memory counts."""
    from benchmarks.server_host import Limited, Memory, host
    from benchmarks.server_ours import ServerClone, ServerFairlead

    root.mkdir()
    clone = ServerClone(root)
    clone.lay()
    disk = Path(tempfile.mkdtemp(prefix="fairlead-disk-", dir=root))
    with host(disk) as booted:
        limited = Limited(booted, SMALL)
        fairlead = ServerFairlead(booted, clone, "nginx")
        note(f"nginx in {SMALL} MB: install and releases")
        fairlead.install(parcels)
        held, seconds = 0, 0.0
        with Memory(booted) as memory:
            for number in range(1, size.quiet + 1):
                clone.build(number)
                seconds = fairlead.push(number, "blue-green", "quiet").seconds
                note(f"  {seconds:.2f} s")
                held = max(held, limited.told()["held_mb"])
        told = limited.told()
    return {
        "limit_mb": SMALL,
        **told,
        "held_mb": held,
        "control_plane_most_mb": round(memory.most.ours, 1),
        "checks_and_builds_most_mb": round(memory.most.builds, 1),
        "seconds": round(seconds, 3),
    }


def met(result: dict[str, Any]) -> dict[str, bool | None]:
    """Which of the figures to reach were reached; None where this run did not ask."""
    nginx, caddy, little = result["nginx"], result["caddy"], result["little"]
    both = [nginx["totals"], caddy["totals"]]
    serving = nginx["quiet"]["serving"]["median"]
    others = result["peers"]
    slower = [
        others[name]["serving"]["median"]
        for name in ("symlink", "ansible", "piku")
        if name in others
    ]
    requests = sum(each["requests"] for each in both)
    return {
        "nginx: no failed request": not both[0]["failed"] and not both[0]["long_failed"],
        "caddy: no failed request": not both[1]["failed"] and not both[1]["long_failed"],
        "no asset missing": not any(each["asset_404"] for each in both),
        f"of {REQUESTS} requests": requests >= REQUESTS if not result["quick"] else None,
        "control plane at rest 80 MB": nginx["quiet"]["memory"]["at_rest_mb"] <= MEMORY,
        "control plane in a deploy 80 MB": nginx["quiet"]["memory"]["most_mb"] <= MEMORY,
        "a deploy in 1 GB without swap": not little["ended_for_want_of_memory"],
        "code only: floor + 0.6 s": serving <= nginx["floor"]["all"] + 0.6,
        "ahead of symlink, Ansible and Piku": all(nginx["serving"]["median"] < s for s in slower)
        if slower
        else None,
        "Debian to first release 3 min": nginx["first"]["all"] <= FIRST,
        "broken: untouched": all(
            not each["users"]["failed"]
            for part in (nginx, caddy)
            for each in part["broken"].values()
        ),
    }


def measured(root: Path, size: Size, options: argparse.Namespace) -> dict[str, Any]:
    """Every part in turn."""
    from benchmarks.server_host import Parcels
    from benchmarks.server_peers import peers

    began = time.monotonic()
    note("wheels of the app and of Fairlead")
    parcels = Parcels.gather(root / "parcels")
    nginx = on_nginx(root / "nginx", parcels, size)
    rate = nginx["rate"]
    result = {
        "nginx": nginx,
        "caddy": on_caddy(root / "caddy", parcels, size, rate),
        "little": on_little(root / "little", parcels, size),
        "peers": peers(root, parcels, rate, size.peers, options.piku, size.only)
        if options.peers
        else {},
    }
    return {**result, "minutes": round((time.monotonic() - began) / 60, 1)}


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about four minutes, low counts")
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second")
    parser.add_argument("--piku", type=Path, help="Piku's piku.py, to measure it as a peer, too")
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save", type=Path, help="a directory for the result and its table")
    options = parser.parse_args()
    if reason := why_not():
        note(f"server: skipped: {reason}")
        print(json.dumps({"skipped": reason}) if options.json else f"skipped: {reason}")
        return 0
    result: dict[str, Any] = {"machine": machine(), "quick": options.quick}
    with scratch() as root:
        result.update(measured(root, Size.of(options), options))
    result["machine"]["load_after"] = [round(each, 2) for each in os.getloadavg()]
    result["met"] = met(result)
    text = server_table(result)
    if options.save:
        save(options.save / "server.json", result, text)
    print(json.dumps(result, indent=1) if options.json else text)
    return 0 if all(well is not False for well in result["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
