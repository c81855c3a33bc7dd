"""Databases made in the PostgreSQL that Debian sets up, on a booted Debian."""

import sys
from collections.abc import Iterator

import pytest

from host.machine import Machine, booted, ours, timed

pytestmark = timed

MAKE = """
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.database.rules import asked_for
from fairlead.drivers.backups import DatabaseBackups
from fairlead.drivers.postgres import PostgresDatabases
databases = PostgresDatabases()
print(databases.here())
url = databases.make(asked_for(Place("shop", "production")), None)
seen = databases.seen(url)
print(url.reveal().rpartition("@")[2], seen.name, seen.role, seen.connections, seen.most)
taken = DatabaseBackups().take(url.reveal(), "/var/tmp/backups", "before-1")
print(taken.proof)
"""
# What the agent's unit keeps from it (server/wanted.py): it must still become the superuser. Not
# ProtectHome=: the Python of the clone may lie in one.
HELD = (
    "-p", "ProtectSystem=true", "-p", "PrivateTmp=yes",
    "-p", "LockPersonality=yes", "-p", "SystemCallArchitectures=native",
    "-p", "RestrictRealtime=yes",
)  # fmt: skip


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with booted(binds=ours()) as made:
        made.run("systemctl", "start", "postgresql")
        yield made


def test_root_makes_a_database_where_nothing_was_set_up(machine: Machine) -> None:
    """As the agent does: by the superuser's socket, for a role that comes by loopback; and the
    role's own rights are enough for its backup."""
    # This clone may lie where PrivateTmp= puts an empty directory.
    code = [f"--property=BindReadOnlyPaths={path}" for path in ours()]
    run = ("systemd-run", "--pipe", "--wait", "--quiet", *HELD, *code)
    said = machine.run(*run, sys.executable, "-c", MAKE).stdout.splitlines()
    assert said == [
        "True",
        "127.0.0.1:5432/fl_shop_production fl_shop_production fl_shop_production 0 48",
        "0 tables, 0 rows, restored to nowhere whole",
    ]


def test_a_places_user_cannot_become_another_role(machine: Machine) -> None:
    """By its socket Debian lets in who has the role's name on this system; nobody has."""
    machine.run("useradd", "--system", "fl-shop-production")
    ran = machine.run(
        "runuser", "-u", "fl-shop-production", "--", "psql", "-U", "fl_shop_production",
        "-d", "fl_shop_production", "-c", "SELECT 1", check=False,
    )  # fmt: skip
    assert ran.exit != 0
    assert "Peer authentication failed" in ran[2]
