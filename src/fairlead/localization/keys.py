"""Whether a key that is named somewhere is in the source's catalogs."""

import re
from collections.abc import Iterable, Iterator

from fairlead.checks.model import Finding, Level
from fairlead.localization.mentions import ANDROID, APPLE, Mention
from fairlead.localization.model import Family, Format, Mistake
from fairlead.localization.pairs import shown
from fairlead.localization.rules import finding, source_keys


class Keys:
    """The keys of all sources, by format, as code may name them."""

    def __init__(self, families: Iterable[Family], source: str) -> None:
        self._known: dict[Format, set[str]] = {}
        self._firsts: set[str] = set()
        for family in families:
            for key, kind in source_keys(family, source).items():
                self._known.setdefault(kind, set()).update(_names(key, kind))
                if kind is not Format.PO and " " not in key:
                    self._firsts.add(re.split(r"[._]", key.rpartition("/")[2])[0])

    @property
    def first_words(self) -> frozenset[str]:
        """What the keys begin with, up to a point or an underscore."""
        return frozenset(self._firsts)

    def lacks(self, mention: Mention) -> bool:
        """Whether there are catalogs of the mention's formats, and none has its key."""
        known = [self._known[kind] for kind in mention.formats if kind in self._known]
        return bool(known) and not any(mention.key in keys for keys in known)


def _names(key: str, kind: Format) -> Iterator[str]:
    """How a key may be named."""
    yield key
    if kind is Format.ANDROID:
        name = key.partition("/")[2]
        yield from (name, key.replace(".", "_"), f"R.{key.replace('/', '.')}", f"@{key}")
    if kind is Format.JSON:
        # An object of keys, and i18next's contexts: `friend` for `friend_male`.
        yield from (key[: found.start()] for found in re.finditer(r"[._]", key))


def unknown(
    mentions: Iterable[tuple[str, Mention]], keys: Keys, *, documents: bool
) -> Iterator[Finding]:
    """A finding for each (path, mention) whose key no source has."""
    rule, who = ("document", "document names") if documents else ("code", "code uses")
    for path, mention in mentions:
        plain = _without_namespace(mention)
        if keys.lacks(mention) and keys.lacks(plain):
            what = f"the {who} {shown(mention.key)}, which no catalog of the source has"
            # A library or the build may bring a resource of Android's.
            level = Level.WARNING if mention.formats == ANDROID and not documents else Level.ERROR
            yield finding(path, "", Mistake(rule, mention.line, what, mention.key, level))


def _without_namespace(mention: Mention) -> Mention:
    """i18next's `common:title` is `title` in a file of that name."""
    if mention.formats <= APPLE or Format.JSON not in mention.formats:
        return mention
    return Mention(mention.key.rpartition(":")[2], mention.line, mention.formats)
