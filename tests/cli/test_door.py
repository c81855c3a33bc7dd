"""The door itself: exit codes, hints, JSON, what goes where, and that nothing is made by looking."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import click
import pytest

from fairlead import __version__, wire
from fairlead.base import errors
from fairlead.cli.group import Verb, Verbs, root
from fairlead.cli.main import main
from fairlead.cli.reference import reference
from fairlead.cli.verbs import SECTIONS, known
from service.answers_world import LOCAL, World, runs_in

ROOT = Path(__file__).resolve().parent.parent.parent
FAIRLEAD = [sys.executable, "-m", "fairlead"]

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command in this process: exit code, stdout, stderr."""

    def calling(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return calling


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A home whose runtime and proxy are in memory, joined as `wire` joins them."""
    with runs_in(monkeypatch.setenv):
        made = World(tmp_path)
        monkeypatch.setattr(wire, "tools_of", lambda home, who="": made.tools)
        monkeypatch.setenv("FAIRLEAD_HOME", str(made.home.root))
        yield made


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command, also those below others."""
    context = click.Context(root)
    for name in known():
        command = root.get_command(context, name)
        assert command is not None, name
        yield from below(name, command)


def below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """A command, and every one under it, by its whole name."""
    yield name, command
    if isinstance(command, click.Group):
        for last, one in command.commands.items():
            yield from below(f"{name} {last}", one)


def test_the_list_says_what_each_command_says_of_itself() -> None:
    """The lines stand apart so that the list imports nothing; they must not drift apart."""
    told = {name: place.line for part in SECTIONS.values() for name, place in part.items()}
    context = click.Context(root)
    for name, line in told.items():
        command = root.get_command(context, name)
        assert command is not None
        if name not in ("up", "demo"):  # theirs begin with a longer sentence
            assert (command.help or "").split("\n\n")[0] == line


def test_every_command_has_help_with_an_example() -> None:
    """And the example begins as one would type it."""
    for name, command in commands():
        assert isinstance(command, Verb | Verbs), name
        assert command.examples, name
        assert command.help, name


def test_every_command_takes_json_and_home() -> None:
    """One way to ask for it, everywhere."""
    for name, command in commands():
        names = {parameter.name for parameter in command.params}
        only_names_others = isinstance(command, Verbs) and not command.invoke_without_command
        assert only_names_others or {"as_json", "home"} <= names, name


def test_the_reference_page_is_current() -> None:
    """Made again by: python -m fairlead.cli.reference > docs/reference/commands.md"""
    assert (ROOT / "docs/reference/commands.md").read_text() == reference()


@pytest.mark.parametrize("words", [["status"], ["trace", "HEAD"], ["record", "verify"], ["logs"],
                                   ["releases"], ["plan"], ["changed"], ["drift"]])  # fmt: skip
def test_looking_makes_no_home(call: Call, words: list[str], tmp_path: Path) -> None:
    """Without a home: not found, with the command that makes one; and none is made."""
    code, out, err = call("--home", str(tmp_path / "none"), *words)
    assert (code, out) == (10, "")
    assert err == (
        f"there is no Fairlead here yet: {tmp_path}/none\n\n"
        "hint: fairlead up, in a repository with a fairlead.toml, makes one\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_json_where_json_was_asked_for(call: Call, tmp_path: Path) -> None:
    """On stdout, with the hint and the exit code; nothing on stderr."""
    code, out, err = call("status", "--json", "--home", str(tmp_path / "none"))
    error = json.loads(out)["error"]
    assert (code, error["code"], err) == (10, 10, "")
    assert error["what"].startswith("there is no Fairlead here yet")
    assert error["hint"].startswith("fairlead up")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["nope"], "fairlead --help"),
        (["status", "--nope"], "fairlead status --help"),
        (["rollback", "--to", "x"], "fairlead rollback --help"),
        (["record", "nope"], "fairlead record --help"),
        (["set"], "fairlead set --help"),
    ],
)
def test_a_wrong_call_is_a_usage_error_with_the_help_to_read(
    call: Call, words: list[str], hint: str
) -> None:
    """Exit 2, in our form, with no usage wall."""
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert err.endswith(f"\n\nhint: {hint}\n")
    assert err.count("\n") == 3


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.FairleadError, 1),
        (errors.UsageError, 2),
        (errors.Refused, 3),
        (errors.NotFound, 10),
        (errors.Busy, 11),
        (errors.NotAllowed, 12),
        (errors.Unknown, 1),
    ],
)
def test_exit_codes_come_from_the_errors_class(
    world: World, call: Call, monkeypatch: pytest.MonkeyPatch,
    error: type[errors.FairleadError], code: int,
) -> None:  # fmt: skip
    """Whichever verb raises it."""

    def fail(*_: object) -> None:
        raise error("it \x1b[31mhappened", "do this")

    monkeypatch.setattr("fairlead.cli.status.look", fail)
    assert call("status") == (code, "", "it happened\n\nhint: do this\n")


