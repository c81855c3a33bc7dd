"""An environment's overlay: captured from a clone, laid over the code there, released.

The overlay lies in the deploy repo as a patch and the commit it was made against. Before it is
stored it is merged with what serves, checked and built; so a conflict or a failed check is
found before anything is touched, and what it brings is a release with a number of its own.
"""

from pathlib import Path
from typing import NamedTuple

import msgspec

from fairlead.artifact import flow as artifact
from fairlead.artifact.model import Artifact
from fairlead.base.errors import NotFound, Refused
from fairlead.base.ids import CommitId, Place
from fairlead.checks import flow as checks
from fairlead.checks.model import Answer, Change, Verdict
from fairlead.checks.ports import Sink
from fairlead.desired import flow as desired
from fairlead.desired import layout, read
from fairlead.desired.flow import Act
from fairlead.desired.model import Desired, Overlay
from fairlead.manifest.model import App
from fairlead.service.manifests import manifest_at
from fairlead.service.overlaid import laid
from fairlead.service.ports import Captured
from fairlead.service.proven import proven
from fairlead.service.published import publish
from fairlead.service.tools import Tools


class OverlaySet(msgspec.Struct, frozen=True):
    """What became of an overlay: its digest ("" for none), the files it touches, its commit in
    the deploy repo, and the release that brings it with the commit that asked for that; 0 and
    "" where no release is desired yet, or the code that serves is the same."""

    place: str
    overlay: str
    files: tuple[str, ...]
    commit: str
    release: int = 0
    revision: str = ""


class Whole(NamedTuple):
    """An overlay that was made otherwise than from a clone (a ``Captured``)."""

    base: CommitId
    patch: bytes
    files: tuple[str, ...]


class OverlayShown(msgspec.Struct, frozen=True):
    """A place's overlay as it lies in the deploy repo. ``serves``: the desired release has it."""

    place: str
    overlay: str
    base: str
    file: str
    patch: str
    serves: bool


def capture(
    tools: Tools, place: Place, captured: Captured, clone: Path, why: str, show: Sink
) -> OverlaySet:
    """Make what a clone has over its commit the overlay of a place, in the place of another.

    Raises NotFound where the app is unknown, Refused for a conflict or a check that did not
    pass: then nothing was changed.
    """
    repository = tools.home.repository(place.app)
    if place.app not in tools.apps():
        raise NotFound(f"no app {place.app!r} here", "push it first: fairlead up")
    tools.repositories.take(repository, clone, captured.base)
    overlay = Overlay(captured.base, captured.patch)
    return _put(tools, place, overlay, captured.files, why or "captured from a clone", show)


def drop(tools: Tools, place: Place, why: str, show: Sink) -> OverlaySet:
    """Lay nothing over the code of a place any more. Raises NotFound where nothing is."""
    _there(tools, place)
    return _put(tools, place, None, (), why or "the overlay is no longer needed", show)


def refresh(tools: Tools, place: Place, why: str) -> OverlaySet:
    """Write the overlay anew, made against the commit that serves: the same code, and a patch
    that says what is still different. Raises NotFound, Refused."""
    overlay, wanted = _there(tools, place), tools.desired(place)
    if wanted is None:
        raise NotFound(f"nothing is desired in {place}", "fairlead status")
    repository, commit = tools.home.repository(place.app), wanted.release.artifact.commit
    made = tools.repositories.laid_over(repository, commit, overlay.base, overlay.patch)
    patch = tools.repositories.patch_between(repository, commit, made)
    fresh = Overlay(commit, patch) if patch else None
    act = Act(tools.me, why or f"made against {commit[:12]}", tools.clock.now())
    revision = desired.set_overlay(tools.deploy, place, fresh, act)
    return OverlaySet(str(place), fresh.digest if fresh else "", (), revision)


def shown(tools: Tools, place: Place) -> OverlayShown:
    """The overlay of a place. Raises NotFound where there is none."""
    overlay, wanted = _there(tools, place), tools.desired(place)
    serves = wanted is not None and wanted.release.artifact.overlay == overlay.digest
    path = f"{tools.deploy.repo.where}/{layout.overlay(place)[1]}"
    text = overlay.patch.decode(errors="replace")
    return OverlayShown(str(place), overlay.digest, overlay.base, path, text, serves)


def _there(tools: Tools, place: Place) -> Overlay:
    found = read.overlay(tools.deploy.repo.look(), place)
    if found is None:
        hint = f"fairlead overlay capture {place}, in a clone that has changes"
        raise NotFound(f"{place} has no overlay", hint)
    return found


def _put(
    tools: Tools, place: Place, overlay: Overlay | None, files: tuple[str, ...], why: str,
    show: Sink,
) -> OverlaySet:  # fmt: skip
    wanted = tools.desired(place)
    ready = _ready(tools, wanted, overlay, show) if wanted else None
    act = Act(tools.me, why, tools.clock.now())
    commit = desired.set_overlay(tools.deploy, place, overlay, act)
    done = OverlaySet(str(place), overlay.digest if overlay else "", files, commit)
    if wanted is None or ready is None or ready.built.digest == wanted.release.artifact.digest:
        return done
    tools.repositories.keep(tools.home.repository(place.app), ready.change.source)
    made = publish(tools, ready.built, ready.manifest, ready.verdict, ready.change)
    environment = ready.manifest.environment(place.environment)
    approval = environment is not None and environment.approval
    revision = desired.propose(
        tools.deploy, place, made.number, act, how="overlay", approval=approval
    )
    return msgspec.structs.replace(done, release=made.number, revision=revision)


class _Ready(NamedTuple):
    """The commit that serves, with the overlay: checked and built."""

    change: Change
    manifest: App
    verdict: Verdict
    built: Artifact


def _ready(tools: Tools, wanted: Desired, overlay: Overlay | None, show: Sink) -> _Ready | None:
    change = _change(tools, wanted, overlay)
    manifest = manifest_at(tools, change.app, change.source)
    environment = manifest.environment(wanted.place.environment)
    there = (environment,) if environment else ()
    verdict = proven(tools, change, manifest, there, show)
    if verdict.answer is not Answer.PASSED:
        what = f"the overlay was not taken: {checks.summary(verdict)}"
        raise Refused(what, "correct it in the clone, and capture it again")
    built = artifact.checked(tools.shop, change, verdict)
    return _Ready(change, manifest, verdict, built) if built else None


def _change(tools: Tools, wanted: Desired, overlay: Overlay | None) -> Change:
    """The commit that serves, with that overlay laid over it."""
    release = wanted.release
    commit: CommitId = release.artifact.commit
    said = tools.repositories.facts(tools.home.repository(release.app), commit)
    change = Change(release.app, commit, said.tree, "", tools.me, release.subject)
    return laid(tools, change, overlay) if overlay else change
