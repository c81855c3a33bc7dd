"""GraphQL schemas: what graphql-core calls breaking, and what it calls dangerous.

A schema is kept as JSON, {"graphql": its SDL}, so that it is found where a contract is.
"""

import json
import re
from typing import Any

import msgspec
from graphql import (
    BreakingChange,
    BreakingChangeType,
    DangerousChange,
    DangerousChangeType,
    GraphQLError,
    GraphQLSchema,
    build_ast_schema,
    build_client_schema,
    find_breaking_changes,
    find_dangerous_changes,
    lexicographic_sort_schema,
    parse,
    print_schema,
)

from fairlead.api.model import Break, Place
from fairlead.api.text import BYTES, Broken
from fairlead.checks.model import Level

KEY = "graphql"
_TOKENS = 500_000
_NAMES = re.compile(r"@\w+|[_A-Za-z]\w*(?:\.\w+)?(?:\(\w+:?\))?")
_BUILT_IN = "Standard scalar "  # it goes with the last field that used it: nobody misses it
# A client in a store meets these as new values that it cannot know.
_STRICTER = frozenset(
    {DangerousChangeType.VALUE_ADDED_TO_ENUM, DangerousChangeType.TYPE_ADDED_TO_UNION}
)


class Schema(msgspec.Struct, frozen=True):
    """A schema and the path its lines are in."""

    built: GraphQLSchema
    path: str = ""

    def kept(self) -> bytes:
        """The text to keep: the same for the same schema, whatever its order."""
        text = print_schema(lexicographic_sort_schema(self.built))
        return msgspec.json.encode({KEY: text})


def from_sdl(text: str, path: str = "") -> Schema:
    """The schema of a text in the schema definition language. Raises Broken."""
    if len(text) > BYTES:
        raise Broken(f"more than {BYTES:,} bytes", 0, path)
    try:
        document = parse(text, max_tokens=_TOKENS)
        return Schema(build_ast_schema(document), path)
    except GraphQLError as error:
        line = error.locations[0].line if error.locations else 0
        raise Broken(f"no GraphQL schema: {error.message}", line, path) from None
    except RecursionError:
        raise Broken("no GraphQL schema: nested too deep", 0, path) from None
    except (TypeError, ValueError) as error:
        raise Broken(f"no GraphQL schema: {str(error).splitlines()[0]}", 0, path) from None


def from_introspection(value: dict[str, Any], path: str = "") -> Schema:
    """The schema of an introspection's answer. Raises Broken."""
    try:
        return Schema(build_client_schema(value), path)  # type: ignore[arg-type]
    except (GraphQLError, TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise Broken(f"no GraphQL introspection: {str(error).splitlines()[0]}", 0, path) from None


def is_schema(value: Any) -> bool:
    """Whether a JSON value is an introspection's answer, or a kept schema."""
    return isinstance(value, dict) and (
        "__schema" in value
        or isinstance(value.get(KEY), str)
        or (isinstance(value.get("data"), dict) and "__schema" in value["data"])
    )


def from_json(value: dict[str, Any], path: str = "") -> Schema:
    """The schema in a value of which ``is_schema`` holds. Raises Broken."""
    if isinstance(value.get(KEY), str):
        return from_sdl(value[KEY], path)
    inner = value.get("data", value)
    try:
        json.dumps(inner)
    except RecursionError:
        raise Broken("nested too deep", 0, path) from None
    return from_introspection(inner, path)


def compare(old: Schema, new: Schema) -> list[Break]:
    """What the new schema breaks for clients of the old one."""
    breaking = [
        _break(one, Level.ERROR, old, new)
        for one in find_breaking_changes(old.built, new.built)
        if not one.description.startswith(_BUILT_IN)
    ]
    dangerous = [
        _break(one, Level.ERROR if one.type in _STRICTER else Level.WARNING, old, new)
        for one in find_dangerous_changes(old.built, new.built)
    ]
    return breaking + dangerous


def _break(
    change: BreakingChange | DangerousChange, level: Level, old: Schema, new: Schema
) -> Break:
    kind: BreakingChangeType | DangerousChangeType = change.type
    rule = "graphql-" + kind.name.lower().replace("_", "-")
    subject = _subject(change.description, old, new)
    hint = "leave what clients ask for, and mark it @deprecated until none does"
    message = change.description.rstrip(".")
    return Break(rule, level, subject, message, _place(subject, new), hint)


def _subject(description: str, old: Schema, new: Schema) -> str:
    """What a change is about: the field or directive in its sentence, else the types in it."""
    names = _NAMES.findall(description)
    exact = next((name for name in names if "." in name or name.startswith("@")), None)
    types = [name for name in names if name in old.built.type_map or name in new.built.type_map]
    return exact or " ".join(dict.fromkeys(types)) or description


def _place(subject: str, new: Schema) -> Place:
    name, _, rest = subject.partition(" ")[0].partition(".")
    kind = new.built.type_map.get(name)
    field = getattr(kind, "fields", {}).get(rest.partition("(")[0]) if kind else None
    for one in (field, kind):
        node = getattr(one, "ast_node", None)
        if node is not None and node.loc is not None:
            return Place(new.path, node.loc.start_token.line)
    return Place(new.path)
