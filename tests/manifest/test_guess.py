"""Guessing: pure, the same each time, and never anything but a manifest that parses."""

import json
import socket
import subprocess
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.base.errors import UsageError
from fairlead.manifest.commands import words
from fairlead.manifest.guess import guess
from fairlead.manifest.guess.draft import toml
from fairlead.manifest.guess.repository import best_health, is_health
from fairlead.manifest.rules import parse

LINE = st.text(alphabet=st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=30)


@given(st.dictionaries(st.text(alphabet="abAB09_-", min_size=1, max_size=8), LINE, max_size=4))
def test_any_procfile_gives_a_manifest_that_parses_or_a_usage_error(lines: dict[str, str]):
    text = "\n".join(f"{name}: {command}" for name, command in lines.items())
    parses_or_says_why({"Procfile": text})


@settings(max_examples=40)
@given(st.recursive(LINE | st.integers(), lambda x: st.dictionaries(LINE, x) | st.lists(x)))
def test_any_package_json_gives_a_manifest_that_parses_or_a_usage_error(value: object):
    start = {"scripts": {"start": value, "test": value, "build": value}, "main": value}
    parses_or_says_why({"package.json": json.dumps(start), "index.html": ""})
    parses_or_says_why({"package.json": json.dumps(value), "index.html": ""})


@given(st.text(), st.text(), st.text(max_size=20), st.text(max_size=20))
def test_any_python_gives_a_manifest_that_parses_or_a_usage_error(one, other, name, branch):
    django = {"manage.py": f"('DJANGO_SETTINGS_MODULE', 'a.b')\n{one}", "a/b.py": other}
    parses_or_says_why(django, name, branch)
    parses_or_says_why({"app.py": f"app = Flask({one!r})\n", "pyproject.toml": other}, name, branch)


def parses_or_says_why(files: dict[str, str], name: str = "x", branch: str = "main") -> None:
    try:
        found = guess(files, directory=name, branch=branch)
    except UsageError as error:
        said = error
    else:
        assert parse(found.text).environments[0].branch == branch
        assert guess(files, directory=name, branch=branch) == found
        return
    assert said.hint


@given(st.recursive(st.text() | st.integers() | st.booleans(), st.lists))
def test_toml_reads_back_what_was_written(value: object):
    assert tomllib.loads(f"x = {toml(value)}")["x"] == value


@given(st.dictionaries(st.text(), st.text(), min_size=1))
def test_inline_tables_read_back_too(value: dict[str, str]):
    assert tomllib.loads(f"x = {toml(value)}")["x"] == value


@pytest.mark.parametrize(
    ("directory", "name"),
    [("Shop", "shop"), ("my_app.py", "my-app-py"), ("2048", "app"), ("-x-", "x"), ("é", "app")],
)
def test_the_app_is_called_after_the_directory_as_far_as_it_can_be(directory: str, name: str):
    assert parse(guess({"index.html": ""}, directory=directory).text).name == name


def test_readiness_is_preferred_to_health_and_health_to_liveness():
    assert best_health(["/ping", "/livez", "/health", "/readyz"]) == "/readyz"
    assert best_health(["/ping", "/livez", "/api/healthz"]) == "/api/healthz"
    assert best_health(["/ping", "/livez"]) == "/livez"
    assert best_health([]) == ""


@pytest.mark.parametrize("path", ["/health", "healthz/", "/api/v1/health-check", "up", "/readyz"])
def test_health_paths_are_known(path: str):
    assert is_health(path)


@pytest.mark.parametrize("path", ["/", "/healthy-food", "/startup", "/pong", "/update"])
def test_other_paths_are_not(path: str):
    assert not is_health(path)


def test_the_file_server_behind_a_static_site_answers(tmp_path: Path):
    """The very command that is proposed, started and asked."""
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "index.html").write_text("hello")
    command = parse(guess({"public/index.html": ""}).text).roles[0].command
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [word.replace("{port}", str(port)) for word in words(command)]
    server = subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        assert asked(f"http://127.0.0.1:{port}/", until=time.monotonic() + 20) == b"hello"
    finally:
        server.terminate()
        server.wait(10)


def asked(url: str, until: float) -> bytes:
    """The answer, as soon as there is one."""
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.read()
        except OSError:
            assert time.monotonic() < until, "no answer"
            time.sleep(0.02)


PROCFILE = [
    ("web: gunicorn app", "gunicorn --bind unix:{socket} app"),
    ("web: gunicorn -b :$PORT app", "gunicorn -b unix:{socket} app"),
    (
        "web: uvicorn a:b --host 0.0.0.0 --port ${PORT:-80}",
        "uvicorn a:b --host 127.0.0.1 --port {port}",
    ),
    ("web: daphne -b 0.0.0.0 -p $PORT a:b", "daphne -b 127.0.0.1 -p {port} a:b"),
    ("web: bin/x", "env PORT={port} bin/x"),
    ("web: a && b", "sh -c 'PORT={port}; export PORT; a && b'"),
    ("web: A=1 b --port $PORT", "sh -c 'A=1 b --port {port}'"),
    ("web: gunicorn -b 0.0.0.0:$PORT -n x$PORT a", "gunicorn -b 127.0.0.1:{port} -n x{port} a"),
]


@pytest.mark.parametrize(("line", "command"), PROCFILE)
def test_a_web_line_is_told_where_to_listen(line: str, command: str):
    assert parse(guess({"Procfile": line}).text).roles[0].command == command
