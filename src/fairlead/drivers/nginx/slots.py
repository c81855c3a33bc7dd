"""A slot as nginx reads it: a symbolic link that connect(2) follows to a copy's socket.

00 … 99          to the socket, or, of a copy on a port, to ``at/<address>``
pick/00 … 99     to ``at/<address>``, or, of a copy on a socket, to ``at/s<slot>``
at/              directories; their names are what is read
serves           is there when there are slots
"""

import os
from collections.abc import Mapping
from pathlib import Path

from fairlead.drivers._connections import UNIX
from fairlead.drivers.nginx.render import AT, PICK, SERVES


class SlotLinks:
    """The slots of a set as symbolic links."""

    def write(self, directory: Path, addresses: tuple[str, ...]) -> None:
        """One link per address; further slots are hard links to it, which are cheaper."""
        first: dict[str, str] = {}
        for folder in (AT, PICK):
            (directory / folder).mkdir()
        for slot, address in enumerate(addresses):
            name = f"{slot:02}"
            if address in first:
                _again(str(directory), first[address], name)
            else:
                _link(directory, address, name)
                first[address] = name
        if addresses:
            (directory / SERVES).touch()
        for path in (directory / AT, directory / PICK, *(directory / AT).iterdir()):
            path.chmod(0o755)

    def read(self, directory: Path) -> tuple[str, ...]:
        """The addresses that the links lead to; "?" where the two links of a slot disagree."""
        try:
            found = sorted(name for name in os.listdir(directory) if name.isdigit())
            led = {name: os.readlink(f"{directory}/{name}") for name in found}
            named = {
                name: os.readlink(f"{directory}/{PICK}/{name}").removeprefix(f"../{AT}/")
                for name in found
            }
            served = (directory / SERVES).exists()
        except OSError:
            return ()
        return tuple(_address(led, name, named[name]) for name in found) if served else ()


def _named(link: str) -> str:
    return os.readlink(link).removeprefix(f"../{AT}/")


def _link(directory: Path, address: str, name: str) -> None:
    at = f"s{name}" if address.startswith(UNIX) else address
    (directory / AT / at).mkdir()
    (directory / PICK / name).symlink_to(f"../{AT}/{at}")
    socket = address.removeprefix(UNIX)
    (directory / name).symlink_to(socket if socket != address else f"{AT}/{at}")


def _again(directory: str, first: str, name: str) -> None:
    for one in (directory, f"{directory}/{PICK}"):
        os.link(f"{one}/{first}", f"{one}/{name}", follow_symlinks=False)


def _address(led: Mapping[str, str], name: str, at: str) -> str:
    if led[name] == f"{AT}/{at}":
        return at
    return UNIX + led[name] if led.get(at.removeprefix("s")) == led[name] else "?"
