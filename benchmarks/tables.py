"""Results as text."""

from collections.abc import Iterable, Sequence
from typing import Any


def columns(rows: Iterable[Sequence[object]]) -> str:
    """Rows in aligned columns: the first to the left, the others to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    lines = []
    for first, *rest in texts:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)


def reached(met: dict[str, bool | None]) -> str:
    """One line a figure."""
    said = {True: "reached", False: "MISSED", None: "not asked in this run"}
    return columns((name, said[well]) for name, well in met.items())


def taken_on(machine: dict[str, Any]) -> str:
    """The machine in a line."""
    load = "/".join(f"{each:g}" for each in machine.get("load_before", ()))
    return (
        f"{machine['cpus']} cpus, {machine['memory_mb']} MB, {machine['system']}, "
        f"Python {machine['python']}, load before {load}, {machine['at']}"
    )


def rollouts_table(result: dict[str, Any]) -> str:
    """The whole comparison."""
    mine = result["fairlead"]
    floor = mine["floor"]
    parts = [
        f"taken on: {taken_on(result['machine'])}",
        f"load: {mine['rate']:g} requests a second, open loop; "
        f"99th percentile with nothing deploying, ms: {_rates(mine['p99_ms_by_rate'])}",
        "",
        _side_by_side(result),
        "",
        _strategies(mine),
        "",
        _totals(mine["totals"]),
        "",
        "by hand, with nobody there, s: "
        + ", ".join(f"{name} {seconds:g}" for name, seconds in floor.items()),
        f"code only with nobody there: {mine['quiet']['serving']['median']:g} s, "
        f"so {mine['quiet']['serving']['median'] - floor['all']:.2f} s over the floor",
        f"under load: by hand {mine['floor_loaded']:g} s, "
        f"blue-green {mine['strategies']['blue-green']['serving']['median']:g} s",
        "where the time goes, s:",
        columns([(name, seconds) for name, seconds in mine["quiet"]["parts"].items()]),
        "",
        reached(result["met"]),
    ]
    return "\n".join(parts)


def _rates(found: dict[str, float]) -> str:
    """What each rate came to; a negative one was too much."""
    return ", ".join(
        f"{rate}/s {abs(p99):.0f}{'' if p99 >= 0 else ' (too much)'}" for rate, p99 in found.items()
    )


def _side_by_side(result: dict[str, Any]) -> str:
    """Fairlead's default beside each peer."""
    mine, others = result["fairlead"], result["peers"]
    odd = {each["what"]: each for each in mine["odd"]}
    green = mine["strategies"]["blue-green"]
    ways = green["releases"] + green["back"]
    own: list[object] = [
        green["serving"]["median"],
        green["going_back"]["median"],
        round(green["failed"] / ways, 1),
        round(green["asset_404"] / ways, 1),
        green["worst_ms_a_release"]["most"],
        f"refused, exit {odd['crash']['exit']}",
        f"{odd['crash']['command_seconds']:g} s",
        odd["crash"]["users"]["failed"],
        f"refused, exit {odd['answers_500']['exit']}",
        odd["8 s boot"]["users"]["failed"] if "8 s boot" in odd else "-",
    ]
    labels = (
        "code only, to serving, s",
        "going back, s",
        "failed requests a release",
        "missing assets a release",
        "worst answer in a release, ms",
        "a release that crashes",
        "  known after",
        "  failed requests",
        "a release that answers 500",
        "8 s boot: failed requests",
    )
    table = [("", *("fairlead", *(_title(name) for name in others)))]
    cells = [own, *(_peer(other) for other in others.values())]
    return columns([*table, *((label, *row) for label, *row in zip(labels, *cells, strict=True))])


def _title(name: str) -> str:
    return name.replace("_no_long", " (short)").replace("_", " ")


def _peer(other: dict[str, Any]) -> list[object]:
    went: dict[str, Any] = {each["what"]: each for each in other["went"]}
    crash, error, boot = went["crash"], went["answers_500"], went.get("8 s boot")
    down = "down" if crash["serves_build"] == "nothing" else "serves"
    return [
        other["serving"]["median"],
        other["back"]["median"],
        f"{other['failed_a_release']['median']:g}",
        f"{other['asset_404_a_release']['median']:g}",
        f"{other['worst_ms_a_release']['most']:g}",
        f"{down}, exit {crash['exit']}",
        "never",
        f"{crash['users']['failed']} until back",
        f"serves it, exit {error['exit']}",
        boot["users"]["failed"] if boot else "-",
    ]


def _strategies(mine: dict[str, Any]) -> str:
    head = (
        "",
        "releases",
        "serving, s",
        "ways back",
        "back, s",
        "failed",
        "404",
        "switch, ms",
        "median",
    )
    rows = [
        (
            name,
            found["releases"],
            found["serving"]["median"],
            found["back"],
            found["going_back"]["median"],
            found["failed"],
            found["asset_404"],
            found["worst_ms_at_switches"],
            found["switches_ms"]["median"],
        )
        for name, found in mine["strategies"].items()
    ]
    return columns([head, *rows])


def _totals(totals: dict[str, Any]) -> str:
    return (
        f"{totals['requests']} requests over {totals['rollouts']} rollouts and "
        f"{totals['rollbacks']} ways back: {totals['failed']} failed, {totals['asset_404']} "
        f"assets missing, worst {totals['max_ms']:g} ms ({totals['sent_max_ms']:g} from when it "
        f"was sent), worst at a switch {totals['worst_ms_at_switches']:g} ms "
        f"({totals['sent_worst_ms_at_switches']:g}), {totals['long_finished']} long requests "
        f"finished, {totals['long_failed']} failed, {len(totals['websocket_closes'])} WebSocket "
        f"closes"
    )
