"""Secrets: sealed in the deploy repo, then released with the artifact that serves.

A value goes in, and comes out in the processes of a release and nowhere else: no verb shows one.
"""

from collections.abc import Collection, Mapping

import msgspec

from fairlead.base.clock import stamp
from fairlead.base.errors import FairleadError, NotFound, Refused, UsageError
from fairlead.base.ids import Place, is_name
from fairlead.base.journal import Fact
from fairlead.base.secret import Secret
from fairlead.checks.model import Verdict
from fairlead.desired import flow as desired
from fairlead.desired import layout, read, settings_text
from fairlead.desired.flow import Act
from fairlead.desired.model import Desired, Release
from fairlead.desired.ports import Look
from fairlead.desired.rules import secret_text
from fairlead.secrets import flow as secrets
from fairlead.secrets import rules
from fairlead.secrets.flow import By
from fairlead.secrets.model import SealedFile
from fairlead.service.published import as_now
from fairlead.service.sealed import file_of
from fairlead.service.settings import again, verdict_of
from fairlead.service.tools import Tools

Change = tuple[Mapping[str, bytes | None], Mapping[str, Fact]]


class SecretsSet(msgspec.Struct, frozen=True):
    """What ``secret set`` or ``unset`` did: the secrets that changed (``NAME 3``, ``NAME
    unset``), their commit, and the release that brings them, with the commit that asked for
    it; 0 and "" where no release is desired yet, or nothing differs."""

    place: str
    changed: tuple[str, ...]
    commit: str
    release: int = 0
    revision: str = ""


class SecretLine(msgspec.Struct, frozen=True):
    """One secret, never its value. ``version`` is what the next release names (0: it has no
    value), ``in_release`` what the desired one does; ``needed``: its manifest asks for it."""

    name: str
    version: int
    in_release: int
    needed: bool
    at: str = ""
    who: str = ""


class SecretList(msgspec.Struct, frozen=True):
    """The secrets of a place, by name."""

    place: str
    secrets: tuple[SecretLine, ...]


def place_to_be(tools: Tools, text: str) -> Place | None:
    """The place of an app that is here, named in full, that no release was asked for yet: its
    first one may need a secret. None for any other text.

    Raises NotFound for an environment that the app's releases do not know.
    """
    app, slash, environment = text.partition("/")
    place = Place(app, environment)
    known = tools.places()
    if not slash or place in known or app not in tools.apps() or not is_name(environment):
        return None
    known_as = newest(tools, app)
    names = [e.name for e in known_as.manifest.environments] if known_as else []
    if known_as and environment not in names:
        what = f"{app} has no environment {environment!r}"
        raise NotFound(what, f"its fairlead.toml names: {', '.join(names)}")
    return place


def set_secrets(
    tools: Tools, place: Place, values: Mapping[str, Secret], why: str, *, instead: bool
) -> SecretsSet:
    """Seal new values at a place and ask for them there.

    ``instead``: a plain setting of that name goes in the same change. Raises UsageError for a
    name or a value that cannot be one, Refused for a name that is a plain setting, or when the
    verdict that the release stands on is not kept.
    """
    for name, value in values.items():
        rules.secret_value(rules.secret_name(name), value)
    wanted = tools.desired(place)
    if not instead:
        refuse_plain(tools, place, wanted, values)
    verdict = verdict_of(tools, wanted) if wanted else None
    act = Act(tools.me, why or f"secrets {', '.join(sorted(values))}", tools.clock.now())
    changed: list[str] = []

    def edit(look: Look) -> Change:
        files, told = _put(tools, look, place, values)
        changed[:] = told
        if instead:
            files |= _unset_plain(look, place, values)
        return files, {"secrets_changed": told}

    commit = desired.set_secrets(tools.deploy, place, tuple(values), edit, act)
    return _asked(tools, wanted, verdict, act, SecretsSet(str(place), tuple(changed), commit))


def unset_secrets(tools: Tools, place: Place, names: tuple[str, ...], why: str) -> SecretsSet:
    """Take secrets away from a place; what older releases name stays for them.

    Raises NotFound for one that is not set, Refused for one that the release's manifest needs.
    """
    wanted = tools.desired(place)
    _refuse_needed(wanted, place, names)
    verdict = verdict_of(tools, wanted) if wanted else None
    act = Act(tools.me, why or f"unset {', '.join(sorted(names))}", tools.clock.now())
    changed = tuple(secret_text(name, 0) for name in sorted(names))

    def edit(look: Look) -> Change:
        file = file_of(look, place)
        for name in names:
            file = rules.without(file, name)
        return {layout.sealed(place): rules.text(file)}, {"secrets_changed": changed}

    commit = desired.set_secrets(tools.deploy, place, names, edit, act)
    return _asked(tools, wanted, verdict, act, SecretsSet(str(place), changed, commit))


