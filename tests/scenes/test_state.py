"""What outlives releases: uploads in the tree's own directory, and a PostgreSQL of the place's own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from clusters import PASSWORD, Cluster
from fairlead.base.journal import Verb
from fairlead.drivers._listen import free_listen
from scenes.house import App, House, environment, until

STATE = '\n[state]\nmedia = "media/"\n'
HEAVY = """
[role.heavy]
command = "{python} worker.py"
memory = "99999G"
"""
UPLOAD = """
    if path == "/upload":
        (HERE / "media" / query).write_text("kept")
        return 200, "uploaded"
    if path == "/uploads":
        return 200, " ".join(sorted(one.name for one in (HERE / "media").iterdir()))
"""
ALONE = '\n[environment.local]\nbranch = "main"\nstrategy = {strategy}\n'
POSTGRES = """
[migrate]
command = "{python} pg.py"
files = ["pg/*.sql"]
lock_limit = "1s"

[database]
kind = "postgres"
"""
PG = """
import json, os, pathlib, subprocess, sys, time
behave = json.loads(pathlib.Path("behave.json").read_text())
argv = ["psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", os.environ["DATABASE_URL"]]
sql = "".join(path.read_text() for path in sorted(pathlib.Path("pg").glob("*.sql")))
sql += f"SELECT pg_sleep({behave.get('sleeps', 0)});"
sys.exit(subprocess.run(argv, input=sql, text=True).returncode)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    made = Cluster("postgres", port=int(free_listen(frozenset()).rpartition(":")[2]))
    yield made
    made.close()


def uploading(app: App) -> None:
    """The app takes uploads, into a directory of its own tree."""
    server = (app.clone / "server.py").read_text()
    app.write(
        {"server.py": server.replace('    if path == "/rows"', f'{UPLOAD}    if path == "/rows"')}
    )
    app.write({"media/.gitkeep": ""})
    app.commit("Uploads")


def test_an_upload_is_there_in_every_release(house: House) -> None:
    """Under the next one and after going back, under load; no release is damaged by it."""
    app = house.app("gallery", tail=STATE)
    uploading(app)
    app.released()
    assert app.get("/upload?one.png") == (200, "uploaded")
    with app.users():
        app.change("second")
        app.released()
        assert app.get("/uploads") == (200, "one.png")
        app.get("/upload?two.png")
        assert house.cli("rollback", "gallery/local").returncode == 0
        app.serves(1)
        assert app.get("/uploads") == (200, "one.png two.png")
        app.settled()
    assert app.data("media/two.png").read_text() == "kept"
    assert app.drift() == []
    house.must_hold()


def test_uploads_in_the_repository_are_refused(house: House) -> None:
    """A release would hide them: the push names them, and nothing is lost."""
    app = house.app("cluttered", tail=STATE)
    app.write({"media/cat.png": "x"})
    app.commit("A cat")
    pushed = app.push()
    assert pushed.code != 0
    assert "state.media: the tree has files of its own in media/: media/cat.png" in pushed.said


def test_a_rollout_that_cannot_fit_is_refused_with_the_figures(house: House) -> None:
    """Before anything of it is started; what serves serves on, the plan and the record say why."""
    app = house.app("heavy")
    app.released()
    before = app.pids()
    with app.users():
        app.manifest(tail=HEAVY)
        app.change("too heavy")
        pushed = app.push()
        app.settled()
    assert "Release 2 does not fit: " in pushed.said, pushed.said
    assert "1 copy of heavy" in pushed.said
    assert "102,398,9" in pushed.said
    assert app.version()["release"] == 1
    assert app.pids() == before
    told = [entry.why for entry in house.entries("heavy", Verb.ROLLOUT)]
    assert any("does not fit" in why and "MB are available" in why for why in told)
    assert not [e for e in house.entries("heavy", Verb.STEP) if e.text("role") == "heavy"]
    plan = house.cli("plan", "heavy/local", "--release", "2")
    assert "Nothing can be done for heavy/local. Release 2 does not fit" in plan.stdout
    assert "MB of memory are free" in plan.stdout
    house.must_hold()


@pytest.fixture(scope="module")
def shop(house: House, cluster: Cluster) -> App:
    """An app with a database that `database create` made, and one table in it."""
    app = house.app("shop", tail=POSTGRES, environments=ALONE)
    app.write({"pg.py": PG, "pg/0001.sql": "CREATE TABLE IF NOT EXISTS goods (id int);\n"})
    app.commit("Goods")
    refused = app.push()
    assert refused.code != 0
    assert "DATABASE_URL" in refused.said
    made = create(house, cluster)
    assert made.returncode == 0, made.stderr
    assert "fl_shop_local" in made.stdout
    app.released()
    return app


