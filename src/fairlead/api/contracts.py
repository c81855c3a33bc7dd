"""A contract of either kind: read from a tree, kept with a release, compared with another."""

import datetime as dt
import re
from typing import TYPE_CHECKING

from fairlead.api.compare import compare as compare_openapi
from fairlead.api.document import Read, kept, load
from fairlead.api.model import Break
from fairlead.api.operations import Fingerprints
from fairlead.api.text import Broken, parse
from fairlead.base.errors import Unknown

if TYPE_CHECKING:  # its import takes longer than a comparison
    from fairlead.api.graphql_schema import Schema

_SDL_NAMES = (".graphql", ".gql", ".graphqls")
# What a text in the schema definition language begins with (GraphQL, September 2025, 3).
_SDL = re.compile(
    rb'\s*(?:"""|#[^\n]*\n|(?:extend\s+)?(?:schema|type|interface|enum|union|input|scalar|directive)\s'
    rb"+[@{\w])"
)
_KEPT = b'{"graphql":'


def read(path: str, reader: Read) -> "Fingerprints | Schema":
    """The contract at ``path`` ("" for what a command printed). Raises Broken and Unknown."""
    data = reader(path)
    if path.endswith(_SDL_NAMES) or (not path and _is_sdl(data)):
        return _sdl(data, path)
    if b'"__schema"' in data:
        from fairlead.api import graphql_schema

        value = parse(data).value
        if graphql_schema.is_schema(value):
            return graphql_schema.from_json(value, path)
    return Fingerprints(load(path, reader))


def _sdl(data: bytes, path: str) -> "Schema":
    from fairlead.api import graphql_schema

    try:
        return graphql_schema.from_sdl(data.decode("utf-8-sig"), path)
    except UnicodeDecodeError:
        raise Broken("not UTF-8", 0, path) from None


def _is_sdl(data: bytes) -> bool:
    return _SDL.match(data) is not None and b"openapi" not in data[:2000]


def again(data: bytes) -> "Fingerprints | Schema":
    """The contract of a text that ``text`` gave. Raises Broken and Unknown."""
    if not data.startswith(_KEPT):
        return Fingerprints(kept(data), data)
    from fairlead.api import graphql_schema

    return graphql_schema.from_json(parse(data).value)


def text(contract: "Fingerprints | Schema") -> bytes:
    """The text to keep."""
    return contract.text if isinstance(contract, Fingerprints) else contract.kept()


def compare(
    old: "Fingerprints | Schema", new: "Fingerprints | Schema", today: dt.date
) -> list[Break]:
    """What the new contract breaks. Raises Broken and Unknown."""
    if isinstance(old, Fingerprints) and isinstance(new, Fingerprints):
        return compare_openapi(old, new, today)
    if isinstance(old, Fingerprints) or isinstance(new, Fingerprints):
        raise Unknown("the one is an OpenAPI document and the other a GraphQL schema")
    from fairlead.api import graphql_schema

    return graphql_schema.compare(old, new)


def size(contract: "Fingerprints | Schema") -> str:
    """What is in it, in words."""
    if isinstance(contract, Fingerprints):
        count = len(contract.operations)
        return f"{count} operation{'' if count == 1 else 's'}"
    named = [name for name in contract.built.type_map if not name.startswith("__")]
    return f"{len(named)} types"
