"""All that an answer depends on, as one digest: the same key need not be asked twice.

Every input is named or taken whole: what a check does not declare to read is not in its tree,
what is not in its environment is not set, and the machine's own programs count as one input.
"""

from collections.abc import Mapping

import msgspec

from fairlead.base.canonical import digest
from fairlead.base.globs import matching
from fairlead.base.ids import Digest
from fairlead.manifest.model import Check

# What can change without the answer changing: when it is asked, and for how long it is believed.
_NO_INPUT = ("name", "needs", "limit", "max_age")


class Inputs(msgspec.Struct, frozen=True):
    """What all checks of a change share: the tree's id and its files (path → what git says it
    is), the dependencies' key, and digests of the machine's programs and of Fairlead's own."""

    tree: str
    files: Mapping[str, str]
    dependencies: str
    machine: str
    fairlead: str


def key_of(check: Check, inputs: Inputs, besides: str = "") -> Digest:
    """The digest of all that the check's answer depends on.

    ``besides`` is what only this check depends on: versions of its services, what a question of
    Fairlead's own is told.
    """
    asked = msgspec.to_builtins(check)
    files = matching(check.reads, inputs.files) if check.reads else ()
    seen = [f"{inputs.files[path]} {path}" for path in files]
    return digest(
        {
            "check": {name: value for name, value in asked.items() if name not in _NO_INPUT},
            "tree": seen if check.reads else inputs.tree,
            # A glob (`only`) is matched against the whole tree, whatever the check may read.
            "applies": not check.only or bool(matching(check.only, inputs.files)),
            "dependencies": inputs.dependencies,
            "machine": inputs.machine,
            "fairlead": inputs.fairlead if check.question else "",
            "besides": besides,
        }
    )
