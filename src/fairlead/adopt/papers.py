"""A proposal as a directory of files that a person reads and edits, and back: pure."""

import hashlib
import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from fairlead.adopt import plan
from fairlead.adopt.model import Living, Outline, Proposal, Sealed
from fairlead.base.errors import UsageError
from fairlead.base.secret import Secret
from fairlead.desired import settings_text
from fairlead.manifest.rules import FILE
from fairlead.secrets import dotenv
from fairlead.secrets.scrub import scrub

FORMAT = 1
PATCH, SECRETS, SETTINGS, PLAN, OUTLINE = (
    "overlay.patch", "secrets.env", "settings.toml", "plan.md", "adopt.json",
)  # fmt: skip
CLOSED = (SECRETS,)
"""Those that only their owner may read."""


class Agreed(NamedTuple):
    """What a person agreed to: the proposal's files as they are now."""

    outline: Outline
    manifest: str
    patch: bytes
    secrets: Mapping[str, Secret]
    settings: Mapping[str, str]
    edited: tuple[str, ...]


def written(proposal: Proposal, living: Living, patch: bytes) -> Mapping[str, bytes]:
    """The files, by their names. Only ``secrets.env`` holds a value of a secret."""
    hide = [(one.name, one.value) for one in proposal.secrets]
    settings = settings_text.edit("", {s.name: s.value for s in proposal.settings}, SETTINGS)
    files = {
        PATCH: patch,
        SECRETS: _dotenv(proposal.secrets).encode(),
        SETTINGS: scrub(settings, hide).encode(),
        PLAN: plan.text(proposal, living).encode(),
    }
    if proposal.manifest:
        files[FILE] = scrub(proposal.manifest, hide).encode()
    outline = Outline(
        format=FORMAT,
        app=proposal.app,
        environment=proposal.environment,
        clone=living.clone.path,
        commit=living.clone.commit,
        branch=living.clone.branch,
        digest=living.clone.digest,
        manifest=living.clone.has_manifest,
        units=proposal.replaced,
        front=proposal.front,
        clocks=proposal.clocks,
        state=tuple((kept.name, kept.path) for kept in proposal.state if kept.name),
        outside=tuple(kept.path for kept in proposal.state if not kept.name),
        held=tuple(str(held.at) for held in proposal.held),
        proposed=tuple((name, _digest(data)) for name, data in sorted(files.items())),
    )
    return {**files, OUTLINE: msgspec.json.format(msgspec.json.encode(outline), indent=1) + b"\n"}


def read(files: Mapping[str, bytes], where: str) -> Agreed:
    """What the files say. Raises UsageError, which names the file."""
    outline = _outline(files, where)
    secrets = dotenv.parse(_text(files, SECRETS, where), f"{where}/{SECRETS}")
    settings = settings_text.parse(_text(files, SETTINGS, where), f"{where}/{SETTINGS}")
    both = sorted(secrets.keys() & settings.keys())
    if both:
        what = f"{where}: in {SECRETS} and in {SETTINGS}: {', '.join(both)}"
        raise UsageError(what, "leave each in one of them")
    proposed = dict(outline.proposed)
    names = sorted({*proposed, *files} - {OUTLINE, PLAN})
    return Agreed(
        outline=outline,
        manifest=_text(files, FILE, where),
        patch=files.get(PATCH, b""),
        secrets=secrets,
        settings=settings,
        edited=tuple(n for n in names if _digest(files.get(n, b"")) != proposed.get(n)),
    )


def _outline(files: Mapping[str, bytes], where: str) -> Outline:
    hint = "fairlead adopt PATH writes a proposal"
    if OUTLINE not in files:
        raise UsageError(f"no {OUTLINE} in {where}", hint)
    try:
        found = msgspec.json.decode(files[OUTLINE], type=Outline)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}/{OUTLINE}: {error}", hint) from None
    if found.format != FORMAT:
        raise UsageError(f"{where}/{OUTLINE}: format {found.format}, expected {FORMAT}", hint)
    return found


def _text(files: Mapping[str, bytes], name: str, where: str) -> str:
    try:
        return files.get(name, b"").decode()
    except UnicodeDecodeError:
        raise UsageError(f"{where}/{name}: expected UTF-8 text", "edit it as UTF-8") from None


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _dotenv(secrets: tuple[Sealed, ...]) -> str:
    lines = ["# Secrets. Sealed by `fairlead adopt --agree`; remove this directory after that.\n"]
    lines += [f"{one.name}={quoted(one.value.reveal())}\n" for one in secrets]
    return "".join(lines)


def quoted(value: str) -> str:
    """A value as ``secrets.dotenv`` reads it back."""
    if not re.search(r"['\r]", value):
        return f"'{value}'"
    escaped = re.sub(r'(["\\$`])', r"\\\1", value).replace("\r", "\\r").replace("\n", "\\n")
    return f'"{escaped}"'
