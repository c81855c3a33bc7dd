"""No text that is shown or kept holds a secret's value."""

import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from cabinets import names
from fairlead.base.secret import Secret
from fairlead.secrets.scrub import SHORTEST, Scrubber, scrub

PRINTABLE = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
texts = st.text(PRINTABLE, max_size=60)


def masked(text: str, **secrets: str) -> str:
    return scrub(text, ((name, Secret(value)) for name, value in secrets.items()))


# None of these is in a mask, so a value that is found there was left there.
APART = st.text('0123456789éß!"\\ \n%@/', min_size=SHORTEST, max_size=12)
LETTERS = st.text("ABC", min_size=1, max_size=3)


@given(st.dictionaries(LETTERS, APART, max_size=4), APART, st.data())
def test_no_value_is_left(secrets: dict[str, str], around: str, data: st.DataObject) -> None:
    """Wherever it stands, however often, beside or inside another one."""
    pieces = [around, *secrets.values(), around]
    text = "".join(data.draw(st.permutations(pieces)))
    found = masked(text, **secrets)
    assert [value for value in secrets.values() if value in found] == []


@given(texts, st.dictionaries(names, st.text(PRINTABLE, max_size=SHORTEST - 1), max_size=3))
def test_a_value_too_short_to_be_one_is_left(text: str, secrets: dict[str, str]) -> None:
    """ "1" or "true" stands everywhere: masking it would garble all, and tell where it stood."""
    short = {
        n: v
        for n, v in secrets.items()
        if len(quote(v, safe="")) < SHORTEST and len(json.dumps(v)) - 2 < SHORTEST
    }
    assert masked(text, **short) == text


def test_the_mask_names_the_secret() -> None:
    """So that the line can still be understood."""
    said = "login failed for key hunter22-of-production"
    assert masked(said, API_KEY="hunter22-of-production") == "login failed for key <secret API_KEY>"


def test_the_longest_is_masked_first() -> None:
    """A value that begins like another leaves no tail of it."""
    assert masked("token-abcdef", SHORT="token-abc", LONG="token-abcdef") == "<secret LONG>"


def test_a_mask_is_not_masked_again() -> None:
    """One pass: a value that is part of a mask does not eat it."""
    assert (
        masked("my-secret-key KEY_OF", KEY="my-secret-key", WORD="secret K")
        == "<secret KEY> KEY_OF"
    )


def test_each_line_of_a_value_of_several_is_one() -> None:
    """A log is read line by line, and a private key is printed so."""
    pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----"
    assert masked("| hkiG9w0BAQEFAASC |", TLS=pem) == "| <secret TLS> |"


def test_a_database_password_is_masked_where_it_stands_alone() -> None:
    """A server's error names no more of the URL than that; also as it is without its escapes."""
    url = "postgres://shop:s3cr%40t-word@db/shop"
    assert masked("password s3cr%40t-word", DATABASE_URL=url) == "password <secret DATABASE_URL>"
    assert masked('password "s3cr@t-word"', DATABASE_URL=url) == 'password "<secret DATABASE_URL>"'


def test_a_value_in_json_or_in_a_url_is_masked() -> None:
    """Structured logs escape quotes and line ends, requests escape the rest."""
    value = 'a "quoted"\nvalue/1'
    assert masked(json.dumps({"k": value}), K=value) == '{"k": "<secret K>"}'
    assert masked(f"GET /?k={quote(value, safe='')}", K=value) == "GET /?k=<secret K>"


def test_a_scrubber_shows_nothing_of_what_it_masks() -> None:
    """It is kept in memory beside logs."""
    assert "planted" not in repr(Scrubber([("A", Secret("planted-value"))]))
