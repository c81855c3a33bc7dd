"""Secrets taken out of text that Fairlead shows or keeps: pure.

A value is found as it is, line by line where it has several (a log is read by lines), as JSON
and as a URL would write it, and, of a database's URL, the password alone: a server's error
names no more than that. Nothing finds a value that a program printed in another disguise
(base64, half of it): the scrubber is a net under the promise, not the promise.
"""

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote

from fairlead.base.secret import Secret

SHORTEST = 6
"""Characters. A shorter value ("true", "8000") stands in many texts by chance: masking those
would make them unreadable, and show where the value is by where the text went dark."""

_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/@\s]*?:([^/@\s]+)@")


class Scrubber:
    """Masks the values it was given. Printing it shows none of them."""

    def __init__(self, values: Iterable[tuple[str, Secret]]) -> None:
        self._names: dict[str, str] = {}
        for name, value in sorted(values, key=lambda pair: pair[0]):
            for form in forms(value.reveal()):
                self._names.setdefault(form, name)
        longest_first = sorted(self._names, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        """The text with each value replaced by ``<secret NAME>``, the longest first."""
        if not self._names:
            return text
        return self._pattern.sub(lambda found: f"<secret {self._names[found[0]]}>", text)

    def __repr__(self) -> str:
        return "Scrubber(…)"


def scrub(text: str, values: Iterable[tuple[str, Secret]]) -> str:
    """The text with each value replaced by ``<secret NAME>``."""
    return Scrubber(values)(text)


def forms(value: str) -> Iterator[str]:
    """The texts that give a value away; none shorter than ``SHORTEST``."""
    passwords = _PASSWORD.findall(value)
    whole = [value, value.strip(), *value.splitlines(), *passwords, *map(unquote, passwords)]
    for text in whole:
        for form in (text, text.strip(), json.dumps(text)[1:-1], quote(text, safe="")):
            if len(form) >= SHORTEST:
                yield form
