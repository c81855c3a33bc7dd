"""XML with the line of every element. Nothing that a document declares is carried out.

A document that declares entities is refused: they can name files, and a few lines of them can
grow to gigabytes.
"""

from xml.parsers import expat

import msgspec

from fairlead.localization.decoded import decoded
from fairlead.localization.model import Broken, Unread

DEEPEST = 60
_ENCODING = {
    expat.errors.codes[name]
    for name in (
        expat.errors.XML_ERROR_INCORRECT_ENCODING,
        expat.errors.XML_ERROR_UNKNOWN_ENCODING,
    )
}


class Element(msgspec.Struct):
    """An element: ``children`` are its elements and texts, in order."""

    name: str
    line: int
    attributes: dict[str, str]
    children: list["Element | str"] = msgspec.field(default_factory=list)

    @property
    def elements(self) -> list["Element"]:
        """Its elements alone."""
        return [child for child in self.children if isinstance(child, Element)]

    @property
    def text(self) -> str:
        """All its text, markup left out."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class _Reader:
    """Builds the tree while expat reads."""

    def __init__(self) -> None:
        self.expat = expat.ParserCreate()
        self.open = [Element("", 0, {})]
        self.expat.buffer_text = True
        self.expat.StartElementHandler = self._started
        self.expat.EndElementHandler = self._ended
        self.expat.CharacterDataHandler = self._said
        self.expat.EntityDeclHandler = self._declared

    def _started(self, name: str, attributes: dict[str, str]) -> None:
        line = self.expat.CurrentLineNumber
        if len(self.open) > DEEPEST:
            raise Broken(line, f"the XML is nested more than {DEEPEST} deep")
        element = Element(name, line, attributes)
        self.open[-1].children.append(element)
        self.open.append(element)

    def _ended(self, _name: str) -> None:
        self.open.pop()

    def _said(self, text: str) -> None:
        self.open[-1].children.append(text)

    def _declared(self, *_declaration: object) -> None:
        raise Unread("it declares entities, which are not read")


def tree(data: bytes) -> Element:
    """The document's element. Raises Broken; Unread where the document declares entities."""
    reader = _Reader()
    try:
        reader.expat.Parse(data, True)
    except expat.ExpatError as error:
        if error.code in _ENCODING:
            what = "the file is not in the encoding that it declares"
            raise Broken(max(error.lineno, 1), what, "encoding") from error
        if b"encoding=" not in data[:100].lower().replace(b'encoding="utf-8"', b""):
            decoded(data, wide=True)  # which says so where the fault is no XML's
        what = f"this is no XML: {expat.ErrorString(error.code)}"
        raise Broken(max(error.lineno, 1), what) from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not know, or wide
        raise Broken(1, "the encoding that the file declares is not known", "encoding") from error
    return reader.open[0].elements[0]
