"""Changes to a schema on a real PostgreSQL, asked as the path asks them."""

import os
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clusters import Cluster
from fairlead.base.errors import Unknown
from fairlead.checks.model import Answer, Asked, Level, Reply
from fairlead.manifest.questions import Migrations
from fairlead.questions.migrations import answer

CASES = Path(__file__).parents[1] / "cases" / "migrations"
APP = CASES / "app"
TESTS = "python3 -m unittest -q tests.shopping"


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    cluster = Cluster(port=0)
    try:
        yield cluster
    finally:
        cluster.close()


def path_of(server: Cluster) -> str:
    """Programs themselves first: what stands before them on PATH may be a slow script."""
    own = (Path(sys.executable).parent, Path(server.programs["initdb"]).parent)
    return ":".join([*map(str, own), os.environ["PATH"]])


class Case:
    """One change to the app, laid out as two trees."""

    def __init__(self, name: str, at: Path, server: Cluster) -> None:
        self.told: dict[str, Any] = tomllib.loads((CASES / name / "case.toml").read_text())
        self.before, self.after = at / "before", at / "after"
        shutil.copytree(APP, self.before, ignore=shutil.ignore_patterns("__pycache__"))
        if (CASES / name / "before").exists():
            shutil.copytree(CASES / name / "before", self.before, dirs_exist_ok=True)
        shutil.copytree(self.before, self.after)
        shutil.copytree(CASES / name / "change", self.after, dirs_exist_ok=True)
        self.tests = self.told.get("tests", TESTS)
        environment = {"PATH": path_of(server), "PYTHONDONTWRITEBYTECODE": "1"}
        self.given: dict[str, Any] = {
            "server": server.url("postgres"),
            "environment": environment,
            "migrate": "sh migrate.sh",
            "files": ["migrations/*.sql"],
            "rows": self.told.get("rows", {}),
            "limit": self.told.get("limit", 30.0),
            "before": {
                "tree": str(self.before),
                "environment": environment,
                "migrate": "sh migrate.sh",
                "tests": self.tests,
                "release": 41,
            },
        }

    def ask(self, **question: Any) -> Reply:
        wanted = Migrations(**({"tests": self.tests} | question))
        return answer(Asked(wanted, str(self.after), str(self.after.parent), self.given))


def errors(reply: Reply) -> set[str]:
    return {one.rule for one in reply.findings if one.level == Level.ERROR}


def cases() -> list[Any]:
    """Each takes a second: those that say `soak` show little more than others do."""
    found = []
    for path in sorted(CASES.glob("*/case.toml")):
        marks = [pytest.mark.soak] if tomllib.loads(path.read_text()).get("soak") else []
        found.append(pytest.param(path.parent.name, marks=marks))
    return found


@pytest.mark.parametrize("name", cases())
def test_each_change_gets_its_answer(name: str, tmp_path: Path, server: Cluster) -> None:
    """What older code cannot live with is stopped by the rules that say so; its safe form passes."""
    case = Case(name, tmp_path, server)
    reply = case.ask()
    said = f"{reply.reason}\n{reply.findings}"
    assert (reply.answer, errors(reply)) == (case.told["answer"], set(case.told["rules"])), said
    assert reply.reason
    assert server.sql("postgres", "SELECT count(*) FROM pg_database;") == "3\n"


SAFE = "column-nullable"


def test_supported_releases_hold_a_contract_back(tmp_path: Path, server: Cluster) -> None:
    """A column that another served release names may not go, and the release says until when."""
    case = Case("contract-column", tmp_path, server)
    old = tmp_path / "old"
    old.mkdir()
    (old / "app.py").write_text("print(customer.nickname)\n")
    case.given["supported"] = [{"release": 39, "tree": str(old), "until": "2027-03-01"}]
    reply = case.ask()
    assert errors(reply) == {"migrations.too-early"}
    assert reply.findings[0].subject == "customer.nickname"
    assert (reply.findings[0].path, reply.findings[0].line) == ("migrations/0002_change.sql", 1)
    allowed = dict(reply.facts)["contract-allowed-from"]
    assert allowed == "when release 39 (2027-03-01) is no longer served"


