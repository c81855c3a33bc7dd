"""The machine itself: install, upgrade, uninstall, and how it does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fairlead.base.errors import FairleadError, NotFound
from fairlead.base.journal import Event, Fact, Journal, Outcome, Verb
from fairlead.base.paths import Home
from fairlead.server import doctor as look
from fairlead.server import flow, rules
from fairlead.server.flow import Ground, Say
from fairlead.server.model import Difference, Finding, Held, Step, Wanted
from fairlead.server.wanted import PROXIES

NOTHING = "nothing to do"
LIVE = "/"
ADVICE = (
    "Fairlead does not touch a firewall. Open to the world: 22 (pushes), 80 and 443 (the apps),",
    "with ufw for example: ufw allow 22,80,443/tcp",
)


@dataclass(frozen=True)
class Office:
    """The machine of one server's home. ``journal`` opens its record; ``me`` is who acts."""

    ground: Ground
    home: Home
    me: str
    journal: Callable[[], Journal]


class StepShown(msgspec.Struct, frozen=True):
    """A step: what, to which thing, why, and the command or the difference that it is."""

    do: str
    thing: str
    why: str
    shown: str


class Done(msgspec.Struct, frozen=True):
    """What was done to the machine ("installed", "upgraded", "uninstalled", "nothing to do"), or
    would be ("would install", "would uninstall"); what was left alone; and what to do by hand."""

    done: str
    version: str
    directory: str
    steps: tuple[StepShown, ...]
    held: tuple[Held, ...]
    advice: tuple[str, ...] = ()
    previous: str = ""


class Health(msgspec.Struct, frozen=True):
    """How the server does."""

    well: bool
    findings: tuple[Finding, ...]


def install(
    office: Office,
    say: Say,
    *,
    proxy: str = "",
    packages: bool = False,
    force: bool = False,
    dry_run: bool = False,
) -> Done:
    """Bring the machine to what a server should have. Safe to repeat. Raises Refused."""
    own = office.ground.programs.own()
    wanted = flow.wish(office.ground, own, proxy)
    seen, found = flow.difference(office.ground, wanted, force=force)
    if dry_run:
        return _done("would install" if found.steps else NOTHING, wanted, found)
    flow.refuse_foreign(found, packages=packages)
    with _recorded(office, "installed", own.version, found.steps):
        flow.carry_out(office.ground, wanted, seen, found, say)
        if _live(office) and found.steps:
            flow.await_agent(office.ground, own)
    if not found.steps:
        return _done(NOTHING, wanted, found)
    return _done("installed", wanted, found, ADVICE)


def upgrade(office: Office, say: Say, *, packages: bool = False) -> Done:
    """Put the Fairlead that runs this in force. Copies run on. Raises Unknown, Refused, NotFound."""
    own = office.ground.programs.own()
    with _recorded(office, "upgraded", own.version, ()):
        found, before = flow.upgrade(office.ground, say, packages=packages)
    done = "upgraded" if before else "installed" if found.steps else NOTHING
    wanted = flow.wish(office.ground, own)
    return msgspec.structs.replace(_done(done, wanted, found), previous=before)


def other(office: Office, wheel: Path | None) -> Path:
    """The command line of the Fairlead in a wheel, installed beside this one; or, without a
    wheel, of the one before. It puts itself in force. Raises NotFound, UsageError, Refused."""
    ground = office.ground
    directory = ground.programs.of_wheel(wheel).directory if wheel else flow.previous(ground)
    found = office.home.prefix / directory.lstrip("/") / "bin/fairlead"
    if not found.exists():
        raise NotFound(f"this Fairlead is not there any more: {directory}", "ls /opt/fairlead")
    return found


def uninstall(
    office: Office, say: Say, *, apps: bool, data: bool = False, dry_run: bool = False
) -> Done:
    """Take Fairlead off the machine; with ``apps`` all that it runs there, with ``data`` all that
    it stored. Raises NotFound."""
    wanted = flow.wish(office.ground, office.ground.programs.own())
    seen, _ = flow.difference(office.ground, wanted)
    if not seen.known.files:
        raise NotFound("no Fairlead is installed on this machine", "fairlead server install")
    steps = flow.removal(office.ground, wanted, seen, apps=apps, data=data)
    found = Difference(steps, ())
    advice = () if data else (f"what it stored is kept: {office.home.root}",)
    if dry_run:
        return _done("would uninstall", wanted, found, advice)
    with _recorded(office, "uninstalled", wanted.program.version, steps, kept=not data):
        flow.take_off(office.ground, steps, say)
    return _done("uninstalled", wanted, found, advice)


def doctor(office: Office) -> Health:
    """How the living server does, a line for each thing. Raises Unknown."""
    own = office.ground.programs.own()
    proxy = flow.settings(office.ground).proxy
    wanted = flow.wish(office.ground, own)
    _, found = flow.difference(office.ground, wanted)
    seen = office.ground.host.health(wanted, PROXIES[proxy])
    findings = look.findings(found, seen, own, proxy)
    return Health(look.well(findings), findings)


@contextmanager
def _recorded(
    office: Office, how: str, version: str, steps: tuple[Step, ...], *, kept: bool = True
) -> Iterator[None]:
    """Written down before and after. A first installation has no record before, and a removal
    of everything none after."""
    why = f"the server is {how}"
    facts: dict[str, Fact] = {
        "how": how,
        "version": version,
        "steps": [f"{step.do}: {step.thing}" for step in steps],
    }
    event = Event(Verb.SERVER, Outcome.INTENT, office.me, why, facts=facts)
    nothing = how == "installed" and not steps
    there = _live(office) and office.home.record.exists() and not nothing
    intent = office.journal().write(event) if there else 0
    outcome = Outcome.FAILED
    try:
        yield
        outcome = Outcome.DONE
    except FairleadError as error:
        why = error.what
        raise
    finally:
        if _live(office) and kept and not nothing and office.home.record.exists():
            event = Event(Verb.SERVER, outcome, office.me, why, facts=facts, intent=intent)
            office.journal().write(event)


def _live(office: Office) -> bool:
    return str(office.home.prefix) == LIVE


def _done(done: str, wanted: Wanted, found: Difference, advice: tuple[str, ...] = ()) -> Done:
    program = wanted.program
    shown = tuple(StepShown(s.do, s.thing, s.why, rules.shown(s)) for s in found.steps)
    return Done(done, program.version, program.directory, shown, found.held, advice)
