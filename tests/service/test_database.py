"""A place's database from the verb to a release, with git, keys, record and PostgreSQL real."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clusters import Cluster
from fairlead.base.errors import FairleadError, NotFound, Refused
from fairlead.base.journal import Outcome, Verb
from fairlead.base.secret import Secret
from fairlead.drivers.postgres import PostgresDatabases
from fairlead.record.flow import read
from fairlead.record.model import Entry
from fairlead.service.database import create, shown
from fairlead.service.secrets import set_secrets
from needs import missing
from service.answers_world import LOCAL, MANIFEST, STAGING, World, runs_in

ASKING = MANIFEST + '\n[database]\nkind = "postgres"\n'


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if os.getuid():
        missing("only root becomes the superuser of a server: as root this would make databases")
    made = Cluster("postgres", peer=True)
    hba = Path(made.data, "pg_hba.conf")
    for place in (LOCAL, STAGING):
        hba.write_text(f"local all fl_tide_{place.environment} scram-sha-256\n" + hba.read_text())
    made.sql("postgres", "SELECT pg_reload_conf();")
    yield made
    made.close()


@pytest.fixture
def world(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with runs_in(monkeypatch.setenv):
        made = World(tmp_path)
        made.tools = replace(made.tools, databases=PostgresDatabases(cluster.root))
        yield made
    for name in ("fl_tide_local", "fl_tide_staging"):
        cluster.sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE);")
        cluster.sql("postgres", f"DROP ROLE IF EXISTS {name};")


def entries(world: World) -> list[Entry]:
    return [e for e in read(world.tools.store, 0, 10_000) if e.verb == Verb.DATABASE]


def url_of(world: World, number: int) -> str:
    release = world.tools.world.releases.get("tide", number)
    assert release
    return world.tools.world.secrets.values(LOCAL, release)["DATABASE_URL"].reveal()


def test_a_first_push_makes_the_database_that_its_manifest_asks_for(world: World) -> None:
    """Of the environment it is released to only; the release names the sealed URL."""
    world.push("Add tides", {"fairlead.toml": ASKING})
    world.settle()
    release = world.tools.world.releases.get("tide", 1)
    assert release
    assert release.secrets == (("local", (("DATABASE_URL", 1),)),)
    assert shown(world.tools, LOCAL).database.name == "fl_tide_local"
    assert [(e.outcome, e.environment) for e in entries(world)] == [
        (Outcome.INTENT, "local"), (Outcome.DONE, "local")]  # fmt: skip
    first = url_of(world, 1)
    world.push("Add more", {"fairlead.toml": ASKING, "more": "x"})
    assert url_of(world, 2) == first


def test_without_a_server_here_a_push_is_refused_as_for_any_secret(world: World) -> None:
    """Before a check is asked."""
    world.tools = replace(world.tools, databases=PostgresDatabases(Path("/nonesuch")))
    world.push("Add tides", {"fairlead.toml": ASKING})
    assert world.tools.places() == ()
    told = [e.why for e in read(world.tools.store, 0, 1000) if e.outcome == Outcome.REFUSED]
    assert any("needs a secret that has no value: DATABASE_URL" in why for why in told)


def test_a_database_of_a_place_that_serves_comes_as_a_release(world: World) -> None:
    """Rolled out like any secret; once more is answered as done."""
    world.released("Add tides")
    made = create(world.tools, LOCAL, None, "")
    assert (made.made, made.release, made.setting) == (True, 2, "DATABASE_URL")
    assert url_of(world, 2).startswith("postgres://fl_tide_local:")
    again = create(world.tools, LOCAL, None, "")
    assert (again.made, again.release) == (False, 0)
    assert len(entries(world)) == 2


def test_a_value_of_another_database_is_left(world: World) -> None:
    """And a plain setting, unless it is to be replaced."""
    world.released("Add tides")
    set_secrets(world.tools, LOCAL, {"DATABASE_URL": Secret("postgres://x/y")}, "", instead=False)
    with pytest.raises(Refused) as caught:
        create(world.tools, LOCAL, None, "")
    assert "fairlead secret unset tide/local DATABASE_URL" in caught.value.hint
    with pytest.raises(Refused, match="a plain setting of tide/local already: GREETING"):
        create(world.tools, LOCAL, None, "", setting="GREETING")
    assert entries(world) == []
    assert create(world.tools, LOCAL, None, "", setting="GREETING", instead=True).made


def test_a_server_that_refuses_is_written_down(world: World, cluster: Cluster) -> None:
    """The entry says its words; a secret is not set."""
    world.released("Add tides")
    gone = Secret("postgres://postgres:hush@127.0.0.1:1/postgres")
    with pytest.raises(FairleadError, match="Connection refused"):
        create(world.tools, LOCAL, gone, "")
    assert [e.outcome for e in entries(world)] == [Outcome.INTENT, Outcome.FAILED]
    assert "hush" not in entries(world)[-1].why
    with pytest.raises(NotFound) as caught:
        shown(world.tools, LOCAL)
    assert "fairlead database create tide/local" in caught.value.hint