def test_facts_of_a_contract(tmp_path: Path, server: Cluster) -> None:
    """The release carries each migration's kind, and from when on the old shape may go."""
    reply = Case("contract-column", tmp_path, server).ask()
    assert dict(reply.facts) == {
        "migration:0002_change": "contract",
        "contract-allowed-from": "now",
    }


def test_the_change_may_lag(tmp_path: Path, server: Cluster) -> None:
    """Where new code may meet the old schema first, its tests are run there too."""
    case = Case(SAFE, tmp_path, server)
    assert case.ask(lags=True).answer == Answer.PASSED
    code = case.after / "shop.py"
    code.write_text(code.read_text().replace("SELECT name, email", "SELECT name, country"))
    assert case.ask().answer == Answer.PASSED
    assert errors(case.ask(lags=True)) == {"migrations.lags"}


def test_an_old_failure_is_not_counted(tmp_path: Path, server: Cluster) -> None:
    """A test that fails on its own schema too says nothing of the change."""
    case = Case(SAFE, tmp_path, server)
    tests = case.before / "tests" / "shopping.py"
    tests.write_text(
        f"{tests.read_text()}\n    def test_old(self):\n        self.fail('as ever')\n"
    )
    assert case.ask().answer == Answer.PASSED


def test_a_failing_smoke_check_stops_it(tmp_path: Path, server: Cluster) -> None:
    """The smoke checks of the release before are asked on the new schema too."""
    case = Case("contract-column", tmp_path, server)
    smoke = "python3 -c \"import shop; shop.ask('SELECT nickname FROM customer')\""
    case.given["before"]["smoke"] = [smoke]
    assert errors(case.ask()) == {"migrations.previous-smoke"}


def test_the_first_release(tmp_path: Path, server: Cluster) -> None:
    """Before the first release nothing is on an older schema: the text is read, nothing is run."""
    case = Case(SAFE, tmp_path, server)
    del case.given["before"]
    reply = case.ask()
    assert reply.answer == Answer.PASSED
    assert "first release" in reply.reason
    assert dict(reply.facts)["migration:0001_base"] == "expand"


def test_no_migration(tmp_path: Path, server: Cluster) -> None:
    """A change without one is not asked; the rule says so."""
    case = Case(SAFE, tmp_path, server)
    (case.after / "migrations" / "0002_change.sql").unlink()
    assert case.ask().answer == Answer.NOT_APPLICABLE


# -- what goes wrong on the way is never a pass


def told(**given: Any) -> Callable[[Case], None]:
    return lambda case: case.given.update(given)


def before(**side: Any) -> Callable[[Case], None]:
    return lambda case: case.given["before"].update(side)


def first_in(path: str, text: str) -> Callable[[Case], None]:
    def write(case: Case) -> None:
        file = case.after.parent / path
        file.write_text(f"{text}\n{file.read_text()}")

    return write


