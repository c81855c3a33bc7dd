"""Secrets in a real rollout: in the processes of a release, and nowhere else that can be read."""

import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.base.journal import Outcome, Verb
from scenes.house import App, House, environment, git, until

FIRST = "planted-first-value/of+a 'token'"
SECOND = "planted-second-value\nof two lines"
OTHER = "planted-password-9%41"

NEEDS = """
[environment.local]
branch = "main"
strategy = {{ kind = "blue-green", hold = "0s" }}
secrets = ["API_TOKEN", "DATABASE_PASSWORD"]

[environment.local.settings]
DATABASE_URL = "sqlite:///{{data}}/app.sqlite3"
"""
ASKS = """
[smoke.asks]
command = "{python} ask.py"
limit = "3s"
"""
TOLD = """
TOKEN = os.environ["API_TOKEN"]
assert os.environ["DATABASE_PASSWORD"]
if BEHAVE.get("tells"):
    print("it starts with", TOKEN, flush=True)
"""
# Code under check runs without them (promise 13); a smoke check and a migration run with them.
NONE_HERE = """
import os, sys
if "API_TOKEN" in os.environ or "DATABASE_PASSWORD" in os.environ:
    sys.exit("a secret under check")
"""
ASK = """
import json, os
from pathlib import Path
behave = json.loads((Path(__file__).parent / "behave.json").read_text())
token, password = os.environ["API_TOKEN"], os.environ["DATABASE_PASSWORD"]
if behave.get("asks"):
    raise SystemExit(f"{token.splitlines()[0]} and {password} do not open it")
"""


def an_app(house: House, name: str) -> App:
    """The scenes' app, with two secrets that it needs."""
    app = house.app(name, migrate=True, worker=True, environments=NEEDS, tail=ASKS)
    server = (app.clone / "server.py").read_text()
    begin = server.index("MAGIC = ")
    server = server[:begin] + TOLD.lstrip() + server[begin:]
    server = server.replace(
        '    if path == "/rows":',
        '    if path == "/token":\n'
        "        return 200, hashlib.sha256(TOKEN.encode()).hexdigest()\n"
        '    if path == "/rows":',
    )
    migrate = (app.clone / "migrate.py").read_text() + "\nassert os.environ['API_TOKEN']\n"
    migrate = migrate.replace("sys.exit(BEHAVE", "os.environ['API_TOKEN']\nsys.exit(BEHAVE")
    files = {"server.py": server, "migrate.py": migrate, "ask.py": ASK}
    for name in ("check.py", "build.py"):
        text = (app.clone / name).read_text()
        end = text.index('"""', 3) + 3
        files[name] = text[:end] + "\n" + NONE_HERE + text[end:]
    app.write(files)
    app.commit("Needs its secrets")
    return app


def cli(house: House, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "fairlead", "--home", str(house.home), *words]
    return subprocess.run(
        argv, input=given, capture_output=True, text=True, timeout=120, env=environment()
    )


def put(house: House, app: App, name: str, value: str) -> str:
    """Set a secret as a person does who pipes it in; all that was said."""
    done = cli(house, "secret", "set", str(app.place), name, given=value + "\n")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def has(app: App, value: str) -> None:
    """Wait until what serves has that value."""
    digest = hashlib.sha256(value.encode()).hexdigest()
    until(lambda: app.get("/token") == (200, digest), "the app has the other value")


def disguises(value: str) -> list[bytes]:
    """The value, its lines, and each in base64."""
    whole = [value, *value.splitlines()]
    plain = [text.encode() for text in whole]
    return [*plain, *(base64.b64encode(text) for text in plain)]


def found_in(data: bytes, values: tuple[str, ...]) -> bool:
    return any(one in data for value in values for one in disguises(value))


def files_with(root: Path, values: tuple[str, ...]) -> list[Path]:
    """Every file below a directory that holds one of the values."""
    found = []
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in names):
            if path.is_file() and not path.is_symlink() and found_in(path.read_bytes(), values):
                found.append(path)
    return found


