"""Making a release, with the settings and secret versions of now."""

import msgspec

from fairlead.artifact.model import Artifact
from fairlead.base.canonical import digest
from fairlead.base.clock import stamp
from fairlead.base.ids import Place
from fairlead.checks.model import Change, Verdict
from fairlead.desired import flow as desired
from fairlead.desired import read
from fairlead.desired.flow import Act
from fairlead.desired.model import Release
from fairlead.desired.ports import Look
from fairlead.manifest.model import App, Environment
from fairlead.service.sealed import file_of, refuse_both, secrets_now
from fairlead.service.tools import Tools


def publish(
    tools: Tools, built: Artifact, manifest: App, verdict: Verdict, change: Change
) -> Release:
    """Make, sign and publish the next release of an app."""
    now = tools.clock.now()
    with tools.deploy.repo.writing("number a release"):
        number = read.next_number(tools.deploy.repo.look(), manifest.name)
        release = Release(
            app=manifest.name,
            number=number,
            artifact=built,
            manifest=manifest,
            settings=settings_now(tools, manifest),
            secrets=secrets_now(tools.deploy.repo.look(), manifest),
            verdict=digest(msgspec.to_builtins(verdict)),
            made_at=stamp(now),
            made_by=change.who,
            subject=change.subject,
            found=tuple((r.name, *fact) for r in verdict.results for fact in r.facts),
            kept=tuple((r.name, *kept) for r in verdict.results for kept in r.kept),
        )
        desired.publish(tools.deploy, tools.signer, release, Act(change.who, change.subject, now))
    return release


def settings_now(
    tools: Tools, manifest: App
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Every environment's settings: the manifest's, and over them those of the deploy repo.

    A secret takes the place of the manifest's setting of that name. Raises Refused where the
    deploy repo has a name as both.
    """
    look = tools.deploy.repo.look()
    ordered = sorted(manifest.environments, key=lambda e: e.name)
    return tuple((e.name, _settings_in(look, manifest.name, e)) for e in ordered)


def _settings_in(look: Look, app: str, environment: Environment) -> tuple[tuple[str, str], ...]:
    place = Place(app, environment.name)
    own, sealed = read.settings(look, place), file_of(look, place)
    refuse_both(place, own, sealed)
    whole = dict(environment.settings) | own
    return tuple(sorted((k, v) for k, v in whole.items() if k not in dict(sealed.current())))


def as_now(tools: Tools, release: Release) -> bool:
    """Whether a release made of it now would have the same settings and secret versions."""
    secrets = secrets_now(tools.deploy.repo.look(), release.manifest)
    now = (settings_now(tools, release.manifest), secrets)
    return now == (release.settings, release.secrets)


def current_in(tools: Tools, release: Release, environment: Environment) -> bool:
    """The same, of one environment alone."""
    look, name = tools.deploy.repo.look(), environment.name
    settings = dict(_settings_in(look, release.app, environment))
    secrets = dict(file_of(look, Place(release.app, name)).current())
    return (settings, secrets) == (release.settings_in(name), release.secrets_in(name))
