"""Secrets reach what a release runs, and nothing that a rollout says."""

import msgspec
import pytest

from fairlead.base.secret import Secret
from fairlead.desired.model import Release
from fairlead.manifest.model import Migrate, Smoke
from fairlead.record.flow import read
from fairlead.rollout.flow import roll_out
from fairlead.rollout.ports import Asked, HttpAnswer, Launch, Task
from rollout.memory_world import PLACE, MemoryWorld, desired, release

PLANTED = "planted-value-of-a-secret"
WITH_SECRETS = (("elsewhere", (("OTHER", 1),)), ("local", (("TOKEN", 2),)))


class Told:
    """A runtime, and what it was asked to start."""

    def __init__(self, runtime: object) -> None:
        self._runtime = runtime
        self.launches: list[Launch] = []
        self.tasks: list[Task] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._runtime, name)

    def start(self, launch: Launch) -> None:
        self.launches.append(launch)
        self._runtime.start(launch)

    def run(self, task: Task) -> None:
        self.tasks.append(task)
        self._runtime.run(task)


def with_secrets(number: int, *smokes: Smoke, **manifest: object) -> Release:
    of = release(number)
    app = msgspec.structs.replace(of.manifest, smokes=(*of.manifest.smokes, *smokes), **manifest)
    return msgspec.structs.replace(of, manifest=app, secrets=WITH_SECRETS)


def a_world() -> MemoryWorld:
    world = MemoryWorld()
    world.secrets.known = {("TOKEN", 1): "an older one", ("TOKEN", 2): PLANTED}
    return world


def recorded(world: MemoryWorld) -> str:
    jobs = world.marks.read(PLACE).jobs
    return f"{read(world.store, 0, 10_000)}{jobs}"


def test_copies_and_the_migration_get_the_versions_that_the_release_names() -> None:
    """Beside the environment and not in it; of this environment only."""
    world = a_world()
    told = Told(world.runtime)
    wanted = desired(world.publish(with_secrets(1)))
    process = world.process(lambda name, port: told if name == "runtime" else port)
    assert roll_out(process, wanted, "agent", "sha256:plan").serves
    assert len(told.launches) >= 2
    assert len(told.tasks) == 1
    for given in (*told.launches, *told.tasks):
        assert given.secrets == {"TOKEN": Secret(PLANTED)}
        assert "TOKEN" not in given.environment
        assert PLANTED not in repr(given)
    assert PLANTED not in recorded(world)


def test_a_smoke_command_gets_them_and_what_it_prints_is_masked() -> None:
    """In the mark, the record and the sentence that a person reads."""
    world = a_world()
    world.commands.answers["ask"] = Asked(1, f"no luck with {PLANTED} here")
    asking = Smoke("asks", command="ask", limit=1)
    wanted = desired(world.publish(with_secrets(1, asking)))
    ending = roll_out(world.process(), wanted, "agent", "sha256:plan")
    assert not ending.serves
    assert world.commands.given[0] == {"TOKEN": Secret(PLANTED)}
    assert "exit 1: no luck with <secret TOKEN> here" in recorded(world)
    assert PLANTED not in f"{recorded(world)}{ending}"


def test_an_answer_that_names_a_secret_is_masked() -> None:
    """A smoke check says what it got; the app may answer with anything."""
    world = a_world()
    body = msgspec.json.encode({"status": PLANTED})
    asking = Smoke("status", role="web", path="/status", json=(("status", "ok"),), limit=1)
    wanted = desired(world.publish(with_secrets(1, asking)))

    def speaks(name: str, port: object) -> object:
        return Speaking(port, body) if name == "http" else port

    assert not roll_out(world.process(speaks), wanted, "agent", "sha256:plan").serves
    assert "<secret TOKEN>" in recorded(world)
    assert PLANTED not in recorded(world)


class Speaking:
    """Answers /status with one body."""

    def __init__(self, http: object, body: bytes) -> None:
        self._http = http
        self._body = body

    def get(self, address: str, path: str, limit: float, host: str = "localhost") -> HttpAnswer:
        if path == "/status":
            return HttpAnswer(200, self._body)
        return self._http.get(address, path, limit, host)


def test_a_database_url_may_be_a_secret() -> None:
    """It is backed up as a plain one is, and a failing backup does not tell it."""
    world = a_world()
    url = "postgres://shop:planted-word@db/shop"
    world.secrets.known["TOKEN", 2] = url
    of = with_secrets(1, migrate=Migrate("migrate", database="TOKEN"))
    assert roll_out(world.process(), desired(world.publish(of)), "agent", "sha256:plan").serves
    assert len(world.backups.taken) == 1

    failing = a_world()
    failing.secrets.known["TOKEN", 2] = url
    failing.backups = Failing(url)
    ending = roll_out(failing.process(), desired(failing.publish(of)), "agent", "sha256:plan")
    assert not ending.serves
    assert "could not reach <secret TOKEN>" in recorded(failing)
    assert "planted" not in recorded(failing)


class Failing:
    """Backups that say too much."""

    def __init__(self, url: str) -> None:
        self.taken: dict[str, str] = {}
        self._url = url

    def take(self, url: str, directory: str, name: str) -> None:
        from fairlead.base.errors import FairleadError

        assert url == self._url
        raise FairleadError(f"could not reach {url}", "look at it")

    def size(self, url: str) -> int | None:
        return None


@pytest.mark.parametrize("known", [{}, {("TOKEN", 1): "an older one"}])
def test_a_secret_that_cannot_be_opened_stops_it_before_anything_is_touched(
    known: dict[tuple[str, int], str],
) -> None:
    """Not even a directory is made; another version is not taken in its place."""
    world = a_world()
    world.secrets.known = dict(known)
    ending = roll_out(
        world.process(), desired(world.publish(with_secrets(1))), "agent", "sha256:plan"
    )
    assert not ending.serves
    assert (world.running(), world.migrated, world.backups.taken) == ({}, [], {})
    assert world.marks.read(PLACE).prepared == ()
