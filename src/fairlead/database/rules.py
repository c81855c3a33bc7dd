"""What the database of a place is called. Pure."""

from fairlead.base.canonical import digest
from fairlead.base.ids import Place
from fairlead.database.model import Asked

MOST_BYTES = 63
"""A longer name is cut by PostgreSQL without a word (identifiers, NAMEDATALEN)."""


def asked_for(place: Place) -> Asked:
    """The role and database of a place, of one name: ``fl_shop_production``.

    A name that is too long, or that another place's could equal (a-b/c and a/b-c), ends in a
    digest.
    """
    plain = f"fl_{place.app}_{place.environment}".replace("-", "_")
    if "-" in place.app + place.environment or len(plain) > MOST_BYTES:
        tail = f"_{digest(str(place))[-8:]}"
        plain = plain[: MOST_BYTES - len(tail)] + tail
    return Asked(plain, plain, f"Fairlead: {place}")
