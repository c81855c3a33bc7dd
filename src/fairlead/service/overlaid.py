"""A change as each environment gets it: with the environment's overlay laid over it."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from fairlead.base.ids import CommitId, Place
from fairlead.checks.model import Change
from fairlead.desired import read
from fairlead.desired.model import Overlay
from fairlead.manifest.model import App, Environment
from fairlead.manifest.rules import FILE
from fairlead.service.manifests import manifest_at
from fairlead.service.tools import Tools


def pushed_manifest(tools: Tools, app: str, commit: CommitId) -> App:
    """The manifest of a pushed commit; of one that has none, that which an overlay brings.

    Raises NotFound, ManifestError, Refused.
    """
    repository, look = tools.home.repository(app), tools.deploy.repo.look()
    brings = () if tools.repositories.read(repository, commit, FILE) else read.overlaid(look, app)
    for overlay in filter(None, (read.overlay(look, place) for place in brings)):
        made = tools.repositories.laid_over(repository, commit, overlay.base, overlay.patch)
        if tools.repositories.read(repository, made, FILE):
            return manifest_at(tools, app, made)
    return manifest_at(tools, app, commit)


class Variant(NamedTuple):
    """A change, the manifest it has, and the environments that get it so."""

    change: Change
    manifest: App
    environments: tuple[Environment, ...]


def variants(tools: Tools, change: Change, environments: Iterable[Environment]) -> list[Variant]:
    """The change with the overlay of each environment laid over it; those alike are one.

    Raises Refused, naming every conflict, where an overlay does not merge with the change.
    """
    look, found = tools.deploy.repo.look(), dict[str, tuple[Overlay | None, list[Environment]]]()
    for environment in environments:
        overlay = read.overlay(look, Place(change.app, environment.name))
        digest = overlay.digest if overlay else ""
        found.setdefault(digest, (overlay, []))[1].append(environment)
    return [_variant(tools, change, overlay, alike) for overlay, alike in found.values()]


def laid(tools: Tools, change: Change, overlay: Overlay) -> Change:
    """The change with the overlay laid over it. Raises Refused for a conflict, NotFound."""
    repository = tools.home.repository(change.app)
    made = tools.repositories.laid_over(repository, change.commit, overlay.base, overlay.patch)
    tree = tools.repositories.facts(repository, made).tree
    return msgspec.structs.replace(change, overlay=overlay.digest, laid=made, tree=tree)


def _variant(
    tools: Tools, change: Change, overlay: Overlay | None, environments: list[Environment]
) -> Variant:
    there = laid(tools, change, overlay) if overlay else change
    return Variant(there, manifest_at(tools, change.app, there.source), tuple(environments))
