"""The schemas of one version of Kubernetes, out of ``kubernetes.jsonl``."""

from collections.abc import Mapping
from typing import Any

import msgspec

from fairlead.objects.shape import Schema

Kind = tuple[str, str, str]
"""Group (the oldest has no name), version, kind."""

_OLD_GROUPS = frozenset({"extensions"})  # went in 1.22, before the first version that we know


class _Versions(msgspec.Struct, frozen=True):
    versions: tuple[int, ...]


class _Definition(msgspec.Struct, frozen=True):
    """A line: a definition as it was ``since`` a version and ``until`` one, the last if None."""

    name: str
    schema: dict[str, Any]
    since: int = msgspec.field(name="from")
    until: int | None = None
    kinds: tuple[Kind, ...] = ()


class Schemas(msgspec.Struct, frozen=True):
    """Of one version: ``defined`` by name, ``kinds`` → the name of the definition of each.

    ``gone`` are the kinds of other versions → the last that had them (0: they are yet to come).
    """

    version: str
    defined: Mapping[str, Schema]
    kinds: Mapping[Kind, str]
    gone: Mapping[Kind, int]

    @property
    def groups(self) -> frozenset[str]:
        """The groups that are Kubernetes' own: what they lack is not there."""
        return frozenset(group for group, _, _ in (*self.kinds, *self.gone)) | _OLD_GROUPS

    def elsewhere(self, group: str, kind: str) -> tuple[str, ...]:
        """The apiVersions that have a kind of a group; of all groups, where its own has it no more.

        The newest last: v1 after v1beta2 after v1alpha1.
        """
        named = [(one, version) for one, version, name in self.kinds if name == kind]
        same = [pair for pair in named if pair[0] == group] or (
            named if group in _OLD_GROUPS else []
        )
        return tuple(
            f"{one}/{version}".lstrip("/")
            for one, version in sorted(same, key=lambda pair: _age(pair[1]))
        )


def known_versions(lines: bytes) -> tuple[str, ...]:
    """The versions that ``kubernetes.jsonl`` has: 1.25, …"""
    first = msgspec.json.decode(lines[: lines.index(b"\n")], type=_Versions)
    return tuple(f"1.{number}" for number in first.versions)


def schemas(lines: bytes, version: str) -> Schemas:
    """The schemas of a version that ``known_versions`` has."""
    number = int(version.removeprefix("1."))
    decoder = msgspec.json.Decoder(_Definition)
    every = decoder.decode_lines(lines[lines.index(b"\n") + 1 :])
    now = [one for one in every if one.since <= number <= (one.until or number)]
    kinds = {kind: one.name for one in now for kind in one.kinds}
    gone = {
        kind: (one.until or 0) if one.since <= number else 0
        for one in every
        for kind in one.kinds
        if kind not in kinds
    }
    return Schemas(version, {one.name: one.schema for one in now}, kinds, gone)


def _age(version: str) -> tuple[int, str]:
    """Orders versions as Kubernetes does: stable after beta after alpha (v1, v2beta1)."""
    stage = 0 if "alpha" in version else 1 if "beta" in version else 2
    return stage, version
