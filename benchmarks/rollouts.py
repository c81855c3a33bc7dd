"""Releases under load: Fairlead's three strategies, the app's own floor, and what people do now.

    python -m benchmarks rollouts [--quick] [--json] [--save DIRECTORY]

One run, one machine, one app (examples/riverside), one load. See docs/benchmarks.md.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.clone import STRATEGIES, Clone
from benchmarks.floor import ByHand, measured
from benchmarks.machine import machine, median, note, save, scratch, spread
from benchmarks.ours import Fairlead, Went, kept
from benchmarks.peers.server import Server, five_commands, symlink
from benchmarks.peers.story import Story
from benchmarks.tables import rollouts_table
from benchmarks.users import LONG, best, saw, sustained, users
from fairlead.demo.report import Report

RATES = (100, 200, 300, 400, 500)
"""Requests a second tried with nothing deploying; the load is at most the best of them."""

BEFORE, AFTER = 0.1, 1.0
"""Seconds around a switch of the route that count as the switch."""


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    rate: float
    releases: int  # for each strategy
    back: int  # for each strategy
    quiet: int  # releases, and floors, with nobody there
    requests: int  # at least
    peers: int  # releases by each peer
    boot: bool  # with a release that takes 8 s to boot

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Size":
        """As asked for; small with ``--quick``."""
        if options.quick:
            return cls(options.rate, 2, 1, 1, 0, 1, boot=False)
        return cls(
            options.rate, options.releases, options.back, 5, options.requests, options.peers, True
        )

    def at_most(self, rate: float) -> "Size":
        """The same with no more than what the app takes."""
        return replace(self, rate=min(self.rate, max(rate, RATES[0])))


class Ours:
    """Fairlead's part of the run."""

    def __init__(self, fairlead: Fairlead, hand: ByHand, size: Size) -> None:
        self._fairlead = fairlead
        self._clone = fairlead.clone
        self._hand = hand
        self._size = size
        self._build = 0
        self._serving = self._before = 0  # the build that serves, and the one that did before
        self._went: list[Went] = []
        self._floor: list[float] = []
        ways = len(STRATEGIES) * (size.releases + size.back)
        self._pace = size.requests / size.rate / ways if ways else 0.0

    def quiet(self) -> dict[str, Any]:
        """With nobody there: code-only releases, and nothing to do."""
        pushes = [self._push("blue-green", "quiet") for _ in range(self._size.quiet)]
        nothing = [self._fairlead.cli("up", str(self._clone.clone)) for _ in range(5)]
        push = [self._fairlead.push_again() for _ in range(5)]
        return {
            "serving": spread(went.seconds for went in pushes),
            "parts": parts_of(pushes),
            "nothing_to_do_up": spread(ran.seconds for ran in nothing),
            "nothing_to_do_push": spread(ran.seconds for ran in push),
        }

    def busy(self) -> Report:
        """With users throughout: every strategy, and then the broken ones."""
        with users(self._fairlead.address, self._size.rate) as traffic:
            time.sleep(2)
            self._floor = [self._hand.once()["all"] for _ in range(3 if self._size.boot else 1)]
            for strategy in STRATEGIES:
                self._clone.strategy(strategy)
                self._strategy(strategy)
            self._odd()
            return traffic.stop(wait_long=True)

    def told(self, report: Report) -> dict[str, Any]:
        """What came of it."""
        return {
            "strategies": {name: self._told(name, report) for name in STRATEGIES},
            "odd": [{**kept(w), "users": window(report, w)} for w in self._went if _odd(w)],
            "totals": totals(report, self._went),
            "floor_loaded": median(self._floor),
        }

    def _strategy(self, strategy: str) -> None:
        for number in range(1, self._size.releases + 1):
            began = time.monotonic()
            if strategy == "rolling":  # it would wait for copies that still drain
                self._fairlead.settle(2 if number == 1 else 1)
            self._note(self._push(strategy, "code only"))
            self._rest(began)
            if 2 <= number < 2 + self._size.back:  # the one before it has the same strategy
                self._go_back(strategy)

    def _go_back(self, strategy: str) -> None:
        began = time.monotonic()
        held = strategy == "blue-green"
        if not held:
            self._fairlead.settle(1)
        what = "back, held" if held else "back, not held"
        self._note(self._fairlead.back(self._before, strategy, what))
        self._before, self._serving = self._serving, self._before
        self._rest(began)

    def _odd(self) -> None:
        """A migration, a slow boot, and releases that must not come to serve."""
        self._clone.strategy("blue-green")
        self._story("second", "migration")
        if self._size.boot:
            self._story("slow_boot", "8 s boot")
            self._mend()
        for story in ("crash", "answers_500"):
            self._build += 1
            self._clone.keep(story, self._build)
            self._note(self._fairlead.refused(story))
            time.sleep(2)
            self._mend()

    def _story(self, story: str, what: str) -> None:
        self._build += 1
        self._clone.keep(story, self._build)
        self._note(self._fairlead.push(self._build, "blue-green", what))
        time.sleep(2)

    def _mend(self) -> None:
        self._build += 1
        self._clone.mend(self._build)
        self._note(self._fairlead.push(self._build, "blue-green", "mended"))
        time.sleep(2)

    def _push(self, strategy: str, what: str) -> Went:
        self._build += 1
        self._clone.build(self._build)
        self._before, self._serving = self._serving, self._build
        return self._fairlead.push(self._build, strategy, what)

    def _rest(self, began: float) -> None:
        """Users get at least two seconds between two of them, and the run its requests."""
        time.sleep(max(2.0, began + self._pace - time.monotonic()))

    def _note(self, went: Went) -> None:
        self._went.append(went)
        took = f"{went.seconds:.2f} s" if went.serving else f"{went.end - went.begin:.2f} s"
        note(f"  fairlead: {went.strategy} {went.what}: {took}, exit {went.code}")

    def _told(self, strategy: str, report: Report) -> dict[str, Any]:
        went = [w for w in self._went if w.strategy == strategy and not _odd(w)]
        code = [w for w in went if w.what == "code only"]
        back = [w for w in went if w.what.startswith("back")]
        return {
            "releases": len(code),
            "back": len(back),
            "serving": spread(w.seconds for w in code),
            "parts": parts_of(code),
            "going_back": spread(w.seconds for w in back),
            "failed": sum(window(report, w)["failed"] for w in went),
            "asset_404": sum(window(report, w)["asset_404"] for w in went),
            "worst_ms_at_switches": worst_at_switches(report, went),
            "switches_ms": spread((worst_at_switches(report, [w]) for w in went), 1),
            "sent_worst_ms_at_switches": worst_at_switches(report, went, "sent_max_ms"),
            "worst_ms_a_release": spread((window(report, w)["max_ms"] for w in went), 1),
            "went": [kept(w) for w in went],
        }


