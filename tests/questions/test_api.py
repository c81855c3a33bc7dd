"""The API question in its process: four answers, and what is kept."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from fairlead.checks.model import Answer, Asked, Reply
from fairlead.manifest.questions import Api

OLD = """
openapi: 3.0.3
info: {title: Rivers, version: "1"}
paths:
  /levels:
    get:
      responses:
        200:
          description: ok
          content:
            application/json:
              schema: {type: object, properties: {at: {type: string}, level: {type: integer}}}
"""
NEW = OLD.replace(", level: {type: integer}", "")


def ask(
    room: Path, files: dict[str, str], options: Api, *, process: bool = False, **given: object
) -> Reply:
    tree, out = room / "tree", room / "out"
    for directory in (tree, out):
        directory.mkdir(exist_ok=True)
    for name, text in files.items():
        (tree / name).write_text(text)
    asked = Asked(options, str(tree), str(out), {"today": "2026-11-21", "contracts": [], **given})
    if not process:
        from fairlead.questions.api import answer

        return answer(asked)
    (room / "asked.json").write_bytes(msgspec.json.encode(asked))
    subprocess.run(
        [sys.executable, "-I", "-m", "fairlead.questions", "asked.json", "reply.json"],
        cwd=room,
        check=True,
    )
    return msgspec.json.decode((room / "reply.json").read_bytes(), type=Reply)


def keep(room: Path, text: str, name: str = "openapi.yaml") -> dict[str, object]:
    """A release's contract, as an earlier verdict kept it."""
    room.mkdir()
    ask(room, {name: text}, Api(contract=name))
    return {"release": 41, "path": str(room / "out" / "contract.json"), "served": True}


IOS = {"name": "ios", "version": "3.2", "until": "2027-03-01"}


def test_the_first_contract_passes_and_is_kept(tmp_path: Path) -> None:
    """With nothing in use yet it passes, says so, and leaves the contract and its digest."""
    reply = ask(tmp_path, {"openapi.yaml": OLD}, Api(contract="openapi.yaml"), process=True)
    assert reply.answer is Answer.PASSED
    assert reply.reason == "1 operation; no contract is in use yet to compare with"
    assert reply.kept == ("contract.json",)
    ((name, digest),) = reply.facts
    assert name == "contract"
    assert digest.startswith("sha256:")
    assert json.loads((tmp_path / "out" / "contract.json").read_bytes())["openapi"] == "3.0.3"


def test_a_break_fails_and_names_whom_it_breaks(tmp_path: Path) -> None:
    """A field that a client in a store reads is gone: failed, with the client and its date."""
    before = keep(tmp_path / "before", OLD) | {"clients": [IOS], "served": False}
    options = Api(contract="openapi.yaml")
    reply = ask(tmp_path, {"openapi.yaml": NEW}, options, process=True, contracts=[before])
    assert reply.answer is Answer.FAILED
    (one,) = reply.findings
    assert one.rule == "api.response-optional-property-removed"
    assert one.subject == "GET /levels 200 body.level"
    assert (one.path, one.line) == ("openapi.yaml", 12)
    assert "release 41 (ios 3.2 until 2027-03-01)" in one.message


def test_a_contract_whose_clients_support_has_ended_does_not_count(tmp_path: Path) -> None:
    """After the window the field may go."""
    gone = [{**IOS, "until": "2026-11-20"}]
    before = keep(tmp_path / "before", OLD) | {"clients": gone, "served": False}
    reply = ask(tmp_path, {"openapi.yaml": NEW}, Api(contract="openapi.yaml"), contracts=[before])
    assert reply.answer is Answer.PASSED


