"""Where apps are pulled from, as files in the home: per app a description, a deploy key and a
token for the forge."""

import fcntl
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from fairlead.base.errors import Busy, FairleadError, NotFound, Refused, Unknown
from fairlead.base.ids import name
from fairlead.base.secret import Secret
from fairlead.drivers._files import write_whole
from fairlead.source.model import Source

_LOOK_EVERY = 0.05
_LONGEST = 4096  # bytes of a token; GitLab's longest are a few hundred
_TOKEN = re.compile(rb"[!-~]{1,4096}")


class SourceFiles:
    """See ``fairlead.source.ports.Sources``. ``directory`` is its owner's alone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def all(self) -> tuple[Source, ...]:
        """See ``Sources``."""
        names = sorted(path.stem for path in self._directory.glob("*.json"))
        return tuple(source for app in names if (source := self.get(app)))

    def get(self, app: str) -> Source | None:
        """See ``Sources``. Raises Unknown when it cannot be read."""
        path = self._file(app, "json")
        try:
            return msgspec.json.decode(path.read_bytes(), type=Source)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            hint = f"fairlead source remove {app}, and set it anew"
            raise Unknown(
                f"where {app} is pulled from is not known: {path}: {error}", hint
            ) from error

    def put(self, source: Source) -> None:
        """See ``Sources``."""
        data = msgspec.json.format(msgspec.json.encode(source), indent=1)
        self._made()
        write_whole(self._file(source.app, "json"), data)

    def remove(self, app: str) -> None:
        """See ``Sources``. The secrets go last: what is left without them is pulled no more."""
        for kind in ("json", "key", "token"):
            self._file(app, kind).unlink(missing_ok=True)

    @contextmanager
    def held(self, app: str, patience: float) -> Iterator[None]:
        """See ``Sources``."""
        self._made()
        with self._file(app, "lock").open("w") as lock:
            deadline = time.monotonic() + patience
            while not _locked(lock.fileno()):
                if time.monotonic() > deadline:
                    raise Busy(f"{app} is being pulled", "fairlead record show: how far it is")
                time.sleep(_LOOK_EVERY)
            yield

    def make_key(self, app: str) -> str:
        """See ``Sources``."""
        with TemporaryDirectory(prefix=".new-", dir=self._made()) as made:
            file = Path(made) / "key"
            _keygen("-q", "-t", "ed25519", "-N", "", "-C", f"fairlead:{app}", "-f", str(file))
            return self._kept(app, file)

    def take_key(self, app: str, file: Path) -> str:
        """See ``Sources``."""
        try:
            data = file.read_bytes()
        except OSError as error:
            raise NotFound(
                f"the key cannot be read: {file}: {error.strerror}", "name a file"
            ) from error
        with TemporaryDirectory(prefix=".new-", dir=self._made()) as made:
            copied = Path(made) / "key"
            write_whole(copied, data)
            return self._kept(app, copied)

    def key(self, app: str) -> Secret | None:
        """See ``Sources``."""
        path = self._file(app, "key")
        return Secret(path.read_text()) if path.exists() else None

    def token_in(self, file: Path) -> Secret:
        """See ``Sources``. It becomes a header's value, so it is one line of printable ASCII."""
        try:
            with file.open("rb") as opened:
                text = opened.read(_LONGEST + 1).strip()
        except OSError as error:
            what = f"the token cannot be read: {file}: {error.strerror}"
            raise NotFound(what, "name a file") from error
        if not _TOKEN.fullmatch(text):
            what = f"not a forge's token: {file}"
            raise Refused(what, "the file holds the token in one line, and nothing else")
        return Secret(text.decode())

    def put_token(self, app: str, token: Secret | None) -> None:
        """See ``Sources``."""
        if token is None:
            self._file(app, "token").unlink(missing_ok=True)
            return
        self._made()
        write_whole(self._file(app, "token"), token.reveal().encode())

    def token(self, app: str) -> Secret | None:
        """See ``Sources``."""
        try:
            return Secret(self._file(app, "token").read_text())
        except FileNotFoundError:
            return None

    def _kept(self, app: str, file: Path) -> str:
        """Put a private key in place, once ssh has read it without a passphrase."""
        try:
            public = _keygen("-y", "-P", "", "-f", str(file)).strip()
        except FairleadError:
            what = "not a private key that is used without a passphrase"
            raise Refused(what, "--new-key makes one for this app alone") from None
        write_whole(self._file(app, "key"), file.read_bytes())
        return public

    def _made(self) -> Path:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.chmod(0o700)
        return self._directory

    def _file(self, app: str, kind: str) -> Path:
        return self._directory / f"{name(app, 'an app')}.{kind}"


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _keygen(*words: str) -> str:
    """What ssh-keygen(1) prints. Raises FairleadError, NotFound."""
    try:
        done = subprocess.run(
            ["ssh-keygen", *words], check=False, capture_output=True, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise NotFound("ssh-keygen is not installed", "apt install openssh-client") from None
    if done.returncode:
        raise FairleadError("ssh-keygen failed", "ssh-keygen -y -f FILE")
    return done.stdout.decode()
