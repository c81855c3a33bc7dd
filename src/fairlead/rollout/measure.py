"""What a rollout has room for, measured until its first step was made."""

import msgspec

from fairlead.base.errors import FairleadError
from fairlead.desired.model import Desired
from fairlead.plan import room
from fairlead.plan.model import Observed, Room
from fairlead.plan.next_wave import backs_up
from fairlead.plan.view import View
from fairlead.rollout.rules import database_url, environment_of
from fairlead.rollout.world import World


def measured(world: World, wanted: Desired, seen: Observed) -> Observed:
    """The same place with its room, what each copy uses, and how large a backup may become; as it
    is where the rollout has begun."""
    view = View(wanted, seen)
    if view.done or room.begun(view):
        return seen
    replace = msgspec.structs.replace
    try:
        used = world.capacity.memory([copy.pid for copy in seen.copies if copy.pid])
        there = world.capacity.room(wanted.place)
    except FairleadError:
        used, there = {}, Room()
    return replace(
        seen,
        room=there,
        copies=tuple(replace(copy, memory=used.get(copy.pid)) for copy in seen.copies),
        backup=_backup(world, wanted) if backs_up(view) else None,
    )


def _backup(world: World, wanted: Desired) -> int | None:
    """None is not known: also where a secret cannot be opened, which the first step will say."""
    place, release = wanted.place, wanted.release
    try:
        laid = world.files.laid(place, release)
        secrets = world.secrets.values(place, release)
        url = database_url(release, environment_of(place, release, laid), secrets)
        return world.backups.size(url) if url else None
    except FairleadError:
        return None
