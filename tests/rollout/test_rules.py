"""What a rollout decides by itself: environments, commands, answers."""

import json

import pytest

from fairlead.base.errors import UsageError
from fairlead.base.secret import Secret
from fairlead.manifest.model import Fresh, Role, Smoke
from fairlead.plan.model import CopyId, Job, JobKind, JobState
from fairlead.rollout.ports import HttpAnswer, Laid
from fairlead.rollout.rules import (
    argv_of,
    environment_of,
    fault_of,
    field_of,
    kept_assets,
    launch_of,
    migrating_environment,
    why_it_failed,
)
from rollout.memory_world import PLACE, release

LAID = Laid("/store/7", "/data", (("PATH", "/env/bin"),))
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
RELEASE = release(7)


def test_a_command_is_split_and_filled_without_a_shell() -> None:
    """Placeholders become words; what a shell would run stays text."""
    argv = argv_of("serve --bind {socket} '{data}/a b' ;rm $(id)", "unix//run/c.sock", LAID)
    assert argv == ("serve", "--bind", "/run/c.sock", "/data/a b", ";rm", "$(id)")
    assert argv_of("serve {port}", "127.0.0.1:8001", LAID) == ("serve", "8001")
    assert argv_of("serve {port}", "unix//run/c.sock", LAID) == ("serve", "")


def test_an_open_quote_is_a_mistake_in_the_manifest() -> None:
    """It says so, and does not run half a command."""
    with pytest.raises(UsageError, match="not a command"):
        argv_of("serve 'x", "", LAID)


def test_who_and_where_cannot_be_set_by_a_setting() -> None:
    """A process can trust what FAIRLEAD_ says."""
    role = Role("web", "serve")
    launch = launch_of(PLACE, RELEASE, role, CopyId(7, "web", 2), "", LAID, "/log", {})
    told = environment_of(PLACE, RELEASE, LAID)
    assert told.items() <= launch.environment.items()
    assert (launch.environment["FAIRLEAD_COPY"], told["FAIRLEAD_RELEASE"]) == ("2", "7")
    assert told["PATH"] == "/env/bin"
    assert told["DATABASE_URL"] == "sqlite:////data/river.sqlite"


JSON = Smoke("s", path="/p", json=(("ok", True),))
NUMBER = Smoke("s", path="/p", json=(("ok", 1),))
DEEP = Smoke("s", path="/p", json=(("a.0.b", "x"),))
VERSION = Smoke("s", path="/p", version="v")
FRESH = Smoke("s", path="/p", fresh=Fresh("at", 60))
PLAIN = Smoke("s", path="/p")


@pytest.mark.parametrize(
    ("smoke", "status", "body", "fault"),
    [
        (PLAIN, 200, "anything", ""),
        (PLAIN, 0, "", "/p gave no answer: refused"),
        (PLAIN, 500, "", "/p answered 500, expected 200"),
        (JSON, 200, "<html>", "/p did not answer with JSON"),
        (JSON, 200, '{"ok": 1}', "/p: ok is 1, expected true"),
        (NUMBER, 200, '{"ok": true}', "/p: ok is true, expected 1"),
        (DEEP, 200, '{"a": [{"b": "x"}]}', ""),
        (DEEP, 200, '{"a": []}', '/p: a.0.b is null, expected "x"'),
        (VERSION, 200, '{"v": 7}', ""),
        (VERSION, 200, '{"v": 6}', "/p: v is 6, not this release"),
        (FRESH, 200, '{"at": "2027-01-15T08:00:00Z"}', ""),
        (FRESH, 200, '{"at": "2027-01-15T07:58:00Z"}', "/p: at is 120 s old, may be 60 s"),
        (FRESH, 200, '{"at": "2027-01-15T08:05:00Z"}', "/p: at lies 300 s in the future"),
        (FRESH, 200, '{"at": "2027-01-15"}', '/p: at is "2027-01-15", without a time zone'),
        (FRESH, 200, '{"at": null}', "/p: at is null, not a time"),
        (FRESH, 200, "[]", "/p: at is null, not a time"),
    ],
)
def test_what_is_wrong_with_an_answer(smoke: Smoke, status: int, body: str, fault: str) -> None:
    """One sentence with the path, what was expected and what was found; not known is a fault."""
    assert fault_of(smoke, HttpAnswer(status, body.encode(), "refused"), RELEASE, NOW) == fault


def test_a_long_value_is_cut() -> None:
    """A page of nonsense in an answer does not become a page in the record."""
    smoke = Smoke("s", path="/p", json=(("a", 1),))
    body = json.dumps({"a": "x" * 10_000}).encode()
    assert len(fault_of(smoke, HttpAnswer(200, body), RELEASE, NOW)) < 120


def test_a_field_that_is_not_there_is_none() -> None:
    """No path through a value raises."""
    assert field_of({"a": {"b": 3}}, "a.b") == 3
    assert [field_of(body, "a.b.c") for body in (None, 3, "a", [], {"a": [1]})] == [None] * 5


def test_how_long_each_release_has_been_replaced() -> None:
    """The newest that passed is not replaced; each other since the next one passed."""

    def done(release: int, since: float, state: JobState = JobState.SUCCEEDED) -> Job:
        return Job(JobKind.DONE, release, "r", state, since)

    jobs = (done(1, 10.0), done(2, 30.0), done(3, 50.0), done(4, 60.0, JobState.FAILED))
    assert kept_assets(jobs, 100.0) == [(3, 0.0), (2, 50.0), (1, 70.0)]


@pytest.mark.parametrize(
    ("url", "own", "options"),
    [
        ("postgres://h/d", "", "-c lock_timeout=5s"),
        ("postgresql://h/d", "-c search_path=x", "-c search_path=x -c lock_timeout=5s"),
        ("sqlite:////data/x", "", ""),
        ("", "", ""),
    ],
)
def test_a_migration_waits_for_a_lock_no_longer_than_its_limit(
    url: str, own: str, options: str
) -> None:
    """Where its database is PostgreSQL; what the app asks of libpq itself stays."""
    of, secrets = release(1), {"DATABASE_URL": Secret(url)}
    given = {"PGOPTIONS": own} if own else {}
    assert migrating_environment(of, given, secrets).get("PGOPTIONS", "") == options


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "django.db.utils.OperationalError: canceling statement due to lock timeout\n",
            "it waited 5 s (lock_limit) for a lock that somebody else held",
        ),
        (
            "psycopg.OperationalError: server closed the connection unexpectedly",
            "its database could not be reached, or went away",
        ),
        ("ValueError: Key (email)=(ada@example.org) exists", ""),
        ("", ""),
    ],
)
def test_a_migrations_log_tells_why_and_nothing_else(said: str, why: str) -> None:
    """What is not known is not passed on: it may be people's data."""
    assert why_it_failed(said, 5) == why