def test_a_mistake_of_ours_is_one_line_and_a_report(
    world: World, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a traceback; the report lies in the home's logs and names no value given."""
    world.home.logs.mkdir(exist_ok=True)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr("fairlead.cli.trace.ask", fail)
    code, out, err = call("trace", "my-own-secret-words", "--app=alsomyownsecret")
    what, _, hint = err.partition("\n\n")
    assert (code, out) == (1, "")
    assert what == "this is a mistake in Fairlead: ZeroDivisionError: oh no"
    report = Path(hint.removeprefix("hint: send us ").partition(";")[0])
    assert report.parent == world.home.logs
    text = report.read_text()
    assert "ZeroDivisionError" in text
    assert "fairlead trace" in text
    assert "secret" not in text


def test_the_view_is_the_same_as_json(world: World, call: Call) -> None:
    """What the text says is in the JSON, and the JSON is one object."""
    commit = world.released("Add tides")
    code, out, err = call("status", "--json")
    view = json.loads(out)
    assert (code, err) == (0, "")
    assert view["places"][0]["commit"] == commit
    code, out, _ = call("status")
    assert code == 0
    assert f"release 1 · {commit[:7]} Add tides" in out


def test_talk_goes_to_stderr(world: World, call: Call) -> None:
    """Which place was taken is no part of the answer."""
    world.released("Add tides")
    code, out, err = call("plan", "--json")
    assert (code, err) == (0, "taking tide/local, the only one there is\n")
    assert json.loads(out)["empty"] is True


def test_rollback_follows_to_the_end(world: World, call: Call) -> None:
    """What happens goes by on stderr; the answer is how it ended."""
    world.released("Add tides")
    world.released("Add winds")
    with world.agent():
        code, out, err = call("rollback", "tide/local", "--why", "too windy")
    assert (code, out.partition(" after ")[0]) == (0, "Release 1 serves local")
    assert "too windy" in err
    assert world.machine.woken


def test_rollback_refused_is_exit_3_with_the_way_out(world: World, call: Call) -> None:
    """There is nothing to go back to: the hint lists what there is."""
    world.released("Add tides")
    code, _, err = call("rollback", "tide/local")
    assert code == 3
    assert err.endswith("hint: `fairlead releases` lists what there is; name one with --to\n")


def test_no_wait_ends_at_once(world: World, call: Call) -> None:
    """With the commit that asks for it."""
    world.released("Add tides")
    world.released("Add winds")
    code, out, _ = call("rollback", "tide/local", "--no-wait", "--json")
    end = json.loads(out)
    assert (code, end["outcome"], len(end["revision"])) == (0, "waiting", 40)


def test_promote_and_approve_by_their_words(world: World, call: Call, tmp_path: Path) -> None:
    """It waits, its document may be signed by hand, and the approval rolls it out."""
    world.released("Add tides")
    code, out, _ = call("promote", "local", "production")
    assert (code, "fairlead approve tide/production" in out) == (0, True)
    code, out, _ = call("plan", "production", "--json")
    digest = json.loads(out)["digest"]
    code, out, err = call("approve", "production", "--signature", str(tmp_path / "none.sig"))
    assert (code, "hint: ssh-keygen -Y sign" in err) == (10, True)
    with world.agent():
        code, out, err = call("approve", "tide/production", "--plan", digest[:19])
    assert (code, out.partition(" after ")[0]) == (0, "Release 1 serves production")
    assert f"plan {digest}" in err


def test_set_makes_a_release_and_rolls_it_out(world: World, call: Call) -> None:
    """And what is no KEY=VALUE is a usage error."""
    world.released("Add tides")
    with world.agent():
        code, out, _ = call("set", "tide/local", "GREETING=hello")
    assert (code, out.partition(" after ")[0]) == (0, "Release 2 serves local")
    assert call("set", "tide/local", "GREETING")[0] == 2
    assert call("set", "tide/local")[0] == 2
    assert call("set", "tide/local", "not a name=x")[0] == 2


def test_drift_is_shown_then_reverted(world: World, call: Call) -> None:
    """A stray process: found, ended, gone."""
    world.released("Add tides")
    world.runtime.add_stray(LOCAL)
    _, out, _ = call("drift", "--json")
    assert [item["kind"] for item in json.loads(out)["items"]] == ["process"]
    assert call("drift", "--revert", "--adopt")[0] == 2
    code, out, _ = call("drift", "--revert")
    assert (code, out.startswith("reverted: process ")) == (0, True)
    assert call("drift")[1] == "tide/local: nothing is amiss\n"


def test_down_asks_nobody_who_is_not_there(world: World, call: Call) -> None:
    """Not on a terminal it wants --yes; then everything is ended, and said to be."""
    code, _, err = call("down")
    assert (code, "hint: add --yes" in err) == (2, True)
    assert world.machine.now.supervisor == 11
    assert call("down", "--yes")[0] == 0
    assert world.machine.now.supervisor == 0
    code, out, _ = call("status")
    assert (code, "does not run" in out) == (0, True)


def test_agent_status_says_by_its_exit_code_whether_it_runs(world: World, call: Call) -> None:
    """0 while it does, 1 when not."""
    assert call("agent", "status")[0] == 0
    assert call("agent", "stop")[0] == 0
    assert call("agent", "status")[0] == 1
    assert call("agent", "start")[0] == 0


def test_init_says_what_it_guessed(call: Call, tmp_path: Path) -> None:
    """It never asks in a pipe, and never replaces what is there by itself."""
    (tmp_path / "Procfile").write_text("web: ./serve --port $PORT\n")
    code, out, err = call("init", str(tmp_path))
    assert (code, "wrote" in out, "next:" in err) == (0, True, True)
    code, _, err = call("init", str(tmp_path))
    assert (code, "fairlead init --force" in err) == (2, True)
    assert call("init", str(tmp_path), "--force", "--json")[0] == 0
    assert "[role." in call("init", "--example")[1]


def test_the_agent_at_work_is_not_joined_by_a_second(world: World, call: Call) -> None:
    """Busy: exit 11, by which process, with the command that ends it."""
    code, _, err = call("agent")
    assert (code, err) == (
        11,
        "an agent is at work already: process 13\n\nhint: fairlead agent stop ends it\n",
    )


def test_ctrl_c_says_what_goes_on_by_itself(
    world: World, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rollout is the agent's; only the watching ends."""
    world.released("Add tides")
    world.released("Add winds")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fairlead.cli.watching.follow_revision", interrupted)
    code, out, err = call("rollback", "tide/local")
    assert (code, out) == (130, "")
    assert err.endswith("no longer watching; the agent goes on with it: fairlead status tide\n")


def real(*words: str, home: Path, **more: object) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "FAIRLEAD_HOME": str(home)}
    return subprocess.run(
        [*FAIRLEAD, *words], env=environment, capture_output=True, text=True, timeout=60, **more
    )


def test_without_a_command_the_list_is_shown() -> None:
    """As talk, exit 2: nothing was asked."""
    done = subprocess.run(FAIRLEAD, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Take an app along the line:" in done.stderr


def test_places_are_completed_without_starting_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell's question is answered from the deploy repo's directories."""
    with runs_in(monkeypatch.setenv):
        world = World(tmp_path)
        world.push("Add tides")
        asked = {"COMP_WORDS": "fairlead rollback ti", "COMP_CWORD": "2"}
        environment = {**os.environ, **asked, "_FAIRLEAD_COMPLETE": "bash_complete"}
        environment["FAIRLEAD_HOME"] = str(world.home.root)
        done = subprocess.run(FAIRLEAD, env=environment, capture_output=True, text=True)
        assert "tide/local" in done.stdout


def test_version_imports_no_library() -> None:
    """It must be quick: neither click nor msgspec is imported for it."""
    code = "import sys; from fairlead.cli.main import main; main(['--version'])"
    code += "; print(sorted({'click', 'msgspec', 'rich', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == f"fairlead {__version__}\n[]\n"


def test_the_list_of_commands_imports_no_command() -> None:
    """`fairlead --help` imports click and little else."""
    code = "import sys; from fairlead.cli.main import main; main(['--help'])"
    code += "; print(sorted({'msgspec', 'rich', 'fairlead.wire'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("[]\n")


def test_a_real_home_whose_processes_are_all_dead_still_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the record, saying what does not run; nothing is started by looking."""
    with runs_in(monkeypatch.setenv):
        world = World(tmp_path)
        world.released("Add tides")
        done = real("status", "--json", home=world.home.root)
        view = json.loads(done.stdout)
        assert done.returncode == 0
        assert view["machine"] == {"supervisor": 0, "proxy": 0, "agent": 0, "listening": False}
        place = view["places"][0]
        assert (place["state"], place["serving"]) == ("not known", 1)
        for words in (["releases"], ["trace", "tide/1"], ["changed"], ["record", "verify"]):
            assert real(*words, home=world.home.root).returncode == 0, words


def test_a_reader_that_goes_away_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fairlead record show | head -1`: quiet, and no complaint at exit."""
    with runs_in(monkeypatch.setenv):
        world = World(tmp_path)
        world.push("Add tides")
        environment = {**os.environ, "FAIRLEAD_HOME": str(world.home.root)}
        shown = subprocess.Popen(
            [*FAIRLEAD, "record", "follow", "--since", "0"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert shown.stdout
        assert shown.stdout.readline().startswith("1 ")
        shown.stdout.close()
        deadline = monotonic() + 30
        while shown.poll() is None and monotonic() < deadline:
            world.push("Add winds")
        assert shown.wait(1) == 0
        assert shown.stderr
        assert shown.stderr.read() == ""
        shown.stderr.close()


def test_ctrl_c_ends_a_follower_with_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a traceback."""
    with runs_in(monkeypatch.setenv):
        world = World(tmp_path)
        world.push("Add tides")
        environment = {**os.environ, "FAIRLEAD_HOME": str(world.home.root)}
        shown = subprocess.Popen(
            [*FAIRLEAD, "record", "follow", "--since", "0", "--json"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert shown.stdout
        assert json.loads(shown.stdout.readline())["entry"]["seq"] == 1
        shown.send_signal(signal.SIGINT)
        _, err = shown.communicate(timeout=30)
        assert (shown.returncode, err) == (130, "\ninterrupted\n")
