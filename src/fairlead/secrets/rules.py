"""``secrets.sealed`` as text and back, names, values and numbers: pure."""

from collections.abc import Iterable, Mapping

import msgspec

from fairlead.base.canonical import canonical
from fairlead.base.errors import NotFound, Refused, UsageError
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.desired.documents import decode, encode
from fairlead.desired.settings_text import NAME
from fairlead.secrets.model import Kept, SealedFile, Version

FORMAT = 1
LONGEST = 100_000
"""Bytes. The kernel takes 131,072 for one variable with its name (execve(2), MAX_ARG_STRLEN)."""
_OURS = "FAIRLEAD_"


def parse(data: bytes | None, path: str) -> SealedFile:
    """The file's content; an empty one where there is no file. Raises UsageError, Refused."""
    if data is None:
        return SealedFile(FORMAT)
    found = decode(data, SealedFile, path)
    if found.format != FORMAT:
        what = f"{path}: format: expected {FORMAT}, got {found.format}"
        raise UsageError(what, "use the Fairlead that wrote it, or a newer one")
    for name, kept in found.secrets.items():
        numbers = [version.number for version in kept.versions]
        sound = numbers == sorted(set(numbers)) and min(numbers, default=0) > 0
        if not NAME.fullmatch(name) or not sound or kept.current not in (0, *numbers):
            what = f"{path}: {name!r}: its name or the numbers of its versions are not in order"
            raise Refused(what, f"git log -p -- {path} shows who changed it")
    return found


def text(file: SealedFile) -> bytes:
    """The file's bytes."""
    return encode(file)


def bound(place: Place, name: str, number: int) -> bytes:
    """What a sealed value is bound to: moved to another place, name or version it does not open."""
    return canonical(["fairlead-secret", FORMAT, place.app, place.environment, name, number])


def secret_name(name: str) -> str:
    """``name``, if it can be a secret's: a setting's name, not of Fairlead's own. Raises UsageError."""
    if not NAME.fullmatch(name):
        # It is not shown: a value that was typed in the place of its name looks like this.
        what = "what stands in the place of the name is not a name for a secret"
        raise UsageError(what, "use letters, digits and _, not starting with a digit")
    if name.startswith(_OURS):
        raise UsageError(f"names that start with {_OURS} are Fairlead's own: {name}", "rename it")
    return name


def secret_value(name: str, value: Secret) -> Secret:
    """``value``, if a process's environment can hold it. Raises UsageError, which never shows it."""
    plain = value.reveal()
    if not plain:
        raise UsageError(
            f"the value of {name} is empty", "fairlead secret unset takes a secret away"
        )
    if "\0" in plain:
        raise UsageError(
            f"the value of {name} holds a NUL", "no environment can hold one: encode it"
        )
    try:
        length = len(plain.encode())
    except UnicodeEncodeError:
        raise UsageError(
            f"the value of {name} is not UTF-8 text", "encode it, as base64 for example"
        ) from None
    if length > LONGEST:
        what = f"the value of {name} is too long: {length} bytes, at most {LONGEST}"
        raise UsageError(what, "keep a file in the app's own directory (FAIRLEAD_DATA)")
    return value


def newest(files: Iterable[SealedFile], name: str) -> int:
    """The highest version a secret ever had in these files; 0 for none.

    A number that was given once, and then taken back by a revert of the deploy repo, is not
    given to another value: a release may name it.
    """
    kept = (file.secrets.get(name) for file in files)
    return max((v.number for found in kept if found for v in found.versions), default=0)


def with_version(file: SealedFile, name: str, version: Version) -> SealedFile:
    """The file with a new current version of one secret."""
    before = file.secrets.get(name, Kept(0, ()))
    kept = Kept(version.number, (*before.versions, version))
    return SealedFile(file.format, {**file.secrets, name: kept})


def without(file: SealedFile, name: str) -> SealedFile:
    """The file with one secret unset; its versions stay. Raises NotFound where it is not set."""
    before = file.secrets.get(name)
    if before is None or not before.current:
        known = ", ".join(name for name, _ in file.current()) or "none"
        raise NotFound(f"no such secret: {name}", f"there are: {known}")
    kept = msgspec.structs.replace(before, current=0)
    return SealedFile(file.format, {**file.secrets, name: kept})


def named(file: SealedFile, pairs: Iterable[tuple[str, int]], path: str) -> Mapping[str, Version]:
    """The versions that a release names. Raises Refused where one of them is not there."""
    found: dict[str, Version] = {}
    for name, number in pairs:
        kept = file.secrets.get(name)
        version = kept.version(number) if kept else None
        if version is None:
            what = f"{path}: version {number} of {name} is not there, and the release needs it"
            raise Refused(
                what, f"git log -p -- {path} shows who took it away; git revert brings it back"
            )
        found[name] = version
    return found