def objects_of(repository: Path) -> bytes:
    """Every object git keeps, also those that no branch reaches, unpacked."""
    listed = git(repository, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    argv = ["git", "-C", str(repository), "cat-file", "--batch"]
    return subprocess.run(argv, input=listed.encode(), capture_output=True, check=True).stdout


def command_lines() -> bytes:
    found = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_bytes() + b"\n"
        except OSError:
            continue
    return found


VERBS = (
    ("status",), ("releases", "{app}"), ("plan", "{place}"), ("drift", "{place}"),
    ("logs", "{place}", "--lines", "1000"), ("changed",), ("trace", "1"),
    ("record", "show", "--lines", "1000"), ("record", "verify"), ("agent", "status"),
    ("secret", "list", "{place}"), ("secret", "key", "show"),
    ("secret", "unset", "{place}", "API_TOKEN"), ("secret", "unset", "{place}", "NONE"),
    ("set", "{place}", "API_TOKEN=other"), ("secret", "set", "{place}", "API_TOKEN=other"),
    ("secret", "set", "{place}", "API_TOKEN", "other"),
)  # fmt: skip


def shown(house: House, app: App) -> str:
    """What every verb says, as text and as JSON, also those that are refused."""
    said = ""
    for words in VERBS:
        full = [word.format(app=app.name, place=app.place) for word in words]
        for json in ([], ["--json"]):
            done = cli(house, *full, *json)
            said += f"{done.stdout}{done.stderr}"
    return said


def nowhere(house: House, app: App, values: tuple[str, ...], seen: bytes = b"") -> None:
    """The values stand in no place that is not meant for them."""
    home, run = house.tools.home.root, house.tools.home.run
    assert files_with(home, values) == []
    specs = files_with(run, values)
    assert all(path.name == "spec" and path.stat().st_mode & 0o777 == 0o600 for path in specs)
    assert not found_in(objects_of(house.tools.home.deploy), values)
    assert not found_in(objects_of(house.tools.home.repository(app.name)), values)
    assert not found_in(command_lines(), values)
    assert not found_in(seen, values)
    assert not found_in(shown(house, app).encode(), values)


@pytest.mark.timeout(300)
def test_a_secret_is_rolled_out_rotated_and_rolled_back_and_stands_nowhere_else(house: House):
    """A real migration, copies, worker, smoke command and users; then everything is searched."""
    app = an_app(house, "vault")
    refused = app.push()
    said = refused.said
    assert refused.code == 1
    assert "vault/local needs a secret that has no value: API_TOKEN, DATABASE_PASSWORD" in said
    assert "fairlead secret set vault/local API_TOKEN" in said
    assert app.head() == ""
    assert house.entries(app.name, Verb.BUILD, Verb.RELEASE) == []
    said += put(house, app, "API_TOKEN", FIRST)
    said += put(house, app, "DATABASE_PASSWORD", OTHER)
    said += app.released().said
    first = app.version()["release"]
    has(app, FIRST)
    with app.users():
        said += put(house, app, "API_TOKEN", SECOND)
        app.serves(first + 1)
        app.settled()
        has(app, SECOND)
        nowhere(house, app, (FIRST, SECOND, OTHER), said.encode())
        done = cli(house, "rollback", str(app.place), "--why", "the new token is refused")
        assert done.returncode == 0, done.stderr
        app.serves(first)
        app.settled()
        has(app, FIRST)
        said += done.stdout + done.stderr
        done = cli(house, "secret", "key", "rotate")
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    nowhere(house, app, (FIRST, SECOND, OTHER), said.encode())
    told = cli(house, "changed", "--app", app.name).stdout
    assert "secret API_TOKEN rotated: version 1 → 2" in told
    assert "secret API_TOKEN rotated: version 2 → 1" in told
    house.must_hold()


def test_a_copy_that_crashes_starts_again_with_its_secrets(house: House):
    """Nobody is asked for them: not the agent, not the deploy repo."""
    app = an_app(house, "again")
    app.push()
    put(house, app, "API_TOKEN", FIRST)
    put(house, app, "DATABASE_PASSWORD", OTHER)
    app.released()
    (name,) = [copy for copy in app.pids() if copy.startswith("web.")]
    before = app.pids()[name]
    os.kill(before, 9)
    until(lambda: app.pids().get(name) not in (None, before), "it is started again")
    has(app, FIRST)


def test_what_an_app_tells_of_its_secrets_is_masked(house: House):
    """Its log as it is shown, its smoke check's words in the record, and what a pusher reads."""
    app = an_app(house, "tells")
    app.push()
    put(house, app, "API_TOKEN", SECOND)
    put(house, app, "DATABASE_PASSWORD", OTHER)
    app.change("tells", tells=True)
    app.released()
    good = app.version()["release"]
    logs = cli(house, "logs", str(app.place), "web").stdout
    assert "it starts with <secret API_TOKEN>" in logs
    app.change("fails", tells=True, asks=True)
    said = app.push().said
    app.settled_on(good)
    shown_all = shown(house, app)
    assert "<secret API_TOKEN> and <secret DATABASE_PASSWORD> do not open it" in shown_all
    ends = house.entries("tells", Verb.ROLLOUT)
    assert Outcome.FAILED in [end.outcome for end in ends]
    kept = (house.tools.home.record, house.tools.home.state)
    for text in (said.encode(), shown_all.encode(), *(path.read_bytes() for path in kept)):
        assert not found_in(text, (SECOND, OTHER))
    # The log itself holds what the app printed: it is the app's, and its owner's only.
    files = files_with(house.tools.home.root, (SECOND, OTHER))
    assert {path.parent for path in files} == {house.tools.home.log(app.place, "x").parent}
    assert all(path.name.startswith("web.") for path in files)
