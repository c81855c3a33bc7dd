"""Events of YAML → documents with their lines, one event after the other.

Not by PyYAML's own constructor: it recurses in C (a deep text kills the process), repeats
what aliases name until memory is full, makes times and sets of plain words, takes the last of two
equal keys in silence, and forgets the lines. YAML 1.2.2, chapter 3; merge keys:
https://yaml.org/type/merge.html.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from fairlead.documents.model import Document, Mistake, Place, Unreadable
from fairlead.documents.scalars import plain

MAX_DEPTH = 100
MAX_NODES = 1_000_000
"""Of one text, with what aliases repeat: a thousand aliases of a thousand nodes are a million."""

_CORE = "tag:yaml.org,2002:"
_TEXTS = frozenset({"!", _CORE + "str", _CORE + "binary", _CORE + "timestamp"})
_RESOLVED = frozenset(_CORE + name for name in ("int", "float", "bool", "null"))
_COLLECTIONS = frozenset({None, "!", _CORE + "map", _CORE + "seq"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # without libyaml 8 times slower


class _Node(NamedTuple):
    """A finished value: ``weight`` counts its nodes, those of aliases each time, ``height`` how
    deep it is."""

    data: Any
    place: Place
    weight: int = 1
    height: int = 0


class _Open:
    """A mapping or list whose end has not come."""

    def __init__(self, event: Any, line: int) -> None:
        self.anchor: str | None = event.anchor
        self.mapping = isinstance(event, yaml.MappingStartEvent)
        self.data: Any = {} if self.mapping else []
        self.place = Place(line)
        self.weight = 1
        self.height = 1
        self.key: str | None = None
        self.line = 0  # of that key
        self.merge = False  # that key is <<
        self.merged: list[_Node] = []


class _Composer:
    def __init__(self, old: bool) -> None:
        self._old = old
        self._open: list[_Open] = []
        self._anchors: dict[str, _Node] = {}
        self._mistakes: list[Mistake] = []
        self._weight = 0  # of the documents before

    def take(self, event: Any) -> Document | None:
        """One event; the document when it is the last of one."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            return self._finished(self._scalar(event, line), event.anchor, _is_merge(event))
        if isinstance(event, yaml.CollectionStartEvent):
            self._began(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            return self._ended()
        elif isinstance(event, yaml.AliasEvent):
            return self._finished(self._repeated(str(event.anchor), line), None)
        return None

    def _began(self, event: Any, line: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise Unreadable(f"it is more than {MAX_DEPTH} deep", line)
        if event.tag not in _COLLECTIONS:
            self._mistakes.append(Mistake(line, f"the tag {event.tag} means nothing here"))
        self._anchors.pop(event.anchor, None)
        self._open.append(_Open(event, line))

    def _ended(self) -> Document | None:
        frame = self._open.pop()
        for merged in frame.merged:
            for key, value in merged.data.items():
                frame.data.setdefault(key, value)
                frame.place.parts.setdefault(key, merged.place.parts[key])
        return self._finished(
            _Node(frame.data, frame.place, frame.weight, frame.height), frame.anchor
        )

    def _scalar(self, event: Any, line: int) -> _Node:
        value: Any = event.value
        if event.tag in _RESOLVED or (event.tag is None and event.implicit[0]):
            value = plain(value, old=self._old)
        elif event.tag is not None and event.tag not in _TEXTS:
            self._mistakes.append(Mistake(line, f"the tag {event.tag} means nothing here"))
        if self._open and self._open[-1].mapping and self._open[-1].key is None:
            value = event.value
        return _Node(value, Place(line))

    def _repeated(self, anchor: str, line: int) -> _Node:
        node = self._anchors.get(anchor)
        if node is None:
            raise Unreadable(f"*{anchor} names nothing that ends before it", line)
        again = Place(line)
        again.parts = node.place.parts
        return node._replace(place=again)

    def _finished(self, node: _Node, anchor: str | None, merge: bool = False) -> Document | None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            return self._document(node)
        frame = self._open[-1]
        frame.weight += node.weight
        frame.height = max(frame.height, node.height + 1)
        if len(self._open) + node.height > MAX_DEPTH:  # an alias is as deep as what it repeats
            raise Unreadable(f"it is more than {MAX_DEPTH} deep", node.place.line)
        if self._weight + frame.weight > MAX_NODES:
            raise Unreadable(
                f"it has more than {MAX_NODES:,} parts, its aliases written out", node.place.line
            )
        self._put(frame, node, merge)
        return None

    def _put(self, frame: _Open, node: _Node, merge: bool) -> None:
        if not frame.mapping:
            frame.place.parts[len(frame.data)] = node.place
            frame.data.append(node.data)
        elif frame.key is None:
            self._key(frame, node, merge)
        else:
            key, frame.key = frame.key, None
            if frame.merge:
                self._merge(frame, node)
            else:
                frame.data[key] = node.data
                node.place.line = frame.line
                frame.place.parts[key] = node.place

    def _key(self, frame: _Open, node: _Node, merge: bool) -> None:
        frame.line, frame.merge = node.place.line, merge
        if isinstance(node.data, dict | list):
            self._mistakes.append(Mistake(frame.line, "a key is a mapping or a list"))
        frame.key = _written(node.data)
        if frame.key in frame.data and not merge:
            self._mistakes.append(Mistake(frame.line, f"the key {frame.key!r} stands twice"))

    def _merge(self, frame: _Open, node: _Node) -> None:
        several = isinstance(node.data, list)
        parts = node.place.parts
        for number, data in enumerate(node.data if several else [node.data]):
            if isinstance(data, dict):
                frame.merged.append(_Node(data, parts[number] if several else node.place))
            else:
                self._mistakes.append(Mistake(frame.line, "<< takes a mapping, or a list of them"))

    def _document(self, node: _Node) -> Document:
        mistakes, self._mistakes = tuple(self._mistakes), []
        self._anchors.clear()
        self._weight += node.weight
        return Document(node.data, mistakes, lambda: node.place)


def _is_merge(event: Any) -> bool:
    return event.value == "<<" and event.tag is None and bool(event.implicit[0])


def _written(data: Any) -> str:
    """A key as text; one that an alias repeats may be a number by now."""
    return data if isinstance(data, str) else str(data)


def composed(text: str, *, old: bool) -> Iterator[Document]:
    """Each document of a text. Raises Unreadable where it is no YAML or passes a bound."""
    composer = _Composer(old)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            found = composer.take(event)
            if found is not None:
                yield found
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(f"it is no YAML: {error.problem}", mark.line + 1 if mark else 0) from None
    except (yaml.YAMLError, UnicodeEncodeError):
        raise Unreadable("it is no YAML: it holds a character that no text may hold") from None


def places(text: str, *, old: bool) -> Place:
    """Where the parts of a text's first document are; one place for all, where it is no YAML."""
    try:
        found = next(iter(composed(text, old=old)), None)
    except Unreadable:
        return Place(0)
    return found.root if found else Place(0)