_ODD = ("migration", "8 s boot", "mended", "crash", "answers_500")


def _odd(went: Went) -> bool:
    return went.what in _ODD


def window(report: Report, went: Went) -> dict[str, Any]:
    """What users saw from the command until two seconds after its end."""
    seen = saw(report, went.begin, went.end + 2.0)
    return {**seen, "worst_ms_at_switches": worst_at_switches(report, [went])}


def worst_at_switches(report: Report, went: Iterable[Went], what: str = "max_ms") -> float:
    windows = [(a - BEFORE, b + AFTER) for each in went for a, b in each.switches]
    return max((float(saw(report, *window)[what]) for window in windows), default=0.0)


def parts_of(went: list[Went]) -> dict[str, float]:
    """The median seconds of each part of the way from push to serving."""
    names = dict.fromkeys(name for each in went for name in each.parts)
    return {name: median(w.parts[name] for w in went if name in w.parts) for name in names}


def totals(report: Report, went: list[Went]) -> dict[str, Any]:
    closes = report.websocket_closes
    return {
        "requests": report.sent,
        "seconds": round(report.seconds),
        "failed": report.failed,
        "retried": report.retried,
        "asset_404": report.asset_404,
        "max_ms": round(report.max_ms, 1),
        "p50_ms": report.p50_ms,
        "p99_ms": report.p99_ms,
        "generator_lag_ms": report.lag_ms,
        "sent_max_ms": saw(report, report.begin, report.end)["sent_max_ms"],
        "worst_ms_at_switches": worst_at_switches(report, went),
        "sent_worst_ms_at_switches": worst_at_switches(report, went, "sent_max_ms"),
        "long_finished": report.long_finished,
        "long_failed": report.long_failed,
        "websocket_messages": report.websocket_messages,
        "websocket_closes": [[c.code, c.reason, c.back_ms] for c in closes],
        "rollouts": sum(not w.what.startswith("back") for w in went),
        "rollbacks": sum(w.what.startswith("back") for w in went),
        "failures": [[each.what, each.path] for each in report.failures[:10]],
    }


