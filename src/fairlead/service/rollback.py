"""Back to an older release, where the schema lets it run."""

from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.desired import flow as desired
from fairlead.desired import read, rules
from fairlead.desired.flow import Act
from fairlead.plan.next_wave import schema_past
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
    release = tools.releases.get(place.app, number) if number else None
    past = schema_past(release, tools.marks.read(place).schema) if release else ()
    if past:
        raise Refused(
            f"the schema has moved past release {number}: {', '.join(past)} ran, "
            "and it cannot run on that",
            "roll forward with a fix (git push), or restore the backup taken before it, "
            f"which loses what was written since: {tools.home.backups(place)}",
        )
