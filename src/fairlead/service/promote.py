"""From one environment to the next: the same artifact, once it has proven itself."""

from fairlead.base.errors import NotFound, Refused
from fairlead.base.ids import Place
from fairlead.desired import flow as desired
from fairlead.desired.flow import Act
from fairlead.service.files import give_listen
from fairlead.service.tools import Tools


def promote(tools: Tools, origin: Place, to: Place, why: str) -> str:
    """Ask for the release desired in ``origin`` in ``to``; the deploy repo's commit.

    Raises NotFound when nothing is desired there, Refused while that release has not passed
    smoke there, UsageError for another app or an environment it does not know.
    """
    wanted = tools.desired(origin)
    if wanted is None:
        raise NotFound(f"nothing is desired in {origin}", "fairlead status")
    number = wanted.release.number
    if number not in tools.proven(origin):
        what = f"release {number} has not passed its smoke checks in {origin}"
        raise Refused(what, f"fairlead status {origin.app}")
    environment = wanted.release.manifest.environment(to.environment)
    if environment and origin.app == to.app:
        give_listen(tools.notes, tools.machine, to, environment.listen)
    act = Act(tools.me, why, tools.clock.now())
    approval = environment is not None and environment.approval
    return desired.promote(tools.deploy, origin, to, act, approval=approval)
