"""SSH public keys as text, and the files that say which of them are trusted.

Sources: RFC 4253 section 6.6 and RFC 5656 (key blobs), sshd(8) AUTHORIZED_KEYS (a key's line),
ssh-keygen(1) ALLOWED SIGNERS (the trust file).
"""

import base64
import binascii
import hashlib
import re

import msgspec

from fairlead.base.errors import UsageError

KEY_TYPES = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
    }
)
_FIELD = re.compile(r'(?:[^\s"]|"[^"]*")+')
_NAMESPACES = re.compile(r'namespaces="([^"]*)"', re.IGNORECASE)
_KEY_HINT = "a public key is one line: ssh-ed25519 AAAA… name (ssh-keygen writes it to *.pub)"


class PublicKey(msgspec.Struct, frozen=True):
    """A public key: its type, its blob (RFC 4253) and the name beside it."""

    kind: str
    blob: bytes
    name: str

    @property
    def line(self) -> str:
        """The key as one line in OpenSSH form."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()} {self.name}".rstrip()

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` prints it."""
        return fingerprint(self.blob)


class Allowed(msgspec.Struct, frozen=True):
    """One line of an allowed-signers file. ``namespaces`` None allows all."""

    key: PublicKey
    namespaces: frozenset[str] | None

    def allows(self, namespace: str) -> bool:
        """Whether the key may sign in the namespace."""
        return self.namespaces is None or namespace in self.namespaces


def fingerprint(blob: bytes) -> str:
    """``SHA256:`` and the unpadded base64 of the blob's hash."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def string(data: bytes) -> bytes:
    """An SSH ``string``: length in 4 bytes, then the bytes (RFC 4251 section 5)."""
    return len(data).to_bytes(4, "big") + data


def take_string(data: bytes) -> tuple[bytes, bytes]:
    """The first SSH ``string`` and what follows it. Raises ValueError when it is cut short."""
    end = 4 + int.from_bytes(data[:4], "big")
    if len(data) < end:
        raise ValueError("cut short")
    return data[4:end], data[end:]


def parse_key(line: str) -> PublicKey:
    """A key from its line ``type base64 [name]``. Raises UsageError."""
    fields = line.split(None, 2)
    if len(fields) < 2 or fields[0] not in KEY_TYPES:
        raise UsageError(f"not a public key Fairlead can verify with: {_short(line)}", _KEY_HINT)
    blob = _blob(fields[0], fields[1], line)
    name = fields[2].strip() if len(fields) == 3 else fingerprint(blob)
    return PublicKey(fields[0], blob, name)


def parse_allowed(text: str, file: str) -> tuple[Allowed, ...]:
    """The lines of an allowed-signers file. Raises UsageError naming file and line.

    A line with an option other than ``namespaces`` (a validity time, a certificate
    authority) is one we cannot judge, so it is an error and never a trusted key.
    """
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    return tuple(
        _allowed(line, f"{file}:{n}") for n, line in lines if line and not line.startswith("#")
    )


def _allowed(line: str, where: str) -> Allowed:
    fields = _FIELD.findall(line)
    if len(fields) < 3:
        raise UsageError(f"{where}: expected `name [options] type base64`", _KEY_HINT)
    options = "" if fields[1] in KEY_TYPES else fields[1]
    key = parse_key(" ".join(fields[2:4] if options else fields[1:3]))
    named = PublicKey(key.kind, key.blob, fields[0].strip('"'))
    return Allowed(named, _namespaces(options, where))


def _namespaces(options: str, where: str) -> frozenset[str] | None:
    if not options:
        return None
    found = _NAMESPACES.fullmatch(options)
    if found is None:
        raise UsageError(f"{where}: the only option known is namespaces=: {options}", _KEY_HINT)
    return frozenset(found.group(1).split(","))


def _blob(kind: str, text: str, line: str) -> bytes:
    try:
        blob = base64.b64decode(text, validate=True)
        inner, _ = take_string(blob)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"not a public key: {_short(line)}", _KEY_HINT) from error
    if inner != kind.encode():
        raise UsageError(f"the key's type is not what its line says: {_short(line)}", _KEY_HINT)
    return blob


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "…")
