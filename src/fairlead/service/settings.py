"""Plain settings: changed in the deploy repo, then released with the artifact that serves."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.checks.model import Change, Verdict
from fairlead.desired import flow as desired
from fairlead.desired.flow import Act
from fairlead.desired.model import Desired, Release
from fairlead.service.published import as_now, publish
from fairlead.service.sealed import file_of
from fairlead.service.tools import Tools


class SettingsSet(msgspec.Struct, frozen=True):
    """What ``set`` did: the settings' commit, and the release that brings them, with the
    commit that asked for it; 0 and "" where no release is desired yet, or nothing differs."""

    place: str
    names: tuple[str, ...]
    commit: str
    release: int = 0
    revision: str = ""


def set_settings(
    tools: Tools, place: Place, changes: Mapping[str, str | None], why: str
) -> SettingsSet:
    """Change plain settings of a place (None removes one) and ask for them there.

    Every setting that was changed since comes along. Raises UsageError for a name or value
    that cannot be one or is a secret's, Refused when the verdict that the release stands on is
    not kept.
    """
    wanted, names = tools.desired(place), tuple(sorted(changes))
    _refuse_secret(tools, place, names)
    act = Act(tools.me, why or f"settings {', '.join(names)}", tools.clock.now())
    verdict = verdict_of(tools, wanted) if wanted else None
    commit = desired.set_settings(tools.deploy, place, changes, act)
    done = SettingsSet(str(place), names, commit)
    if wanted is None or verdict is None or as_now(tools, wanted.release):
        return done
    made = again(tools, wanted, verdict, act, "settings")
    return msgspec.structs.replace(done, release=made.release, revision=made.revision)


def _refuse_secret(tools: Tools, place: Place, names: tuple[str, ...]) -> None:
    sealed = dict(file_of(tools.deploy.repo.look(), place).current())
    secret = next((name for name in names if name in sealed), "")
    if secret:
        what = f"a secret, and not to be set in plain text: {secret}"
        hint = f"fairlead secret set {place} {secret} changes it; secret unset takes it away"
        raise Refused(what, hint)


def verdict_of(tools: Tools, wanted: Desired) -> Verdict:
    """What the release stands on, before anything is changed."""
    built = wanted.release.artifact
    found = tools.desk.verdicts.get(built.app, built.commit, built.overlay)
    if found is None:
        what = f"the verdict of commit {built.commit[:12]} is not kept, so nothing may stand on it"
        raise Refused(what, "push it again: git push --force fairlead")
    return found


class Again(NamedTuple):
    """The number of a release that was made of what serves, and the commit that asked for it."""

    release: int
    revision: str


def remade(tools: Tools, wanted: Desired, verdict: Verdict, act: Act) -> Release:
    """A new release of the desired one's artifact, with the settings and secrets of now."""
    release = wanted.release
    commit = release.artifact.commit
    change = Change(release.app, commit, verdict.tree, "", act.who, release.subject)
    return publish(tools, release.artifact, release.manifest, verdict, change)


def again(tools: Tools, wanted: Desired, verdict: Verdict, act: Act, how: str) -> Again:
    """Make a release of the desired one's artifact with today's settings and secrets, and ask
    for it at the same place."""
    place, made = wanted.place, remade(tools, wanted, verdict, act)
    environment = made.manifest.environment(place.environment)
    approval = environment is not None and environment.approval
    revision = desired.propose(tools.deploy, place, made.number, act, how=how, approval=approval)
    return Again(made.number, revision)
