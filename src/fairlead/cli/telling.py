"""What ``fairlead verify`` tells the forge of the CI it runs in."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.base.errors import FairleadError
from fairlead.base.secret import Secret
from fairlead.checks.reports import hosted_run

if TYPE_CHECKING:
    from fairlead.checks.ports import Sink
    from fairlead.service.tools import Tools
    from fairlead.service.verify import Verified

TOKEN = "FAIRLEAD_FORGE_TOKEN"  # noqa: S105  the variable's name


def tell(tools: "Tools", repository: Path, found: "Verified", show: "Sink") -> None:
    """Show the verdict on the forge, if there is a token for it; say what came of that.

    Whatever it is, the verdict and the exit code are what they were.
    """
    from fairlead.service.verify import told

    token = os.environ.get(TOKEN, "").strip()
    if not token:
        return
    run = hosted_run(os.environ, _event())
    if run is None:
        show(f"{TOKEN} is set, but no CI that is known says where its forge is: nothing was sent")
        return
    try:
        for sent in told(tools, repository, found, run, Secret(token)):
            show(sent.sentence)
    except FairleadError as error:
        show(f"the forge was not told: {error.what}")


def _event() -> bytes:
    """What GitHub and Forgejo say of what happened; nothing where they do not."""
    try:
        return Path(os.environ.get("GITHUB_EVENT_PATH", "")).read_bytes()
    except OSError:
        return b""
