"""The moves all strategies share."""

from math import gcd

from fairlead.manifest.model import Role
from fairlead.plan.model import (
    Copy,
    CopyId,
    CopyState,
    Decision,
    Halted,
    JobKind,
    Restore,
    SetRoute,
    Stage,
    Start,
    Stop,
    Try,
    Waiting,
    Wave,
)
from fairlead.plan.view import View

CRASH_LIMIT = 2
"""A new copy that ended unasked this often will not become ready."""

WRONG_LIMIT = 5.0
"""Seconds a new copy may answer its health path wrongly before it is believed."""

REVIVE_AFTER = 60.0
"""Seconds after which a copy that the runtime gave up on is started afresh."""

Shares = tuple[tuple[CopyId, int], ...]


def equal(copies: list[CopyId]) -> Shares:
    """The same share for each."""
    return tuple((copy, 1) for copy in sorted(copies))


def split(new: list[CopyId], old: list[CopyId], percent: int) -> Shares:
    """``percent`` of the traffic to the new copies together, the rest to the old ones."""
    share_new, share_old = percent * len(old), (100 - percent) * len(new)
    divisor = gcd(share_new, share_old)
    pairs = [(c, share_new // divisor) for c in new] + [(c, share_old // divisor) for c in old]
    return tuple(sorted(pair for pair in pairs if pair[1] > 0))


def stage_of(role: Role) -> Stage:
    """The stage in which a role's copies are replaced."""
    return Stage.CORE if role.serves else Stage.WORKERS


def switch(view: View, role: Role, shares: Shares, why: str) -> Wave | None:
    """Route the role so, unless it already is."""
    route = view.route(role.name)
    if route is not None and route.shares == shares and not route.edited:
        return None
    step = SetRoute(role.name, shares, why)
    return Wave(Stage.CORE, (step,), f"{role.name}: {why}.")


def keep_alive(view: View, role: Role) -> Wave | None:
    """Take copies that are not ready out of a route that has ready ones."""
    route = view.route(role.name)
    if route is None:
        return None
    states = {copy.id: copy.state for copy in view.seen.copies}
    alive = tuple(pair for pair in route.shares if states.get(pair[0]) is CopyState.READY)
    if alive and alive != route.shares:
        return switch(view, role, alive, "take out copies that are not ready")
    return None


def start(view: View, role: Role, copies: list[CopyId]) -> Wave | None:
    """Start these copies together."""
    if not copies:
        return None
    if view.damaged:
        return restore(view)
    why = "it is missing" if view.done else f"release {view.number} wants it"
    steps = tuple(Start(copy, why) for copy in copies)
    names = ", ".join(f"{c.role}.{c.number}" for c in copies)
    return Wave(stage_of(role), steps, f"Start {names} of release {view.number}.")


def restore(view: View) -> Wave:
    """Put the wanted release's files back: nothing starts from files that are not as built."""
    step = Restore(view.number, "its files are not what was built")
    return Wave(Stage.CONFIG, (step,), f"Put release {view.number}'s files back as built.")


def try_out(view: View, role: Role) -> Decision | None:
    """Smoke checks on ready copies while none of them has traffic; once per revision.

    A release that passed smoke here before is not tried again: going back to it is a
    switch.
    """
    if view.routed(role.name).intersection(view.ready(role)):
        return None
    if view.proven or view.succeeded(JobKind.TRY, role.name) or not asks_smoke(view, role):
        return None
    copies = tuple(view.ready(role))
    step = Try(view.number, role.name, copies, "ask before they get traffic")
    return Wave(Stage.CORE, (step,), f"Ask the smoke checks of {role.name} before the switch.")


def asks_smoke(view: View, role: Role) -> bool:
    """Whether any smoke check is a request to this role."""
    return any(s.path and s.role == role.name for s in view.wanted.release.manifest.smokes)


def unready(view: View, role: Role) -> Decision | None:
    """What to make of wanted copies that are not ready: wait, halt, or None when all are."""
    mine = view.mine(role)
    waits = [
        judge(view, role, mine[number])
        for number in sorted(mine)
        if mine[number].state is not CopyState.READY and number <= role.copies
    ]
    for decision in waits:
        if not isinstance(decision, Waiting):
            return decision
    timed = [w for w in waits if isinstance(w, Waiting)]
    return min(timed, key=lambda wait: wait.until or float("inf")) if timed else None


def judge(view: View, role: Role, copy: Copy) -> Decision:
    """What to make of one wanted copy that is not ready.

    Before the release is done, a copy that crashes, answers wrongly or takes too long
    halts the rollout. After, and on the way back from a failed release, it is a matter
    for the runtime's restarts: there is nothing better to go to, so nothing halts.
    """
    stage, name = stage_of(role), f"{copy.id.role}.{copy.id.number}"
    if copy.state is CopyState.STOPPING:
        return Waiting(stage, f"{name} of release {view.number} is ending before it starts again.")
    if view.done or view.wanted.how == "return":
        return revive(view, role, copy)
    reason, until = _failure(view, role, copy)
    if reason:
        tail = f": {copy.detail}" if copy.detail else ""
        return Halted(stage, f"{name} of release {view.number} {reason}{tail}.")
    return Waiting(stage, f"Waiting for {name} of release {view.number} to be ready.", until)


def _failure(view: View, role: Role, copy: Copy) -> tuple[str, float]:
    """Why a new copy has failed ("" if it has not), and when waiting for it ends."""
    age = view.seen.now - copy.since
    if copy.crashes >= CRASH_LIMIT or copy.gave_up:
        return f"crashed {copy.crashes} times", 0.0
    if copy.state is CopyState.WRONG:
        reason = "answers its health path wrongly" if age >= WRONG_LIMIT else ""
        return reason, copy.since + WRONG_LIMIT
    reason = f"was not ready within {role.ready} s" if age >= role.ready else ""
    return reason, copy.since + role.ready


def revive(view: View, role: Role, copy: Copy) -> Decision:
    """A copy that is down and that nothing better can take the place of.

    The runtime restarts it; where the runtime gave up, we do, after a while. A process that
    runs and gives no answer at all for as long as a start may take is ended, so that it is
    started again; one that answers, however badly, is left to say what it has to say.
    """
    stage, name = stage_of(role), f"{copy.id.role}.{copy.id.number}"
    if copy.silent_since and view.seen.now - copy.silent_since >= role.ready:
        hung = Stop(copy.id, f"it has not answered for {role.ready} s")
        return Wave(stage, (hung,), f"Stop {name}, which hangs, to start it again.")
    due = copy.since + REVIVE_AFTER
    if copy.gave_up and view.seen.now >= due and view.damaged:
        return restore(view)
    if copy.gave_up and view.seen.now >= due:
        step = Start(copy.id, "the runtime gave up on it a while ago")
        return Wave(stage, (step,), f"Start {name} afresh: it had been given up on.")
    tail = f": {copy.detail}" if copy.detail else ""
    return Waiting(stage, f"{name} is {copy.state}{tail}.", due if copy.gave_up else 0.0)


def stop(view: View, copies: list[Copy], stage: Stage, why: str) -> Decision | None:
    """Stop those of ``copies`` that can be stopped; wait for those that cannot yet."""
    copies = sorted(copies, key=lambda copy: copy.id)
    asked = [copy for copy in copies if copy.state is not CopyState.STOPPING]
    free = [c for c in asked if not is_serving(view, c) or view.drained(c)]
    if free:
        steps = tuple(Stop(copy.id, why) for copy in free)
        names = ", ".join(str(step.copy) for step in steps)
        return Wave(stage, steps, f"Stop {names}: {why}.")
    if asked:
        until = min(view.drains_until(copy.id) for copy in asked)
        return Waiting(stage, f"Waiting for the last requests of {asked[0].id}.", until)
    if copies:
        return Waiting(stage, f"Waiting for {copies[0].id} to end.")
    return None


def is_serving(view: View, copy: Copy) -> bool:
    """Whether a copy may have requests: its role has, or had, a route.

    A role that the wanted release no longer knows is taken for one that serves.
    """
    role = view.roles.get(copy.id.role)
    return role is None or role.serves or view.route(copy.id.role) is not None


def strangers(view: View, role: Role) -> list[Copy]:
    """Copies that nobody will go back to: no traffic, and not of the release before."""
    routed = view.routed(role.name)
    keep = view.wanted.previous
    return [c for c in view.others(role) if c.id not in routed and c.id.release != keep]
