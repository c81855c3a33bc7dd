"""The key of all secrets: another one, a copy for the owner, and a copy brought back."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from fairlead.base.errors import FairleadError, NotFound, UsageError
from fairlead.base.ids import Place
from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.desired import flow as desired
from fairlead.desired import layout
from fairlead.desired.flow import Act
from fairlead.desired.ports import Look
from fairlead.secrets import flow as secrets
from fairlead.secrets import rules
from fairlead.secrets.model import SealedFile
from fairlead.service.sealed import file_of, places_sealed
from fairlead.service.secrets import Change
from fairlead.service.tools import Tools


class KeysSeen(msgspec.Struct, frozen=True):
    """The keys here, the newest first, and how many sealed values of how many places open
    with them. ``lost`` are those that do not (``app/environment NAME 3``)."""

    keys: tuple[str, ...]
    places: int
    values: int
    lost: tuple[str, ...] = ()


class KeyRotated(msgspec.Struct, frozen=True):
    """The key that everything is sealed with now, those that were forgotten, the commit, and
    what was given up because its key is lost."""

    key: str
    forgotten: tuple[str, ...]
    files: tuple[str, ...]
    revision: str
    lost: tuple[str, ...] = ()


class KeyExported(msgspec.Struct, frozen=True):
    """Where the recovery file is, the keys in it, and whether it is sealed to somebody."""

    file: str
    keys: tuple[str, ...]
    sealed: bool = False


def seen(tools: Tools) -> KeysSeen:
    """The keys, and whether they open everything."""
    look = tools.deploy.repo.look()
    sealed = {place: file_of(look, place) for place in places_sealed(look)}
    values = sum(len(kept.versions) for file in sealed.values() for kept in file.secrets.values())
    lost = [
        f"{place} {text}" for place, file in sealed.items() for text in _lost(tools, place, file)
    ]
    return KeysSeen(tools.sealed.ring.ids(), len(sealed), values, tuple(lost))


def rotate(tools: Tools, why: str, *, without_lost: bool) -> KeyRotated:
    """Seal every version of every secret with another key, in one commit, and forget the old.

    No value changes, so no release is made. Raises NotFound where nothing was ever sealed;
    Refused, before a key is made, where a value cannot be opened: ``without_lost`` gives those
    up. Killed in the middle, both keys are there, and the next one carries on.
    """
    ring = tools.sealed.ring
    if not ring.ids():
        raise NotFound("there is no key: nothing was sealed here", "fairlead secret set PLACE NAME")
    lost: list[str] = []
    files: dict[str, bytes | None] = {}

    def edit(look: Look) -> Change:
        before = {place: file_of(look, place) for place in places_sealed(look)}
        left = {
            place: _openable(tools, place, f, lost, without_lost) for place, f in before.items()
        }
        key = ring.renew()
        for place, file in left.items():
            after = secrets.reseal(tools.sealed.cabinet(place), file)
            files[layout.sealed(place)] = rules.text(after)
        facts: dict[str, Fact] = {"files": sorted(files), "keys": [key], "lost": list(lost)}
        return files, facts

    act = Act(tools.me, why or "rotate the key", tools.clock.now())
    revision = desired.reseal(tools.deploy, edit, act)
    with tools.deploy.repo.writing("forget the old key"):
        gone = ring.drop(_named(tools.deploy.repo.look()))
    return KeyRotated(ring.ids()[0], gone, tuple(sorted(files)), revision, tuple(lost))


def export(tools: Tools, path: Path, why: str, recipient: str = "") -> KeyExported:
    """Write the recovery file, readable by its owner only; with a ``recipient`` (age1…, or an
    ssh-ed25519 public key) only who has that private key can open it.

    Raises NotFound where there is no key yet, UsageError where a file is there already.
    """
    keys = tools.sealed.ring.ids()
    if not keys:
        raise NotFound("there is no key: nothing was sealed here", "fairlead secret set PLACE NAME")
    intent = _write(tools, Outcome.INTENT, "exported", keys, why)
    try:
        ring = tools.sealed.ring
        _to_file(path, ring.recovery_to(recipient) if recipient else ring.recovery().encode())
    except FairleadError as error:
        _write(tools, Outcome.REFUSED, "exported", keys, error.what, intent)
        raise
    _write(tools, Outcome.DONE, "exported", keys, why, intent)
    return KeyExported(str(path), keys, bool(recipient))


def bring_back(tools: Tools, text: str, why: str) -> KeysSeen:
    """Take up the keys of a recovery file; what opens now. Raises UsageError."""
    with tools.deploy.repo.writing("import a key"):
        intent = _write(tools, Outcome.INTENT, "imported", (), why)
        try:
            new = tools.sealed.ring.add(text)
        except FairleadError as error:
            _write(tools, Outcome.REFUSED, "imported", (), error.what, intent)
            raise
        _write(tools, Outcome.DONE, "imported", new, why, intent)
    return seen(tools)


def _openable(
    tools: Tools, place: Place, file: SealedFile, lost: list[str], without_lost: bool
) -> SealedFile:
    cabinet = tools.sealed.cabinet(place)
    if not without_lost:
        secrets.everything(cabinet, file)  # raises before anything is changed
        return file
    left, gone = secrets.without_lost(cabinet, file)
    lost += [f"{place} {text}" for text in gone]
    return left


def _lost(tools: Tools, place: Place, file: SealedFile) -> tuple[str, ...]:
    return secrets.without_lost(tools.sealed.cabinet(place), file)[1]


def _named(look: Look) -> frozenset[str]:
    """The keys that the committed files are sealed with."""
    files = (file_of(look, place) for place in places_sealed(look))
    return frozenset(
        v.key for file in files for kept in file.secrets.values() for v in kept.versions
    )


def _to_file(path: Path, data: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        what = f"the recovery file cannot be written: {path}: {error.strerror}"
        raise UsageError(what, "name a file that is not there yet") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        what = f"the recovery file cannot be written: {path}: {error.strerror}"
        raise FairleadError(what, "name another place") from None


def _write(
    tools: Tools, outcome: Outcome, how: str, keys: tuple[str, ...], why: str, intent: int = 0
) -> int:
    facts: dict[str, Fact] = {"how": how, "keys": list(keys)}
    event = Event(
        Verb.KEY, outcome, tools.me, why or f"the key is {how}", facts=facts, intent=intent
    )
    return tools.record.write(event)
