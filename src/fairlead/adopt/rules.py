"""From what a living server is to the whole move, proposed: pure, and the same each time."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from fairlead.adopt import front, literals, manifest, overlay, variables
from fairlead.adopt.commands import Told, told
from fairlead.adopt.django import Django, Settled
from fairlead.adopt.manifest import Given
from fairlead.adopt.model import (
    At,
    ChangedFile,
    Held,
    Living,
    Plain,
    Proposal,
    Sealed,
    Unit,
    Unread,
)
from fairlead.adopt.overlay import Taken
from fairlead.adopt.secretlike import form_of, why_secret
from fairlead.base.errors import UsageError
from fairlead.manifest.guess import drafted, health, procfile
from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.repository import Repository
from fairlead.secrets.scrub import forms

MANIFEST = "fairlead.toml"


class Wanted(NamedTuple):
    """What a person asked for: the app's name ("": the directory's), the environment, and
    whether a file that cannot be mended is taken with its secrets in plain text."""

    app: str
    environment: str
    plain: bool


def propose(
    living: Living, texts: Mapping[str, str], paths: Sequence[str], wanted: Wanted
) -> Proposal:
    """The whole move. ``texts`` and ``paths`` are of the clone's work tree, as ``init`` reads it.

    Raises UsageError where no manifest can be made of it.
    """
    sorted_out = variables.sort_out(living)
    known = {v.name: v.value.reveal() for v in variables.in_effect(living).values()}
    taken = overlay.taken(living.clone, texts, known, plain=wanted.plain)
    laid = {**texts, **_texts(taken)}
    values = {**known, **{name: s.value.reveal() for name, s in taken.secrets.items()}}
    asked = {v.name: v.value.reveal() for v in living.asked}
    settled = Django(living.clone.path, laid, values).settled(asked)
    _change(taken, laid, settled, living, texts)
    secrets = _secrets((*taken.secrets.values(), *sorted_out.secrets, *settled.secrets))
    settings = _settings((*sorted_out.settings, *settled.settings), secrets)
    _hold_leaks(living, taken, secrets, plain=wanted.plain)
    roles = [pair for pair in _roles(living) if not _tells(pair[1])]
    services = [a for unit in living.units for a in unit.listens if unit.kind != "timer"]
    seen = front.front_of(living, services, settled.static, living.digests)
    repository = _repository(living, laid, paths, wanted)
    text, unclear = _manifest(living, repository, roles, settled, secrets, settings, wanted)
    return Proposal(
        app=wanted.app or repository.name,
        environment=wanted.environment,
        manifest=_renamed(text, repository.name, wanted.app),
        overlay=tuple(taken.files[path] for path in sorted(taken.files)),
        secrets=secrets,
        settings=settings,
        rewrites=tuple(taken.rewrites),
        held=tuple(taken.held),
        state=tuple(settled.state),
        front=seen.front,
        replaced=_replaced(living, roles),
        clocks=tuple((one.role, unit.name) for unit, one in roles if one.kind == "clock"),
        not_understood=(
            *living.unread, *settled.unclear, *seen.unclear, *unclear,
            *_not_told(living, roles), *_without_front(living, services),
        ),
        by_hand=(*settled.by_hand, *_by_hand(living)),
        notes=(*taken.notes, *sorted_out.notes, *_left_out(roles), *seen.notes),
    )  # fmt: skip


def _texts(taken: Taken) -> dict[str, str]:
    found = {path: taken.text(path) for path in taken.files}
    return {path: text for path, text in found.items() if text is not None}


def _change(
    taken: Taken, laid: dict[str, str], settled: Settled, living: Living, texts: Mapping[str, str]
) -> None:
    """Make what the settings need part of the overlay, of files that had no change too."""
    held = {held.at.file for held in taken.held}
    for path, changes in settled.changes.items():
        if posixpath.join(living.clone.path, path) in held:
            continue
        before = taken.files.get(path)
        old = before.before if before else texts[path].encode()
        laid[path] = literals.applied(laid[path], changes)
        mode = before.mode if before else "100644"
        ignored = before.ignored if before else False
        taken.files[path] = ChangedFile(path, old, laid[path].encode(), mode, ignored)
    taken.rewrites += [r for r in settled.rewrites if r.at.file not in held]


def _secrets(found: Sequence[Sealed]) -> tuple[Sealed, ...]:
    """By name; what the code itself holds is what the app runs with, and counts first."""
    kept: dict[str, Sealed] = {}
    for one in found:
        kept.setdefault(one.name, one)
    return tuple(kept[name] for name in sorted(kept))


def _settings(found: Sequence[Plain], secrets: Sequence[Sealed]) -> tuple[Plain, ...]:
    sealed = {one.name for one in secrets}
    kept: dict[str, Plain] = {}
    for one in found:
        if one.name not in sealed:
            kept.setdefault(one.name, one)
    return tuple(kept[name] for name in sorted(kept))


def _hold_leaks(living: Living, taken: Taken, secrets: Sequence[Sealed], *, plain: bool) -> None:
    """Hold a file back whose patch could show a value that is to be sealed, in whatever form."""
    shown = [(one.name, form) for one in secrets for form in _forms(one.value.reveal())]
    for path, file in sorted(taken.files.items()):
        text = "\n".join(
            data.decode(errors="replace") for data in (file.before, file.after) if data
        )
        names = sorted({name for name, form in shown if form in text})
        if names and not plain:
            where = At(posixpath.join(living.clone.path, path))
            why = f"the value of {', '.join(names)} stands in it, or in the commit's own version"
            taken.held.append(Held(where, why))
            del taken.files[path]


def _forms(value: str) -> set[str]:
    """A value as texts and as Python's literals have it."""
    whole = set(forms(value))
    return whole | {repr(form)[1:-1] for form in whole} | {ascii(form)[1:-1] for form in whole}


