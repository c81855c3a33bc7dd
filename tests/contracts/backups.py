"""What every Backups keeps."""

from pathlib import Path
from typing import Protocol

import pytest

from fairlead.base.errors import FairleadError
from fairlead.rollout.ports import Backups


class World(Protocol):
    """A database of two tables with 3 and 4 rows, one that does not exist, one that is broken."""

    backups: Backups
    url: str
    absent: str
    broken: str
    directory: str

    def restored(self, path: str) -> dict[str, int]:
        """Rows by table of what a backup brings back."""
        ...


ROWS = {"customer": 3, "order": 4}


class BackupsContract:
    """The port's promises."""

    def test_a_backup_brings_everything_back(self, world: World) -> None:
        """Every table with all its rows; the proof says so."""
        taken = world.backups.take(world.url, world.directory, "before-7")
        assert world.restored(taken.path) == ROWS
        assert taken.proof.startswith("2 tables, 7 rows")
        assert taken.bytes > 0
        assert Path(taken.path).parent == Path(world.directory)
        assert Path(taken.path).name.startswith("before-7")

    def test_a_backup_is_never_written_over(self, world: World) -> None:
        """The same name again is another file: the older may be the good one."""
        first = world.backups.take(world.url, world.directory, "before-7")
        second = world.backups.take(world.url, world.directory, "before-7")
        assert first.path != second.path
        assert world.restored(first.path) == world.restored(second.path) == ROWS

    def test_no_database_yet_is_an_empty_backup_that_says_so(self, world: World) -> None:
        """The first release has nothing to lose, and nothing is invented."""
        taken = world.backups.take(world.absent, world.directory, "before-1")
        assert "no database yet" in taken.proof
        assert taken.bytes == 0
        assert world.restored(taken.path) == {}

    def test_a_database_that_cannot_be_read_is_an_error(self, world: World) -> None:
        """Never a backup; nothing half-made is left."""
        with pytest.raises(FairleadError):
            world.backups.take(world.broken, world.directory, "before-7")
        directory = Path(world.directory)
        assert not directory.exists() or list(directory.iterdir()) == []

    def test_its_size_is_known_before_it_is_taken(self, world: World) -> None:
        """Of a database that is not there it is nothing, or not known."""
        assert (world.backups.size(world.url) or 0) > 0
        assert world.backups.size(world.absent) in (0, None)
