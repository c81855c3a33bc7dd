"""Back to an older release, where the schema lets it run."""

import msgspec

from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.desired import flow as desired
from fairlead.desired import read, rules
from fairlead.desired.flow import Act
from fairlead.plan.next_wave import schema_past
from fairlead.rollout.look import look
from fairlead.service.tools import Tools


def rollback(tools: Tools, place: Place, to: int, why: str) -> str:
    """Ask for an older release again; the commit. ``to`` 0: the good one below the present.

    Raises Refused, with the ways out, where the schema has moved past it (promise 11).
    """
    _must_run_on_the_schema(tools, place, to or _target(tools, place))
    act = Act(tools.me, why, tools.clock.now())
    return desired.revert(
        tools.deploy, place, act, how="rollback", proven=tools.proven(place), to=to
    )


def _target(tools: Tools, place: Place) -> int:
    """The release that ``revert`` goes to when none is named; 0 when there is none."""
    numbers = read.numbers_desired(tools.deploy.repo.look(), place)
    return rules.rollback_target(numbers, tools.proven(place)) if numbers else 0


def _must_run_on_the_schema(tools: Tools, place: Place, number: int) -> None:
    wanted = tools.desired(place)
    release = tools.world.releases.get(place.app, number) if number else None
    if wanted is None or release is None:
        return
    older = msgspec.structs.replace(wanted, release=release)
    past = schema_past(older, look(tools.world, place, None))
    if past:
        raise Refused(
            f"the schema has moved past release {number}: {', '.join(past)} ran, "
            "and it cannot run on that",
            "roll forward with a fix (git push), or restore the backup taken before it, "
            f"which loses what was written since: {tools.home.backups(place)}",
        )
