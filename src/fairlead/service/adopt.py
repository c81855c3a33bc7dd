"""Adopting a server that was set up by hand: proposed, agreed, confirmed, undone.

A proposal is a directory of files; making one changes nothing else. Carrying it out releases
the app here, beside the hand-made state, and then hands the users over; until it is confirmed
they can be handed back.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from fairlead.adopt import flow, papers, rules
from fairlead.adopt.manifest import without_roles
from fairlead.adopt.model import Adoption, Proposal, Stage
from fairlead.adopt.papers import Agreed
from fairlead.adopt.ports import Clones, Fronts, Keeps, Laid, Servers, Shelf, Units
from fairlead.adopt.rules import Wanted
from fairlead.base.errors import FairleadError, NotFound, Refused, UsageError
from fairlead.base.ids import CommitId, Place, is_name, name
from fairlead.checks.ports import Sink
from fairlead.desired import flow as desired
from fairlead.desired import read
from fairlead.desired.flow import Act
from fairlead.desired.model import Overlay
from fairlead.manifest import flow as manifest
from fairlead.manifest.rules import FILE, parse
from fairlead.record.flow import head_of
from fairlead.service import overlay as overlays
from fairlead.service.follow import await_commit
from fairlead.service.published import settings_now
from fairlead.service.push import HEADS, Update, offered
from fairlead.service.secrets import set_secrets
from fairlead.service.tools import Tools
from fairlead.service.up import set_up


class Reading(NamedTuple):
    """What a proposal is made with."""

    clones: Clones
    servers: Servers


class Yard(NamedTuple):
    """What an adoption works with beside the home's tools. ``fronts`` is None where the proxy
    in front is out of reach; ``units`` where systemd is."""

    clones: Clones
    shelf: Shelf
    keeps: Keeps
    fronts: Fronts | None = None
    units: Units | None = None


class Proposed(msgspec.Struct, frozen=True):
    """What was proposed, and where it lies. Names only: no value of a secret."""

    directory: str
    app: str
    environment: str
    files: tuple[str, ...]
    secrets: tuple[str, ...]
    settings: tuple[str, ...]
    overlay: tuple[str, ...]
    held: tuple[str, ...]
    not_understood: tuple[str, ...]
    by_hand: tuple[str, ...]


class Adopted(msgspec.Struct, frozen=True):
    """How far an adoption is: where the releases serve, and what it came to, in sentences."""

    app: str
    environment: str
    stage: str
    address: str
    done: tuple[str, ...]


def propose(reading: Reading, path: Path, wanted: Wanted, out: Path | None) -> Proposed:
    """Read a living server, and write down the whole move. Changes nothing but ``out``.

    Raises NotFound for no clone, UsageError where ``out`` holds something else.
    """
    clone = reading.clones.read(path)
    living = reading.servers.read(clone)
    texts, paths = manifest.looked(path)
    proposal = rules.propose(living, texts, paths, wanted)
    name(proposal.app, "an app")
    name(proposal.environment, "an environment")
    files = {file.path: Laid(file.after, file.mode) for file in proposal.overlay}
    patch = reading.clones.patch(path, clone.commit, files)
    made = papers.written(proposal, living, patch)
    directory = out or Path(f"fairlead-adopt-{proposal.app}")
    _write(directory, made)
    return _proposed(directory, proposal, tuple(made))


def _proposed(directory: Path, proposal: Proposal, files: tuple[str, ...]) -> Proposed:
    return Proposed(
        directory=str(directory),
        app=proposal.app,
        environment=proposal.environment,
        files=tuple(sorted(files)),
        secrets=tuple(f"{one.name}: {one.why} ({one.at})" for one in proposal.secrets),
        settings=tuple(one.name for one in proposal.settings),
        overlay=tuple(file.path for file in proposal.overlay),
        held=tuple(f"{held.at}: {held.why}" for held in proposal.held),
        not_understood=tuple(f"{one.what}: {one.why}" for one in proposal.not_understood),
        by_hand=proposal.by_hand,
    )


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    """Into a directory of our own: a new one, or that of an earlier proposal."""
    if (
        directory.exists()
        and not (directory / papers.OUTLINE).is_file()
        and any(directory.iterdir())
    ):
        raise UsageError(f"not empty, and no proposal: {directory}", "name another one with --out")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    for old in {papers.PATCH, papers.SECRETS, papers.SETTINGS, papers.PLAN, FILE} - files.keys():
        (directory / old).unlink(missing_ok=True)
    # The outline comes last: without it, it is no proposal.
    for file, data in sorted(files.items(), key=lambda item: item[0] == papers.OUTLINE):
        mode = 0o600 if file in papers.CLOSED else 0o644
        (directory / file).unlink(missing_ok=True)
        handle = os.open(directory / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(handle, "wb") as opened:
            opened.write(data)


def agreed(directory: Path) -> Agreed:
    """A proposal as a person left it. Raises UsageError, Refused where others may read it."""
    names = (papers.OUTLINE, papers.PATCH, papers.SECRETS, papers.SETTINGS, FILE)
    files = {
        name: (directory / name).read_bytes() for name in names if (directory / name).is_file()
    }
    if not directory.is_dir() or papers.OUTLINE not in files:
        raise NotFound(f"no proposal: {directory}", "fairlead adopt PATH writes one")
    secrets = directory / papers.SECRETS
    if secrets.exists() and stat.S_IMODE(secrets.stat().st_mode) & 0o077:
        raise Refused(f"others may read {secrets}", f"chmod 600 {secrets}")
    return papers.read(files, str(directory))


def agree(tools: Tools, yard: Yard, given: Agreed, say: Sink) -> Adopted:
    """Carry a proposal out: release the app beside the hand-made state, and hand the users over.

    Safe to repeat: what was done is left. Raises Refused where something of the proposal is not
    so any more, or was never mended.
    """
    outline = given.outline
    place = Place(name(outline.app, "an app"), name(outline.environment, "an environment"))
    _refuse(yard, given, place)
    if tools.home.server:
        _refuse_outside(given, place)
    _ready(tools, place.app, say)
    _lay_in(tools, yard, given, place)
    for kept, path in outline.state:
        yard.keeps.keep(place, kept, Path(path))
    since = head_of(tools.store).seq
    commit = CommitId(outline.commit)
    if not _released(tools, place, commit):
        _push(tools, place.app, outline.branch, commit, say)
        tools.machine.wake()
        ends = await_commit(tools, place.app, commit, 1, since, lambda _: None)
        bad = next((end for end in ends if not end.well), None)
        if bad or not ends:
            what = bad.sentence if bad else "it did not come to an end"
            hint = "the hand-made state serves as before; mend it and agree again"
            raise FairleadError(f"{place} was not released: {what}", hint)
    adoption = yard.shelf.get(place.app)
    if adoption is None or adoption.stage is Stage.UNDONE:
        adoption = Adoption(
            place.app, place.environment, Stage.AGREED, outline.clone, outline.units, outline.front,
            outline.clocks, given.manifest,
        )  # fmt: skip
    yard.shelf.put(adoption)
    return _shown(tools, flow.switch(_hands(tools, yard), adoption))


def _ready(tools: Tools, app: str, say: Sink) -> None:
    """The app's repository, and what serves it, running."""
    if not tools.home.server:
        if set_up(tools, app)[1]:
            say("started: supervisor, proxy and agent")
        return
    tools.repositories.ensure_repository(tools.home.repository(app))
    tools.machine.ensure()
    tools.machine.ensure_agent()


