"""Verdicts as signed JSON files: ``<home>/verdicts/<app>/<commit>[+<overlay>].json`` and ``.sig``.

Beside them ``keys/<digest>`` names the verdict in which that question was answered, and
``kept/<digest>`` holds what questions left. Names found there are believed only as far as the
signed verdict bears them out.
"""

import hashlib
import os
from pathlib import Path

import msgspec

from fairlead.base.canonical import digest_of
from fairlead.base.errors import FairleadError, Unknown
from fairlead.base.ids import CommitId
from fairlead.checks.model import CheckResult, Verdict, named
from fairlead.desired.ports import Signer, Verifier
from fairlead.drivers._files import write_whole

NAMESPACE = "fairlead-verdict"
"""What a signature over a verdict is for (PROTOCOL.sshsig)."""


class VerdictFiles:
    """A ``VerdictStore`` in a directory. ``signer`` is the home's own key."""

    def __init__(self, directory: Path, signer: Signer, verifier: Verifier) -> None:
        self._directory = directory
        self._signer = signer
        self._verifier = verifier

    def put(self, verdict: Verdict) -> None:
        """Keep it: whole or not at all, and durable."""
        name = named(verdict.commit, verdict.overlay)
        data = msgspec.json.format(msgspec.json.encode(verdict), indent=1) + b"\n"
        path = self._path(verdict.app, name)
        # The signature first: a crash between the two leaves a pair that does not match, which
        # is asked again, and never an unsigned verdict.
        write_whole(path.with_suffix(".sig"), self._signer.sign(NAMESPACE, data))
        write_whole(path, data)
        for result in verdict.results:
            if result.key and result.earlier is None and result.answer.opens:
                write_whole(self._key(verdict.app, result.key), name.encode())

    def get(self, app: str, commit: CommitId, overlay: str = "") -> Verdict | None:
        """The stored verdict, or None. Raises Unknown when it cannot be read or is not ours."""
        return self._read(app, named(commit, overlay))

    def answered(self, app: str, key: str) -> tuple[Verdict, CheckResult] | None:
        """See ``fairlead.checks.ports.VerdictStore``."""
        try:
            verdict = self._read(app, self._key(app, key).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, FairleadError):
            return None
        for result in verdict.results if verdict else ():
            if result.key == key and result.earlier is None and result.answer.opens:
                assert verdict is not None
                return verdict, result
        return None

    def keep(self, data: bytes) -> str:
        """Keep these bytes; their digest."""
        digest = digest_of(data)
        write_whole(self._kept(digest), data)
        return digest

    def kept(self, digest: str) -> Path:
        """Where they are kept. Raises Unknown when they are gone, or are others now."""
        path = self._kept(digest)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise Unknown(f"what was kept is gone: {path}: {error}", _AGAIN) from None
        if digest != f"sha256:{found}":
            raise Unknown(f"what was kept is not what it was: {path}", _AGAIN)
        return path

    def _read(self, app: str, name: str) -> Verdict | None:
        path = self._path(app, name)
        try:
            data = path.read_bytes()
            signature = path.with_suffix(".sig").read_bytes()
            self._verifier.by([self._signer.public], NAMESPACE, data, signature)
            found = msgspec.json.decode(data, type=Verdict)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, FairleadError) as error:
            said = getattr(error, "what", str(error))
            raise Unknown(
                f"the stored verdict cannot be believed: {path}: {said}",
                f"remove it (rm {path}) and push again",
            ) from None
        # A whole pair under another's name says nothing about this commit.
        return found if (found.app, named(found.commit, found.overlay)) == (app, name) else None

    def _path(self, app: str, name: str) -> Path:
        return self._directory / app / f"{os.path.basename(name)}.json"

    def _key(self, app: str, key: str) -> Path:
        return self._directory / app / "keys" / os.path.basename(key.removeprefix("sha256:"))

    def _kept(self, digest: str) -> Path:
        return self._directory / "kept" / os.path.basename(digest.removeprefix("sha256:"))


_AGAIN = "push the commit again: its checks are asked again"
