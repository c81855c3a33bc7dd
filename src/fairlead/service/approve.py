"""Consent to the plan that a person has read."""

from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.desired.ports import Signer
from fairlead.service import places
from fairlead.service.answers.plan import plan
from fairlead.service.tools import Tools


def approve(
    tools: Tools, place: Place, signature: Signer | bytes | None, why: str, read: str = ""
) -> str:
    """Approve what is proposed, by its plan as of now; the deploy repo's commit.

    ``signature`` is a key to sign with, a detached signature made by hand, or None for the
    home's own key. ``read`` is the digest (or its beginning) of the plan that was read:
    another plan now is Refused. Raises as ``places.approve`` does.
    """
    if read:
        now = plan(tools, place).digest
        bare = now.removeprefix("sha256:")
        if len(read) < 8 or not (now.startswith(read) or bare.startswith(read)):
            what = f"the plan you read ({read[:19]}) no longer applies: it is {now[:19]} now"
            raise Refused(what, f"fairlead plan {place}")
    return places.approve(tools, place, signature or tools.signer, why)
