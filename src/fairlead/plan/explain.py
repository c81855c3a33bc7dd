"""Any plan, in sentences."""

from fairlead.plan.model import (
    Backup,
    Done,
    DropRoute,
    EndStray,
    Halted,
    Migrate,
    Plan,
    Prepare,
    Restore,
    SetRoute,
    Smoke,
    Start,
    Step,
    Stop,
    Try,
)


def explain(plan: Plan) -> tuple[str, ...]:
    """One sentence a wave, and one for how it ends. An empty plan says that it is one,
    and whether nothing is to be done or nothing can be."""
    if not plan.waves and isinstance(plan.ends, Halted):
        return (f"Nothing can be done for {plan.place}. {plan.ends.sentence}",)
    if not plan.waves:
        return (f"Nothing to do for {plan.place}. {plan.ends.sentence}",)
    head = f"Release {plan.release} of {plan.place.app} in {plan.place.environment}:"
    lines = [f"{n}. [{w.stage.name.lower()}] {w.sentence}" for n, w in enumerate(plan.waves, 1)]
    end = "It cannot finish: " if isinstance(plan.ends, Halted) else "Then: "
    return (head, *lines, end + plan.ends.sentence)


def phrase(step: Step) -> str:  # noqa: C901  one case per step
    """A step in a few words: what the record and the pusher's terminal call it."""
    match step:
        case Prepare(release=number):
            return f"lay out release {number}"
        case Restore(release=number):
            return f"put back the files of release {number}"
        case Backup():
            return "back up the database"
        case Migrate(release=number):
            return f"run the migration of release {number}"
        case Start(copy=copy):
            return f"start {copy}"
        case Stop(copy=copy):
            return f"stop {copy}"
        case Try(role=role, copies=copies):
            return f"ask the smoke checks of {len(copies)} new copies of {role}"
        case SetRoute(role=role, shares=shares):
            return f"route {role} to {_shares(shares)}"
        case DropRoute(role=role):
            return f"stop serving {role}"
        case Smoke(release=number):
            return f"ask the smoke checks of release {number} through the proxy"
        case Done(release=number):
            return f"mark release {number} done"
        case EndStray(pid=pid):
            return f"end stray process {pid}"


def _shares(shares: tuple[tuple[tuple[int, str, int], int], ...]) -> str:
    """Shares as percent per release."""
    if not shares:
        return "the maintenance page"
    whole = sum(share for _, share in shares)
    by_release: dict[int, int] = {}
    for copy, share in shares:
        by_release[copy[0]] = by_release.get(copy[0], 0) + share
    parts = [f"release {r} {100 * s // whole} %" for r, s in sorted(by_release.items())]
    return parts[0].removesuffix(" 100 %") if len(parts) == 1 else ", ".join(parts)
