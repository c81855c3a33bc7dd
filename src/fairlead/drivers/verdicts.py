"""Verdicts as JSON files: ``<home>/verdicts/<app>/<commit>[+<overlay>].json``."""

import os
from pathlib import Path

import msgspec

from fairlead.base.errors import Unknown
from fairlead.base.ids import CommitId
from fairlead.checks.model import Verdict, named
from fairlead.drivers._files import write_whole


class VerdictFiles:
    """A ``VerdictStore`` in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, verdict: Verdict) -> None:
        """Keep it: whole or not at all, and durable."""
        text = msgspec.json.format(msgspec.json.encode(verdict), indent=1)
        write_whole(self._path(verdict.app, verdict.commit, verdict.overlay), text + b"\n")

    def get(self, app: str, commit: CommitId, overlay: str = "") -> Verdict | None:
        """The stored verdict, or None. Raises Unknown when the file cannot be read."""
        path = self._path(app, commit, overlay)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Verdict)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise Unknown(
                f"the stored verdict cannot be read: {path}: {error}",
                f"remove it (rm {path}) and push again",
            ) from None

    def _path(self, app: str, commit: CommitId, overlay: str) -> Path:
        return self._directory / app / f"{os.path.basename(named(commit, overlay))}.json"
