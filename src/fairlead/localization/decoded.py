"""The text of a file: which encoding it has, and where it breaks it."""

import codecs
import re

from fairlead.localization.model import Broken

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decoded(data: bytes, wide: bool = False) -> str:
    """The text of a file in UTF-8, or where ``wide`` also in UTF-16; without its byte order mark.

    Raises Broken (``encoding``) with the line of the first byte that is none.
    """
    for mark, name in _MARKS:
        if data.startswith(mark) and (name == "utf-8" or wide):
            return in_encoding(data[len(mark) :], name)
    if wide and b"\0" in data[:2]:  # ASCII first, as in each of these files: "/* or a quote
        return in_encoding(data, "utf-16-be" if data[:1] == b"\0" else "utf-16-le")
    return in_encoding(data, "utf-8")


def in_encoding(data: bytes, name: str) -> str:
    """The text in a named encoding. Raises Broken for one that is unknown or is not kept to."""
    try:
        if not codecs.lookup(name)._is_text_encoding:
            raise LookupError(name)
        text = data.decode(name)
    except LookupError as error:
        raise Broken(1, f"the encoding {name!r} is not known", "encoding") from error
    except UnicodeError as error:
        place = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = data[:place].count(b"\n") + 1
        raise Broken(line, f"a byte here is not {name.upper()}", "encoding") from error
    if found := _FORBIDDEN.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise Broken(line, f"the character U+{ord(found[0]):04X} stands here", "encoding")
    return text


_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
