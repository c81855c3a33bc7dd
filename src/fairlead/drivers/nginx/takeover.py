"""Handing the users of a hand-made site over to releases, and back.

The site's own server blocks stay: names, certificates, redirects, its other locations. What
changes is where they send requests: to the upstream of the role that serves, which the place's
own file brings. Every later switch is a rename and needs no reload (docs/decisions/0103, 0111).
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from fairlead.adopt.model import Edit, Front
from fairlead.base.errors import FairleadError, Refused
from fairlead.base.ids import Place
from fairlead.drivers._connections import connections
from fairlead.drivers._files import flush_directory
from fairlead.drivers._live import FILES, LIVE
from fairlead.drivers.nginx import render
from fairlead.drivers.nginx.program import Installed, Program
from fairlead.drivers.nginx.proxy import directory_of
from fairlead.drivers.nginx.text import quoted

ROLE = "web"
Texts = dict[str, bytes]


class Takeover:
    """The port ``Fronts`` of the adoption, on the nginx of this machine. ``state`` is where the
    proxy driver keeps its switches."""

    def __init__(self, installed: Installed, state: Path) -> None:
        self._include = installed.include
        self._program = Program(installed)
        self._state = state.resolve()

    def before(self, front: Front) -> tuple[tuple[str, str], ...]:
        """See ``fairlead.adopt.ports.Fronts``."""
        found = {file: _read(file) for file, _ in front.files}
        for file, digest in front.files:
            if f"sha256:{hashlib.sha256(found[file]).hexdigest()}" != digest:
                raise _changed(file)
        return tuple((file, data.decode("latin-1")) for file, data in found.items())

    def switch(self, place: Place, front: Front, before: Sequence[tuple[str, str]]) -> None:
        """See ``fairlead.adopt.ports.Fronts``."""
        old = _texts(before)
        new = {file: self._edited(place, front, file, data) for file, data in old.items()}
        self._replace(place, old, new)

    def back(self, place: Place, front: Front, before: Sequence[tuple[str, str]]) -> None:
        """See ``fairlead.adopt.ports.Fronts``."""
        old = _texts(before)
        new = {file: self._edited(place, front, file, data) for file, data in old.items()}
        self._replace(place, new, old)

    def open_with(self, front: Front) -> int:
        """See ``fairlead.adopt.ports.Fronts``."""
        # A worker of before answers a connection that was silent since by its old files.
        return connections(front.addresses).total() + self._program.leaving()

    def _replace(self, place: Place, old: Texts, new: Texts) -> None:
        """Each file from one text to the other, tested and taken; as they were where it is not.

        A file that has the new text already is fine: somebody was killed before the reload.
        """
        now = {file: _read(file) for file in old}
        for file, data in now.items():
            if data not in (old[file], new[file]):
                raise _changed(file)
        try:
            for file, data in new.items():
                _write(file, data)
            self._program.tested()
            self._reload(place)
        except BaseException:
            for file, data in now.items():
                _write(file, data)
            raise

    def _reload(self, place: Place) -> None:
        """Returns when nginx takes connections by its new files alone."""
        text = self._ours(place)
        directory = str(directory_of(self._state, place))
        self._program.reload(render.mark_of(text, directory), directory)

    def _ours(self, place: Place) -> str:
        path = self._include / render.file_name(place)
        try:
            return path.read_text(errors="surrogateescape")
        except FileNotFoundError:
            what = f"{place} is not served by nginx yet: {path}"
            raise Refused(what, f"fairlead status {place.app}") from None

    def _edited(self, place: Place, front: Front, file: str, data: bytes) -> bytes:
        """The file as it is after the switch."""
        edits = [edit for edit in front.edits if edit.file == file]
        text = data.decode()
        for edit in sorted(edits, key=lambda edit: -edit.start):
            if edit.was not in text[edit.start : edit.end]:
                raise _changed(file)
            text = text[: edit.start] + self._word(place, edit) + text[edit.end :]
        return text.encode()

    def _word(self, place: Place, edit: Edit) -> str:
        live = f"{directory_of(self._state, place)}/{ROLE}/{LIVE}"
        if edit.kind == "files":
            return f"root {quoted(f'{live}/{FILES}')}"
        name = render.upstream_name(place, ROLE)
        if f"upstream {name} " in self._ours(place):
            return f"http://{name}{_path(edit.was)}"
        if _path(edit.was):
            what = f"{edit.file}: proxy_pass {edit.was} has a path, and the role listens on a port"
            raise Refused(what, "take the path out of it, or have the role listen on {socket}")
        # Copies on ports have no upstream: the address is the name that a link leads to.
        pick = quoted(f"{live}/{render.PICK}/$fairlead_slot")
        return f"http://$fairlead_address; root {pick}"


def _path(to: str) -> str:
    """What stands behind the address in a ``proxy_pass``: "" for nothing."""
    rest = to.partition("://")[2]
    if rest.startswith("unix:"):
        return rest.removeprefix("unix:").partition(":")[2]
    slash = rest.find("/")
    return rest[slash:] if slash >= 0 else ""


def _texts(before: Sequence[tuple[str, str]]) -> Texts:
    return {file: text.encode("latin-1") for file, text in before}


def _changed(file: str) -> Refused:
    return Refused(f"somebody changed it since: {file}", "fairlead adopt PATH reads it anew")


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise FairleadError(f"{file} cannot be read: {error.strerror}", f"ls -l {file}") from error


def _write(file: str, data: bytes) -> None:
    """Whole, in the place of what is there; its owner and mode stay, and a link stays a link."""
    path = Path(file).resolve()
    if path.read_bytes() == data:
        return
    fresh = path.with_name(f".{path.name}.fairlead-{os.getpid()}")
    facts = path.stat()
    try:
        with fresh.open("xb") as opened:
            opened.write(data)
            os.fchown(opened.fileno(), facts.st_uid, facts.st_gid)
            os.fchmod(opened.fileno(), facts.st_mode & 0o7777)
            os.fsync(opened.fileno())
        fresh.replace(path)
    except OSError as error:
        raise FairleadError(f"{path} cannot be written: {error.strerror}", "df, ls -ld") from error
    finally:
        fresh.unlink(missing_ok=True)
    flush_directory(path.parent)