def create(house: House, cluster: Cluster) -> subprocess.CompletedProcess[str]:
    argv = ["-m", "fairlead", "--home", str(house.home), "database", "create", "shop/local"]
    admin = f"postgres://postgres:hush%3B%27%25@127.0.0.1:{cluster.port}/postgres"
    return subprocess.run(
        [sys.executable, *argv, "--admin"], input=admin, env=environment(), capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip


def rows(cluster: Cluster, sql: str) -> str:
    return cluster.sql("fl_shop_local", sql).strip()


def test_a_database_of_its_own_is_made_sealed_and_migrated(
    house: House, shop: App, cluster: Cluster
) -> None:
    """Made once, seen without its password, which is nowhere in the home but sealed."""
    assert rows(cluster, "SELECT tableowner FROM pg_tables WHERE tablename = 'goods';") == (
        "fl_shop_local"
    )
    again = create(house, cluster)
    assert "has its database" in again.stdout
    shown = house.cli("database", "show", "shop/local", "--json")
    seen = json.loads(shown.stdout)["database"]
    assert (seen["name"], seen["role"], seen["most"]) == ("fl_shop_local", "fl_shop_local", 48)
    wanted = house.tools.desired(shop.place)
    assert wanted
    url = house.tools.sealed.values(shop.place, wanted.release)["DATABASE_URL"].reveal()
    password = url.partition(":")[2].partition(":")[2].partition("@")[0]
    spilled = [
        path for path in house.home.rglob("*")
        if path.is_file() and password.encode() in path.read_bytes() and "run" not in path.parts
    ]  # fmt: skip
    assert spilled == []
    assert password not in shown.stdout + again.stdout + cluster.log()
    assert [e.text("how") for e in house.entries("shop", Verb.DATABASE)] == ["created"]


def test_a_migration_behind_a_held_lock_fails_and_says_so(
    house: House, shop: App, cluster: Cluster
) -> None:
    """Within its limit, so that nobody queues behind it; with the lock gone it works."""
    serving = shop.version()["release"]
    argv = ["psql", "-X", "-q", "-U", "postgres", "-h", "127.0.0.1", "-p", str(cluster.port)]
    env = {**cluster_environment(), "PGDATABASE": "fl_shop_local"}
    with shop.users(), subprocess.Popen(argv, env=env, stdin=subprocess.PIPE) as holder:
        assert holder.stdin
        holder.stdin.write(b"BEGIN; LOCK TABLE goods IN ROW EXCLUSIVE MODE;\n")
        holder.stdin.flush()
        held = "SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock' AND granted;"
        until(lambda: rows(cluster, held) != "0", "the lock is held")
        shop.write({"pg/0002.sql": "ALTER TABLE goods ADD COLUMN IF NOT EXISTS name text;\n"})
        shop.change("names")
        pushed = shop.push()
        assert "it waited 1 s (lock_limit) for a lock that somebody else held" in pushed.said
        assert shop.version()["release"] == serving
        holder.communicate(b"COMMIT;\n")
        shop.change("names again")
        shop.released()
    assert "name" in rows(cluster, "SELECT string_agg(column_name, ',') FROM information_schema.columns"
                                   " WHERE table_name = 'goods';")  # fmt: skip
    house.must_hold()


def test_a_database_that_stops_during_a_migration_leaves_the_old_release_whole(
    house: House, shop: App, cluster: Cluster
) -> None:
    """The record says what happened; once it is back the next try works."""
    shop.settled()
    serving = shop.version()["release"]
    with shop.users():
        shop.write({"pg/0003.sql": "CREATE TABLE IF NOT EXISTS orders (id int);\n"})
        shop.change("orders", sleeps=30)
        with shop.pushing() as push:
            asleep = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%'"
            until(lambda: rows(cluster, f"{asleep} AND pid <> pg_backend_pid();") != "0", "at work")
            cluster.stop()
            said, _ = push.communicate(timeout=60)
        assert "its database could not be reached, or went away" in said
        assert shop.version()["release"] == serving
        shop.change("orders, quicker")
        down = shop.push()
        assert "The backup of release" in down.said
        cluster.start()
        assert rows(cluster, "SELECT count(*) FROM pg_tables WHERE tablename = 'orders';") == "0"
        shop.change("orders at last")
        shop.released()
    assert rows(cluster, "SELECT count(*) FROM pg_tables WHERE tablename = 'orders';") == "1"
    told = [entry.why for entry in house.entries("shop", Verb.ROLLOUT)]
    assert any("went away" in why for why in told)
    house.must_hold()


def cluster_environment() -> dict[str, str]:
    """How a person gets into the cluster by hand."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "PGPASSWORD": PASSWORD}