def listed(tools: Tools, place: Place) -> SecretList:
    """The secrets of a place: names, versions, since when, by whom, and those that are missing."""
    file, wanted = file_of(tools.deploy.repo.look(), place), tools.desired(place)
    now = wanted.release.secrets_in(place.environment) if wanted else {}
    # A place where nothing is desired yet has its needs in the app's newest manifest.
    needed = _needed(wanted.release if wanted else newest(tools, place.app), place)
    names = sorted({*dict(file.current()), *now, *needed})
    return SecretList(str(place), tuple(_line(file, n, now.get(n, 0), n in needed) for n in names))


def _line(file: SealedFile, name: str, in_release: int, needed: bool) -> SecretLine:
    kept = file.secrets.get(name)
    version = kept.version(kept.current) if kept else None
    if version is None:
        return SecretLine(name, 0, in_release, needed)
    return SecretLine(name, version.number, in_release, needed, version.at, version.who)


def _put(
    tools: Tools, look: Look, place: Place, values: Mapping[str, Secret]
) -> tuple[dict[str, bytes | None], list[str]]:
    """The sealed file with these values, and the secrets that changed."""
    path, before = layout.sealed(place), file_of(look, place)
    by = By(tools.me, stamp(tools.clock.now()))
    earlier = _earlier(look, path)
    after = secrets.put(tools.sealed.cabinet(place), before, values, by, earlier)
    numbers = dict(after.current())
    differ = set(after.current()) - set(before.current())
    told = [secret_text(name, numbers[name]) for name, _ in sorted(differ)]
    return ({path: rules.text(after)} if told else {}), told


def _earlier(look: Look, path: str) -> list[SealedFile]:
    """What the file was in each commit that can be read."""
    found = []
    for commit in look.history(path):
        try:
            found.append(rules.parse(commit.content, path))
        except FairleadError:
            continue  # a person's commit that no release was made of
    return found


def _unset_plain(look: Look, place: Place, names: Mapping[str, Secret]) -> dict[str, bytes | None]:
    """The plain settings without these; nothing where none of them is there."""
    path, now = layout.settings(place), read.settings(look, place)
    gone = {name: None for name in names if name in now}
    if not gone:
        return {}
    return {path: settings_text.edit(read.settings_file(look, place), gone, path).encode()}


def _asked(
    tools: Tools, wanted: Desired | None, verdict: Verdict | None, act: Act, done: SecretsSet
) -> SecretsSet:
    if wanted is None or verdict is None or as_now(tools, wanted.release):
        return done
    made = again(tools, wanted, verdict, act, "secrets")
    return msgspec.structs.replace(done, release=made.release, revision=made.revision)


def refuse_plain(
    tools: Tools, place: Place, wanted: Desired | None, names: Collection[str]
) -> None:
    """Raises Refused where one of these is a plain setting of the place."""
    plain = set(read.settings(tools.deploy.repo.look(), place))
    if wanted:
        plain |= wanted.release.settings_in(place.environment).keys()
    both = sorted(plain & set(names))
    if both:
        what = f"a plain setting of {place} already: {', '.join(both)}"
        raise Refused(what, "--instead seals it and takes the plain one away in one change")


def _refuse_needed(wanted: Desired | None, place: Place, names: tuple[str, ...]) -> None:
    if not names:
        raise UsageError("no secret is named", f"fairlead secret unset {place} NAME")
    needed = sorted(set(names) & set(_needed(wanted.release if wanted else None, place)))
    if needed and wanted:
        what = f"release {wanted.release.number} needs it in {place}: {', '.join(needed)}"
        where = f"[environment.{place.environment}] secrets in fairlead.toml"
        raise Refused(what, f"take it out of {where}, and push that first")


def newest(tools: Tools, app: str) -> Release | None:
    """The newest release of an app, asked for or not."""
    numbers = read.releases(tools.deploy.repo.look(), app)
    return tools.releases.get(app, numbers[-1]) if numbers else None


def _needed(release: Release | None, place: Place) -> tuple[str, ...]:
    found = release.manifest.environment(place.environment) if release else None
    return found.secrets if found else ()
