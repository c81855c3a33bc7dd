"""Certificates on disk: each in a directory of its own, made whole and never changed.

    <names>/<number>/certificate.pem, key.pem     the chain, and its key (0600)
    <names>/<number>/held.json                    what it is for, and until when
    <names>/fault.json                            why the last try for these names failed

``<names>`` is a digest of them. So whoever serves by a path serves by one certificate and its own
key, and a renewal is another path.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from fairlead.base.canonical import digest
from fairlead.certificates.model import Fault, Held
from fairlead.drivers._files import flush_directory, write_whole

CHAIN, KEY = "certificate.pem", "key.pem"
_HELD, _FAULT = "held.json", "fault.json"
KEPT = 3  # of the same names: a proxy may still name the one before


class Stored(msgspec.Struct, frozen=True):
    """A certificate and where it lies."""

    held: Held
    directory: Path

    @property
    def chain(self) -> str:
        """The file of the certificate and its chain."""
        return str(self.directory / CHAIN)

    @property
    def key(self) -> str:
        """The file of its key."""
        return str(self.directory / KEY)


class Shelf:
    """All certificates that were got."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def best(self, names: Sequence[str]) -> Stored | None:
        """The one for most of these names, and of several the one that holds longest."""
        found = [(len(set(names) & set(one.held.names)), one) for one in self._all()]
        able = [(count, one.held.ends, str(one.directory), one) for count, one in found if count]
        return max(able, key=lambda each: each[:3])[-1] if able else None

    def at(self, chain: Path) -> Stored | None:
        """The one whose chain lies at that path."""
        return self._read(chain.parent) if chain.name == CHAIN else None

    def add(self, held: Held, chain: bytes, key: bytes) -> Stored:
        """Keep one; it is there whole when this returns. Raises OSError."""
        family = self._family(held.names)
        family.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = self._members(family)
        spare = family / f"new-{os.getpid()}"
        shutil.rmtree(spare, ignore_errors=True)
        spare.mkdir(mode=0o700)
        for name, data in ((CHAIN, chain), (KEY, key), (_HELD, msgspec.json.encode(held))):
            write_whole(spare / name, data)
        number = int(there[-1].name) + 1 if there else 1
        made = spare.rename(family / f"{number:06}")
        flush_directory(family)
        for old in there[: 1 - KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return Stored(held, made)

    def fault(self, names: Sequence[str]) -> Fault | None:
        """Why the last try for exactly these names failed."""
        try:
            path = self._family(names) / _FAULT
            return msgspec.json.decode(path.read_bytes(), type=Fault)
        except (OSError, msgspec.DecodeError):
            return None

    def put_fault(self, names: Sequence[str], fault: Fault | None) -> None:
        """Remember it; None forgets. Raises OSError."""
        family = self._family(names)
        if fault is None:
            (family / _FAULT).unlink(missing_ok=True)
            return
        family.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(family / _FAULT, msgspec.json.encode(fault))

    def _family(self, names: Sequence[str]) -> Path:
        return self.root / digest(sorted(names))[7:23]

    def _members(self, family: Path) -> list[Path]:
        return sorted(path for path in family.glob("*/") if path.name.isdigit())

    def _all(self) -> Iterator[Stored]:
        for family in self.root.glob("*/"):
            for path in self._members(family):
                found = self._read(path)
                if found:
                    yield found

    def _read(self, directory: Path) -> Stored | None:
        try:
            held = msgspec.json.decode((directory / _HELD).read_bytes(), type=Held)
        except (OSError, msgspec.DecodeError):
            return None
        return Stored(held, directory)
