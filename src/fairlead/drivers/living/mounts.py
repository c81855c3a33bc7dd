"""State that stays where it is, on a server: mounted into the place's own directory.

A copy sees nothing of the machine but that directory, so a link would lead nowhere. A bind
mount (systemd.mount(5)) does lead there, and comes back with the machine.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from fairlead.base.errors import FairleadError, Refused
from fairlead.base.ids import Place
from fairlead.drivers._files import write_whole
from fairlead.drivers.living.acl import grant

UNITS = Path("/etc/systemd/system")
_UNIT = """\
# Written by Fairlead: what {place} keeps stays where it was by hand.
[Unit]
Description={name} of {place}

[Mount]
What={what}
Where={where}
Type=none
Options=bind

[Install]
WantedBy=local-fs.target
"""


class Mounts:
    """The port ``Keeps`` on a server. ``data`` says which directory is a place's own, ``uid``
    whom its copies run as."""

    def __init__(self, data: Callable[[Place], Path], uid: Callable[[Place], int]) -> None:
        self._data = data
        self._uid = uid

    def keep(self, place: Place, name: str, path: Path) -> None:
        """See ``fairlead.adopt.ports.Keeps``. Raises Refused where something else is there."""
        where = self._data(place) / name
        try:
            grant(path, self._uid(place))
            if where.exists() and os.path.samefile(where, path):
                return  # mounted before
            where.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(where.iterdir()):
                raise Refused(
                    f"something else is at {where}", f"move it away: {path} belongs there"
                )
        except OSError as error:
            raise FairleadError(f"{path} cannot be kept: {error}", "ls -ld, mount") from error
        unit = _run("systemd-escape", "--path", "--suffix=mount", str(where)).strip()
        text = _UNIT.format(place=place, name=name, what=_plain(path), where=_plain(where))
        write_whole(UNITS / unit, text.encode())
        (UNITS / unit).chmod(0o644)
        _run("systemctl", "daemon-reload")
        _run("systemctl", "enable", "--now", unit)


def _plain(path: Path) -> str:
    text = str(path)
    if any(character.isspace() or character in "\"'\\" for character in text):
        raise Refused(f"a path that a unit cannot name: {text!r}", "move it, and propose again")
    return text.replace("%", "%%")


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        said = done.stderr.strip().partition("\n")[0]
        raise FairleadError(f"{' '.join(words[:2])} failed: {said}", "systemctl status")
    return done.stdout
