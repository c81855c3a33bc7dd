"""From one environment to the next: the same artifact, once it has proven itself."""

import msgspec

from fairlead.base.clock import day
from fairlead.base.errors import NotFound, Refused
from fairlead.base.ids import Place
from fairlead.checks.gate import closed, judged
from fairlead.desired import flow as desired
from fairlead.desired import read
from fairlead.desired.flow import Act
from fairlead.desired.model import Desired, Release
from fairlead.manifest.model import Environment
from fairlead.service.files import give_listen
from fairlead.service.published import current_in
from fairlead.service.settings import remade, verdict_of
from fairlead.service.tools import Tools


def promote(tools: Tools, origin: Place, to: Place, why: str) -> str:
    """Ask for the release desired in ``origin`` in ``to``; the deploy repo's commit.

    Where settings or secrets of ``to`` changed since it was made, a release of the same
    artifact is made with those of now: a promotion brings no older secret back.

    Raises NotFound when nothing is desired there, Refused while that release has not passed
    smoke there, or where ``to`` lays another overlay over the code: then it would be other code;
    UsageError for another app or an environment it does not know.
    """
    wanted = tools.desired(origin)
    if wanted is None:
        raise NotFound(f"nothing is desired in {origin}", "fairlead status")
    number = wanted.release.number
    if number not in tools.proven(origin):
        what = f"release {number} has not passed its smoke checks in {origin}"
        raise Refused(what, f"fairlead status {origin.app}")
    _refuse_other_code(tools, wanted.release, to)
    environment = wanted.release.manifest.environment(to.environment)
    if environment is not None:
        _refuse_closed(tools, wanted, environment)
    if environment and origin.app == to.app:
        give_listen(tools.notes, tools.machine, to, environment.listen)
    act = Act(tools.me, why, tools.clock.now())
    approval = environment is not None and environment.approval
    if (
        origin.app != to.app
        or environment is None
        or current_in(tools, wanted.release, environment)
    ):
        return desired.promote(tools.deploy, origin, to, act, approval=approval)
    made = remade(tools, wanted, verdict_of(tools, wanted), act)
    return desired.propose(tools.deploy, to, made.number, act, how="promote", approval=approval)


def _refuse_closed(tools: Tools, wanted: Desired, environment: Environment) -> None:
    """The gate of the other environment, by its own policy and the waivers of today."""
    verdict, today = verdict_of(tools, wanted), day(tools.clock.now())
    required = environment.requires or tuple(result.name for result in verdict.results)
    waivers = read.waivers(tools.deploy.repo.look(), tools.deploy.verifier, verdict.app)
    results = judged(verdict.results, frozenset(required), waivers, today)
    found = closed(msgspec.structs.replace(verdict, results=results), required, today)
    if found:
        what = f"release {wanted.release.number} may not go to {environment.name}"
        raise Refused(f"{what}: {'; '.join(found)}", "correct it, or: fairlead waive --help")


def _refuse_other_code(tools: Tools, release: Release, to: Place) -> None:
    overlay = read.overlay(tools.deploy.repo.look(), to)
    there, here = overlay.digest if overlay else "", release.artifact.overlay
    if there != here:
        laid = "another overlay" if there and here else "an overlay" if there else "no overlay"
        raise Refused(
            f"{to} lays {laid} over the code, and release {release.number} was built otherwise",
            f"push its commit to the branch that {to.environment} runs from",
        )
