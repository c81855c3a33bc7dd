"""Whether a rollout fits into what there is, decided before its first step. Pure.

A rollout is refused only when what is known shows that it cannot fit: when the least that it
needs is more than the most that there can be. What is not known claims nothing, and ``figures``
names it: it is never read as fitting.
"""

from fairlead.base.room import FEWEST_FILES, kept_free, megabytes
from fairlead.manifest.model import BlueGreen, Canary, Recreate, Role, Rolling
from fairlead.plan.model import Copy, CopyState, Halted, JobKind, Stage
from fairlead.plan.strategies.parts import strangers
from fairlead.plan.view import View

MEMORY_KEPT = 32 * 1024 * 1024
"""Bytes of memory that stay free while old and new copies run side by side."""

_FREE_SOME = "remove what you can spare there, or take a smaller keep in fairlead.toml"


def begun(view: View) -> bool:
    """Whether anything of this rollout was started: from then on it is not measured any more."""
    jobs = [job for job in view.jobs() if job.kind is not JobKind.ROLLOUT]
    return bool(jobs) or any(copy.id.release == view.number for copy in view.seen.copies)


def refusal(view: View, backs_up: bool) -> Halted | None:
    """Why the rollout cannot fit, with the figures; None when it has begun, when it may fit, and
    on the way back from a failed release, which has nothing better to go to.

    ``backs_up`` says that a migration, and so a backup, comes with it.
    """
    if begun(view) or view.wanted.how == "return":
        return None
    why = _disk(view, backs_up) or _memory(view)
    return Halted(Stage.CONFIG, f"Release {view.number} does not fit: {why}") if why else None


def beside(view: View, role: Role) -> int:
    """How many of a role's new copies run beside what runs now, at the most."""
    old, strategy = len(view.others(role)), view.wanted.strategy
    if role.alone or isinstance(strategy, Recreate):
        return max(0, role.copies - old)
    if isinstance(strategy, Rolling):
        return min(role.copies, max(0, role.copies + max(1, strategy.surge) - old))
    return role.copies


def size(view: View, role: Role) -> int | None:
    """Bytes of memory that a copy of the role needs: as measured of those that run, else as the
    manifest says; None is not known."""
    found = [c.memory for c in _ready(view.others(role)) if c.memory is not None]
    if not found:
        return role.memory or None
    mean = sum(found) // len(found)
    return min(mean, role.memory) if role.memory else mean


def figures(view: View, backs_up: bool) -> str:
    """What the rollout needs and what there is, in a sentence; "" once it has begun."""
    room = view.seen.room
    if room is None or begun(view):
        return ""
    said = [_said_of_memory(view)] if _claims(view) else []
    if backs_up:
        known = view.seen.backup
        said.append(f"the backup needs {'?' if known is None else f'at most {megabytes(known)}'}")
    there = {"memory": room.memory, "disk": room.disk}
    said += [f"{megabytes(n)} of {what} are free" for what, n in there.items() if n is not None]
    unknown = [what for what, n in there.items() if n is None]
    unknown += [f"the memory of {role.name}" for role in _unmeasured(view)]
    unknown += ["the size of the database"] if backs_up and view.seen.backup is None else []
    return "; ".join([*said, *([f"not known: {', '.join(unknown)}"] if unknown else [])])


def _disk(view: View, backs_up: bool) -> str:
    room = view.seen.room
    if room is None:
        return ""
    kept, backup = kept_free(room.disk_size), (view.seen.backup or 0) if backs_up else 0
    if room.disk is not None and backup + kept > room.disk:
        needs = f"the backup before its migration needs {megabytes(backup)} and " if backup else ""
        there = f"{needs}{megabytes(kept)} stay free, {megabytes(room.disk)} are free on the disk"
        return f"{there}: {_FREE_SOME}."
    if room.files is not None and room.files < FEWEST_FILES:
        there = f"the disk can hold {room.files:,} more files, {FEWEST_FILES:,} stay free"
        return f"{there}: {_FREE_SOME}."
    return ""


def _memory(view: View) -> str:
    room, needs = view.seen.room, sum(count * each for _, count, each in _claims(view))
    if room is None or room.memory is None or not needs:
        return ""
    there = room.memory + _freed(view)
    if needs + MEMORY_KEPT <= there:
        return ""
    kept = f"{megabytes(MEMORY_KEPT)} of it stay free"
    ways = 'lower copies, or strategy = "recreate"'
    if isinstance(view.wanted.strategy, Recreate):
        ways = "lower copies, or use less memory"
    return f"{_said_of_memory(view)}, {megabytes(there)} are available and {kept}: {ways}."


def _claims(view: View) -> list[tuple[Role, int, int]]:
    """Roles whose new copies need a known amount: how many of them, and each one's bytes."""
    counted = [(role, beside(view, role), size(view, role)) for role in view.roles.values()]
    return [(role, count, each) for role, count, each in counted if count and each]


def _unmeasured(view: View) -> list[Role]:
    return [r for r in view.roles.values() if beside(view, r) and size(view, r) is None]


def _said_of_memory(view: View) -> str:
    claims = _claims(view)
    roles = [f"{count} {'copy' if count == 1 else 'copies'} of {r.name}" for r, count, _ in claims]
    whole, count = sum(count * each for _, count, each in claims), sum(n for _, n, _ in claims)
    beside_what = " beside what runs" if view.seen.copies else ""
    need = "needs" if count == 1 else "need"
    return f"{' and '.join(roles)} {need} {megabytes(whole)} of memory{beside_what}"


def _freed(view: View) -> int:
    """What is given back before new copies start: by those that nobody goes back to."""
    if not isinstance(view.wanted.strategy, BlueGreen | Canary):
        return 0
    roles = [role for role in view.roles.values() if not role.alone]
    return sum(copy.memory or 0 for role in roles for copy in strangers(view, role))


def _ready(copies: tuple[Copy, ...]) -> list[Copy]:
    return [copy for copy in copies if copy.state is CopyState.READY]