def ours(root: Path, size: Size) -> dict[str, Any]:
    """The floor and Fairlead, one after the other, then both under load."""
    clone = Clone(root)
    clone.lay()
    note("the app's floor, by hand")
    hand = ByHand.lay(clone.clone, root / "hand")
    floor = measured(hand, size.quiet)
    fairlead = Fairlead(clone)
    try:
        note("Fairlead: the first release, and code-only ones with nobody there")
        first = fairlead.first()
        rates = sustained(fairlead.address, RATES, 4 if size.boot else 1.5)
        note(f"with nothing deploying the app sustains {best(rates):g} requests a second")
        size = size.at_most(best(rates))
        part = Ours(fairlead, hand, size)
        quiet = part.quiet()
        told = part.told(part.busy())
    finally:
        fairlead.shutdown()
    head = {"floor": floor, "first_release_seconds": round(first.seconds, 2), "quiet": quiet}
    return {**head, "p99_ms_by_rate": rates, "rate": size.rate, **told}


def peers(root: Path, size: Size) -> dict[str, Any]:
    """What people do now, with the same load, and without the long request."""
    makers = {"five_commands": five_commands, "symlink": symlink}
    loads = (False, True) if size.boot else (True,)
    found: dict[str, Any] = {}
    for name, make in makers.items():
        for long in loads:
            here = root / f"{name}-{long}"
            here.mkdir()
            note(f"{name}, {'same load' if long else 'no long request in flight'}")
            server: Server = make(here / "server")
            told = Story(server, here, size.rate, LONG if long else 0.0).tell(
                size.peers, 1, size.boot
            )
            found[name if long else f"{name}_no_long"] = told
    return found


def met(result: dict[str, Any]) -> dict[str, bool | None]:
    """Which of the figures to reach were reached; None where this run did not ask."""
    mine = result["fairlead"]
    totals, strategies = mine["totals"], mine["strategies"]
    floor, quiet = mine["floor"], mine["quiet"]
    odd = {each["what"]: each for each in mine["odd"]}
    held = strategies["blue-green"]["going_back"]["median"]
    unheld = max(strategies[name]["going_back"]["median"] for name in ("rolling", "canary"))
    broken = [odd[name] for name in ("crash", "answers_500")]
    boot = odd.get("8 s boot")
    return {
        "no failed request": not totals["failed"] and not totals["long_failed"],
        "no asset missing": not totals["asset_404"],
        "50,000 requests, 20 rollouts, 5 rollbacks": totals["requests"] >= 50_000
        and totals["rollouts"] >= 20
        and totals["rollbacks"] >= 5,
        "code only: floor + 0.6 s": quiet["serving"]["median"] <= floor["all"] + 0.6,
        "worst answer at a switch 60 ms": totals["worst_ms_at_switches"] <= 60,
        "the same with an 8 s boot": boot["users"]["worst_ms_at_switches"] <= 60 if boot else None,
        "nothing to do 0.3 s": quiet["nothing_to_do_up"]["median"] <= 0.3,
        "back 0.3 s, held": held <= 0.3,
        "back start + 0.5 s, not held": unheld <= floor["start"] + 0.5,
        "broken: exit 1 in 10 s, untouched": all(
            each["exit"] == 1 and each["command_seconds"] <= 10 and not each["users"]["failed"]
            for each in broken
        ),
    }


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about two minutes, low counts")
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second")
    parser.add_argument("--releases", type=int, default=5, help="for each strategy")
    parser.add_argument("--back", type=int, default=2, help="for each strategy")
    parser.add_argument("--requests", type=int, default=50_000, help="at least, in Fairlead's run")
    parser.add_argument("--peers", type=int, default=3, help="releases by each peer; 0: no peers")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save", type=Path, help="a directory for the result and its table")
    options = parser.parse_args()
    size = Size.of(options)
    result: dict[str, Any] = {"machine": machine(), "quick": options.quick}
    with scratch() as root:
        (root / "ours").mkdir()
        result["fairlead"] = ours(root / "ours", size)
        size = size.at_most(result["fairlead"]["rate"])
        result["peers"] = peers(root, size) if options.peers else {}
    result["machine"]["load_after"] = [round(each, 2) for each in os.getloadavg()]
    result["met"] = met(result)
    text = rollouts_table(result)
    if options.save:
        save(options.save / "rollouts.json", result, text)
    print(json.dumps(result, indent=1) if options.json else text)
    return 0 if all(well is not False for well in result["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
