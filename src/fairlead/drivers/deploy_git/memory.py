"""What one process learned of the deploy repo, kept for the next: git need not be asked again.

Only a memory: what cannot be read is asked of git. All of it but ``print`` follows from a commit
or from bytes whose hash is their name, and so cannot become wrong.
"""

import hashlib
import os
from contextlib import suppress
from itertools import accumulate, takewhile
from pathlib import Path

import msgspec

from fairlead.desired.ports import Commit
from fairlead.drivers.deploy_git.run import write_whole
from fairlead.drivers.deploy_git.state import Print, State

_FORM = 1
_MOST_BYTES = 256 * 1024
_MOST_COMMITS = 256

Altered = dict[str, tuple[str, frozenset[str]]]
"""The files below a directory that were ever changed, and up to which commit that was asked."""

Histories = dict[tuple[str, int], tuple[Commit, ...]]
"""The commits that changed a path, newest first, by the path and how many were asked for."""


class Known(msgspec.Struct, frozen=True):
    """What is known of the commit ``head``. ``blobs`` are contents, of any commit.

    ``print`` is the hash of a whole print under which git found ``state``; "" for none.
    """

    head: str = ""
    tree: dict[str, str] = {}
    altered: Altered = {}
    histories: Histories = {}
    blobs: tuple[bytes, ...] = ()
    state: State | None = None
    print: str = ""
    form: int = _FORM


NOTHING = Known()
_decoder = msgspec.msgpack.Decoder(Known)


class Memory:
    """The file that holds it, inside ``.git``."""

    def __init__(self, where: Path) -> None:
        self._file = where / ".git" / "fairlead" / "known"

    def load(self) -> Known:
        """What was kept last; nothing where there is none, or of another form."""
        try:
            found = _decoder.decode(self._file.read_bytes())
        except (OSError, msgspec.DecodeError):
            return NOTHING
        return found if found.form == _FORM else NOTHING

    def keep(self, known: Known) -> None:
        """Keep the part of it that is small enough to be read at every start."""
        small = {k: c for k, c in known.histories.items() if len(c) <= _MOST_COMMITS}
        kept = msgspec.structs.replace(known, histories=small, blobs=_newest(known.blobs))
        with suppress(OSError):  # a full disk costs the next look some time, and nothing else
            self._file.parent.mkdir(exist_ok=True)
            write_whole(self._file, msgspec.msgpack.encode(kept), self._file.parent)


def hashed(seen: Print) -> str:
    """A print as one short text."""
    return hashlib.sha256(os.fsencode(repr(seen))).hexdigest()


def _newest(blobs: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """As many from the end as are little together."""
    sizes = accumulate(len(data) for data in reversed(blobs))
    count = sum(1 for _ in takewhile(lambda size: size <= _MOST_BYTES, sizes))
    return blobs[len(blobs) - count :]
