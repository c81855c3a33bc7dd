"""The deploy repo's files as text and back: pure. ``docs/design/deploy-repo.md`` shows each.

JSON is written with sorted keys, two spaces and a last newline, so that equal values are
equal bytes and ``git diff`` reads well. A file that is not of its form names itself, the
key and what was expected.
"""

import tomllib
from typing import Annotated, TypeVar

import msgspec

from fairlead.base.errors import UsageError
from fairlead.base.ids import Digest, Place
from fairlead.checks.model import Waiver
from fairlead.desired.model import Client
from fairlead.manifest.model import Strategy

T = TypeVar("T")
FORMAT = 1
Number = Annotated[int, msgspec.Meta(ge=1)]

FIRST_DEPLOY_TOML = b"""\
# The deploy repo of a Fairlead: which release each environment of each app should run.
# It is a plain git repository. `git log` is its history, and `git revert` goes back.
format = 1

# Who may approve, and where approval is asked for besides the app's own manifest:
#
# [apps.riverside.production]
# approval = true
# approvers = ["ssh-ed25519 AAAA... ada@example.org"]
#
# With no approvers named, whoever holds this Fairlead's own key may approve.
"""
# Signatures are over exact bytes: no clone may change the ends of lines.
FIRST_ATTRIBUTES = b"* -text\n"


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``release.json`` and ``proposed.json``. ``release`` is the digest of the release's file."""

    app: str
    environment: str
    number: Number
    artifact: Digest
    release: Digest
    strategy: Strategy


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an approver signs. ``proposed`` is the digest of ``proposed.json``; ``revision``
    the commit that proposed it; ``plan`` the digest of the plan they saw."""

    app: str
    environment: str
    number: Number
    plan: Digest
    revision: str
    proposed: Digest


class Waivers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``waivers/<app>.json``: what people let through, signed."""

    app: str
    waivers: tuple[Waiver, ...] = ()


class Clients(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``clients/<app>.json``: whom the API still serves, signed."""

    app: str
    clients: tuple[Client, ...] = ()


class EnvironmentRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``deploy.toml`` says of one environment. ``approvers`` are public keys."""

    approval: bool = False
    approvers: tuple[str, ...] = ()


class DeployFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``deploy.toml``."""

    format: int
    apps: dict[str, dict[str, EnvironmentRule]] = {}

    def rule(self, place: Place) -> EnvironmentRule:
        """What holds in one environment of one app."""
        return self.apps.get(place.app, {}).get(place.environment, EnvironmentRule())


def encode(value: msgspec.Struct) -> bytes:
    """A document's bytes."""
    plain = msgspec.json.encode(value, order="sorted")
    return msgspec.json.format(plain, indent=2) + b"\n"


def decode(data: bytes, form: type[T], path: str) -> T:
    """A document from its bytes. Raises UsageError naming file, key and what was expected."""
    try:
        return msgspec.json.decode(data, type=form)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {_said(error)}", _hint(path)) from error


def decode_deploy(data: bytes) -> DeployFile:
    """``deploy.toml`` from its bytes. Raises UsageError."""
    path = "deploy.toml"
    try:
        found = msgspec.convert(tomllib.loads(data.decode()), DeployFile)
    except (ValueError, RecursionError) as error:  # msgspec's and tomllib's are ValueErrors
        raise UsageError(f"{path}: {_said(error)}", _hint(path)) from error
    if found.format != FORMAT:
        what = f"{path}: format: expected {FORMAT}, got {found.format}"
        raise UsageError(what, "use the Fairlead that wrote it, or a newer one")
    return found


def _said(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text.replace("`$.", "`").replace(" - at `", ", at `")


def _hint(path: str) -> str:
    return f"git log -- {path} shows who changed it; git revert takes a change back"
