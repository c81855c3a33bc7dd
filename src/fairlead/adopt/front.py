"""Where nginx sends an app's requests, and what a switch changes of that: pure.

The hand-made server block stays: its names, its certificate, its other locations. What changes
is the word after ``proxy_pass``, and the directory of the collected assets.
"""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fairlead.adopt.model import Edit, Files, Front, Living, Pass, Server, Unread


@dataclass
class Seen:
    """What is in front, and what of it was not understood."""

    front: Front = field(default_factory=Front)
    unclear: list[Unread] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def front_of(
    living: Living, addresses: Sequence[str], static: str, digests: Sequence[tuple[str, str]]
) -> Seen:
    """The front of the processes that listen on ``addresses``. ``static`` is where their assets
    are collected now; ``digests`` are of nginx's files."""
    seen, edits, used = Seen(), list[Edit](), set[str]()
    for server in living.servers:
        for one in server.passes:
            if set(one.addresses) & set(addresses):
                edits += _pass(seen, one)
                used |= set(one.addresses)
            else:
                why = "no unit that was found listens there"
                seen.unclear.append(Unread(f"{one.at}: {one.kind} {one.to}", why))
        for files in server.files:
            edits += _files(seen, files, living.clone.path, static)
    names = dict.fromkeys(name for server in living.servers for name in server.names)
    held = sorted({edit.file for edit in edits})
    seen.front = Front(
        names=tuple(names),
        files=tuple((file, digest) for file, digest in digests if file in held),
        edits=tuple(sorted(set(edits), key=lambda edit: (edit.file, edit.start))),
        addresses=tuple(sorted(used)),
        certificates=tuple(dict.fromkeys(s.certificate for s in living.servers if s.certificate)),
    )
    _certificates(seen, living.servers)
    return seen


def _pass(seen: Seen, one: Pass) -> Iterator[Edit]:
    if one.kind != "proxy_pass":
        why = f"{one.kind} is not HTTP; a release speaks HTTP: use proxy_pass there first"
        seen.unclear.append(Unread(str(one.at), why))
        return
    if not one.host_header:
        seen.notes.append(
            f"{one.at}: no proxy_set_header Host: the app is told another Host after the switch; "
            "proxy_set_header Host $host; keeps it"
        )
    yield Edit("pass", one.at.file, one.start, one.end, one.to)


def _files(seen: Seen, files: Files, clone: str, static: str) -> Iterator[Edit]:
    directory = posixpath.normpath(files.directory)
    url = files.url.removeprefix("^~").strip()
    if static and directory == static and files.kind == "alias" and url.startswith("/"):
        if files.tries:
            seen.unclear.append(Unread(str(files.at), "its location has a try_files of its own"))
            return
        yield Edit("files", files.at.file, files.start, files.end, files.directory, url)
    elif static and posixpath.join(directory, url.strip("/")) == static and files.kind == "root":
        if url == "/":
            seen.unclear.append(Unread(str(files.at), "a root of the whole server: look at it"))
            return
        yield Edit("files", files.at.file, files.start, files.end, files.directory, url)
    elif f"{directory}/".startswith(f"{clone}/"):
        seen.notes.append(f"{files.at}: {url} stays {directory}, which is not part of releases")


def _certificates(seen: Seen, servers: Sequence[Server]) -> None:
    for server in servers:
        if server.certificate:
            seen.notes.append(
                f"{server.at}: the certificate {server.certificate} and who renews it stay as "
                "they are"
            )
