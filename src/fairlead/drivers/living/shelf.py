"""Adoptions under way, a JSON file each."""

from pathlib import Path

import msgspec

from fairlead.adopt.model import Adoption
from fairlead.base.errors import Unknown
from fairlead.base.ids import name
from fairlead.drivers._files import write_whole


class AdoptionFiles:
    """The port ``Shelf``, in a directory of the home."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def get(self, app: str) -> Adoption | None:
        """See ``fairlead.adopt.ports.Shelf``."""
        path = self._path(app)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Adoption)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise Unknown(
                f"the adoption cannot be read: {path}: {error}", f"look at {path}"
            ) from None

    def put(self, adoption: Adoption) -> None:
        """See ``fairlead.adopt.ports.Shelf``."""
        data = msgspec.json.format(msgspec.json.encode(adoption), indent=1)
        write_whole(self._path(adoption.app), data)

    def _path(self, app: str) -> Path:
        return self._directory / f"{name(app, 'an app')}.json"
