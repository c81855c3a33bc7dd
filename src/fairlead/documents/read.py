"""Read YAML and JSON that nobody vouches for: no tags, no code, and a bound on everything."""

import json
import re
from typing import Any

from fairlead.documents.compose import MAX_DEPTH, composed, places
from fairlead.documents.model import Document, Mistake, Unreadable

MAX_CHARACTERS = 10_000_000
"""Of one text. Contracts of public services have up to 8 million."""

_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # RFC 8259, 8.2


def decoded(data: bytes) -> str:
    """The text of a file's bytes: UTF-8, with or without its mark (RFC 3629, section 6)."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable("it is not UTF-8", line) from None


def document(text: str, *, old: bool = False) -> Document:
    """The one document of a text. Raises Unreadable also where there is none, or another."""
    found = documents(text, old=old)
    if len(found) != 1:
        raise Unreadable(f"expected one document, found {len(found)}")
    return found[0]


def documents(text: str, *, old: bool = False) -> tuple[Document, ...]:
    """All documents of a text, empty ones too; ``old`` reads YAML 1.1, as Kubernetes does.

    What is JSON is read as JSON, which is many times quicker. Raises Unreadable.
    """
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(f"it has {len(text):,} characters; {MAX_CHARACTERS:,} are the most")
    if text.lstrip()[:1] in ("{", "["):
        try:
            return (_json(text, old),)
        except ValueError:
            pass  # a flow collection of YAML may begin so too
        except RecursionError:
            raise Unreadable(f"it is more than {MAX_DEPTH} deep") from None
    return tuple(composed(text, old=old))


def _json(text: str, old: bool) -> Document:
    twice: list[str] = []

    def paired(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice.extend(_again(pairs))
        return found

    data = json.loads(text, object_pairs_hook=paired, parse_constant=_no_number)
    _shallow(data)
    if _HALF.search(text):
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Unreadable("it holds half a surrogate pair, which is no character") from None
    if twice:
        return _by_yaml(text, data, twice, old)
    return Document(data, (), lambda: places(text, old=old))


def _no_number(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity: words, not JSON


def _by_yaml(text: str, data: Any, twice: list[str], old: bool) -> Document:
    """JSON with a key twice, once more, to say on which lines; it need not be YAML."""
    try:
        return next(iter(composed(text, old=old)))
    except Unreadable:
        mistakes = tuple(Mistake(0, f"the key {key!r} stands twice") for key in twice)
        return Document(data, mistakes, lambda: places(text, old=old))


def _again(pairs: list[tuple[str, Any]]) -> list[str]:
    seen: set[str] = set()
    return [key for key, _ in pairs if key in seen or seen.add(key)]  # type: ignore[func-returns-value]


def _shallow(data: Any) -> None:
    """Raises Unreadable for what is deeper than a document may be."""
    level = [data]
    for _ in range(MAX_DEPTH + 1):
        if not level:
            return
        level = [
            below
            for one in level
            if isinstance(one, dict | list)
            for below in (one.values() if isinstance(one, dict) else one)
            if isinstance(below, dict | list)
        ]
    raise Unreadable(f"it is more than {MAX_DEPTH} deep")
