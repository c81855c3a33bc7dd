"""Sealed files, and values that are hard to keep."""

from pathlib import Path

from hypothesis import strategies as st

from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.desired import layout
from fairlead.drivers.keyring import FileKeyRing
from fairlead.secrets.flow import By, Cabinet, put
from fairlead.secrets.model import SealedFile
from fairlead.secrets.rules import FORMAT

PRODUCTION = Place("shop", "production")
STAGING = Place("shop", "staging")
BY = By("ada", "2026-11-21T15:42:03.000000Z")
EMPTY = SealedFile(FORMAT)

names = st.from_regex(r"\A(?!FAIRLEAD_)[A-Za-z_][A-Za-z0-9_]{0,30}\Z")
values = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1)


def cabinet(home: Path, place: Place = PRODUCTION) -> Cabinet:
    return Cabinet(FileKeyRing(home / "keys" / "secrets"), place, layout.sealed(place))


def sealed(at: Cabinet, *sets: dict[str, str]) -> SealedFile:
    """The file after these values were set, one after another."""
    file = EMPTY
    for one in sets:
        file = put(at, file, {name: Secret(value) for name, value in one.items()}, BY)
    return file
