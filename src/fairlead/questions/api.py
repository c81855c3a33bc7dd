"""Asks whether the API's contract still serves every client in use; keeps it for later ones."""

import contextlib
import datetime as dt
import gc
import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fairlead.api import contracts, fresh, windows
from fairlead.api.model import Break, InUse
from fairlead.api.operations import Fingerprints
from fairlead.api.text import BYTES, Broken
from fairlead.base.canonical import digest_of
from fairlead.base.errors import Unknown
from fairlead.checks.model import Answer, Asked, Finding, Level, Reply
from fairlead.manifest.commands import words
from fairlead.manifest.questions import Api

if TYPE_CHECKING:
    from fairlead.api.graphql_schema import Schema

KEPT = "contract.json"
_LAST_LINES = 5


def answer(asked: Asked) -> Reply:
    """Compares the contract of this tree with each one in use. Raises Unknown."""
    # What is read lives to the end, and nothing in it is a cycle: looking for some takes a third
    # of the time.
    gc.disable()
    try:
        return _answer(asked)
    finally:
        gc.enable()


def _answer(asked: Asked) -> Reply:
    options = asked.question
    if not isinstance(options, Api):
        raise Unknown("another question was asked")
    told, today = _told(asked)
    try:
        contract = _contract(options, asked, told)
        lacking = _lacking(contract, options)
    except Broken as error:
        return _broken(error, options)
    text = contracts.text(contract)
    (Path(asked.out) / KEPT).write_bytes(text)
    used = windows.in_use(told.contracts, today)
    found, unread = _compared(contract, text, used, today)
    return msgspec.structs.replace(
        _reply(contract, used, (*lacking, *windows.findings(found)), unread),
        facts=(("contract", str(digest_of(text))),),
        kept=(KEPT,),
    )


def _told(asked: Asked) -> tuple[windows.Given, dt.date]:
    try:
        told = windows.given(asked.given)
        return told, dt.date.fromisoformat(told.today[:10])
    except (msgspec.ValidationError, ValueError) as error:
        raise Unknown(f"what the question was told is not of its form: {error}") from None


def _broken(error: Broken, options: Api) -> Reply:
    path = error.path or options.contract
    found = Finding(
        "api.document", error.what, path=path, line=error.line, subject=path, hint=error.hint
    )
    where = ":".join(str(part) for part in (path, error.line) if part)
    return Reply(Answer.FAILED, f"{where}: {error.what}" if where else error.what, (found,))


def _contract(options: Api, asked: Asked, told: windows.Given) -> "Fingerprints | Schema":
    tree = Path(asked.tree).resolve()
    if not options.command:
        return contracts.read(options.contract, lambda name: _file(tree, name))
    printed = _printed(options.command, tree, told)
    return contracts.read("", lambda name: _file(tree, name) if name else printed)


def _file(tree: Path, name: str) -> bytes:
    # Resolved first: a link out of the tree is not followed.
    path = (tree / name).resolve()
    if not path.is_relative_to(tree):
        raise Unknown(f"{name} leads out of the tree")
    return _bytes(path, name)


def _bytes(path: Path, name: str) -> bytes:
    try:
        if not path.is_file():
            raise Unknown(f"there is no file {name}", "name the contract's file in fairlead.toml")
        with path.open("rb") as file:
            data = file.read(BYTES + 1)
    except OSError as error:
        raise Unknown(f"{name} cannot be read: {error.strerror}") from None
    if len(data) > BYTES:
        raise Unknown(f"{name} has more than {BYTES:,} bytes")
    return data


def _printed(command: str, tree: Path, told: windows.Given) -> bytes:
    """What the command prints. Raises Unknown where it does not end well, with its last lines."""
    environment = dict(os.environ) if told.environment is None else told.environment
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as talk:
        try:
            process = subprocess.Popen(
                words(command),
                cwd=tree,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=talk,
                start_new_session=True,
                preexec_fn=_limit,  # noqa: PLW1509  # no thread runs here
            )
        except (OSError, ValueError) as error:
            raise Unknown(f"the command cannot be run: {command}: {error}") from None
        code = _ended(process, told.seconds)
        talk.seek(max(0, talk.seek(0, os.SEEK_END) - 4000))
        lines = talk.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
        if code != 0:
            ended = f"took longer than {told.seconds:g} s" if code is None else f"ended with {code}"
            raise Unknown("; ".join((f"the command {ended}: {command}", *lines)))
        out.seek(0)
        return out.read(BYTES + 1)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES + 1, BYTES + 1))


def _ended(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """How it ended; None where it did not in time. Nothing of it runs on."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _lacking(contract: "Fingerprints | Schema", options: Api) -> tuple[Finding, ...]:
    if not options.fresh:
        return ()
    if not isinstance(contract, Fingerprints):
        raise Unknown("`fresh` names operations of OpenAPI, and the contract is a GraphQL schema")
    return tuple(map(windows.finding, fresh.breaks(contract.document, options.fresh)))


def _compared(
    contract: "Fingerprints | Schema", text: bytes, used: Sequence[InUse], today: dt.date
) -> tuple[list[tuple[Break, InUse]], list[str]]:
    """The breaks, each with whom it breaks; and a sentence for each contract that is not known.

    What is equal byte by byte is compared once, and what is equal to the new one not at all.
    """
    found: list[tuple[Break, InUse]] = []
    unread: list[str] = []
    known: dict[str, list[Break]] = {digest_of(text): []}
    for one in used:
        try:
            data = _bytes(Path(one.path), "its file")
            name = digest_of(data)
            if name not in known:
                known[name] = contracts.compare(contracts.again(data), contract, today)
            found.extend((each, one) for each in known[name])
        except RecursionError:
            unread.append(f"the contract of release {one.release} is nested too deep to be read")
        except (Broken, Unknown) as error:
            unread.append(f"the contract of release {one.release} is not known: {error.what}")
    return found, unread


def _reply(
    contract: "Fingerprints | Schema",
    used: Sequence[InUse],
    found: tuple[Finding, ...],
    unread: list[str],
) -> Reply:
    errors = [one for one in found if one.level is Level.ERROR]
    if errors:
        more = f", and {len(errors) - 1} more" if errors[1:] else ""
        reason = "; ".join((errors[0].message + more, *unread))
        return Reply(Answer.FAILED, reason, found)
    if unread:
        return Reply(Answer.NOT_KNOWN, "; ".join(unread), found)
    size = contracts.size(contract)
    if not used:
        return Reply(Answer.PASSED, f"{size}; no contract is in use yet to compare with", found)
    return Reply(Answer.PASSED, f"{size}, and they still serve {windows.whom(used)}", found)
