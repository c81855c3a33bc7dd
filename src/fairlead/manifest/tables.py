"""Tables of fields: the kinds of value that hold other values by name.

A table is bound to one of the model's structs and takes its defaults from there, so that a
default is written once. What is absent from the file is absent from what ``read`` gives; what is
there and wrong is WRONG, so a later rule can tell the two apart.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from fairlead.base.ids import NAME_RULE, is_name
from fairlead.manifest.kinds import WRONG, Json, Kind, OneOf, Say, Wrong, differs
from fairlead.manifest.mistakes import key_text, no_such_key, shown

Plain = dict[str, Any]
"""A table as read: the manifest's own keys, values or WRONG."""

_MODEL: Final = object()  # the default is the model's
NAME_PATTERN = (
    "[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?"  # base.ids.is_name as JSON Schema; a test compares
)


class Field(msgspec.Struct, frozen=True):
    """One key: its kind, what it means, an example as TOML. ``to`` is the model's name for it.

    ``to`` is "-" for a key that steers reading and has no place in the model. ``default`` is
    given only where the model has none of its own.
    """

    name: str
    kind: Kind
    doc: str
    example: str = ""
    to: str = ""
    default: Any = _MODEL

    @property
    def target(self) -> str:
        """The model's name for it."""
        return self.to or self.name


class Table(msgspec.Struct, frozen=True):
    """A table with known keys, read into ``model``. ``at`` is its heading on the reference page."""

    at: str
    model: type[msgspec.Struct]
    doc: str
    fields: tuple[Field, ...]
    expected: str = "a table"

    @property
    def names(self) -> tuple[str, ...]:
        """The keys it knows."""
        return tuple(field.name for field in self.fields)

    def default(self, field: Field) -> Any:
        """What holds when the key is absent; ``msgspec.NODEFAULT`` when it must be given."""
        if field.default is not _MODEL:
            return field.default
        found = next(f for f in msgspec.structs.fields(self.model) if f.name == field.target)
        made = found.default_factory
        return found.default if made is msgspec.NODEFAULT else made()

    def required(self, field: Field) -> bool:
        """Whether the key must be given."""
        return self.default(field) is msgspec.NODEFAULT

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """Every known key that is there, as read; says unknown and missing ones."""
        if not isinstance(raw, Mapping):
            return differs(self, raw, key, say)
        for name in raw:
            if name not in self.names:
                say(key_text(key, name), no_such_key(name, self.names), True)
        return dict(self._fields(raw, key, say))

    def _fields(self, raw: Mapping[str, Any], key: str, say: Say) -> Iterator[tuple[str, Any]]:
        for field in self.fields:
            below = key_text(key, field.name)
            if field.name in raw:
                yield field.name, field.kind.read(raw[field.name], below, say)
            elif self.required(field):
                say(below, f"expected {field.kind.expected}, got nothing", True)
                yield field.name, WRONG

    def make(self, value: Any, **more: Any) -> Any:
        """The model's struct. Only for what was read without a mistake."""
        given = {
            field.target: field.kind.make(value[field.name])
            for field in self.fields
            if field.to != "-" and field.name in value
        }
        absent = {
            field.target: field.default
            for field in self.fields
            if field.to != "-" and field.name not in value and field.default is not _MODEL
        }
        return self.model(**more, **absent, **given)

    def schema(self) -> Json:
        """An object with these properties and no others."""
        required = [field.name for field in self.fields if self.required(field)]
        found: Json = {
            "type": "object",
            "description": self.doc,
            "properties": {field.name: self._property(field) for field in self.fields},
            "additionalProperties": False,
        }
        return found | ({"required": required} if required else {})

    def _property(self, field: Field) -> Json:
        return {"description": field.doc} | field.kind.schema()

    def show(self, value: Any) -> str:
        """Only ever shown absent."""
        return "" if value is None else str(value)


class Named(msgspec.Struct, frozen=True):
    """Tables of one kind, each under a name: ``[role.web]``, ``[role.worker]``."""

    table: Table
    noun: str
    least: int = 0

    @property
    def expected(self) -> str:
        """What it holds."""
        return f"{'at least one ' if self.least else ''}[{self.noun}.NAME]"

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """Name to table as read."""
        if not isinstance(raw, Mapping) or len(raw) < self.least:
            return differs(self, raw, key, say)
        return {name: self._one(name, value, key, say) for name, value in raw.items()}

    def _one(self, name: str, value: Any, key: str, say: Say) -> Any:
        below = key_text(key, name)
        if not is_name(name):
            say(below, f"expected a name ({NAME_RULE}), got {shown(name)}", True)
        return self.table.read(value, below, say)

    def make(self, value: Any) -> Any:
        """The structs, in the file's order."""
        return tuple(self.table.make(item, name=name) for name, item in value.items())

    def schema(self) -> Json:
        """An object of such objects."""
        found: Json = {
            "type": "object",
            "patternProperties": {f"^{NAME_PATTERN}$": self.table.schema()},
            "additionalProperties": False,
        }
        return found | ({"minProperties": self.least} if self.least else {})

    def show(self, value: Any) -> str:
        """Only ever shown absent."""
        return ", ".join(f"`[{self.noun}.{item.name}]`" for item in value)


class Choice(msgspec.Struct, frozen=True):
    """A word, or a table whose ``kind`` is that word and whose other keys are that variant's."""

    variants: Mapping[str, Table]

    @property
    def expected(self) -> str:
        """The words, or a table."""
        return f"{self._word.expected}, or a table with that as its kind"

    @property
    def _word(self) -> OneOf:
        return OneOf(tuple(self.variants))

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The table as read, with its ``kind``."""
        if isinstance(raw, str) and raw in self.variants:
            return {"kind": raw}
        if not isinstance(raw, Mapping):
            return differs(self, raw, key, say)
        return self._table(raw, key, say)

    def _table(self, raw: Mapping[str, Any], key: str, say: Say) -> Any:
        if "kind" not in raw:
            say(key_text(key, "kind"), f"expected {self._word.expected}, got nothing", True)
            return WRONG
        kind = self._word.read(raw["kind"], key_text(key, "kind"), say)
        if isinstance(kind, Wrong):
            return kind
        rest = {name: value for name, value in raw.items() if name != "kind"}
        return self.variants[kind].read(rest, key, say) | {"kind": kind}

    def make(self, value: Any) -> Any:
        """The variant's struct."""
        rest = {name: item for name, item in value.items() if name != "kind"}
        return self.variants[value["kind"]].make(rest)

    def schema(self) -> Json:
        """The word, or one of the tables."""
        return {"anyOf": [self._word.schema(), *map(self._variant, self.variants)]}

    def _variant(self, kind: str) -> Json:
        found = self.variants[kind].schema()
        found["properties"] = {"kind": {"const": kind}} | found["properties"]
        return found | {"required": ["kind", *found.get("required", ())]}

    def show(self, value: Any) -> str:
        """The default's word."""
        models = {table.model: kind for kind, table in self.variants.items()}
        if value is None:
            return ""
        return f'"{models[type(value)]}"'
