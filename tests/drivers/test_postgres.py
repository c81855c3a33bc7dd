"""Databases made in a real PostgreSQL, and what their roles may not."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusters import Cluster
from fairlead.base.errors import FairleadError, NotFound, Refused, UsageError
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.database.rules import asked_for
from fairlead.drivers._listen import free_listen
from fairlead.drivers._postgres import Client, variables
from fairlead.drivers.postgres import PostgresDatabases
from needs import missing

SHOP, STAGING = asked_for(Place("shop", "production")), asked_for(Place("shop", "staging"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Set up as Debian's: root gets in as the user postgres, everybody else by password."""
    if os.getuid():
        missing("only root becomes the superuser of a server: as root this would make databases")
    made = Cluster("postgres", peer=True, port=int(free_listen(frozenset()).rpartition(":")[2]))
    yield made
    made.close()


@pytest.fixture
def databases(cluster: Cluster) -> Iterator[PostgresDatabases]:
    yield PostgresDatabases(cluster.root)
    for asked in (SHOP, STAGING):
        cluster.sql("postgres", f"DROP DATABASE IF EXISTS {asked.database} WITH (FORCE);")
        cluster.sql("postgres", f"DROP ROLE IF EXISTS {asked.role};")


def asks(url: Secret, sql: str) -> str:
    """What SQL answers whoever the URL names."""
    return ";".join("|".join(row) for row in Client(variables(url.reveal())).query(sql))


def within(url: Secret, database: str) -> Secret:
    """The same role, in another database."""
    return Secret(f"{url.reveal().rpartition('/')[0]}/{database}")


def refused(url: Secret, sql: str, words: str) -> None:
    with pytest.raises(FairleadError, match=words):
        asks(url, sql)


def test_a_role_owns_its_database_and_may_nothing_else(databases: PostgresDatabases) -> None:
    """Tables, schemas and its own extensions' worth of rights; no roles, no databases, no files."""
    url = databases.make(SHOP, None)
    asks(url, "CREATE TABLE t (id int); CREATE SCHEMA s; INSERT INTO t VALUES (1);")
    assert asks(url, "SELECT * FROM t;") == "1"
    for sql in ("CREATE ROLE x;", "CREATE DATABASE x;", "ALTER ROLE CURRENT_USER SUPERUSER;",
                "COPY t FROM '/etc/passwd';", "COPY t TO PROGRAM 'id';",
                "ALTER ROLE CURRENT_USER CONNECTION LIMIT -1;"):  # fmt: skip
        refused(url, sql, "permission denied|must be|may|owner")


def test_nobody_else_enters(databases: PostgresDatabases) -> None:
    """Another place's role of the same server is let into its own database only."""
    one, two = databases.make(SHOP, None), databases.make(STAGING, None)
    refused(within(two, SHOP.database), "SELECT 1;", "permission denied for database")
    assert asks(one, "SELECT 1;") == "1"


