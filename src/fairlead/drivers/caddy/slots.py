"""A slot as Caddy reads it: a file that holds an address (``{file.PATH}``, see ``config``)."""

import os
from pathlib import Path


class SlotFiles:
    """The slots of a set as files."""

    def write(self, directory: Path, addresses: tuple[str, ...]) -> None:
        """One file per address; further slots are links to it, which are ten times cheaper."""
        first: dict[str, Path] = {}
        for slot, address in enumerate(addresses):
            path = directory / f"{slot:02}"
            if address in first:
                path.hardlink_to(first[address])
            else:
                path.write_text(address + "\n")
                first[address] = path

    def read(self, directory: Path) -> tuple[str, ...]:
        """The slots' contents; a file with several names is read once."""
        read: dict[int, str] = {}
        try:
            with os.scandir(directory) as entries:
                found = sorted((e.name, e.inode()) for e in entries if e.name.isdigit())
            for name, inode in found:
                if inode not in read:
                    read[inode] = (directory / name).read_text().removesuffix("\n")
            return tuple(read[inode] for _, inode in found)
        except (OSError, ValueError):
            return ()
