"""What is sealed at a place: its file, the values a release names, the scrubber of its logs."""

from collections.abc import Collection, Iterable, Mapping

from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.desired import layout
from fairlead.desired.model import Release
from fairlead.desired.ports import DeployRepo, Look
from fairlead.desired.rules import secret_hint
from fairlead.manifest.model import App, Environment
from fairlead.secrets import flow as secrets
from fairlead.secrets import rules
from fairlead.secrets.flow import Cabinet
from fairlead.secrets.model import SealedFile
from fairlead.secrets.ports import KeyRing
from fairlead.secrets.scrub import Scrubber

ByEnvironment = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
"""(environment, ((name, version), ...)), as a release names them."""


class Sealed:
    """The rollout's ``Secrets`` port on the deploy repo and the home's keys."""

    def __init__(self, repo: DeployRepo, ring: KeyRing) -> None:
        self._repo = repo
        self.ring = ring
        self._masks: dict[Place, tuple[bytes, Scrubber]] = {}

    def cabinet(self, place: Place) -> Cabinet:
        """The place's sealed file, and the keys to it."""
        return Cabinet(self.ring, place, layout.sealed(place))

    def values(self, place: Place, release: Release) -> Mapping[str, Secret]:
        """The secrets that the release names at a place. Raises Refused, UsageError."""
        named = release.secrets_in(place.environment)
        if not named:
            return {}
        file = file_of(self._repo.look(), place)
        return secrets.values(self.cabinet(place), file, named.items())

    def scrubber(self, place: Place) -> Scrubber:
        """What takes every value that a secret of the place ever had out of a text.

        Raises Refused when one cannot be opened: what is not known cannot be masked.
        """
        data = self._repo.look().read(layout.sealed(place)) or b""
        known, masks = self._masks.get(place, (b"", Scrubber(())))
        if data != known:
            file = rules.parse(data, layout.sealed(place))
            masks = Scrubber(secrets.everything(self.cabinet(place), file))
            self._masks[place] = (data, masks)
        return masks


def file_of(look: Look, place: Place) -> SealedFile:
    """The place's secrets as committed; none where there is no file. Raises UsageError, Refused."""
    path = layout.sealed(place)
    return rules.parse(look.read(path), path)


def places_sealed(look: Look) -> tuple[Place, ...]:
    """Every place that has a sealed file, sorted."""
    found = (layout.sealed_place(path) for path in look.files("apps"))
    return tuple(sorted({place for place in found if place}))


def secrets_now(look: Look, manifest: App) -> ByEnvironment:
    """Every environment's secrets and their versions, as the next release names them."""
    named = (
        (e.name, file_of(look, Place(manifest.name, e.name)).current())
        for e in manifest.environments
    )
    return tuple(sorted((name, pairs) for name, pairs in named if pairs))


def refuse_lacking(
    look: Look, app: str, environments: Iterable[Environment], to_be_made: Collection[str] = ()
) -> None:
    """Raises Refused where a secret that one of these environments needs has no value, and is
    none of those ``to_be_made`` when it is released."""
    for environment in environments:
        place = Place(app, environment.name)
        sealed = dict(file_of(look, place).current())
        lacking = [n for n in environment.secrets if n not in sealed and n not in to_be_made]
        if lacking:
            what = f"{place} needs a secret that has no value: {', '.join(lacking)}"
            raise Refused(what, f"{secret_hint(place, lacking)}; then push again")


def refuse_both(place: Place, settings: Iterable[str], file: SealedFile) -> None:
    """Raises Refused where a name is a setting of the deploy repo and a secret too."""
    both = sorted(set(settings) & {name for name, _ in file.current()})
    if both:
        what = f"both a plain setting and a secret of {place}: {', '.join(both)}"
        raise Refused(what, f"fairlead set {place} --unset {both[0]} keeps the secret")
