"""``fairlead secret`` at the door: where a value may come from, and that it never comes back."""

import io
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairlead import wire
from fairlead.base.secret import Secret
from fairlead.cli.main import main
from fairlead.service.secrets import set_secrets
from service.answers_world import LOCAL, STAGING, World, runs_in

PLANTED = "planted-value-of-a-secret"
Call = Callable[..., tuple[int, str]]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with runs_in(monkeypatch.setenv):
        made = World(tmp_path)
        made.released("Add tides")
        monkeypatch.setattr(wire, "tools_of", lambda home, who="": made.tools)
        monkeypatch.setenv("FAIRLEAD_HOME", str(made.home.root))
        yield made


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command in this process, given something on its standard input."""

    def calling(*words: str, given: str = "") -> tuple[int, str]:
        capsys.readouterr()
        stdin = io.TextIOWrapper(io.BytesIO(given.encode("utf-8", "surrogateescape")))
        monkeypatch.setattr(sys, "stdin", stdin)
        code = main(["secret", *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return calling


def value(world: World, name: str = "TOKEN") -> str:
    """What the newest release's processes get."""
    wanted = world.tools.desired(LOCAL)
    assert wanted
    return world.tools.world.secrets.values(LOCAL, wanted.release)[name].reveal()


@pytest.mark.parametrize(
    ("given", "sealed"),
    [
        (f"{PLANTED}\n", PLANTED),
        (PLANTED, PLANTED),
        (f"{PLANTED}\r\n", PLANTED),
        ("two\nlines\n\n", "two\nlines\n"),
        ("  spaces count \n", "  spaces count "),
    ],
)
def test_a_value_is_read_from_standard_input(
    world: World, call: Call, given: str, sealed: str
) -> None:
    """Whole, but for one line end, which ``echo`` and editors put there."""
    code, said = call("set", "tide/local", "TOKEN", "--no-wait", given=given)
    assert code == 0
    assert value(world) == sealed
    assert PLANTED not in said
    assert "tide/local: TOKEN 1: in release 2" in said


def test_a_value_is_read_from_a_file_and_many_from_a_dotenv(
    world: World, call: Call, tmp_path: Path
) -> None:
    """The .env in one release."""
    key, env = tmp_path / "key.pem", tmp_path / ".env"
    key.write_text(f"{PLANTED}\nand more\n")
    env.write_text(f"# mine\nexport TOKEN='{PLANTED}'\nSECOND=two\n")
    assert call("set", "tide/local", "TLS", "--file", str(key), "--no-wait")[0] == 0
    code, said = call("set", "tide/local", "--from-file", str(env), "--no-wait")
    assert code == 0
    assert value(world, "TLS") == f"{PLANTED}\nand more"
    assert (value(world), value(world, "SECOND")) == (PLANTED, "two")
    assert "SECOND 1, TOKEN 1: in release 3" in said


@pytest.mark.parametrize(
    "words",
    [
        ("TOKEN=" + PLANTED,),
        ("TOKEN", PLANTED),
        (PLANTED,),
        ("TOKEN", "--value", PLANTED),
        ("TOKEN", f"--value={PLANTED}"),
        ("--from-file", ".env", PLANTED),
    ],
)
def test_a_value_typed_as_an_argument_is_refused_and_not_repeated(
    world: World, call: Call, words: tuple[str, ...]
) -> None:
    """It is in the shell's history and in ps by then: the error at least has it not."""
    code, said = call("set", "tide/local", *words, given="")
    assert code in (2, 10)
    assert PLANTED not in said
    assert world.tools.desired(LOCAL).release.number == 1


@pytest.mark.parametrize("given", [b"\xff\xfe", b"a\0b", b"", b"\n"])
def test_what_cannot_be_a_value_is_said(world: World, call: Call, given: bytes) -> None:
    """With what to do instead; nothing is sealed."""
    text = given.decode("utf-8", "surrogateescape")
    code, said = call("set", "tide/local", "TOKEN", given=text)
    assert code == 2
    assert "hint: " in said
    assert world.tools.sealed.ring.ids() == ()


def test_the_list_is_a_table_and_json_without_values(world: World, call: Call) -> None:
    """Names, versions, who; for a place that has no release yet as well."""
    set_secrets(world.tools, LOCAL, {"TOKEN": Secret(PLANTED)}, "", instead=False)
    set_secrets(world.tools, STAGING, {"OTHER": Secret(PLANTED)}, "", instead=False)
    code, said = call("list", "tide/local")
    assert (code, "TOKEN  1" in said) == (0, True)
    _, told = call("list", "tide/staging", "--json")
    (line,) = json.loads(told)["secrets"]
    assert (line["name"], line["version"], line["in_release"]) == ("OTHER", 1, 0)
    assert PLANTED not in said + told


def test_an_unknown_place_is_not_found(world: World, call: Call) -> None:
    """A slip of the hand seals nothing anywhere."""
    for place in ("tide/prodution", "tied/local"):
        code, said = call("set", place, "TOKEN", given=PLANTED)
        assert code == 10, said
        assert "hint: " in said


def test_the_key_is_shown_by_its_id_exported_and_rotated(
    world: World, call: Call, tmp_path: Path
) -> None:
    """What it opens is said; the exit code says when something does not open."""
    set_secrets(world.tools, LOCAL, {"TOKEN": Secret(PLANTED)}, "", instead=False)
    file = tmp_path / "recovery.txt"
    assert call("key", "export", str(file))[0] == 0
    secret = file.read_text().split()[-1]
    said = "".join(call("key", *words)[1] for words in (("show",), ("show", "--json"), ("rotate",)))
    assert "1 of 1 value in 1 place open" in said
    assert secret not in said
    (world.home.keys / "secrets").unlink()
    code, said = call("key", "import", str(file))
    assert (code, "does not open: tide/local TOKEN 1" in said) == (1, True)
    code, said = call("key", "export", str(file))
    assert (code, "File exists" in said) == (2, True)


def test_on_a_terminal_the_value_is_asked_for_twice_and_not_shown(world: World) -> None:
    """A real terminal: what is typed is not echoed; two that differ are asked for again."""
    argv = [sys.executable, "-m", "fairlead", "--home", str(world.home.root)]
    argv += ["secret", "set", "tide/local", "TOKEN", "--no-wait"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        said = typed(ours, [PLANTED, "a slip", PLANTED, PLANTED])
        assert process.wait(20) == 0, said
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert "the value of TOKEN (it is not shown)" in said
    assert PLANTED not in said
    assert value(world) == PLANTED


def typed(terminal: int, lines: list[str], limit: float = 20.0) -> str:
    """What a terminal shows while these lines are typed, one at each prompt."""
    said, answered, deadline = "", 0, time.monotonic() + limit
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                data = os.read(terminal, 4096)
            except OSError:  # the other side is closed (EIO)
                break
            if not data:
                break
            said += data.decode()
        elif said.count("): ") + said.count("firmation: ") > answered and answered < len(lines):
            os.write(terminal, f"{lines[answered]}\n".encode())
            answered += 1
    return said
