"""What became of the certificates that Caddy gets by itself: ``certificates.ports.Source``."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fairlead.base.errors import FairleadError
from fairlead.base.paths import Home
from fairlead.certificates.model import Authority, Fault, Held
from fairlead.drivers import _chain
from fairlead.drivers.caddy.public import acme_log, issued, storage

HINT = "look where its DNS leads (A and AAAA), and that port 80 gets through from outside"
LAST = 1_000_000  # bytes of the log that are read


class CaddysOwn:
    """Reads Caddy's storage and the log of how it went."""

    by_itself = True

    def __init__(self, home: Home, authority: Authority) -> None:
        self._storage = storage(home)
        self._issued = Path(issued(self._storage, authority))

    def held(self, names: Sequence[str]) -> Held | None:
        """One for each name, taken together: it holds as long as the first of them."""
        found = [one for name in names if (one := self._one(name))]
        if not found:
            return None
        covered = {name for one in found for name in one.names}
        serials = hashlib.sha256(" ".join(one.serial for one in found).encode())
        return Held(
            tuple(name for name in names if name in covered),
            max(one.begins for one in found),
            min(one.ends for one in found),
            serials.hexdigest()[:16],
        )

    def fault(self, names: Sequence[str]) -> Fault | None:
        """The last failure for one of the names since it got its certificate."""
        since = {name: one.begins if (one := self._one(name)) else 0.0 for name in names}
        ours = [one for one in self._log() if one.get("identifier") in since]
        failed = [one for one in ours if one["ts"] > since[one["identifier"]] and _real(one)]
        if not failed:
            return None
        last = failed[-1]
        name, why = str(last["identifier"]), str(last.get("error") or last.get("msg"))
        what = f"no certificate for {name}: {' '.join(why.split())[:300]}"
        return Fault(float(last["ts"]), len(failed), what, HINT)

    def get(self, names: Sequence[str], now: float) -> Held:
        """Never asked for."""
        raise FairleadError("Caddy gets certificates by itself", "report this")

    def _one(self, name: str) -> Held | None:
        with suppress(OSError, ValueError):
            return _chain.held((self._issued / name / f"{name}.crt").read_bytes())
        return None

    def _log(self) -> Iterator[dict[str, Any]]:
        try:
            with Path(acme_log(self._storage)).open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - LAST))
                lines = file.read().splitlines()
        except OSError:
            return
        for line in lines:
            with suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict) and isinstance(found.get("ts"), float):
                    yield found


def _real(failed: dict[str, Any]) -> bool:
    """A change of Caddy's configuration ends what is under way, and begins it anew."""
    return "context canceled" not in str(failed.get("error"))
