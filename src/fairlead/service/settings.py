"""Plain settings: changed in the deploy repo, then released with the artifact that serves."""

from collections.abc import Mapping

import msgspec

from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.checks.model import Change, Verdict
from fairlead.desired import flow as desired
from fairlead.desired.flow import Act
from fairlead.desired.model import Desired
from fairlead.service.push import publish, settings_now
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
    that cannot be one, Refused when the verdict that the release stands on is not kept.
    """
    wanted, names = tools.desired(place), tuple(sorted(changes))
    act = Act(tools.me, why or f"settings {', '.join(names)}", tools.clock.now())
    verdict = _verdict(tools, wanted) if wanted else None
    commit = desired.set_settings(tools.deploy, place, changes, act)
    if wanted is None or verdict is None or _same(tools, wanted):
        return SettingsSet(str(place), names, commit)
    return _ask(tools, wanted, verdict, act, SettingsSet(str(place), names, commit))


def _verdict(tools: Tools, wanted: Desired) -> Verdict:
    """What the release stands on, before anything is changed."""
    app, commit = wanted.release.app, wanted.release.artifact.commit
    found = tools.desk.verdicts.get(app, commit)
    if found is None:
        what = f"the verdict of commit {commit[:12]} is not kept, so nothing may stand on it"
        raise Refused(what, "push it again: git push --force fairlead")
    return found


def _same(tools: Tools, wanted: Desired) -> bool:
    return settings_now(tools, wanted.release.manifest) == wanted.release.settings


def _ask(
    tools: Tools, wanted: Desired, verdict: Verdict, act: Act, done: SettingsSet
) -> SettingsSet:
    release, place = wanted.release, wanted.place
    change = Change(
        release.app, release.artifact.commit, verdict.tree, "", act.who, release.subject
    )
    made = publish(tools, release.artifact, release.manifest, verdict, change)
    environment = release.manifest.environment(place.environment)
    approval = environment is not None and environment.approval
    revision = desired.propose(
        tools.deploy, place, made.number, act, how="settings", approval=approval
    )
    return msgspec.structs.replace(done, release=made.number, revision=revision)
