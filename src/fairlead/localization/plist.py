"""Apple's XML property lists, as far as catalogs use them: dictionaries of texts."""

from collections.abc import Iterator

from fairlead.localization import xml_tree
from fairlead.localization.model import Broken
from fairlead.localization.xml_tree import Element


def top(data: bytes) -> Element:
    """The outermost dictionary. Raises Broken and Unread."""
    plist = xml_tree.tree(data)
    inside = plist.elements
    if plist.name != "plist" or [one.name for one in inside] != ["dict"]:
        raise Broken(plist.line, "not a property list that holds one dictionary")
    return inside[0]


def pairs(dictionary: Element) -> Iterator[tuple[str, Element, int]]:
    """Each key of a dictionary with its value and the key's line. Raises Broken."""
    inside = dictionary.elements
    for key, value in zip(inside[::2], inside[1::2], strict=False):
        if key.name != "key" or value.name == "key":
            raise Broken(key.line, "a dictionary takes a key and a value by turns")
        yield key.text, value, key.line
    if len(inside) % 2:
        raise Broken(inside[-1].line, "a key without a value")


def texts(data: bytes) -> Iterator[tuple[str, int, str, int]]:
    """Each key and its text with their lines, where every value is one. Raises Broken, Unread."""
    for key, value, line in pairs(top(data)):
        if value.name != "string":
            raise Broken(value.line, f"the value of {key[:40]!r} is no string")
        yield key, line, value.text, value.line
