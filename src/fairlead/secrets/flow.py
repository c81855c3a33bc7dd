"""The room's verbs: set, unset, reseal, and open what a release names.

They turn one ``secrets.sealed`` into the next; the deploy room commits it.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.secrets import rules
from fairlead.secrets.model import Kept, SealedFile, Version
from fairlead.secrets.ports import KeyRing


class Cabinet(NamedTuple):
    """One place's sealed file: whose it is, what its path is called, and the keys to it."""

    ring: KeyRing
    place: Place
    path: str


class By(NamedTuple):
    """Who sets a value, and when (RFC 3339)."""

    who: str
    at: str


def put(
    cabinet: Cabinet,
    file: SealedFile,
    values: Mapping[str, Secret],
    by: By,
    before: Iterable[SealedFile] = (),
) -> SealedFile:
    """The file with new values, each a version of its own; an equal one stays as it is.

    ``before`` are the file's earlier contents: a number of theirs is not given again. Raises
    UsageError for a name or a value that cannot be one.
    """
    earlier = (file, *before)
    for name, value in values.items():
        rules.secret_value(rules.secret_name(name), value)
    for name, value in values.items():
        if _current(cabinet, file, name) == value:
            continue
        number = rules.newest(earlier, name) + 1
        key, sealed = _seal(cabinet, name, number, value)
        file = rules.with_version(file, name, Version(number, key, sealed, by.at, by.who))
    return file


def reseal(cabinet: Cabinet, file: SealedFile) -> SealedFile:
    """The same values of every version, sealed with the newest key. Raises Refused."""
    resealed = {
        name: msgspec.structs.replace(
            kept, versions=tuple(_resealed(cabinet, name, version) for version in kept.versions)
        )
        for name, kept in file.secrets.items()
    }
    return msgspec.structs.replace(file, secrets=resealed)


def without_lost(cabinet: Cabinet, file: SealedFile) -> tuple[SealedFile, tuple[str, ...]]:
    """The file without the versions that cannot be opened, and what those were (``NAME 3``).

    A secret whose current version went is not set any more.
    """
    left, lost = {}, []
    for name, kept in file.secrets.items():
        opens = tuple(version for version in kept.versions if _opens(cabinet, name, version))
        lost += [f"{name} {v.number}" for v in kept.versions if v not in opens]
        current = kept.current if any(v.number == kept.current for v in opens) else 0
        if opens:
            left[name] = Kept(current, opens)
    return msgspec.structs.replace(file, secrets=left), tuple(lost)


def values(
    cabinet: Cabinet, file: SealedFile, pairs: Iterable[tuple[str, int]]
) -> Mapping[str, Secret]:
    """The values that a release names. Raises Refused where one cannot be opened."""
    found = rules.named(file, pairs, cabinet.path)
    return {name: _open(cabinet, name, version) for name, version in found.items()}


def everything(cabinet: Cabinet, file: SealedFile) -> tuple[tuple[str, Secret], ...]:
    """Every value that any version of any secret has, by name. Raises Refused."""
    return tuple(
        (name, _open(cabinet, name, version))
        for name, kept in file.secrets.items()
        for version in kept.versions
    )


def _current(cabinet: Cabinet, file: SealedFile, name: str) -> Secret | None:
    kept = file.secrets.get(name)
    version = kept.version(kept.current) if kept else None
    # Setting it anew is the way on from a key that was lost: then it differs from any value.
    opens = version is not None and _opens(cabinet, name, version)
    return _open(cabinet, name, version) if version and opens else None


def _opens(cabinet: Cabinet, name: str, version: Version) -> bool:
    try:
        _open(cabinet, name, version)
    except Refused:
        return False
    return True


def _resealed(cabinet: Cabinet, name: str, version: Version) -> Version:
    value = _open(cabinet, name, version)
    key, sealed = _seal(cabinet, name, version.number, value)
    return msgspec.structs.replace(version, key=key, sealed=sealed)


def _seal(cabinet: Cabinet, name: str, number: int, value: Secret) -> tuple[str, str]:
    about = rules.bound(cabinet.place, name, number)
    key, sealed = cabinet.ring.seal(value.reveal().encode(), about)
    return key, b64encode(sealed).decode()


def _open(cabinet: Cabinet, name: str, version: Version) -> Secret:
    about = rules.bound(cabinet.place, name, version.number)
    try:
        data = cabinet.ring.open(version.key, b64decode(version.sealed, validate=True), about)
        return Secret(data.decode())
    except (NotBase64, UnicodeDecodeError):
        raise _refused(cabinet, name, version, "it is not what was sealed", "") from None
    except Refused as error:
        raise _refused(cabinet, name, version, error.what, error.hint) from None


def _refused(cabinet: Cabinet, name: str, version: Version, why: str, hint: str) -> Refused:
    what = f"{cabinet.path}: version {version.number} of {name} cannot be opened: {why}"
    return Refused(what, hint or f"git log -p -- {cabinet.path} shows who changed it")
