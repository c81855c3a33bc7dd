"""The example is what it says: it serves, its workers end well, and each story does its part.

It runs in an environment made from its own lock, as a user's would.
"""

import asyncio
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from uv import find_uv_bin

from fairlead.base.errors import NotFound
from fairlead.demo import story, websocket
from fairlead.demo.http1 import Pool, Target, fetch
from fairlead.demo.traffic import Traffic, TrafficThread
from fairlead.manifest.rules import parse
from needs import missing

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "riverside"
LEFT_BEHIND = shutil.ignore_patterns(
    "__pycache__", "staticfiles", "*.sqlite3*", ".venv", ".*_cache"
)
APP = parse((EXAMPLE / "fairlead.toml").read_text())
ROLES = {role.name: role for role in APP.roles}
FORECAST = "/api/stations/castle-quay/forecast"

pytestmark = pytest.mark.scene


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment made from the example's lock."""
    venv = tmp_path_factory.mktemp("riverside") / "venv"
    python = venv / "bin" / "python"
    lock = EXAMPLE / "requirements.txt"
    for arguments in (
        ["venv", "--quiet", "--no-config", str(venv)],
        ["pip", "sync", "--quiet", "--no-config", "--require-hashes", "--compile-bytecode",
         "--python", str(python), str(lock)],
    ):  # fmt: skip
        done = subprocess.run([find_uv_bin(), *arguments], capture_output=True, text=True)
        if done.returncode:
            missing(f"uv {arguments[0]}: no environment for the example: {done.stderr[-300:]}")
    return python.parent