def _push(tools: Tools, app: str, branch: str, commit: CommitId, say: Sink) -> None:
    """Offer the commit and move the branch, as git does for a pusher. Raises Refused."""
    repository, ref = tools.home.repository(app), f"{HEADS}{branch}"
    old = _head(tools, repository, ref)
    if old == commit:
        # It was offered before and does not serve: ask again.
        tools.notes.put_handled(app, branch, "")
        return
    found = offered(tools, app, Update(ref, old, commit), tools.me, say, os.getpid())
    if not found.accepted:
        hint = "correct the proposal, or the clone and propose again; nothing was changed in front"
        raise Refused(f"{commit[:12]} was not released: {found.sentence}", hint)
    tools.repositories.move(repository, branch, commit, old)


def _head(tools: Tools, repository: Path, ref: str) -> str:
    try:
        return tools.repositories.resolve(repository, ref)
    except NotFound:
        return ""


def confirm(tools: Tools, yard: Yard, app: str, say: Sink) -> Adopted:
    """Stop and disable the hand-made units; then start the roles that waited for that.

    Raises NotFound, Refused while requests are open.
    """
    done = flow.confirm(_hands(tools, yard), _adoption(yard, app))
    started = _start_clocks(tools, yard, done.adoption, say)
    return _shown(tools, done._replace(sentences=(*done.sentences, *started)))


def _start_clocks(tools: Tools, yard: Yard, adoption: Adoption, say: Sink) -> tuple[str, ...]:
    """Roles that must not run twice become part of the overlay's manifest, in a release."""
    place = Place(adoption.app, adoption.environment)
    overlay = read.overlay(tools.deploy.repo.look(), place)
    if not (adoption.clocks and adoption.manifest and overlay):
        return ()
    clone, files = Path(adoption.clone), {FILE: Laid(adoption.manifest.encode())}
    patch = yard.clones.patch(clone, overlay.base, files, overlay.patch)
    if patch == overlay.patch:
        return ()
    roles = ", ".join(role for role, _ in adoption.clocks)
    whole = overlays.Whole(overlay.base, patch, (FILE,))
    made = overlays.capture(tools, place, whole, clone, f"{roles}: no longer by hand", say)
    tools.machine.wake()
    return (f"{roles} starts with release {made.release}",)


