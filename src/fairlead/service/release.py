"""``fairlead release``: from a clone, through a server's gate, to the end of the rollout."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from fairlead.base.errors import NotFound, Refused, Unknown, UsageError
from fairlead.base.ids import CommitId
from fairlead.manifest.model import App
from fairlead.manifest.rules import FILE, parse
from fairlead.service.answers.releases import Releases

Say = Callable[[str], None]


class Remote(Protocol):
    """A server that runs the app."""

    def push(self, repository: Path, app: str, commit: str, branch: str, say: Say) -> bool:
        """Push; whether it was taken. Raises FairleadError when the server was not reached."""
        ...

    def ask(self, *words: str) -> bytes:
        """What the server answers to a command. Raises FairleadError."""
        ...


class Released(msgspec.Struct, frozen=True):
    """What became of the commit: its release's number there, and in each environment that runs
    from the branch the outcome and why (see ``InPlace``)."""

    app: str
    commit: str
    branch: str
    release: int
    places: tuple[tuple[str, str, str], ...]

    @property
    def well(self) -> bool:
        """Whether it serves, or waits for a person, wherever the branch leads."""
        return bool(self.places) and all(
            outcome in ("serving", "waiting") for _, outcome, _ in self.places
        )


def release(
    remote: Remote, repository: Path, text: str | None, commit: CommitId, branch: str, say: Say
) -> Released:
    """Push the commit to the server's branch and wait for what comes of it there.

    ``text`` is the commit's manifest. Raises NotFound without one, UsageError for a branch that
    no environment runs from, Refused when the gate stays closed.
    """
    if text is None:
        raise NotFound(f"no {FILE} in commit {commit[:12]}", "fairlead init writes one")
    manifest = parse(text)
    places = _from(manifest, branch)
    if not remote.push(repository, manifest.name, commit, branch, say):
        hint = "read what is said above, correct it, commit and push again"
        raise Refused(f"{commit[:12]} was not released", hint)
    return _became(remote, manifest.name, commit, branch, places)


def _from(manifest: App, branch: str) -> frozenset[str]:
    found = frozenset(e.name for e in manifest.environments if branch and e.branch == branch)
    if not found:
        known = sorted({e.branch for e in manifest.environments if e.branch})
        what = f"{FILE}: no environment runs from {branch or 'a branch that is not named'}"
        raise UsageError(
            what, f"releases come from: {', '.join(known) or 'none'}; --branch says so"
        )
    return found


def _became(
    remote: Remote, app: str, commit: CommitId, branch: str, places: frozenset[str]
) -> Released:
    try:
        told = msgspec.json.decode(remote.ask("releases", app, "--json"), type=Releases)
    except msgspec.DecodeError as error:
        raise Unknown(
            f"what the server says of {app} cannot be read: {error}", "ask again"
        ) from None
    for line in told.releases:
        if line.commit == commit:
            found = tuple(
                (p.environment, p.outcome, p.why) for p in line.places if p.environment in places
            )
            return Released(app, commit, branch, line.number, found)
    raise Unknown(f"the server has no release of {commit[:12]}", f"fairlead releases {app}")
