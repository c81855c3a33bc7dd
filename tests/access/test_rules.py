"""Who may do what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.access import rules
from fairlead.access.model import Grant, Key, Person, Right
from fairlead.access.rules import NEEDS, authorized_keys, may, parse_right, with_key, without
from fairlead.base.errors import UsageError

APPS = st.sampled_from(["shop", "blog", "*", ""])
NAMED = st.sampled_from(["shop", "blog"])
VERBS = st.sampled_from(sorted(NEEDS))
RIGHTS = st.sampled_from(["read", "admin", "push:shop", "push:blog", "push:*"]).map(parse_right)
PEOPLE = st.builds(Person, st.just("ada"), st.just(()), st.lists(RIGHTS, max_size=3).map(tuple))


def key(number: int) -> Key:
    return Key("ssh-ed25519", f"AAAA{number}", f"SHA256:{number}")


@given(PEOPLE, RIGHTS, VERBS, APPS)
def test_a_right_more_takes_nothing_away(person: Person, right: Right, verb: str, app: str) -> None:
    """Rights only ever add."""
    more = Person(person.name, person.keys, (*person.rights, right))
    assert may(more, verb, app) or not may(person, verb, app)


@given(VERBS, APPS)
def test_without_a_right_nothing(verb: str, app: str) -> None:
    """Nor for somebody who is not known."""
    assert not may(Person("ada", (), ()), verb, app)
    assert not may(None, verb, app)


@given(PEOPLE, APPS, st.text())
def test_a_verb_that_is_not_listed_is_nobodys(person: Person, app: str, verb: str) -> None:
    """Not even an admin's."""
    assert verb in NEEDS or not may(person, verb, app)


@given(VERBS, NAMED, NAMED)
def test_a_right_to_push_one_app_is_to_that_app(verb: str, mine: str, app: str) -> None:
    """And never to all that there is, nor to approve."""
    person = Person("ada", (), (Right(Grant.PUSH, mine),))
    assert may(person, verb, app) == (mine == app and NEEDS[verb] is not Grant.ADMIN)
    assert not may(person, verb, "")


@given(PEOPLE, VERBS, APPS)
def test_who_may_do_it_to_all_may_do_it_to_one(person: Person, verb: str, app: str) -> None:
    """An app is a part of all."""
    assert may(person, verb, app or "shop") or not may(person, verb, "")


@given(VERBS, APPS)
def test_to_read_is_to_change_nothing(verb: str, app: str) -> None:
    """It is for every verb that only looks."""
    assert may(Person("a", (), (Right(Grant.READ),)), verb, app) == (NEEDS[verb] is Grant.READ)


@pytest.mark.parametrize("text", ["", "push", "push:", "push:A", "push:../x", "read:shop", "root"])
def test_what_is_no_right_is_refused(text: str) -> None:
    """With those that there are."""
    with pytest.raises(UsageError) as found:
        parse_right(text)
    assert "push:APP" in found.value.hint


def test_a_key_is_one_persons() -> None:
    """Else it would not be known who comes with it."""
    people = with_key((), "ada", key(1), [Right(Grant.READ)])
    with pytest.raises(UsageError, match="ada's already"):
        with_key(people, "bo", key(1), [])
    again = with_key(people, "ada", key(1), [Right(Grant.PUSH, "shop")])
    assert [str(right) for right in again[0].rights] == ["push:shop", "read"]
    assert len(again[0].keys) == 1


def test_a_key_is_taken_away_alone_or_with_all() -> None:
    """Who has none left is not known any more."""
    people = with_key(with_key((), "ada", key(1), []), "ada", key(2), [])
    people = with_key(people, "bo", key(3), [])
    assert [len(one.keys) for one in without(people, "ada", "SHA256:1")] == [1, 1]
    assert [one.name for one in without(people, "ada")] == ["bo"]


def test_sshd_is_told_one_line_a_key() -> None:
    """Each with nothing allowed but the one command."""
    people = with_key(with_key((), "ada", key(1), []), "bo", key(2), [])
    assert authorized_keys(people, "/bin/shell").splitlines()[1:] == [
        'restrict,command="/bin/shell ada" ssh-ed25519 AAAA1 ada',
        'restrict,command="/bin/shell bo" ssh-ed25519 AAAA2 bo',
    ]


def test_somebody_is_told_what_they_may() -> None:
    """Also that it is nothing."""
    rights = (Right(Grant.PUSH, "*"), Right(Grant.READ))
    assert rules.told(Person("ada", (), rights)) == (
        "push, look at and roll back every app, look at everything"
    )
    assert "nothing" in rules.told(None)