@pytest.mark.parametrize(
    "text", ["", "{", '{"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/b"}}}']
)
def test_a_contract_that_cannot_be_read_is_not_known(tmp_path: Path, text: str) -> None:
    """A release's contract that is damaged, or gone, is never read as one that is served."""
    damaged = tmp_path / "contract.json"
    for contract in ({"release": 40, "path": str(damaged), "served": True},) * 2:
        reply = ask(
            tmp_path, {"openapi.yaml": NEW}, Api(contract="openapi.yaml"), contracts=[contract]
        )
        assert reply.answer is Answer.NOT_KNOWN
        assert reply.reason.startswith("the contract of release 40 is not known: ")
        damaged.write_text(text)


def test_a_broken_document_fails_with_its_line(tmp_path: Path) -> None:
    """A text that is no contract at all is a failure of the change, with file and line."""
    reply = ask(tmp_path, {"openapi.yaml": OLD + "paths: {}\n"}, Api(contract="openapi.yaml"))
    assert reply.answer is Answer.FAILED
    assert reply.findings[0].rule == "api.document"
    assert reply.findings[0].line == 13


@pytest.mark.parametrize(
    ("files", "contract", "what"),
    [
        ({}, "openapi.yaml", "there is no file openapi.yaml"),
        ({"a.yaml": "swagger: '2.0'"}, "a.yaml", "the document is Swagger 2.0"),
        ({}, "link.yaml", "link.yaml leads out of the tree"),
    ],
)
def test_what_cannot_be_judged_is_not_known(
    tmp_path: Path, files: dict[str, str], contract: str, what: str
) -> None:
    """No file, another version, a link out of the tree: not known, with the reason."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "outside.yaml").write_text(OLD)
    os.symlink("../outside.yaml", tmp_path / "tree" / "link.yaml")
    reply = ask(tmp_path, files, Api(contract=contract), process=True)
    assert (reply.answer, reply.reason) == (Answer.NOT_KNOWN, what)


def test_a_command_prints_the_contract(tmp_path: Path) -> None:
    """What a command prints is the contract; it runs in the tree with the environment given."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "print.sh").write_text(f'test "$A" = 1 && cat <<X\n{OLD}\nX\n')
    options = Api(command="/bin/sh print.sh")
    given = {"environment": {"A": "1", "PATH": "/usr/bin:/bin"}}
    assert ask(tmp_path, {}, options, process=True, **given).answer is Answer.PASSED


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("sh -c 'echo no database >&2; exit 3'", "ended with 3: sh -c 'echo no database"),
        ("no-such-program", "cannot be run: no-such-program"),
        ("sleep 60", "took longer than 0.2 s: sleep 60"),
    ],
)
def test_a_command_that_fails_is_not_known(tmp_path: Path, command: str, what: str) -> None:
    """A command that fails, is not there or does not end gives no contract, and says why."""
    reply = ask(tmp_path, {}, Api(command=command), process=True, seconds=0.2)
    assert reply.answer is Answer.NOT_KNOWN
    assert what in reply.reason
    assert "no database" in reply.reason or "echo" not in command


def test_graphql_is_a_contract_too(tmp_path: Path) -> None:
    """A schema is compared with the one that a release was shipped with."""
    sdl = "type Query { level: Int at: String }"
    before = keep(tmp_path / "before", sdl, "schema.graphql")
    new = {"schema.graphql": "type Query { at: String }"}
    reply = ask(tmp_path, new, Api(contract="schema.graphql"), process=True, contracts=[before])
    assert reply.answer is Answer.FAILED
    assert reply.findings[0].subject == "Query.level"
    other = ask(tmp_path, {"openapi.yaml": OLD}, Api(contract="openapi.yaml"), contracts=[before])
    assert other.answer is Answer.NOT_KNOWN


def test_freshness_that_is_declared_must_be_in_the_contract(tmp_path: Path) -> None:
    """An operation that must say how old its answer is, and does not, fails."""
    options = Api(contract="openapi.yaml", fresh=(("GET /levels", ("observed_at",)),))
    reply = ask(tmp_path, {"openapi.yaml": OLD}, options)
    assert reply.answer is Answer.FAILED
    assert reply.findings[0].rule == "api.fresh-field-missing"