def _roles(living: Living) -> Iterator[tuple[Unit, Told]]:
    """What units run for good, each role once."""
    used: set[str] = set()
    timed = {unit.activates for unit in living.units if unit.kind == "timer"}
    for unit in living.units:
        one = told(unit, living) if unit.kind == "service" and unit.name not in timed else None
        if one is None or unit.oneshot:
            continue
        role, number = one.role, 2
        while role in used:
            role, number = f"{one.role}{number}", number + 1
        used.add(role)
        yield unit, one._replace(role=role)


def _tells(one: Told) -> bool:
    """Whether a secret stands in a command, where every user of the machine reads it."""
    return bool(form_of(one.command)) or any(
        why_secret(option.lstrip("-"), value)
        for option, value in pairwise(one.command.split())
        if option.startswith("--")
    )


def _repository(
    living: Living, laid: Mapping[str, str], paths: Sequence[str], wanted: Wanted
) -> Repository:
    name = wanted.app or posixpath.basename(living.clone.path)
    every = tuple(sorted({*laid, *paths}))
    return Repository(laid, every, name, living.clone.branch)


def _manifest(
    living: Living,
    repository: Repository,
    roles: Sequence[tuple[Unit, Told]],
    settled: Settled,
    secrets: Sequence[Sealed],
    settings: Sequence[Plain],
    wanted: Wanted,
) -> tuple[str, list[Unread]]:
    """The manifest's text, "" where the commit has one, and what stands in its way."""
    if living.clone.has_manifest:
        return "", []
    draft = drafted(repository)
    if draft is None:
        draft = procfile.alone(repository)
        draft.kind = "an app that its units start"
    if draft.value("role.web", "command") is None and not any(r.kind == "web" for _, r in roles):
        return "", [Unread("what serves", "no unit runs a server that is known, and the code "
                           "does not say either: write fairlead.toml by hand")]  # fmt: skip
    _health(draft)
    given = Given([one.name for one in secrets], [one.name for one in settings])
    manifest.corrected(draft, roles, settled, given, wanted.environment)
    unclear = [Unread("fairlead.toml", sentence) for sentence in draft.todo]
    try:
        return manifest.text(draft, repository, wanted.environment), unclear
    except UsageError as error:
        return "", [*unclear, Unread("fairlead.toml", error.what)]


def _health(draft: Draft) -> None:
    if draft.value("role.web", "health") is None:
        health.stand_in(draft)


def _renamed(text: str, name: str, app: str) -> str:
    return text.replace(f'app = "{name}"', f'app = "{app}"', 1) if app else text


def _replaced(living: Living, roles: Sequence[tuple[Unit, Told]]) -> tuple[str, ...]:
    """The units that releases take the place of, sockets with their services."""
    names = [unit.name for unit, _ in roles]
    sockets = [u.name for u in living.units if u.kind == "socket" and u.activates in names]
    return tuple(sorted((*names, *sockets)))


def _left_out(roles: Sequence[tuple[Unit, Told]]) -> Iterator[str]:
    for unit, one in roles:
        if one.left_out:
            yield f"{unit.name}: left out of the command: {', '.join(one.left_out)}"
        if unit.before:
            words = " ".join(unit.before[0].words)
            yield f"{unit.name}: ExecStartPre is not run: {words} ({unit.before[0].at})"


def _not_told(living: Living, roles: Sequence[tuple[Unit, Told]]) -> Iterator[Unread]:
    if not living.units:
        yield Unread("units", f"no unit of systemd runs from {living.clone.path}")
    elif not any(one.kind == "web" for _, one in roles):
        yield Unread("units", "none of them runs a server that is known")
    known = {unit.name for unit, _ in roles}
    timed = {unit.activates for unit in living.units if unit.kind == "timer"}
    for unit in living.units:
        if unit.kind == "service" and unit.name not in known | timed:
            secret = any(_tells(one) for one in [told(unit, living)] if one)
            why = "a secret stands in its command, where every user of the machine reads it"
            yield Unread(unit.name, why if secret else "its command is not understood")


def _without_front(living: Living, services: Sequence[str]) -> Iterator[Unread]:
    if services and not living.servers:
        where = ", ".join(services)
        yield Unread("nginx", f"no server of nginx sends requests to {where}")


def _by_hand(living: Living) -> Iterator[str]:
    for cron in living.crons:
        yield f"cron ({cron.at}) goes on as it is: {_shown(cron.text)}"
    for unit in living.units:
        if unit.kind == "timer":
            when = ", ".join(unit.schedule) or "no schedule was found"
            yield f"{unit.name} goes on as it is: {unit.activates}, {when}"


def _shown(text: str) -> str:
    """A crontab's line, without a value that stands in it."""
    words = (
        f"{name}=…" if equals and why_secret(name, value) else "…" if form_of(word) else word
        for word in text.split()
        for name, equals, value in [word.partition("=")]
    )
    shown = " ".join(words)
    return shown if len(shown) <= 200 else f"{shown[:200]} …"
