"""Releases, and which one each environment should run."""

import msgspec

from fairlead.artifact.model import Artifact
from fairlead.base.canonical import digest_of
from fairlead.base.ids import CommitId, Digest, Place
from fairlead.manifest.model import App, Strategy


class Release(msgspec.Struct, frozen=True):
    """Artifact + settings + secret versions + roles + schema facts; numbered per app, immutable, signed.

    ``manifest`` is the app's manifest at that commit: its roles, smoke checks and
    migrate command. ``settings`` are the plain settings of every environment at the
    time the release was made, so that going back to it goes back to them too.
    ``secrets`` are (name, version) pairs of every environment at that time: never values.
    ``verdict`` is the digest of the verdict it stands on; ``found`` are the facts that its checks
    found out (check, name, value), and ``kept`` what they left (check, name, digest): the API's
    contract, what each migration does.
    """

    app: str
    number: int
    artifact: Artifact
    manifest: App
    settings: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    verdict: Digest
    made_at: str
    made_by: str
    subject: str = ""
    secrets: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()
    found: tuple[tuple[str, str, str], ...] = ()
    kept: tuple[tuple[str, str, str], ...] = ()

    def settings_in(self, environment: str) -> dict[str, str]:
        """The plain settings in one environment; empty when it has none."""
        for name, pairs in self.settings:
            if name == environment:
                return dict(pairs)
        return {}

    def secrets_in(self, environment: str) -> dict[str, int]:
        """The secrets in one environment and their versions; empty when it has none."""
        return next((dict(pairs) for name, pairs in self.secrets if name == environment), {})


class Client(msgspec.Struct, frozen=True):
    """A client of an app's API that was given to users: an app in a store, a partner's program.

    It was made for the API of ``release``, and is supported until a day (``2027-03-01``, UTC,
    itself included).
    """

    name: str
    version: str
    release: int
    until: str


class Overlay(msgspec.Struct, frozen=True):
    """What an environment lays over the code: a patch as git writes it, made against ``base``."""

    base: CommitId
    patch: bytes

    @property
    def digest(self) -> Digest:
        """Names it: over the base and the patch."""
        return digest_of(f"fairlead-overlay-1\0{self.base}\0".encode() + self.patch)


class Desired(msgspec.Struct, frozen=True):
    """The release one environment should run now.

    ``revision`` is the deploy repo's commit that made it so. ``how`` is "release",
    "promote", "settings", "secrets", "rollback" (a person went back) or "return" (a rollout failed
    and Fairlead went back). ``previous`` is the release desired before, 0 for none.
    ``approved`` is the digest of the plan that people approved for exactly this revision,
    "" where none was asked for.
    """

    place: Place
    revision: str
    release: Release
    strategy: Strategy
    how: str = "release"
    previous: int = 0
    why: str = ""
    who: str = ""
    approved: str = ""


class Proposal(msgspec.Struct, frozen=True):
    """A release held for approval in one environment.

    ``revision`` is the deploy repo's commit that proposed it; ``previous`` the release
    desired there now, 0 for none.
    """

    place: Place
    revision: str
    release: Release
    strategy: Strategy
    how: str
    previous: int
    why: str
    who: str


class Anchor(msgspec.Struct, frozen=True):
    """The record's head as the deploy repo last saw it: the newest entry and its hash."""

    seq: int
    hash: str
