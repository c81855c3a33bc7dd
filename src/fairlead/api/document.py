"""An OpenAPI document of which every part is at hand: references followed, lines known.

What other files hold that it points at is laid into the document, under ``x-fairlead-files``, and
the references to it are made local (RFC 3986, 5.2 and RFC 6901). So the kept copy of a contract
can be read when the commit it came from is long gone.
"""

import posixpath
import re
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import unquote

import msgspec

from fairlead.api.model import Place
from fairlead.api.plain import NAMED, plain
from fairlead.api.text import Broken, Parsed, parse
from fairlead.base.errors import Unknown

FILES = "x-fairlead-files"
_MOST_FILES = 5_000
_VERSION = re.compile(r"3\.([01])(?:\.\d+)?(?:-.*)?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
# What a document may hold of any shape (OpenAPI 3.1.1, 4.8.20 and 4.8.24): a $ref there is data.
_DATA = frozenset({"example", "examples", "default", "enum", "const", "value"})
_BESIDE = frozenset({"$ref", "summary", "description", "title", "$comment"})
_REF = re.compile(rb'"\$ref":("(?:[^"\\]|\\.)*")')
Read = Callable[[str], bytes]


class Document:
    """A document as it was read. ``root`` is whole: every reference in it is local.

    ``minor`` is 0 for OpenAPI 3.0 and 1 for 3.1, ``refs`` are the references it has.
    """

    def __init__(
        self, root: dict[str, Any], files: dict[str, Parsed], minor: int, refs: frozenset[str]
    ) -> None:
        self.root = root
        self.refs = refs
        self.files = files
        self.minor = minor
        self._text = b""
        self._found: dict[str, Any] = {}
        self._laid: dict[int, dict[str, Any]] = {}
        self._laid_over: dict[int, dict[str, Any]] = {}

    def place(self, container: Any, key: str = "") -> Place:
        """Where a container, or a key in it, stands."""
        container = self._laid_over.get(id(container), container)
        for path, parsed in self.files.items():
            line = parsed.line(container, key)
            if line:
                return Place(path, line)
        return Place(next(iter(self.files), ""))

    def target(self, ref: str) -> Any:
        """What a local reference points at, through further ones. Raises Broken and Unknown."""
        if ref not in self._found:
            self._found[ref] = self._follow(ref)
        return self._found[ref]

    def whole(self, value: Any) -> dict[str, Any]:
        """The object itself where ``value`` only points at it; {} for what is no object.

        3.1 lets a schema say more beside its reference (JSON Schema 2020-12, 8.2.3): what it says
        is laid over what it points at. In 3.0 that is ignored (OpenAPI 3.0.4, 4.7.23).
        """
        if not isinstance(value, dict):
            return {}
        ref = value.get("$ref")
        if not isinstance(ref, str):
            return value
        found = self.target(ref)
        if not isinstance(found, dict):
            return {}
        if self.minor == 0 or value.keys() <= _BESIDE:
            return found
        if id(value) not in self._laid:
            more = {key: item for key, item in value.items() if key != "$ref"}
            self._laid[id(value)] = {**found, **more}
            self._laid_over[id(self._laid[id(value)])] = value
        return self._laid[id(value)]

    def kept(self) -> bytes:
        """The text to keep: the same for the same contract, whatever the files' form and words."""
        if not self._text:
            self._text = _encoded(plain(self.root), "deterministic")
        return self._text

    def _follow(self, ref: str) -> Any:
        seen = {ref}
        while True:
            value = self._point(ref)
            further = value.get("$ref") if isinstance(value, dict) else None
            if not isinstance(further, str):
                return value
            if further in seen:
                raise Broken(f"references that only point at each other: {ref}")
            seen.add(further)
            if self.minor == 0 or value.keys() <= _BESIDE:
                ref = further
            else:
                return self.whole(value)

    def _point(self, ref: str) -> Any:
        if not ref.startswith("#"):
            raise Unknown(f"what the document points at is out of reach: {ref}")
        value: Any = self.root
        if ref[1:] and not ref.startswith("#/"):
            raise Unknown(f"a reference by anchor is not followed: {ref}")
        for part in ref.split("/")[1:]:
            value = _step(value, unquote(part).replace("~1", "/").replace("~0", "~"), ref)
        return value


def _step(value: Any, key: str, ref: str) -> Any:
    if isinstance(value, dict) and key in value:
        return value[key]
    if isinstance(value, list) and key.isdecimal() and int(key[:9]) < len(value):
        return value[int(key[:9])]
    raise Broken(f"a reference to what is not there: {ref}")


def load(path: str, read: Read) -> Document:
    """The document at ``path``. ``read`` gives the bytes of a file below the tree.

    Raises Broken for a text that is no OpenAPI document, Unknown for one that cannot be judged:
    another version, or a reference to what is out of reach.
    """
    parsed = _parsed(path, read)
    minor = _minor(parsed, path)
    files = {path: parsed}
    if any(not ref.startswith("#") for ref in _refs(parsed.value)):
        _gather(path, files, read)
        parsed.value[FILES] = {name: one.value for name, one in files.items() if name != path}
    document = Document(parsed.value, files, minor, frozenset())
    document.refs = refs_in(document.kept())
    _every_reference(document)
    return document


def kept(data: bytes) -> Document:
    """The document of a text that ``Document.kept`` gave. Raises Broken and Unknown."""
    try:
        root = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Broken(f"not JSON: {error}") from None
    return Document(root, {}, _version(root), refs_in(data))


def refs_in(data: bytes) -> frozenset[str]:
    """The references in a text that msgspec wrote."""
    return frozenset(msgspec.json.decode(ref) for ref in _REF.findall(data))


def _refs(value: Any) -> frozenset[str]:
    return refs_in(_encoded(value))


def _encoded(value: Any, order: Literal["deterministic"] | None = None) -> bytes:
    try:
        return msgspec.json.encode(value, order=order)
    except (OverflowError, UnicodeEncodeError) as error:
        raise Broken(f"a value that JSON cannot hold: {error}") from None


def _parsed(path: str, read: Read) -> Parsed:
    try:
        return parse(read(path))
    except Broken as error:
        raise Broken(error.what, error.line, path) from None


def _minor(parsed: Parsed, path: str) -> int:
    try:
        return _version(parsed.value)
    except Broken as error:
        raise Broken(error.what, parsed.line(parsed.value) or 1, path) from None


def _version(root: Any) -> int:
    if not isinstance(root, dict):
        raise Broken("no OpenAPI document: it is no object")
    if "swagger" in root:
        raise Unknown("the document is Swagger 2.0", "convert it to OpenAPI 3.0 or 3.1")
    version = root.get("openapi")
    if version is None:
        raise Broken("no OpenAPI document: it has no `openapi`")
    found = _VERSION.fullmatch(str(version))
    if found is None:
        raise Unknown(f"OpenAPI {str(version)[:20]} is not read; 3.0 and 3.1 are")
    if not isinstance(root.get("paths", {}), dict):
        raise Broken("`paths` is no object")
    return int(found[1])


def _gather(path: str, files: dict[str, Parsed], read: Read) -> None:
    """Lays other files beside the document, and makes the references to them local."""
    waiting = [path]
    while waiting:
        here = waiting.pop()
        for pointing in _pointing(files[here].value):
            name, fragment = _target_file(here, pointing["$ref"])
            if name not in files:
                if len(files) >= _MOST_FILES:
                    raise Unknown(f"more than {_MOST_FILES} files")
                files[name] = _parsed(name, read)
                waiting.append(name)
            pointing["$ref"] = fragment if name == path else _within(name, fragment)


def _target_file(here: str, ref: str) -> tuple[str, str]:
    name, _, fragment = ref.partition("#")
    if not name:
        return here, f"#{fragment}"
    if _SCHEME.match(name) or name.startswith("/"):
        raise Unknown(f"a reference out of the tree is not followed: {ref}")
    found = posixpath.normpath(posixpath.join(posixpath.dirname(here), unquote(name)))
    if found.startswith("../") or found == "..":
        raise Unknown(f"a reference out of the tree is not followed: {ref}")
    return found, f"#{fragment}"


def _within(name: str, fragment: str) -> str:
    quoted = name.replace("~", "~0").replace("/", "~1").replace("%", "%25")
    if fragment[1:] and not fragment.startswith("#/"):
        return fragment
    return f"#/{FILES}/{quoted}{fragment[1:]}"


def _every_reference(document: Document) -> None:
    """Raises Broken or Unknown for a reference that leads nowhere."""
    for ref in sorted(document.refs):
        try:
            document.target(ref)
        except Broken as error:
            place = next(
                document.place(one, "$ref")
                for one in (*_pointing(document.root), document.root)
                if one.get("$ref") in (ref, None)
            )
            raise Broken(error.what, place.line, place.path) from None


def _pointing(root: Any) -> list[dict[str, Any]]:
    """The objects that point elsewhere. What extensions and examples hold is data."""
    found, seen, parts = list[dict[str, Any]](), set[int](), _parts(root)
    waiting = [(root, False)]
    while waiting:
        value, names = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, list):
            waiting.extend((item, False) for item in value)
        elif isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                found.append(value)
            free = names or id(value) in parts
            for key, item in value.items():
                if free or key == FILES or not (key in _DATA or key.startswith("x-")):
                    waiting.append((item, key in NAMED and not names))
    return found


def _parts(root: Any) -> set[int]:
    """The tops of files that are only parts of a document: they name what they hold as they like."""
    top = root if isinstance(root, dict) else {}
    files = top.get(FILES)
    found = set(map(id, files.values())) if isinstance(files, dict) else set[int]()
    return found if "openapi" in top else {*found, id(root)}