KILLED = 'python3 -c "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"'
BROKEN: dict[str, Callable[[Case], None]] = {
    "no server": told(server=""),
    "SQLite": told(server="", sqlite=True),
    "the server is not there": told(server="postgresql:///postgres?host=/nowhere&user=ada"),
    "given in another form": told(limit="soon"),
    "the tree of the release before is gone": lambda case: shutil.rmtree(case.before),
    "its migrate fails": before(migrate="python3 -c 1/0"),
    "its migrate does nothing": before(migrate="true"),
    "its tests are killed": before(tests=KILLED),
    "the change's migrate does nothing": told(migrate="true"),
    "the change's migrate hangs": told(migrate="sleep 60", limit=1.0),
    "the change has no migrate": told(migrate=""),
    "the trace is switched off": first_in(
        "after/migrations/0002_change.sql", "ALTER EVENT TRIGGER fairlead_ended DISABLE;"
    ),
    "the tests make a database of their own": first_in(
        "before/tests/shopping.py", "import shop; shop.ask('CREATE DATABASE own')"
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_tried_is_not_known(name: str, tmp_path: Path, server: Cluster) -> None:
    """Nothing that is missing, dead or slow is read as a pass."""
    case = Case(SAFE, tmp_path, server)
    BROKEN[name](case)
    try:
        reply = case.ask()
    except Unknown as error:
        reply = Reply(Answer.NOT_KNOWN, error.what)
    finally:
        server.sql("postgres", "DROP DATABASE IF EXISTS own;")
    assert reply.answer == Answer.NOT_KNOWN, reply
    assert reply.reason


def test_no_squawk(tmp_path: Path, server: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without squawk the rest is tried, and the answer is not known."""
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    reply = Case(SAFE, tmp_path, server).ask()
    assert reply.answer == Answer.NOT_KNOWN
    assert "squawk" in reply.reason


@pytest.mark.parametrize("where", ["migrate", "tests"])
def test_postgres_dies_on_the_way(where: str, tmp_path: Path) -> None:
    """A server that dies in the middle has said nothing."""
    cluster = Cluster(port=0)
    case = Case(SAFE, tmp_path, cluster)
    kill = f"kill -QUIT $(head -1 {cluster.data}/postmaster.pid) && touch {tmp_path}/died"
    if where == "migrate":
        with (case.after / "migrate.sh").open("a") as script:
            script.write(f"{kill}\n")
    else:
        with (case.before / "tests" / "shopping.py").open("a") as script:
            script.write(f"\n    def test_z(self):\n        __import__('os').system('{kill}')\n")
    try:
        reply = case.ask()
    finally:
        shutil.rmtree(cluster.root)
    assert (tmp_path / "died").exists()
    assert reply.answer == Answer.NOT_KNOWN, reply


# -- Django and Alembic: the same questions, asked through their own tools

TOOLS = {
    "django": (
        "python manage.py migrate",
        "python manage.py test",
        "shop/migrations/0002_change.py",
    ),
    "alembic": (
        "alembic upgrade head",
        "pytest -q -p no:cacheprovider tests/orders.py",
        "migrations/versions/b2.py",
    ),
}


def tool_cases() -> Iterator[Any]:
    """Each takes seconds: what the plain cases show too waits for `make soak`."""
    for path in sorted(CASES.glob("tools/*/*.toml")):
        soak = tomllib.loads(path.read_text()).get("soak", False)
        marks = [pytest.mark.soak] if soak else []
        yield pytest.param(path, id=f"{path.parent.name}-{path.stem}", marks=marks)


@pytest.mark.parametrize("path", list(tool_cases()))
def test_each_tool_is_asked_and_run(path: Path, tmp_path: Path, server: Cluster) -> None:
    """Each tool's migrations are found, classed by what they do, and run by the tool itself."""
    expected = tomllib.loads(path.read_text())
    tool = path.parent.name
    migrate, tests, to = TOOLS[tool]
    sides = tmp_path / "before", tmp_path / "after"
    for side in sides:
        shutil.copytree(path.parent / "app", side, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(path.with_suffix(".py"), sides[1] / to)
    environment = {"PATH": path_of(server), "PYTHONDONTWRITEBYTECODE": "1"}
    side = {"environment": environment, "migrate": migrate}
    older = side | {"tree": str(sides[0]), "tests": tests, "release": 41}
    given = side | {"server": server.url("postgres"), "before": older}
    reply = answer(Asked(Migrations(tests=tests), str(sides[1]), str(tmp_path), given))
    assert (reply.answer, errors(reply)) == (expected["answer"], set(expected["rules"])), reply
    name, kind = reply.facts[0]
    assert (name.removeprefix("migration:"), kind) == (
        {"django": "shop.0002_change", "alembic": "b2"}[tool],
        expected["kind"],
    )
