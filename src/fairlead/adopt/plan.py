"""The plan of a move, in sentences that a person reads before agreeing: pure.

No value of a secret is in it: names, and where each was found.
"""

from collections.abc import Iterable, Iterator

from fairlead.adopt.model import Living, Proposal, Unit
from fairlead.secrets.scrub import scrub

Lines = Iterator[str]


def text(proposal: Proposal, living: Living) -> str:
    """``plan.md``."""
    parts = [
        *_head(proposal),
        *_held(proposal),
        *_section("Not understood: look at it", _unclear(proposal)),
        *_section("What serves today", _today(living)),
        *_section("What it becomes", _becomes(proposal)),
        *_section("Secrets (values only in secrets.env)", _secrets(proposal)),
        *_section("Settings", (f"`{one.name}` ({one.why})" for one in proposal.settings)),
        *_section("Laid over the code", _overlay(proposal)),
        *_section("State, which stays where it is", _state(proposal, living)),
        *_section("Stays by hand", proposal.by_hand),
        *_section("To know", proposal.notes),
        *_switch(proposal),
    ]
    return scrub("\n".join(parts) + "\n", ((one.name, one.value) for one in proposal.secrets))


def _head(proposal: Proposal) -> Lines:
    yield f"# Adopting {proposal.app} as {proposal.app}/{proposal.environment}"
    yield ""
    yield "Nothing was changed. Read this, edit the files beside it, and then:"
    yield ""
    yield "    fairlead adopt --agree DIRECTORY"


def _section(title: str, lines: Iterable[str]) -> Lines:
    found = list(lines)
    if found:
        yield f"\n## {title}\n"
        yield from (f"- {line}" for line in found)


def _held(proposal: Proposal) -> Lines:
    if proposal.held:
        yield "\n## Held back: to be mended before anything can be agreed\n"
        yield "The overlay lies readable in the deploy repo. Read the value from the environment"
        yield '(`os.environ["NAME"]`), put `NAME=value` into `.env` beside it, and propose again;'
        yield "or propose with `--allow-plain`, and it is taken as it is.\n"
        yield from (f"- {held.at}: {held.why}" for held in proposal.held)


def _unclear(proposal: Proposal) -> Lines:
    return (f"not understood: {one.what}: {one.why}" for one in proposal.not_understood)


def _today(living: Living) -> Lines:
    clone = living.clone
    yield f"{clone.path} is at {clone.commit[:12]} of {clone.branch}"
    for remote in clone.remotes:
        yield f"its remote is {remote}"
    for file in clone.changed:
        ignored = ", ignored by git" if file.ignored else ""
        yield f"{_change(file.before, file.after)}: {file.path}{ignored}"
    for stash in clone.stashes:
        yield f"{stash}: stays in the clone; fairlead overlay capture --stash takes one up"
    for unit in living.units:
        yield _unit(unit)
    for server in living.servers:
        names = ", ".join(server.names) or "no name"
        yield f"nginx serves {names} on {', '.join(server.listens)} ({server.at})"
        for one in server.passes:
            yield f"{one.at}: {one.location} goes to {one.to}"


def _change(before: bytes | None, after: bytes | None) -> str:
    return "new" if before is None else "removed" if after is None else "changed"


def _unit(unit: Unit) -> str:
    user = f" as {unit.user}" if unit.user else ""
    enabled = "" if unit.enabled or unit.kind == "service" else ", not enabled"
    listens = f", listens on {', '.join(unit.listens)}" if unit.listens else ""
    return f"{unit.name}{user}{listens}{enabled} ({unit.at})"


def _becomes(proposal: Proposal) -> Lines:
    yield f"the app {proposal.app}, its environment {proposal.environment}"
    if proposal.manifest:
        yield "fairlead.toml, laid over the code until you commit it (do: it is the app's)"
    for unit in proposal.replaced:
        yield f"{unit} is taken over by a role's copies; its file is kept"
    for name in proposal.front.names:
        yield f"{name} keeps its server block and its certificate"


def _secrets(proposal: Proposal) -> Lines:
    return (f"`{one.name}`: {one.why} ({one.at})" for one in proposal.secrets)


def _overlay(proposal: Proposal) -> Lines:
    yield from (f"{file.path}" for file in proposal.overlay)
    yield from (f"{one.at}: {one.what}" for one in proposal.rewrites)


def _state(proposal: Proposal, living: Living) -> Lines:
    for kept in proposal.state:
        owner = living.thing(kept.path).owner
        yield f"{kept.what}: {kept.path}{f', of {owner}' if owner else ''} ({kept.at})"


def _switch(proposal: Proposal) -> Lines:
    yield "\n## The switch, in order\n"
    units = ", ".join(proposal.replaced) or "what runs by hand"
    steps = [
        "The settings, secrets and overlay go into the deploy repo; the commit is pushed, checked "
        "and built. A failure here changes nothing.",
        f"Copies start beside {units}: same database, same uploads. Both run until it is confirmed.",
        *(
            f"{unit} must not run twice: it goes on by hand, and {role} starts after --confirm "
            "stopped it."
            for role, unit in proposal.clocks
        ),
    ]
    if proposal.front.edits:
        places = ", ".join(f"{edit.file} ({edit.was})" for edit in proposal.front.edits)
        steps.append(f"nginx's own files are changed in these places: {places}.")
        steps.append(
            "`nginx -t` says yes before the reload; the old files come back if it says no."
        )
    else:
        steps.append("Nothing in front is changed: the releases serve at an address of their own.")
    steps += [
        f"`fairlead adopt --undo {proposal.app}` sends the users back, at any time until:",
        f"`fairlead adopt --confirm {proposal.app}` stops and disables {units}. Nothing is deleted.",
    ]
    yield from (f"{number}. {step}" for number, step in enumerate(steps, 1))
