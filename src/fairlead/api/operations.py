"""The operations of a document: by path and method, with their parameters and security."""

import re
from typing import Any

import msgspec

from fairlead.api.document import Document, kept, refs_in

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""The methods a path can have (OpenAPI 3.1.1, 4.8.9.1)."""
_NAME = re.compile(r"\{([^{}]*)\}")
Key = tuple[str, str]
# One alternative: (scheme, scopes) pairs that are asked for together.
Alternative = frozenset[tuple[str, frozenset[str]]]


class Parameter(msgspec.Struct, frozen=True):
    """A parameter of an operation. ``shared``: its path has it, for all of its operations."""

    where: str
    name: str
    raw: dict[str, Any]
    shared: bool = False

    @property
    def required(self) -> bool:
        return self.raw.get("required") is True

    @property
    def schema(self) -> Any:
        """Its schema, or that of its one media type (OpenAPI 3.1.1, 4.8.12.2); None without."""
        if "schema" in self.raw:
            return self.raw["schema"]
        content = self.raw.get("content")
        if isinstance(content, dict) and len(content) == 1:
            (media,) = content.values()
            return media.get("schema") if isinstance(media, dict) else None
        return None


class Operation(msgspec.Struct, frozen=True):
    """One method of a path. ``name`` is "GET /api/levels"; ``item`` is the path's object."""

    name: str
    path: str
    raw: dict[str, Any]
    item: dict[str, Any]
    parameters: tuple[Parameter, ...]
    security: tuple[Alternative, ...]

    @property
    def shape(self) -> str:
        """Its path without the names of its parameters."""
        return _NAME.sub("{}", self.path)

    @property
    def path_names(self) -> list[str]:
        """The names in the path's template, in their order."""
        return _NAME.findall(self.path)


def operations(document: Document) -> dict[Key, Operation]:
    """Each operation, by its path without the names of its parameters, and its method.

    Webhooks are operations that the server calls; their path is "webhook NAME".
    """
    found: dict[Key, Operation] = {}
    for path, item in _items(document):
        for method in METHODS:
            if isinstance(item.get(method), dict):
                found[_NAME.sub("{}", path), method] = _operation(document, path, method, item)
    return found


def paths(document: Document) -> frozenset[str]:
    """The paths of a document, without the names of their parameters."""
    return frozenset(_NAME.sub("{}", path) for path, _ in _items(document))


def _items(document: Document) -> list[tuple[str, dict[str, Any]]]:
    paths = document.root.get("paths")
    hooks = document.root.get("webhooks")
    listed = list(paths.items()) if isinstance(paths, dict) else []
    if isinstance(hooks, dict):
        listed += [(f"webhook {name}", item) for name, item in hooks.items()]
    return [(path, document.whole(item)) for path, item in listed if not path.startswith("x-")]


def _operation(document: Document, path: str, method: str, item: dict[str, Any]) -> Operation:
    raw = item[method]
    merged: dict[tuple[str, str], Parameter] = {}
    for one in _parameters(document, item, shared=True) + _parameters(document, raw, shared=False):
        merged[one.where, one.name.lower() if one.where == "header" else one.name] = one
    asked = raw["security"] if "security" in raw else document.root.get("security")
    name = f"{method.upper()} {path}"
    return Operation(name, path, raw, item, tuple(merged.values()), _security(asked))


def _parameters(document: Document, holder: dict[str, Any], *, shared: bool) -> list[Parameter]:
    listed = holder.get("parameters")
    raws = [document.whole(item) for item in listed] if isinstance(listed, list) else []
    return [
        Parameter(raw["in"], raw["name"], raw, shared)
        for raw in raws
        if isinstance(raw.get("in"), str) and isinstance(raw.get("name"), str)
    ]


def _security(asked: Any) -> tuple[Alternative, ...]:
    # A list of alternatives; none at all, or an empty one, lets anybody in (OpenAPI 3.1.1, 4.8.30).
    alternatives = [
        frozenset((name, frozenset(map(str, scopes or ()))) for name, scopes in one.items())
        for one in (asked if isinstance(asked, list) else ())
        if isinstance(one, dict) and all(isinstance(v, list) or not v for v in one.values())
    ]
    return tuple(alternatives) or (frozenset(),)


class Fingerprints:
    """A document, and the bytes of what it holds: what is the same in another one shows at once.

    ``text`` is what is kept of it; words that only people read are not in it.
    """

    def __init__(self, document: Document, text: bytes = b"") -> None:
        self.document = document
        self.operations = operations(document)
        self.text = text or document.kept()
        self._plain = document if text else kept(self.text)
        self._bare = self.operations if text else operations(self._plain)
        self._targets: dict[str, bytes] = {}
        self._operations: dict[Key, bytes] = {}

    @property
    def refs(self) -> frozenset[str]:
        """The references it has."""
        return self._plain.refs

    def target(self, ref: str) -> bytes:
        """The bytes of what a reference points at."""
        if ref not in self._targets:
            self._targets[ref] = _bytes(self._plain.target(ref))
        return self._targets[ref]

    def operation(self, key: Key) -> bytes:
        """The bytes of all that an operation says, what it points at apart."""
        if key not in self._operations:
            one = self._bare[key]
            asked = one.raw.get("security", self._plain.root.get("security"))
            self._operations[key] = _bytes([one.raw, one.item.get("parameters"), asked])
        return self._operations[key]


def same_targets(old: Fingerprints, new: Fingerprints) -> frozenset[str]:
    """The references that lead to the same in both documents, all the way down."""
    if old.document.minor != new.document.minor:
        return frozenset()
    same = {
        ref
        for ref in old.refs & new.refs
        if ref.startswith("#") and old.target(ref) == new.target(ref)
    }
    below = {ref: refs_in(new.target(ref)) for ref in same}
    while True:
        changed = {ref for ref in same if not below[ref] <= same}
        if not changed:
            return frozenset(same)
        same -= changed


def _bytes(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
