"""Faults to plant in the planner, one at a time, and which property must catch each.

A fault is a piece of the planner's text and what it is replaced with. ``caught_by`` names the
property (or the test) in whose name the run must fail. A change that no property can see, because
the planner is as right with it as without, has ``harmless`` instead, with the reason.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One change for the worse: in which file below ``plan``, what text, and what it breaks.

    ``where`` is the test to look in, when it is not the one that lives whole lives.
    """

    name: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...] = ()
    harmless: str = ""
    where: str = "test_every_promise_holds_and_it_settles"


FAULTS: tuple[Fault, ...] = (
    Fault(
        "stop-before-drained",
        "view.py",
        "idle = copy.in_flight == 0 or copy.state is CopyState.CRASHED",
        "idle = True",
        ("stopped_only_when_drained",),
    ),
    Fault(
        "not-known-in-flight-is-none-in-flight",
        "view.py",
        "idle = copy.in_flight == 0 or copy.state is CopyState.CRASHED",
        "idle = not copy.in_flight or copy.state is CopyState.CRASHED",
        ("stopped_only_when_drained",),
    ),
    Fault(
        "stop-with-traffic",
        "view.py",
        "        if copy.id in self.routed(copy.id.role):\n            return False\n",
        "",
        harmless="every strategy takes the traffic away before it asks to stop; the question in "
        "`drained` is asked a second time on purpose",
    ),
    Fault(
        "drain-limit-never-passes",
        "view.py",
        "return idle or self.seen.now >= self.drains_until(copy.id)",
        "return idle",
        ("settles",),
        where="test_a_request_that_never_ends_holds_nothing_up",
    ),
    Fault(
        "route-to-starting",
        "view.py",
        "if n in mine and mine[n].state is CopyState.READY]",
        "if n in mine and mine[n].state in (CopyState.READY, CopyState.STARTING)]",
        ("traffic_only_to_ready",),
    ),
    Fault(
        "route-to-not-known",
        "view.py",
        "if n in mine and mine[n].state is CopyState.READY]",
        "if n in mine and mine[n].state in (CopyState.READY, CopyState.UNKNOWN)]",
        ("traffic_only_to_ready",),
    ),
    Fault(
        "another-revision's-mark-counts",
        "view.py",
        "if (job.release, job.revision) == mine]",
        "if job.release == mine[0]]",
        (
            "backup_before_migration",
            "tried_before_traffic",
            "done_only_after_smoke",
            "old_side_kept_until_done",
            "stages_in_order",
        ),
    ),
    Fault(
        "no-backup",
        "next_wave.py",
        "        _backup,\n",
        "",
        ("backup_before_migration",),
    ),
    Fault(
        "migrate-twice",
        "next_wave.py",
        "    if ran and ran.state is JobState.SUCCEEDED:\n        return False\n",
        "",
        ("migrated_once",),
    ),
    Fault(
        "migrate-what-was-proven",
        "next_wave.py",
        "manifest.migrate is None or view.proven:",
        "manifest.migrate is None:",
        ("migrated_once",),
        where="test_a_request_that_never_ends_holds_nothing_up",
    ),
    Fault(
        "migrate-beside-another",
        "next_wave.py",
        "if running and (needs_migration(view) or view.number in running):",
        "if running and view.number in running:",
        ("one_migration_at_a_time",),
    ),
    Fault(
        "lost-migration-is-done",
        "next_wave.py",
        "    if ran and ran.state is JobState.SUCCEEDED:",
        "    if ran and ran.state in (JobState.SUCCEEDED, JobState.LOST):",
        ("migrated_before_start",),
    ),
    Fault(
        "schema-past-ignored",
        "next_wave.py",
        "        _schema_allows,\n",
        "",
        ("schema_not_past",),
    ),
    Fault(
        "roll-out-of-damaged",
        "next_wave.py",
        "    if view.damaged and not view.done:\n        return parts.restore(view)\n",
        "",
        ("laid_out_and_whole_before_start",),
    ),
    Fault(
        "start-again-from-damaged",
        "strategies/parts.py",
        "    if view.damaged:\n        return restore(view)\n    why =",
        "    why =",
        ("test_nothing_starts_again_from_changed_files",),
        where="test_nothing_starts_again_from_changed_files",
    ),
    Fault(
        "revive-from-damaged",
        "strategies/parts.py",
        "    if copy.gave_up and view.seen.now >= due and view.damaged:\n"
        "        return restore(view)\n",
        "",
        ("test_nothing_starts_again_from_changed_files",),
        where="test_nothing_starts_again_from_changed_files",
    ),
    Fault(
        "damage-left",
        "next_wave.py",
        "        _files_left,\n",
        "",
        ("settled_is_mended",),
    ),
    Fault(
        "not-laid-out",
        "next_wave.py",
        "if number in view.seen.prepared:",
        "if number in view.seen.prepared or view.seen.prepared:",
        ("laid_out_and_whole_before_start",),
    ),
    Fault(
        "done-before-smoke",
        "next_wave.py",
        "        _smoke,\n        _done,\n",
        "        _done,\n        _smoke,\n",
        ("done_only_after_smoke",),
    ),
    Fault(
        "old-side-stopped-before-done",
        "next_wave.py",
        "        _smoke,\n        _done,\n        _routes_left,\n        _copies_left,\n",
        "        _copies_left,\n        _smoke,\n        _done,\n        _routes_left,\n",
        ("old_side_kept_until_done",),
    ),
    Fault(
        "routes-of-dropped-roles-go-first",
        "next_wave.py",
        "        _laid_out,\n",
        "        _routes_left,\n        _laid_out,\n",
        ("routes_of_wanted_roles_stay",),
    ),
    Fault(
        "workers-beside-core",
        "next_wave.py",
        "key=lambda role: _order(role)[:2]",
        "key=lambda role: 0",
        ("stages_in_order",),
    ),
    Fault(
        "held-side-stopped-early",
        "next_wave.py",
        "return done.since + hold",
        "return done.since + hold / 2",
        ("held_side_stays",),
    ),
    Fault(
        "held-for-ever",
        "next_wave.py",
        "return before and view.seen.now < held_until(view)",
        "return before",
        ("settled_is_released",),
    ),
    Fault(
        "failed-smoke-goes-on",
        "next_wave.py",
        "        JobKind.SMOKE: Stage.SMOKE,\n",
        "",
        ("nothing_after_a_failed_job",),
    ),
    Fault(
        "strays-left",
        "next_wave.py",
        "        _strays,\n    )",
        "    )",
        ("nothing_else_runs",),
    ),
    Fault(
        "edited-route-left",
        "strategies/parts.py",
        "route.shares == shares and not route.edited:",
        "route.shares == shares:",
        ("settled_is_mended",),
    ),
    Fault(
        "a-settled-plan-is-not-empty",
        "strategies/parts.py",
        "if route is not None and route.shares == shares and not route.edited:",
        "if not view:",
        ("settles",),
    ),
    Fault(
        "deadline-never-halts",
        "strategies/parts.py",
        "if age >= role.ready else",
        "if age >= 1e9 else",
        ("test_a_copy_that_never_becomes_ready_halts",),
        where="test_a_copy_that_never_becomes_ready_halts",
    ),
    Fault(
        "a-return-halts-on-crashes",
        "strategies/parts.py",
        'if view.done or view.wanted.how == "return":',
        "if view.done:",
        ("test_a_return_does_not_halt_on_crashes_from_before",),
        where="test_a_return_does_not_halt_on_crashes_from_before",
    ),
    Fault(
        "held-side-is-a-stranger",
        "strategies/parts.py",
        "if c.id not in routed and c.id.release != keep]",
        "if c.id not in routed]",
        ("old_side_kept_until_done",),
    ),
    Fault(
        "order-of-copies-decides",
        "strategies/parts.py",
        "    copies = sorted(copies, key=lambda copy: copy.id)\n",
        "",
        ("order_does_not_matter",),
    ),
    Fault(
        "dead-copies-keep-traffic",
        "strategies/parts.py",
        "if alive and alive != route.shares:",
        "if not alive:",
        ("test_a_crashed_copy_of_a_done_release_leaves_the_route",),
        where="test_a_crashed_copy_of_a_done_release_leaves_the_route",
    ),
    Fault(
        "singletons-overlap",
        "strategies/replace.py",
        "        or parts.stop(view, list(view.unwanted(role)), parts.stage_of(role), "
        '"it is replaced")\n        or parts.start(view, role, view.missing(role))\n',
        "        or parts.start(view, role, view.missing(role))\n"
        "        or parts.stop(view, list(view.unwanted(role)), parts.stage_of(role), "
        '"it is replaced")\n',
        ("singletons_never_overlap", "workers_end_before_they_start"),
    ),
    Fault(
        "recreate-untried",
        "strategies/replace.py",
        "return parts.try_out(view, role) or switch_over(view, role)",
        "return switch_over(view, role)",
        ("tried_before_traffic",),
    ),
    Fault(
        "recreate-untried-when-a-routed-copy-vanished",
        "strategies/replace.py",
        "    others = {copy.id for copy in view.unwanted(role) if not view.hands_on(copy)}\n"
        "    if not role.serves or not others.intersection(view.routed(role.name)):\n",
        "    others = {copy for copy in view.routed(role.name) if copy.release != view.number}\n"
        "    if not role.serves or not others:\n",
        ("a_socket_that_stays_has_no_gap",),
    ),
    Fault(
        "two-on-one-socket",
        "next_wave.py",
        "    if role.alone:\n",
        "    if role.singleton or not role.serves:\n",
        ("one_copy_on_a_socket",),
    ),
    Fault(
        "a-gap-though-the-socket-stays",
        "strategies/replace.py",
        "if not view.hands_on(copy)}",
        "}",
        ("a_socket_that_stays_has_no_gap",),
    ),
    Fault(
        "a-socket-of-its-own-is-taken-for-one-that-stays",
        "view.py",
        "return copy.socket_stays and role is not None and role.socket",
        "return role is not None and role.socket",
        ("stopped_only_when_drained",),
    ),
    Fault(
        "a-socket-that-nobody-takes-over-counts",
        "view.py",
        "return copy.socket_stays and role is not None and role.socket",
        "return copy.socket_stays",
        ("stopped_only_when_drained",),
    ),
    Fault(
        "blue-green-untried",
        "strategies/blue_green.py",
        "        or parts.try_out(view, role)\n",
        "",
        ("tried_before_traffic",),
    ),
    Fault(
        "switch-before-all-are-ready",
        "strategies/blue_green.py",
        "        or parts.unready(view, role)\n",
        "",
        ("enough_stay_ready", "stages_in_order"),
    ),
    Fault(
        "not-known-advances",
        "strategies/canary.py",
        "if view.seen.canary is Health.HEALTHY:",
        "if view.seen.canary is not Health.UNHEALTHY:",
        ("not_known_never_advances",),
    ),
    Fault(
        "canary-jumps-a-weight",
        "strategies/canary.py",
        "old, higher[0])",
        "old, higher[-1])",
        ("not_known_never_advances",),
    ),
    Fault(
        "canary-unbaked",
        "strategies/canary.py",
        "since + strategy.bake, f",
        "since, f",
        ("not_known_never_advances",),
    ),
    Fault(
        "unhealthy-canary-waits",
        "strategies/canary.py",
        "if view.seen.canary is Health.UNHEALTHY:",
        "if view.seen.canary == 'never':",
        ("test_a_canary_that_is_not_found_healthy_halts",),
        where="test_a_canary_that_is_not_found_healthy_halts",
    ),
    Fault(
        "canary-without-patience",
        "strategies/canary.py",
        "if view.seen.now >= patience:",
        "if view.seen.now >= patience + 1e9:",
        ("test_a_canary_that_is_not_found_healthy_halts",),
        where="test_a_canary_that_is_not_found_healthy_halts",
    ),
    Fault(
        "rolling-over-budget",
        "strategies/rolling.py",
        "role.copies + max(1, surge) - len(mine)",
        "role.copies + max(1, surge) + 1 - len(mine)",
        ("rolling_keeps_its_budget",),
    ),
    Fault(
        "rolling-below-wanted",
        "strategies/rolling.py",
        "old[: max(0, role.copies - len(new))]",
        "old[: max(0, role.copies - len(new) - 1)]",
        ("enough_stay_ready",),
    ),
    Fault(
        "retire-drops-requests",
        "retire.py",
        "return idle or seen.now >= _drains_until(seen, copy)",
        "return True",
        ("retired_only_when_drained",),
        where="test_a_place_where_nothing_is_wanted_empties",
    ),
    Fault(
        "retire-stops-before-routes",
        "retire.py",
        "        _turn_away(seen)\n        or _stop(seen)\n",
        "        _stop(seen)\n        or _turn_away(seen)\n",
        ("retired_only_when_drained",),
        where="test_a_place_where_nothing_is_wanted_empties",
    ),
    Fault(
        "plan-digest-of-the-steps-only",
        "unfold.py",
        '        "release": msgspec.to_builtins(wanted.release),\n',
        "",
        ("test_another_plan_has_another_digest",),
        where="test_another_plan_has_another_digest",
    ),
    Fault(
        "plan-digest-of-the-time-too",
        "unfold.py",
        '        "waves": steps,\n',
        '        "waves": steps,\n        "at": wanted.revision and str(waves and ends),\n',
        ("test_a_plan_is_the_same_whenever_it_is_asked_for",),
        where="test_a_plan_is_the_same_whenever_it_is_asked_for",
    ),
)
