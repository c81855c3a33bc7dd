"""State that stays where it is, at hand in a place's own directory."""

from collections.abc import Callable
from pathlib import Path

from fairlead.base.errors import FairleadError, Refused
from fairlead.base.ids import Place


class Links:
    """The port ``Keeps`` where copies run as ourselves: a symbolic link. ``data`` says which
    directory is a place's own."""

    def __init__(self, data: Callable[[Place], Path]) -> None:
        self._data = data

    def keep(self, place: Place, name: str, path: Path) -> None:
        """See ``fairlead.adopt.ports.Keeps``. Raises Refused where something else is there."""
        link = self._data(place) / name
        try:
            link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if link.is_symlink() and link.readlink() == path:
                return
            if link.is_dir() and not link.is_symlink() and not any(link.iterdir()):
                link.rmdir()
            link.symlink_to(path)
        except FileExistsError:
            raise Refused(
                f"something else is at {link}", f"move it away: {path} belongs there"
            ) from None
        except OSError as error:
            raise FairleadError(f"{link} cannot be made: {error.strerror}", "ls -ld, df") from error
