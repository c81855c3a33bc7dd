"""What the database of a place is called."""

from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.ids import Place
from fairlead.database.rules import MOST_BYTES, asked_for

names = st.from_regex(r"\A[a-z]([a-z0-9-]{0,30}[a-z0-9])?\Z")


def test_it_is_called_after_its_place() -> None:
    """And says so in its comment."""
    asked = asked_for(Place("shop", "production"))
    assert (asked.role, asked.database) == ("fl_shop_production", "fl_shop_production")
    assert asked.note == "Fairlead: shop/production"


@given(names, names, names, names)
def test_no_two_places_share_a_name(a: str, b: str, c: str, d: str) -> None:
    """Nor is one longer than PostgreSQL keeps, or in need of quotes."""
    one, two = asked_for(Place(a, b)), asked_for(Place(c, d))
    assert (one.role == two.role) == ((a, b) == (c, d))
    assert len(one.role) <= MOST_BYTES
    assert one.role.replace("_", "").isalnum()


def test_places_that_read_alike_do_not() -> None:
    """a-b/c and a/b-c."""
    assert asked_for(Place("a-b", "c")).role != asked_for(Place("a", "b-c")).role
