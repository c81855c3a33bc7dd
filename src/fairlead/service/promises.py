"""What people say of an app for a while, signed in the deploy repo: a check need not hold
(a waiver), a client is still supported. Each has an end date."""

from datetime import date, timedelta

import msgspec

from fairlead.base.clock import day
from fairlead.base.errors import NotFound, UsageError
from fairlead.base.ids import name as checked_name
from fairlead.checks.model import Waiver
from fairlead.desired import flow as desired
from fairlead.desired import read
from fairlead.desired.flow import Act, Word
from fairlead.desired.model import Client
from fairlead.service.tools import Tools

LONGEST_WAIVER = 366  # days: what has to be let through for longer is not a question any more
LONGEST_SUPPORT = 3_660  # days
_SHORT = 200  # characters of a client's name or version


class WaiverShown(msgspec.Struct, frozen=True):
    """A waiver, and whether it holds today."""

    waiver: Waiver
    holds: bool


class Waivers(msgspec.Struct, frozen=True):
    """An app's waivers, and the deploy repo's commit when one was made or ended now."""

    app: str
    waivers: tuple[WaiverShown, ...]
    commit: str = ""


class ClientShown(msgspec.Struct, frozen=True):
    """A client, and whether it is supported today."""

    client: Client
    supported: bool


class Clients(msgspec.Struct, frozen=True):
    """An app's clients, and the deploy repo's commit when one was added or ended now."""

    app: str
    clients: tuple[ClientShown, ...]
    commit: str = ""


def waivers(tools: Tools, app: str) -> Waivers:
    """What is let through, newest end first, those that have ended among them."""
    found = read.waivers(tools.deploy.repo.look(), tools.deploy.verifier, _known(tools, app))
    today = _today(tools)
    ordered = sorted(found, key=lambda waiver: waiver.until, reverse=True)
    return Waivers(app, tuple(WaiverShown(w, w.until >= today) for w in ordered))


def waive(
    tools: Tools, app: str, check: str, until: str, why: str, rule: str = "", subject: str = ""
) -> Waivers:
    """Let a check through until a day, itself included; the same again moves the day.

    With a ``rule``, and a ``subject``, only those of its findings. Raises UsageError for a day
    that is over, is none or is more than a year away, and without a reason.
    """
    _known(tools, app)
    checked_name(check, "a check")
    if not why.strip():
        raise UsageError(f"a waiver says why: {check}", "add --why TEXT")
    if subject and not rule:
        raise UsageError(f"a subject belongs to a rule: {subject}", "add --rule RULE")
    last = _until(tools, until, LONGEST_WAIVER)
    made = Waiver(check, why.strip(), tools.me, last, rule, subject)

    def edit(before: tuple[Waiver, ...]) -> tuple[Waiver, ...]:
        return (*(one for one in before if _same(one) != _same(made)), made)

    said = f"{app}: {_named(made)} is waived until {last}"
    facts = {"how": "waived", "check": check, "until": last, "rule": rule, "subject": subject}
    word = Word(said, {k: v for k, v in facts.items() if v}, edit)
    commit = desired.set_waivers(tools.deploy, tools.signer, app, word, _act(tools, why))
    return msgspec.structs.replace(waivers(tools, app), commit=commit)


def end_waiver(
    tools: Tools, app: str, check: str, why: str, rule: str = "", subject: str = ""
) -> Waivers:
    """Let it through no longer, from now on. Raises NotFound where there is no such waiver."""
    wanted = (check, rule, subject)
    known = [shown.waiver for shown in waivers(tools, app).waivers]
    if wanted not in map(_same, known):
        names = "; ".join(_named(waiver) for waiver in known) or "none"
        raise NotFound(
            f"no such waiver of {app}: {' '.join(filter(None, wanted))}", f"there is: {names}"
        )

    def edit(before: tuple[Waiver, ...]) -> tuple[Waiver, ...]:
        return tuple(one for one in before if _same(one) != wanted)

    facts = {"how": "ended", "check": check, "rule": rule, "subject": subject}
    word = Word(f"{app}: {check} is waived no longer", {k: v for k, v in facts.items() if v}, edit)
    commit = desired.set_waivers(tools.deploy, tools.signer, app, word, _act(tools, why))
    return msgspec.structs.replace(waivers(tools, app), commit=commit)


