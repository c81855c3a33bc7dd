"""``fairlead approve``."""

import sys
from pathlib import Path

import click

from fairlead.base.errors import NotFound, UsageError
from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.paper import talk
from fairlead.cli.places import PLACE
from fairlead.cli.plan import write as write_plan
from fairlead.cli.watching import ended, watch
from fairlead.desired.ports import Signer
from fairlead.record.flow import head_of
from fairlead.service.answers.plan import document as approval_document
from fairlead.service.answers.plan import plan as plan_of
from fairlead.service.approve import approve as consent


@verb(
    "approve",
    "fairlead approve riverside/production",
    "fairlead approve riverside/production --key ~/.ssh/id_ed25519 --plan sha256:1f2e3d4c5b6a",
    "fairlead approve riverside/production --document > doc",
    "ssh-keygen -Y sign -n fairlead-approval -f KEY doc",
    "fairlead approve riverside/production --signature doc.sig",
)
@click.argument("place", type=PLACE)
@click.option("--key", default="", metavar="PATH", help="Your private key; else the home's own.")
@click.option("--signature", default="", metavar="FILE", help="A signature made by hand.")
@click.option("--plan", default="", metavar="DIGEST", help="Only if the plan still is this one.")
@click.option("--why", default="", metavar="TEXT", help="For the record.")
@click.option("--document", is_flag=True, help="Print exactly what is to be signed by hand.")
@click.option("--no-wait", is_flag=True, help="Do not follow the rollout to its end.")
def approve(
    door: Door,
    place: str,
    key: str,
    signature: str,
    plan: str,
    why: str,
    document: bool,
    no_wait: bool,
) -> int:
    """Consent to the plan that waits for it.

    An approval is a signature over the plan's digest, the release and the commit that
    proposed it. Who may approve stands in the deploy repo's deploy.toml.
    """
    tools, meant = door.tools, door.place(place)
    if document:
        sys.stdout.buffer.write(approval_document(tools, meant))
        return 0
    signed = _signature(key, signature)
    if not door.json:
        write_plan(talk(), plan_of(tools, meant))
    since = head_of(tools.store).seq
    revision = consent(tools, meant, signed, why, plan)
    tools.machine.wake()
    return ended(door, watch(door, meant, revision, since, wait=not no_wait))


def _signature(key: str, signature: str) -> Signer | bytes | None:
    if key and signature:
        raise UsageError("--key and --signature exclude each other", "fairlead approve --help")
    if key:
        from fairlead.wire import key_of

        return key_of(key)
    if not signature:
        return None
    try:
        return Path(signature).read_bytes()
    except OSError as error:
        raise NotFound(
            f"the signature cannot be read: {signature}: {error.strerror}",
            "ssh-keygen -Y sign -n fairlead-approval -f KEY FILE writes FILE.sig",
        ) from error