def test_its_password_is_in_no_log_and_no_argument(
    databases: PostgresDatabases, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is told a verifier; every statement is logged here."""
    heard = tmp_path / "argv"
    for name in ("psql",):
        wrapper = tmp_path / "bin" / name
        wrapper.parent.mkdir(exist_ok=True)
        real = subprocess.check_output(["which", name], text=True).strip()
        wrapper.write_text(f'#!/bin/sh\necho "$@" >>{heard}\nexec {real} "$@"\n')
        wrapper.chmod(0o755)
    tmp_path.chmod(0o777)
    heard.touch()
    heard.chmod(0o666)
    for parent in (tmp_path, *tmp_path.parents[:-2]):
        parent.chmod(parent.stat().st_mode | 0o011)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    url = databases.make(SHOP, None).reveal()
    password = url.partition(":")[2].partition(":")[2].partition("@")[0]
    assert len(password) > 30
    assert heard.read_text()
    assert password not in cluster.log()
    assert password not in heard.read_text()
    assert "CREATE ROLE" in cluster.log()


def test_made_again_it_keeps_what_is_there_under_a_fresh_password(
    databases: PostgresDatabases,
) -> None:
    """As after a kill before its URL was sealed: nothing is lost, the old password is void."""
    first = databases.make(SHOP, None)
    asks(first, "CREATE TABLE kept (id int);")
    second = databases.make(SHOP, None)
    assert asks(second, "SELECT count(*) FROM kept;") == "0"
    refused(first, "SELECT 1;", "password authentication failed")


def test_what_fairlead_did_not_make_is_left_alone(
    databases: PostgresDatabases, cluster: Cluster
) -> None:
    """A role, or a database, of the same name."""
    cluster.sql("postgres", f"CREATE ROLE {SHOP.role};")
    with pytest.raises(Refused, match="a role of that name is there"):
        databases.make(SHOP, None)
    cluster.sql("postgres", f"CREATE DATABASE {STAGING.database};")
    with pytest.raises(Refused, match="a database of that name is there"):
        databases.make(STAGING, None)
    found = cluster.sql("postgres", f"SELECT 1 FROM pg_roles WHERE rolname = '{STAGING.role}';")
    assert found == "", "nothing was begun"


def test_killed_before_its_comment_a_database_is_known_by_its_owner(
    databases: PostgresDatabases, cluster: Cluster
) -> None:
    """And closed to everybody when the verb is called again."""
    databases.make(SHOP, None)
    cluster.sql("postgres", f"DROP DATABASE {SHOP.database}; ")
    cluster.sql("postgres", f"CREATE DATABASE {SHOP.database} OWNER {SHOP.role};")
    databases.make(SHOP, None)
    other = databases.make(STAGING, None)
    refused(within(other, SHOP.database), "SELECT 1;", "permission denied for database")


def test_it_is_seen_without_its_password(databases: PostgresDatabases, cluster: Cluster) -> None:
    """Name, size, server, connections of others and how many there may be."""
    url = databases.make(SHOP, None)
    with subprocess.Popen(
        ["psql", "-X"], env=variables(url.reveal()), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin
        assert other.stdout
        other.stdin.write(b"SELECT 1;\n")
        other.stdin.flush()
        other.stdout.readline()
        seen = databases.seen(url)
        other.communicate()
    assert (seen.kind, seen.name, seen.role) == ("postgres", SHOP.database, SHOP.role)
    assert (seen.connections, seen.most) == (1, 48)
    assert seen.at == f"127.0.0.1:{cluster.port}"
    assert seen.bytes > 1_000_000
    assert url.reveal().partition("@")[0].rpartition(":")[2] not in repr(seen)


def test_an_admin_elsewhere_need_not_be_the_superuser(
    databases: PostgresDatabases, cluster: Cluster
) -> None:
    """One who may make roles and databases is enough, as where the server is rented."""
    cluster.sql("postgres", "CREATE ROLE keeper LOGIN CREATEDB CREATEROLE PASSWORD 'k';")
    try:
        admin = Secret(f"postgres://keeper:k@127.0.0.1:{cluster.port}/postgres?sslmode=prefer")
        url = databases.make(SHOP, admin)
        assert url.reveal().endswith(f"@127.0.0.1:{cluster.port}/{SHOP.database}?sslmode=prefer")
        asks(url, "CREATE TABLE t (id int);")
        asks(databases.make(SHOP, admin), "INSERT INTO t VALUES (1);")
    finally:
        cluster.sql("postgres", f"DROP DATABASE {SHOP.database}; DROP ROLE {SHOP.role};")
        cluster.sql("postgres", "DROP ROLE keeper;")


def test_without_a_server_here_the_ways_are_named(tmp_path: Path) -> None:
    """Install one, or give the URL of another."""
    with pytest.raises(NotFound) as caught:
        PostgresDatabases(tmp_path).make(SHOP, None)
    assert not PostgresDatabases(tmp_path).here()
    assert "apt install postgresql" in caught.value.hint
    assert "--admin" in caught.value.hint


def test_other_urls_are_refused_without_showing_them(tmp_path: Path) -> None:
    """An admin's URL may hold a password."""
    with pytest.raises(UsageError) as caught:
        PostgresDatabases(tmp_path).make(SHOP, Secret("mysql://root:hush@h/d"))
    assert "hush" not in str(caught.value)
    with pytest.raises(UsageError):
        PostgresDatabases(tmp_path).seen(Secret("mysql://root:hush@h/d"))


def test_a_file_is_seen_by_its_size(tmp_path: Path) -> None:
    """Nothing where there is none yet."""
    (tmp_path / "db.sqlite3").write_bytes(bytes(4096))
    url = Secret(f"sqlite:///{str(tmp_path)[1:]}/db.sqlite3")
    seen = PostgresDatabases(tmp_path).seen(url)
    assert (seen.kind, seen.bytes, seen.at) == ("sqlite", 4096, f"{tmp_path}/db.sqlite3")


def test_a_server_without_a_locale_gets_unicode_all_the_same() -> None:
    """As it is set up in a container; and without TCP the socket is the way."""
    if os.getuid():
        missing("only root becomes the superuser of a server")
    made = Cluster("postgres", peer=True, encoding="SQL_ASCII", locale="C")
    try:
        with pytest.raises(FairleadError, match="cannot use its database") as caught:
            PostgresDatabases(made.root).make(SHOP, None)
        assert "pg_hba.conf" in caught.value.hint
        hba = Path(made.data, "pg_hba.conf")
        hba.write_text(f"local all {SHOP.role} scram-sha-256\n" + hba.read_text())
        made.sql("postgres", "SELECT pg_reload_conf();")
        url = PostgresDatabases(made.root).make(SHOP, None)
        assert asks(url, "SHOW server_encoding;") == "UTF8"
        assert f"host={made.root}".replace("/", "%2F") in url.reveal()
    finally:
        made.close()