class Site:
    """A tree of the example with its own database, ready to run."""

    def __init__(self, tree: Path, bins: Path, *stories: str) -> None:
        shutil.copytree(EXAMPLE, tree, ignore=LEFT_BEHIND)
        for each in stories:
            story.lay(each, tree)
        self.tree = tree
        self.settings = {
            "PATH": f"{bins}:/usr/bin:/bin",
            "DATABASE_URL": f"sqlite:///{tree}.sqlite3",
            "FAIRLEAD_RELEASE": "7",
            "FAIRLEAD_COMMIT": "0123abcd",
            "COLLECT_EVERY": "0.2",
            "FORECAST_EVERY": "0.2",
        }

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            shlex.split(command), cwd=self.tree, env=self.settings, capture_output=True, text=True
        )

    def prepare(self) -> "Site":
        for command in (*APP.build.commands, APP.migrate.command if APP.migrate else "true"):
            done = self.run(command)
            assert done.returncode == 0, done.stderr
        return self

    def start(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            shlex.split(command),
            cwd=self.tree,
            env=self.settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def web(self, port: int) -> subprocess.Popen[str]:
        """The web role, on a port instead of its socket."""
        return self.start(ROLES["web"].command.replace("--uds {socket}", f"--port {port}"))


@pytest.fixture
def site(tmp_path: Path, environment: Path) -> Site:
    return Site(tmp_path / "first", environment).prepare()


@pytest.fixture
def port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are ended after the test, however it went."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def get(port: int, path: str, limit: float = 10.0) -> tuple[int, bytes]:
    """Status and body; 0 when there is no answer in time."""

    async def ask() -> tuple[int, bytes]:
        target = Target.parse(f"http://127.0.0.1:{port}")
        pool = Pool(target, 0)
        async with asyncio.timeout(limit):
            found = await fetch(target, pool, path, fresh=True, keep_body=True)
        return found.answer.status, found.answer.body

    try:
        return asyncio.run(ask())
    except TimeoutError:
        return 0, b""


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ready(port: int, process: subprocess.Popen[str], limit: float = 30.0) -> None:
    """Wait for the health path to answer with success."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        if listens(port) and get(port, "/healthz")[0] == 200:
            return
        time.sleep(0.02)
    pytest.fail("the site is not ready")


def until(fact, limit: float = 20.0) -> None:
    """Wait for a fact."""
    deadline = time.monotonic() + limit
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# -- what is in the tree


def test_lock_is_hashed_and_names_no_registry():
    """Every package has a hash; where it is downloaded from is the reader's business."""
    lock = (EXAMPLE / "requirements.txt").read_text()
    packages = re.findall(r"^[a-z0-9-]+==.*$", lock, re.MULTILINE)
    assert len(packages) >= 10
    assert all(line.endswith("\\") for line in packages)
    assert "://" not in lock
    assert "index" not in lock


def test_stories_fit_both_releases(tmp_path: Path):
    """No story but the second touches a file that the second touches."""
    trees = {}
    for name in story.names():
        trees[name] = set(story.lay(name, tmp_path / name))
        assert trees[name] == {
            str(file.relative_to(tmp_path / name))
            for file in (tmp_path / name).rglob("*")
            if file.is_file()
        }
    second = trees.pop("second")
    assert all(not files & second for files in trees.values())
    readme = (story.STORIES / "README.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE)) == {"second", *trees}


def test_no_such_story(tmp_path: Path):
    """The error names those there are."""
    with pytest.raises(NotFound, match="second"):
        story.lay("../second", tmp_path)


@pytest.mark.parametrize(
    ("stories", "passes"),
    [
        ((), True),
        (("second",), True),
        (("second", "broken_tests"), False),
        (("second", "crash"), True),
        (("second", "worker_fails"), True),
        (("second", "nonsense"), True),
        (("second", "answers_500"), True),
        (("second", "hangs"), True),
        (("second", "slow_boot"), True),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else None,
)
def test_own_checks(tmp_path: Path, environment: Path, stories: tuple[str, ...], passes: bool):
    """Its own tests pass without any setting, for every story but the one that says otherwise."""
    tree = Site(tmp_path / "tree", environment, *stories)
    tree.settings = {"PATH": tree.settings["PATH"]}
    done = tree.run(APP.checks[0].command)
    assert (done.returncode == 0) is passes, done.stderr
    assert re.search(r"Ran (2|3)\d tests", done.stderr)
    if not passes:
        assert "test_at_the_mark_is_over_the_bank" in done.stderr


# -- the first release


def test_serves_and_passes_its_smoke_checks_on_an_empty_database(
    site: Site, port: int, running: list
):
    """Before any worker has run: ready, the right version, an honest forecast, hashed assets."""
    web = site.web(port)
    running.append(web)
    ready(port, web)
    assert json.loads(get(port, "/api/version")[1]) == {"release": 7, "commit": "0123abcd"}
    forecast = json.loads(get(port, FORECAST)[1])
    assert (forecast["status"], forecast["source"]) == ("ok", "on_demand")
    assert json.loads(get(port, "/api/stations")[1])["status"] == "unknown"
    page = get(port, "/")[1].decode()
    assets = re.findall(r'"/static/([^"]+)"', page)
    assert len(set(assets)) == 3
    for asset in assets:
        assert re.search(r"\.[0-9a-f]{12}\.", asset)
        assert (site.tree / "staticfiles" / asset).is_file()


def test_no_database_is_not_healthy(site: Site, port: int, running: list):
    """503 says so, while the process itself stays up."""
    site.settings["DATABASE_URL"] = "sqlite:////nowhere/at/all.sqlite3"
    web = site.web(port)
    running.append(web)
    until(lambda: listens(port))
    status, body = get(port, "/healthz")
    assert (status, json.loads(body)["status"]) == (503, "unavailable")


def test_a_unix_socket_as_the_manifest_says(site: Site, running: list, tmp_path: Path):
    """The web role's own command listens on the socket it is given."""
    path = tmp_path / "s"
    web = site.start(ROLES["web"].command.replace("{socket}", str(path)))
    running.append(web)
    until(path.exists)
    with closing(socket.socket(socket.AF_UNIX)) as client:
        until(lambda: client.connect_ex(str(path)) == 0)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")


def test_sigterm_ends_a_copy_after_its_requests(site: Site, port: int, running: list):
    """A long export goes on to its end, a WebSocket is told 1012, and then the process is gone."""
    web = site.web(port)
    running.append(web)
    ready(port, web)
    traffic = TrafficThread(
        f"http://127.0.0.1:{port}", 20, paths=["/api/stations"], fresh=0,
        long="/slow?seconds=2", websocket="/ws/levels",
    ).start()  # fmt: skip
    until(lambda: traffic.snapshot.websocket_open and traffic.snapshot.long_in_flight)
    time.sleep(0.5)
    before = time.time()
    web.send_signal(signal.SIGTERM)
    web.wait(20)
    took = time.time() - before
    report = traffic.stop()
    assert 1.0 < took < 5.0, "it waited for the export, and not for anything else"
    exports = [
        report.samples.status[place]
        for place, path in enumerate(report.samples.path)
        if report.samples.paths[path].startswith("/slow") and report.samples.at[place] < before
    ]
    assert exports == [200]
    assert report.websocket_closes[0].code == 1012
    assert report.between(0, before).failed == 0


def test_workers_finish_and_exit_0(site: Site, port: int, running: list):
    """Both workers do their work, end on SIGTERM with 0, and the site tells of it."""
    web = site.web(port)
    workers = [site.start(ROLES[name].command) for name in ("collect", "forecast")]
    running += [web, *workers]
    ready(port, web)
    until(lambda: json.loads(get(port, FORECAST)[1])["source"] == "stored")
    until(lambda: json.loads(get(port, "/api/stations")[1])["status"] == "ok")
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(10) for worker in workers] == [0, 0]
    runs = json.loads(get(port, "/api/workers")[1])["runs"]
    assert {(run["worker"], run["release"]) for run in runs} == {
        ("collect", "7"),
        ("forecast", "7"),
    }
    assert all(run["ended_at"] and run["handled"] for run in runs)


@pytest.mark.parametrize("path", ["/api/stations", "/"])
def test_takes_the_traffic_it_is_tried_with(site: Site, port: int, running: list, path: str):
    """A hundred requests a second from one copy, none failed, on however slow a machine."""
    web = site.web(port)
    running.append(web)
    ready(port, web)
    traffic = Traffic(f"http://127.0.0.1:{port}", 100, requests=200, paths=[path])
    report = asyncio.run(traffic.run())
    assert report.failed == 0
    assert report.statuses == {200: 200}


# -- the stories


def test_the_second_release_and_the_way_back(
    site: Site, tmp_path: Path, environment: Path, port: int, running: list
):
    """Its schema serves both releases; its stylesheet has another name; it tells temperatures."""
    second = Site(tmp_path / "second", environment, "second")
    second.settings["DATABASE_URL"] = site.settings["DATABASE_URL"]
    second.prepare()
    assert second.run("python manage.py makemigrations --check").returncode == 0

    def styles(each: Site) -> set[str]:
        return {file.name for file in (each.tree / "staticfiles/levels").glob("river.*.css")}

    assert not styles(site) & styles(second)
    old = site.start(ROLES["collect"].command)  # the first release's code on the second's schema
    running.append(old)
    web = second.web(port)
    running.append(web)
    ready(port, web)
    until(lambda: json.loads(get(port, "/api/stations")[1])["status"] == "ok")
    assert json.loads(get(port, "/api/stations")[1])["stations"][0]["temperature_c"] is None
    old.send_signal(signal.SIGTERM)
    assert old.wait(10) == 0
    new = second.start(ROLES["collect"].command)
    running.append(new)
    until(lambda: json.loads(get(port, "/api/stations")[1])["stations"][0]["temperature_c"])
    assert "°C" in get(port, "/")[1].decode()


def test_crash_ends_before_it_listens(tmp_path: Path, environment: Path, port: int):
    """The web command exits 1 and names the setting; nothing ever listens."""
    tree = Site(tmp_path / "tree", environment, "crash").prepare()
    web = tree.web(port)
    _, said = web.communicate(timeout=30)
    assert web.returncode == 1
    assert "KeyError: 'TIDES_URL'" in said


def test_worker_fails_with_3(tmp_path: Path, environment: Path, port: int, running: list):
    """The web role is ready; the forecaster exits 3 and says what is missing."""
    tree = Site(tmp_path / "tree", environment, "worker_fails").prepare()
    web = tree.web(port)
    running.append(web)
    ready(port, web)
    worker = tree.start(ROLES["forecast"].command)
    _, said = worker.communicate(timeout=30)
    assert worker.returncode == 3
    assert "no calibration: calibration.json" in said


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [("nonsense", 200, "water is wet"), ("answers_500", 500, ""), ("hangs", 0, "")],
)
def test_bad_answers(
    tmp_path: Path, environment: Path, port: int, running: list, name: str, status: int, says: str
):
    """It starts and listens; the smoke check's path tells what is wrong with it."""
    tree = Site(tmp_path / "tree", environment, name).prepare()
    web = tree.web(port)
    running.append(web)
    until(lambda: listens(port))
    found, body = get(port, FORECAST, limit=2.0)
    assert found == status
    assert says in body.decode()
    assert get(port, "/healthz", limit=1.0)[0] == (0 if name == "hangs" else 200)


def test_slow_boot_is_ready_late(tmp_path: Path, environment: Path, port: int, running: list):
    """Nothing answers until its time is over; then it serves."""
    tree = Site(tmp_path / "tree", environment, "slow_boot").prepare()
    boot = tree.tree / "riverside" / "boot.py"
    assert "SECONDS = 8.0" in boot.read_text()
    boot.write_text("SECONDS = 1.5\n")
    begin = time.monotonic()
    web = tree.web(port)
    running.append(web)
    ready(port, web)
    assert time.monotonic() - begin > 1.5


def test_websocket_speaks_to_a_stranger_s_client(site: Site, port: int, running: list):
    """A path that is no WebSocket is refused; the right one sends a level at once."""
    web = site.web(port)
    running.append(web)
    ready(port, web)
    heard: list[int] = []

    async def listen() -> None:
        socket_ = await websocket.connect(Target.parse(f"http://127.0.0.1:{port}"), "/ws/levels")
        task = asyncio.create_task(socket_.listen(lambda: heard.append(1), 5.0))
        await asyncio.sleep(1.5)
        task.cancel()
        await socket_.close()

    asyncio.run(listen())
    assert len(heard) == 2
    assert get(port, "/ws/levels")[0] == 404