def clients(tools: Tools, app: str) -> Clients:
    """The clients of the app's API, those whose support has ended among them."""
    found = read.clients(tools.deploy.repo.look(), tools.deploy.verifier, _known(tools, app))
    today = _today(tools)
    ordered = sorted(found, key=lambda client: (client.name, client.release, client.version))
    return Clients(app, tuple(ClientShown(c, c.until >= today) for c in ordered))


def add_client(
    tools: Tools, app: str, client: str, version: str, release: int, until: str, why: str = ""
) -> Clients:
    """Promise a client, made for a release's API, support until a day, itself included; the same
    again moves the day. Raises UsageError, and NotFound for a release that is not there."""
    _known(tools, app)
    for text in (client, version):
        if not text.isprintable() or not text or len(text) > _SHORT:
            raise UsageError(f"not a client's name or version: {text!r}", "give it in plain text")
    read.release(tools.deploy.repo.look(), tools.deploy.verifier, app, release)
    last = _until(tools, until, LONGEST_SUPPORT)
    made = Client(client, version, release, last)

    def edit(before: tuple[Client, ...]) -> tuple[Client, ...]:
        return (*(c for c in before if (c.name, c.version) != (client, version)), made)

    said = f"{app}: {client} {version} is supported until {last}"
    facts = {"how": "added", "client": f"{client} {version}", "until": last}
    word = Word(said, facts, edit)
    commit = desired.set_clients(tools.deploy, tools.signer, app, word, _act(tools, why))
    return msgspec.structs.replace(clients(tools, app), commit=commit)


def end_client(tools: Tools, app: str, client: str, version: str, why: str = "") -> Clients:
    """Support a client no longer, from now on. Raises NotFound where it is not known."""
    known = [(c.client.name, c.client.version) for c in clients(tools, app).clients]
    if (client, version) not in known:
        names = ", ".join(" ".join(one) for one in known) or "none"
        raise NotFound(f"no such client of {app}: {client} {version}", f"there is: {names}")

    def edit(before: tuple[Client, ...]) -> tuple[Client, ...]:
        return tuple(c for c in before if (c.name, c.version) != (client, version))

    facts = {"how": "ended", "client": f"{client} {version}"}
    word = Word(f"{app}: {client} {version} is supported no longer", facts, edit)
    commit = desired.set_clients(tools.deploy, tools.signer, app, word, _act(tools, why))
    return msgspec.structs.replace(clients(tools, app), commit=commit)


def _known(tools: Tools, app: str) -> str:
    if app not in tools.apps():
        known = ", ".join(tools.apps()) or "none"
        raise NotFound(f"no such app: {app}", f"there is: {known}")
    return app


def _act(tools: Tools, why: str) -> Act:
    return Act(tools.me, why, tools.clock.now())


def _today(tools: Tools) -> str:
    return day(tools.clock.now())


def _until(tools: Tools, text: str, most: int) -> str:
    """The day, as it is written down. Raises UsageError."""
    today = date.fromisoformat(_today(tools))
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"not a day: {text!r}", f"such as --until {today + timedelta(90)}"
        ) from None
    if not today <= found <= today + timedelta(most):
        last = today + timedelta(most)
        raise UsageError(
            f"not a day from {today} to {last}: {text}", f"--until {today + timedelta(30)}"
        )
    return found.isoformat()


def _same(waiver: Waiver) -> tuple[str, str, str]:
    return (waiver.check, waiver.rule, waiver.subject)


def _named(waiver: Waiver) -> str:
    return " ".join(part for part in _same(waiver) if part)