def undo(tools: Tools, yard: Yard, app: str) -> Adopted:
    """Send the users to the hand-made state again, exactly as it was."""
    return _shown(tools, flow.undo(_hands(tools, yard), _adoption(yard, app)))


def _adoption(yard: Yard, app: str) -> Adoption:
    found = yard.shelf.get(app) if is_name(app) else None
    if found is None:
        raise NotFound(f"no adoption of {app!r} here", "fairlead adopt PATH proposes one")
    return found


def _hands(tools: Tools, yard: Yard) -> flow.Hands:
    return flow.Hands(yard.fronts, yard.units, yard.shelf, tools.record, tools.me)


def _shown(tools: Tools, done: flow.Done) -> Adopted:
    place = Place(done.adoption.app, done.adoption.environment)
    listen = tools.notes.listen(str(place))
    address = f"http://{listen}" if listen else ""
    stage = str(done.adoption.stage)
    return Adopted(place.app, place.environment, stage, address, done.sentences)


def _refuse(yard: Yard, given: Agreed, place: Place) -> None:
    """Whatever makes the proposal another one than the person read."""
    outline = given.outline
    if outline.held:
        what = f"held back, and not mended: {', '.join(outline.held)}"
        raise Refused(what, "mend it in the clone and propose again; plan.md says how")
    if not outline.manifest and not given.manifest:
        raise Refused(
            f"the app has no {FILE}", "write one into the proposal: fairlead init --example"
        )
    if given.manifest:
        app = parse(given.manifest, f"{FILE} of the proposal")
        if app.name != place.app or app.environment(place.environment) is None:
            what = f"{FILE}: it must be of app {place.app!r}, with an environment {place.environment!r}"
            raise Refused(what, f"correct {FILE}, or propose again")
    running = yard.units.active([unit for _, unit in outline.clocks]) if yard.units else ()
    if outline.manifest and running:
        what = f"must not run twice, and runs by hand: {', '.join(running)}"
        raise Refused(what, f"systemctl stop {' '.join(running)}; the release starts its role")
    now = yard.clones.read(Path(outline.clone))
    if now.digest != outline.digest:
        what = f"the clone is not what it was: {outline.clone}"
        raise Refused(what, "fairlead adopt PATH proposes anew, for what is there now")


def _refuse_outside(given: Agreed, place: Place) -> None:
    """A server's copies write to their place's own directory alone."""
    named = " ".join((*given.settings.values(), *(s.reveal() for s in given.secrets.values())))
    for path in given.outline.outside:
        if path in named:
            raise Refused(
                f"copies of {place} may write to their own directory alone, and not to {path}",
                "give it a directory of its own in the clone, and propose again: docs/guides/adopt.md",
            )


def _lay_in(tools: Tools, yard: Yard, given: Agreed, place: Place) -> None:
    """Overlay, settings and secrets into the deploy repo; nothing where they are there."""
    outline = given.outline
    tools.repositories.take(
        tools.home.repository(place.app), Path(outline.clone), CommitId(outline.commit)
    )
    text = without_roles(given.manifest, [role for role, _ in outline.clocks])
    files = {FILE: Laid(text.encode())} if given.manifest else {}
    patch = yard.clones.patch(Path(outline.clone), outline.commit, files, given.patch)
    wanted = Overlay(CommitId(outline.commit), patch) if patch else None
    look = tools.deploy.repo.look()
    act = Act(tools.me, f"adopted from {outline.clone}", tools.clock.now())
    if wanted and read.overlay(look, place) != wanted:
        desired.set_overlay(tools.deploy, place, wanted, act)
    now = read.settings(look, place)
    changed: dict[str, str | None] = {k: v for k, v in given.settings.items() if now.get(k) != v}
    if changed:
        desired.set_settings(tools.deploy, place, changed, act)
    if given.secrets:
        set_secrets(tools, place, given.secrets, act.why, instead=False)


def _released(tools: Tools, place: Place, commit: CommitId) -> bool:
    """Whether the place runs the commit with the settings and secrets of now."""
    wanted = tools.desired(place)
    if wanted is None or wanted.release.artifact.commit != commit:
        return False
    current = settings_now(tools, wanted.release.manifest) == wanted.release.settings
    return current and wanted.release.number in tools.proven(place)
