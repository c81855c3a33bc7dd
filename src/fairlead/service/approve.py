"""Consent to the plan that a person has read."""

from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.desired import flow as desired
from fairlead.desired import read as deploy
from fairlead.desired.flow import Act
from fairlead.desired.model import Desired
from fairlead.desired.ports import Signer
from fairlead.service.places import plan_of
from fairlead.service.tools import Tools


def approve(
    tools: Tools, place: Place, signature: Signer | bytes | None, why: str, read: str = ""
) -> str:
    """Approve what is proposed, by its plan as of now; the deploy repo's commit.

    ``signature`` is a key to sign with, a detached signature made by hand, or None for the
    home's own key. ``read`` is the digest (or its beginning) of the plan that was read:
    another plan now is Refused, as is a place where nothing waits.
    """
    proposal = deploy.proposal(tools.deploy.repo.look(), tools.deploy.verifier, place)
    if proposal is None:
        raise Refused(f"nothing waits for approval: {place}", "fairlead status")
    wanted = Desired(
        place, proposal.revision, proposal.release, proposal.strategy, proposal.how,
        proposal.previous,
    )  # fmt: skip
    now = plan_of(tools, wanted).digest
    if read and not _is(read, now):
        what = f"the plan you read ({read[:19]}) no longer applies: it is {now[:19]} now"
        raise Refused(what, f"fairlead plan {place}")
    act = Act(tools.me, why, tools.clock.now())
    return desired.approve(tools.deploy, place, now, signature or tools.signer, act).revision


def _is(read: str, digest: str) -> bool:
    """Whether what a person read is the digest, or enough of its beginning."""
    bare = digest.removeprefix("sha256:")
    return len(read) >= 8 and (digest.startswith(read) or bare.startswith(read))
