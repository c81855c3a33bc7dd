"""The port Source with acme-tiny: one short process for each certificate, and no daemon.

It proves a name by a file (RFC 8555, 8.3) that the proxy serves at
``/.well-known/acme-challenge/``. Keys are made and kept here; it reads the account's and never
sees a certificate's.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from fairlead.base.errors import FairleadError, NotFound, Refused
from fairlead.certificates.model import Authority, Fault, Held
from fairlead.drivers import _chain
from fairlead.drivers._certificates import Shelf
from fairlead.drivers._files import write_whole
from fairlead.drivers.acme import request
from fairlead.drivers.acme.said import AGAIN, sentence

LIMIT = 180.0  # seconds for one certificate; the client itself would wait an hour
CHALLENGES = Path(".well-known/acme-challenge")
ACCOUNT = "account.pem"


class AcmeTiny:
    """Certificates from one authority, kept on a shelf; proven by files below ``webroot``."""

    by_itself = False

    def __init__(
        self,
        shelf: Path,
        webroot: Path,
        authority: Authority,
        program: Path = Path("/usr/bin/acme-tiny"),
    ) -> None:
        self._shelf = Shelf(shelf)
        self._webroot = webroot
        self._authority = authority
        self._program = program

    def held(self, names: Sequence[str]) -> Held | None:
        """The one for most of these names."""
        found = self._shelf.best(names)
        return found.held if found else None

    def fault(self, names: Sequence[str]) -> Fault | None:
        """Why the last try for exactly these names failed."""
        return self._shelf.fault(names)

    def get(self, names: Sequence[str], now: float) -> Held:
        """Ask for one, and keep it. Raises FairleadError."""
        try:
            held = self._get(names, now)
        except FairleadError as error:
            before = self._shelf.fault(names)
            times = before.times + 1 if before else 1
            self._shelf.put_fault(names, Fault(now, times, error.what, error.hint))
            raise
        self._shelf.put_fault(names, None)
        return held

    def _get(self, names: Sequence[str], now: float) -> Held:
        key = request.certificate_key()
        try:
            self._make()
            with tempfile.NamedTemporaryFile(dir=self._shelf.root, suffix=".csr") as file:
                file.write(request.request(key, names))
                file.flush()
                chain = self._run(file.name)
            held = _chain.held(chain, key)
            if not held.covers(names) or held.ends <= now:
                raise Refused("the authority gave a certificate for something else", AGAIN)
            self._shelf.add(held, chain, key)
        except ValueError as error:
            raise Refused(f"the authority gave no certificate: {error}", AGAIN) from error
        except OSError as error:
            raise FairleadError(f"a certificate could not be kept: {error}", AGAIN) from error
        return held

    def _make(self) -> None:
        """The account's key, and where the proxy's workers, as another user, find the proof."""
        account = self._shelf.root / ACCOUNT
        self._shelf.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not account.exists():
            write_whole(account, request.account_key())
        path = self._webroot
        for part in ("", *CHALLENGES.parts):
            path /= part
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
            path.chmod(0o755)
        for left in path.iterdir():  # of a try that failed: the client leaves it
            if time.time() - left.stat().st_mtime > 2 * LIMIT:
                left.unlink(missing_ok=True)

    def _run(self, asked: str) -> bytes:
        contact = ["--contact", f"mailto:{self._authority.email}"] if self._authority.email else []
        argv = [
            str(self._program),
            "--quiet",
            "--disable-check",  # it would ask by the machine's own idea of DNS
            *("--account-key", str(self._shelf.root / ACCOUNT)),
            *("--csr", asked),
            *("--acme-dir", str(self._webroot / CHALLENGES)),
            *("--directory-url", self._authority.directory),
            *contact,
        ]
        trust = {"SSL_CERT_FILE": self._authority.root} if self._authority.root else {}
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", **trust}
        try:
            ran = subprocess.run(
                argv, capture_output=True, timeout=LIMIT, check=False, env=environment, umask=0o022
            )
        except FileNotFoundError as error:
            raise NotFound(f"no {self._program}", "apt install acme-tiny") from error
        except subprocess.TimeoutExpired as error:
            raise FairleadError(f"the authority took longer than {LIMIT:.0f} s", AGAIN) from error
        if ran.returncode:
            raise FairleadError(*sentence(ran.stderr.decode(errors="replace")))
        return ran.stdout
