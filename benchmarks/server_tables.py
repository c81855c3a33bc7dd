"""The server benchmark's result as text."""

from typing import Any

from benchmarks.tables import columns, reached, taken_on

LABELS = (
    "code only, to serving, s",
    "  with a 20 s request in flight, s",
    "  its failed requests",
    "going back, s",
    "failed requests a release",
    "missing assets a release",
    "worst answer in a release, ms",
    "a release that crashes",
    "  failed requests",
    "  back from it, s",
    "a release that answers 500",
)


def server_table(result: dict[str, Any]) -> str:
    """The whole comparison."""
    nginx, caddy, little = result["nginx"], result["caddy"], result["little"]
    floor, quiet = nginx["floor"], nginx["quiet"]
    load = "/".join(f"{each:g}" for each in result["machine"]["load_after"])
    over = quiet["serving"]["median"] - floor["all"]
    rates = ", ".join(f"{rate}/s {p99:.0f}" for rate, p99 in nginx["p99_ms_by_rate"].items())
    lines = [
        f"taken on: {taken_on(result['machine'])}, load after {load}, {result['minutes']:g} min",
        f"load: {nginx['rate']:g} requests a second, open loop, kept connections, a WebSocket, "
        "the assets of the pages before; with Fairlead a 20 s request in flight throughout",
        f"99th percentile with nothing deploying, ms: {rates}",
        "",
        _side_by_side(result),
        *_rescued(result["peers"]),
        "",
        "Fairlead on nginx",
        _by({**nginx["by"], **nginx["incidents"]}),
        _totals(nginx),
        "",
        "Fairlead on Caddy",
        _by({**caddy["by"], **caddy["incidents"]}),
        _totals(caddy),
        "",
        "by hand, with nobody there, s: " + ", ".join(f"{k} {v:g}" for k, v in floor.items()),
        f"code only with nobody there: {quiet['serving']['median']:g} s, so {over:.2f} s over "
        "the floor",
        "where the time goes, s:",
        columns(list(quiet["parts"].items())),
        "",
        _memory(quiet["memory"]),
        f"in {little['limit_mb']} MB without swap: push to serving {little['seconds']:g} s; "
        f"{little['held_mb']} MB held by processes, {little['most_mb']} MB with what the kernel "
        f"caches, {little['ended_for_want_of_memory']} processes ended for want of memory; ours "
        f"{little['control_plane_most_mb']:g} MB at most",
        "from an installed Debian to the first release (HTTP), s: "
        + ", ".join(f"{k} {v:g}" for k, v in nginx["first"].items()),
        "with Caddy: " + ", ".join(f"{k} {v:g}" for k, v in caddy["first"].items()),
        "",
        reached(result["met"]),
    ]
    return "\n".join(lines)


def _side_by_side(result: dict[str, Any]) -> str:
    others = {name: _peer(told) for name, told in result["peers"].items()}
    own = {f"fairlead, {name}": _own(result[name]) for name in ("nginx", "caddy")}
    cells = {**own, **others}
    head = ("", *(name.replace("_", " ") for name in cells))
    return columns([head, *zip(LABELS, *cells.values(), strict=True)])


def _own(part: dict[str, Any]) -> list[object]:
    """Everything of ours is measured with the 20 s request in flight."""
    totals, broken = part["totals"], part["broken"]
    ways = totals["rollouts"] + totals["rollbacks"]
    held, unheld = part["back_held"], part["back_not_held"]
    crash, error = broken["crash"], broken["answers_500"]
    both = f"{held['median']:g} held, " if held["of"] else ""
    return [
        part["serving"]["median"],
        part["serving"]["median"],
        totals["failed"],
        f"{both}{unheld['median']:g}",
        f"{totals['failed'] / ways:g}",
        f"{totals['asset_404'] / ways:g}",
        part["worst_ms_a_release"]["most"],
        f"never serves, exit {crash['exit']}",
        crash["users"]["failed"],
        "not needed",
        f"never serves, exit {error['exit']}",
    ]


def _peer(told: dict[str, Any]) -> list[object]:
    went = {each["what"]: each for each in told["went"]}
    crash, error, back = went["crash"], went["answers_500"], went["back from crash"]
    return [
        f"{told['serving']['median']:g}",
        _seconds(told["long"]["seconds"]),
        told["long"]["failed"] + told["long"]["long_failed"],
        f"{told['back']['median']:g}",
        f"{told['failed_a_release']['median']:g}",
        f"{told['asset_404_a_release']['median']:g}",
        f"{told['worst_ms_a_release']['most']:g}",
        f"{_state(crash)}, exit {crash['exit']}",
        f"{crash['users']['failed']} until back",
        _seconds(back["seconds"]),
        f"{_state(error)}, exit {error['exit']}",
    ]


def _state(broken: dict[str, Any]) -> str:
    """What answered once the broken release was out."""
    if broken["serves_build"] == "nothing":
        return "down"
    return "serves it" if broken["serves_build"] == broken["build"] else "old one serves on"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:g}"


def _rescued(peers: dict[str, Any]) -> list[str]:
    """Where a command said 0 and the site did not follow."""
    return [
        f"{name}: exit 0, but not what was asked for until a person helped: {one}"
        for name, told in peers.items()
        for one in told["rescued"]
    ]


def _by(found: dict[str, Any]) -> str:
    head = ("", "of", "serving, s", "most", "failed", "404", "switch, ms", "from sent")
    rows = [
        (
            name,
            each["seconds"]["of"],
            each["seconds"]["median"],
            each["seconds"]["most"],
            each["failed"],
            each["asset_404"],
            each["worst_ms_at_switches"],
            each["sent_worst_ms_at_switches"],
        )
        for name, each in found.items()
    ]
    return columns([head, *rows])


def _totals(part: dict[str, Any]) -> str:
    totals, upgrade = part["totals"], part["upgrade"]
    return (
        f"{totals['requests']} requests over {totals['rollouts']} rollouts and "
        f"{totals['rollbacks']} ways back: {totals['failed']} failed, {totals['asset_404']} assets "
        f"missing, worst {totals['max_ms']:g} ms ({totals['sent_max_ms']:g} from when it was sent), "
        f"{totals['long_finished']} requests of 20 s finished, {totals['long_failed']} failed, "
        f"{len(totals['websocket_closes'])} WebSocket closes; the agent killed "
        f"{part['agent_killed']} times; an upgrade {upgrade['upgrade_seconds']:g} s, undone in "
        f"{upgrade['undo_seconds']:g} s"
    )


def _memory(found: dict[str, Any]) -> str:
    return (
        f"resident, MB: ours at rest {found['at_rest_mb']:g}, at most in a deploy "
        f"{found['most_mb']:g} (agent and its keepers {found['agent_most_mb']:g}, logins and hooks "
        f"{found['login_and_hooks_most_mb']:g}); checks and builds of the app "
        f"{found['checks_and_builds_most_mb']:g}"
    )
