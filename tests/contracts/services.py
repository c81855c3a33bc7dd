"""What every ``Services`` keeps (fairlead.checks.ports), for each kind that the machine has."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead.base.errors import Unknown
from fairlead.checks.ports import Command, Exit, Lent, Runner, Services

PATHS = {"PATH": "/usr/sbin:/usr/bin:/bin"}
ASK = {
    "postgres": "psql -XAtq -v ON_ERROR_STOP=1 -c 'CREATE TABLE left_over ()'",
    "mariadb": (
        'mariadb --no-defaults -u root -S "$(echo "$MARIADB_URL" | sed "s/.*unix_socket=//;s/%2F/'
        '\\//g")" "$(echo "$MARIADB_URL" | sed "s/?.*//;s/.*\\///")" '
        "-e 'CREATE TABLE left_over (a int)'"
    ),
    "redis": (
        'test "$(redis-cli -s "$(echo "$REDIS_URL" | sed "s/unix:..//;s/?.*//")" '
        'SET left_over 1 NX)" = OK'
    ),
}
"""A shell's words that write something, and fail where it is there already."""


class ServicesContract:
    """Subclass it with the fixtures ``services``, ``runner`` and ``has`` (which skips the test
    for a kind that the machine does not have)."""

    def use(self, runner: Runner, lent: Lent, tree: Path, name: str) -> tuple[Exit, list[str]]:
        """What a check without a network does with what it was lent."""
        tree.mkdir(exist_ok=True)
        heard: list[str] = []
        environment = PATHS | dict(lent.variables)
        own = (str(tree),)
        argv = ("sh", "-c", ASK[name])
        command = Command(
            argv, str(tree), environment, 20, writes=own, reads=lent.reads, network=False
        )
        return runner.run(command, heard.append), heard

    @pytest.mark.parametrize("name", sorted(ASK))
    def test_each_check_gets_one_that_nobody_used(
        self, services: Services, runner: Runner, has: Callable[[str], None], name: str,
        tmp_path: Path,
    ) -> None:  # fmt: skip
        """Two side by side, of the same check, and a third when they are done."""
        has(name)
        with services.open(tmp_path / "work" / "room") as running:
            with running.give((name,), "unit tests") as one, running.give((name,), "x") as two:
                for number, lent in enumerate((one, two)):
                    end, heard = self.use(runner, lent, tmp_path / f"tree-{number}", name)
                    assert end.well, heard
                end, _ = self.use(runner, one, tmp_path / "tree-0", name)
                assert not end.well  # it is there now
                assert (one.ended(), two.ended(), one.network) == ("", "", False)
            with running.give((name,), "unit tests") as three:
                end, heard = self.use(runner, three, tmp_path / "tree-2", name)
                assert end.well, heard

    def test_all_is_gone_afterwards(
        self, services: Services, has: Callable[[str], None], tmp_path: Path
    ) -> None:
        """The room, its data, and every process."""
        for name in ("postgres", "redis"):
            has(name)
        room = tmp_path / "work" / "room"
        with services.open(room) as running, running.give(("postgres", "redis"), "a") as lent:
            assert processes_of(room)
            assert lent.variables["DATABASE_URL"].startswith("postgresql://")
        assert not room.exists()
        assert processes_of(room) == []

    def test_an_unknown_one_is_not_known(self, services: Services, tmp_path: Path) -> None:
        """Never a service that is silently left out."""
        assert services.versions(("oracle",)) == (("oracle", ""),)
        failed = pytest.raises(Unknown, match="no such service: oracle")
        room = services.open(tmp_path / "work" / "room")
        with room as running, failed, running.give(("oracle",), "a"):
            pytest.fail("it was given")

    def test_what_is_not_here_is_not_known(
        self, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the package's name; versions differ from those of a machine that has it."""
        monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
        assert services.versions(("redis",)) == (("redis", ""),)
        failed = pytest.raises(Unknown, match="not on this machine")
        room = services.open(tmp_path / "work" / "room")
        with room as running, failed as raised, running.give(("redis",), "a"):
            pytest.fail("it was given")
        assert raised.value.hint == "apt install redis-server"


def processes_of(room: Path) -> list[int]:
    """Whose command or directory names it."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            said = Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(room) in said and int(name) != os.getpid():
            found.append(int(name))
    return found
