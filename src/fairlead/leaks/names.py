"""Files whose name says that they hold keys or passwords."""

import re
from pathlib import PurePosixPath

import msgspec

from fairlead.checks.model import Level

_SAMPLE = re.compile(r"example|sample|template|dist|defaults?|schema|test|tpl", re.IGNORECASE)


class Named(msgspec.Struct, frozen=True):
    """What a file is by its name, and how sure that is."""

    what: str
    level: Level = Level.ERROR


_HOLDS_KEYS = Named("a store of keys")
_BY_SUFFIX = {
    **dict.fromkeys((".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".kdb"), _HOLDS_KEYS),
    ".ppk": Named("a private key of PuTTY"),
}
_BY_NAME = {
    # The names that ssh-keygen(1) gives.
    **dict.fromkeys(("id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"),
                    Named("a private key of SSH")),
    ".netrc": Named("passwords for servers, as curl and ftp read them"),
    "_netrc": Named("passwords for servers, as curl and ftp read them"),
    ".pgpass": Named("passwords of PostgreSQL"),
    ".my.cnf": Named("passwords of MySQL"),
    ".htpasswd": Named("hashes of passwords", Level.WARNING),
    ".git-credentials": Named("passwords for git"),
    "terraform.tfstate": Named("a state of Terraform, with all its secrets"),
}  # fmt: skip
_DOTENV = Named("settings of one machine", Level.WARNING)


def named(path: str) -> Named | None:
    """What a file is by its name, if that is secret; None for the rest, and for samples."""
    name = PurePosixPath(path).name
    if _SAMPLE.search(name):
        return None
    if name == ".env" or name.startswith(".env."):
        return _DOTENV
    return _BY_NAME.get(name) or _BY_SUFFIX.get(PurePosixPath(name).suffix.lower())


def is_key_in_der(path: str, data: bytes) -> bool:
    """Whether a ``.key`` or ``.der`` file is a private key in binary: PKCS #8 or #1 (RFC 5958,
    RFC 8017, A.1.2), a sequence that begins with the number of its version."""
    if PurePosixPath(path).suffix.lower() not in (".key", ".der", ".pk8"):
        return False
    return data[:2] in (b"\x30\x82", b"\x30\x81") and data[2:8].find(b"\x02\x01") >= 0
