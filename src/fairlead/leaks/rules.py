"""One file's text → findings: what is in it, but for what a person says is none."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import msgspec

from fairlead.checks.model import Finding, Level
from fairlead.leaks.forms import known_forms
from fairlead.leaks.keys import private_keys, signed_tokens
from fairlead.leaks.model import Leak
from fairlead.leaks.names import is_key_in_der, named
from fairlead.leaks.settings import Kind, kind_of, settings
from fairlead.leaks.urls import url_passwords

MARK = "fairlead: not a secret"
"""A person's word, on the line of what looks like a secret or on the line before it."""

MOST = 1_000
"""Secrets of one file that are told one by one; then that there are more."""

# By the first bytes, as file(1) tells them: PNG, JPEG, GIF, WebP and AVI, WOFF, ZIP, gzip, bzip2,
# xz, zstd, 7z, PDF, Ogg, MP3.
_PACKED = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"wOFF", b"wOF2", b"PK\x03\x04", b"\x1f\x8b",
           b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"%PDF", b"OggS", b"ID3")  # fmt: skip
_PUBLIC_KEYS = re.compile(r"(?:.*/)?(?:google-services\.json|GoogleService-Info\.plist)")


class Looked(msgspec.Struct, frozen=True):
    """What was found in a file, and how much of that a person had marked as none."""

    findings: tuple[Finding, ...] = ()
    marked: int = 0


def look(path: str, data: bytes) -> Looked:
    """All secrets of one file. What has a NUL in it is binary: only known forms are looked for.

    What is packed is not unpacked: nothing is read in a picture, a film, a font or an archive.
    """
    if data.startswith(_PACKED):
        return Looked(tuple(_by_name(path, data)))
    text, binary = _text(data)
    leaks, more = _leaks(path, text, binary)
    starts = [0, *(found.end() for found in re.finditer("\n", text))] if leaks else []
    findings, marked = [*_by_name(path, data)], 0
    if more:
        findings.append(_many(path))
    for leak in leaks:
        line = bisect_right(starts, leak.start)
        if _is_marked(text, starts, line):
            marked += 1
        else:
            findings.append(_finding(path, leak, 0 if binary else line))
    return Looked(tuple(findings), marked)


def _text(data: bytes) -> tuple[str, bool]:
    """Its text, a character a byte (no pattern has another), and whether it is binary."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), False
    return data.decode("latin-1"), b"\0" in data[:8192]


def _leaks(path: str, text: str, binary: bool) -> tuple[list[Leak], bool]:
    """In the order of the text, none twice: the one that says most is kept. Whether there are more
    than are told."""
    found = chain(private_keys(text), known_forms(text))
    if not binary:
        kind = kind_of(path)
        looked = kind is not Kind.OTHER or _is_prose(path)
        urls = url_passwords(text) if looked else ()
        found = chain(found, signed_tokens(text), urls, settings(text, kind))
    first = [*islice(found, MOST)]
    return sorted(_apart(first), key=lambda leak: leak.start), len(first) == MOST


def _is_prose(path: str) -> bool:
    return path.endswith((".md", ".rst", ".txt", "Dockerfile", "Makefile", "Procfile"))


def _apart(found: Iterable[Leak]) -> Iterator[Leak]:
    taken: list[tuple[int, int]] = []
    for leak in found:
        end = leak.start + len(leak.value)
        if not any(leak.start < last and first < end for first, last in taken):
            taken.append((leak.start, end))
            yield leak


def _is_marked(text: str, starts: list[int], line: int) -> bool:
    """Whether the line, counted from 1, or the one before it has the mark."""
    first = starts[max(0, line - 2)]
    end = text.find("\n", starts[line - 1])
    return text.find(MARK, first, len(text) if end < 0 else end) >= 0


def _finding(path: str, leak: Leak, line: int) -> Finding:
    public = leak.rule == "google" and _PUBLIC_KEYS.fullmatch(path) is not None
    return Finding(
        rule=f"secrets.{leak.rule}",
        message=f"{leak.what} ({leak.shown}).",
        level=Level.WARNING if public else leak.level,
        path=path,
        line=line,
        subject=leak.subject,
        hint=leak.hint,
    )


def _many(path: str) -> Finding:
    what = f"{path} has more than {MOST:,} of what looks like a secret; the rest was not looked at."
    return Finding(
        "secrets.many", what, path=path, subject=path, hint="name it in `except`, if they are none"
    )


def _by_name(path: str, data: bytes) -> Iterator[Finding]:
    found = named(path)
    if found is not None and data.strip():
        yield Finding(
            "secrets.file",
            f"{path}: {found.what}.",
            found.level,
            path,
            0,
            path,
            "take it out with: git rm --cached, and change what it holds",
        )
    elif is_key_in_der(path, data):
        what = f"{path}: a private key in binary."
        yield Finding("secrets.private-key", what, path=path, subject=path)
