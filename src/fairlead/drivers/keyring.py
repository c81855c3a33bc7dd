"""The home's data keys: one file, readable by its owner only, and AES-256-GCM with them.

A key is a line, the newest first: ``fairlead-secret-key-1 ID BASE64``. Its id is derived from
it, so that a line that was mistyped is noticed. A sealed value is nonce ‖ ciphertext ‖ tag
(NIST SP 800-38D: 96-bit nonce, chosen at random for each value; 2^32 values with one key are
allowed, and nobody sets that many). The recovery text is the same lines under a heading.
"""

import hashlib
import os
import secrets
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

from fairlead.base.errors import FairleadError, Refused, UsageError
from fairlead.drivers._age import sealed_to

_WORD = "fairlead-secret-key-1"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_HEADING = """\
# The recovery file of a Fairlead. Whoever has it can open every secret sealed there.
# Keep it apart from the machine and from the deploy repo: on paper, in a password manager.
# To bring it back: fairlead secret key import FILE
"""


class FileKeyRing:
    """The KeyRing port on one file. Printing it shows no key."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"FileKeyRing({str(self._path)!r})"

    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the newest first."""
        return tuple(self._keys())

    def seal(self, data: bytes, bound: bytes) -> tuple[str, bytes]:
        """The newest key's id, and nonce, ciphertext and tag. Makes the first key."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if not self._keys():
            self.renew()
        key, secret = next(iter(self._keys().items()))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return key, nonce + AESGCM(secret).encrypt(nonce, data, bound)

    def open(self, key: str, sealed: bytes, bound: bytes) -> bytes:
        """What was sealed. Raises Refused."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        secret = self._keys().get(key)
        if secret is None:
            what = f"its key {key} is not in {self._path}"
            raise Refused(what, "fairlead secret key import FILE, with the recovery file")
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(secret).decrypt(nonce, rest, bound)
        except (InvalidTag, ValueError):  # ValueError: it is shorter than a nonce
            what = "it was changed, or sealed for another place, name or version"
            raise Refused(what) from None

    def renew(self) -> str:
        """Make another key, the newest from now on; its id."""
        fresh = secrets.token_bytes(_KEY_BYTES)
        self._write({_id(fresh): fresh, **self._keys()})
        return _id(fresh)

    def drop(self, keep: frozenset[str]) -> tuple[str, ...]:
        """Forget every key that is neither the newest nor in ``keep``; the ids that went."""
        keys = self._keys()
        gone = tuple(key for at, key in enumerate(keys) if at and key not in keep)
        if gone:
            self._write({key: secret for key, secret in keys.items() if key not in gone})
        return gone

    def recovery(self) -> str:
        """All keys as text that ``add`` reads."""
        return _HEADING + _text(self._keys())

    def recovery_to(self, recipient: str) -> bytes:
        """The same, sealed to an age recipient or an ssh-ed25519 public key."""
        return sealed_to(recipient, self.recovery().encode())

    def add(self, text: str) -> tuple[str, ...]:
        """Take up the keys of a recovery text; the ids that are new. Raises UsageError."""
        keys, given = self._keys(), _parsed(text, "the recovery file")
        if not given:
            raise UsageError("there is no key in the recovery file", f"a key's line: {_WORD} …")
        new = {key: secret for key, secret in given.items() if key not in keys}
        if new:
            self._write({**keys, **new})
        return tuple(new)

    def _keys(self) -> Mapping[str, bytes]:
        """Read each time: another process may have renewed it. Raises Refused, UsageError."""
        try:
            if stat.S_IMODE(self._path.stat().st_mode) & 0o077:
                what = f"the key file is open to others: {self._path}"
                raise Refused(what, f"chmod 600 {self._path}; then fairlead secret key rotate")
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return {}
        except UnicodeDecodeError:
            raise _damaged(str(self._path), 1) from None
        except OSError as error:
            what = f"the key file cannot be read: {self._path}: {error.strerror}"
            raise FairleadError(what, f"ls -l {self._path}") from None
        return _parsed(text, str(self._path))

    def _write(self, keys: Mapping[str, bytes]) -> None:
        """Replace it whole, durable before it returns: a key that is lost loses every value."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._path.with_name(f".{self._path.name}.{secrets.token_hex(6)}")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(_text(keys))
                file.flush()
                os.fsync(file.fileno())
            new.rename(self._path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(directory)
        os.close(directory)


def _id(secret: bytes) -> str:
    return hashlib.sha256(b"fairlead secret key id\0" + secret).hexdigest()[:16]


def _text(keys: Mapping[str, bytes]) -> str:
    lines = (f"{_WORD} {key} {urlsafe_b64encode(secret).decode()}" for key, secret in keys.items())
    return "".join(f"{line}\n" for line in lines)


def _parsed(text: str, path: str) -> Mapping[str, bytes]:
    """The keys of a file, in its order. An error names the line and never shows it."""
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 3 or words[0] != _WORD:
            raise _damaged(path, number)
        try:
            secret = urlsafe_b64decode(words[2])
        except ValueError:
            raise _damaged(path, number) from None
        if len(secret) != _KEY_BYTES or _id(secret) != words[1]:
            raise _damaged(path, number)
        found[words[1]] = secret
    return found


def _damaged(path: str, line: int) -> UsageError:
    what = f"{path}: line {line}: not a key as Fairlead wrote it"
    return UsageError(what, "compare it with the recovery file, letter by letter")
