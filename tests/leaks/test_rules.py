"""What is told of a secret, what of a file, and how long looking takes."""

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.checks.model import Level
from fairlead.leaks.rules import MOST, look

SECRET = "k3Jq9vX2mZ7pL4tR8wN5"
ASSIGNED = f'SECRET_KEY = "{SECRET}"\n'


def rules(path: str, data: bytes) -> list[str]:
    return [one.rule.removeprefix("secrets.") for one in look(path, data).findings]


def test_a_secret_is_never_told() -> None:
    """Four characters of a long one, none of a short one; its hash names it wherever it stands."""
    [first] = look("a.py", ASSIGNED.encode()).findings
    [moved] = look("b/c.py", f"\n\nAPI_KEY = '{SECRET}'".encode()).findings
    assert "k3Jq…, 20 characters" in first.message
    assert SECRET[:5] not in repr((first, moved))
    assert first.subject == moved.subject
    assert len(first.subject) == 12
    [short] = look("a.yaml", b"password: Wachtw00rd!x").findings
    assert "Wac" not in repr(short)
    assert len(short.subject) == 4


@pytest.mark.parametrize(
    ("path", "data", "level"),
    [
        (".env", b"A=1", Level.WARNING),
        ("deploy/.env.production", b"A=1", Level.WARNING),
        ("home/.netrc", b"machine a login b password c", Level.ERROR),
        (".pgpass", b"x", Level.ERROR),
        ("keys/id_ed25519", b"x", Level.ERROR),
        ("a/release.jks", b"\xfe\xed\xfe\xed", Level.ERROR),
        ("a.p12", b"\x30\x82", Level.ERROR),
        ("server.key", b"\x30\x82\x04\xbd\x02\x01\x00\x30", Level.ERROR),
        (".htpasswd", b"a:$2y$05$x", Level.WARNING),
    ],
)
def test_a_file_is_told_by_its_name(path: str, data: bytes, level: Level) -> None:
    """A warning where the name alone proves little."""
    [found] = look(path, data).findings
    assert (found.level, found.path) == (level, path)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (".env.example", b"SECRET_KEY=k3Jq9vX2mZ7pL4tR8wN5"),
        (".env", b""),
        ("id_ed25519.pub", b"ssh-ed25519 AAAA"),
        ("server.crt", b"\x30\x82\x04\xbd\x30\x82"),
        ("a.pem", b"-----BEGIN CERTIFICATE-----\n" + b"MIIB" * 30),
        ("logo.png", b"\x89PNG" + ASSIGNED.encode()),
    ],
)
def test_what_is_none_is_left_alone(path: str, data: bytes) -> None:
    """Samples, public keys, certificates, packed files."""
    assert rules(path, data) == []


def test_the_smallest_private_key_is_found() -> None:
    """One of Ed25519 has 64 characters; what is less was cut, and opens nothing."""
    drawn = "MC4CAQAwBQYDK2VwBCIEIHr7k3Jq9vX2mZ7pL4tR8wN5oUeYbQsTgFhKdCxVaM1i"
    for body, found in ((drawn, ["private-key"]), (drawn[:52], [])):
        text = "-----BEGIN PRIVATE" + f" KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
        assert rules("a.txt", text.encode()) == found


def test_binaries_are_searched_for_known_forms() -> None:
    """A database may hold a token; nobody writes settings into one."""
    token = b"gh" + b"p_" + b"k3Jq9vX2mZ7pL4tR8wN5k3Jq9vX2mZ7pL4tR"
    assert rules("a.sqlite", b"SQLite\0" + ASSIGNED.encode()) == []
    assert rules("a.sqlite", b"SQLite\0 " + token + b"\0") == ["github"]


def test_utf_16_is_read() -> None:
    """By its mark, as some editors write it."""
    assert rules("a.py", ASSIGNED.encode("utf-16")) == ["setting"]


def signed(claims: dict[str, object]) -> str:
    parts = ({"alg": "HS256"}, claims)
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return ".".join([*(one.rstrip("=") for one in coded), SECRET * 2])


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ({"sub": "ada"}, ["signed-token"]),
        ({"sub": "ada", "iat": 0, "exp": 86_400 * 365}, ["signed-token"]),
        ({"sub": "ada", "iat": 0, "exp": 3600}, []),
        ({"sub": "1234567890", "name": "John Doe"}, []),
        ({"role": "anon", "iss": "supabase"}, []),
        ({"role": "service_role", "iat": 0, "exp": 10**9}, ["signed-token"]),
    ],
)
def test_a_signed_token_is_one_that_holds(claims: dict[str, object], found: list[str]) -> None:
    """For ever, or for more than 30 days; not the sample, nor what browsers get."""
    assert rules("a.txt", signed(claims).encode()) == found


def test_keys_in_the_app_of_google_are_public() -> None:
    """Firebase's own file goes into every copy of an app: a warning."""
    key = "AI" + "za" + "SyDk3Jq9vX2mZ7pL4tR8wN5k3Jq9vX2mZ7p"
    found = {
        path: look(path, key.encode()).findings for path in ("app/google-services.json", "a.js")
    }
    assert [one.level for [one] in found.values()] == [Level.WARNING, Level.ERROR]


def test_a_table_of_secrets_has_an_end() -> None:
    """Beyond a bound it is said that there are more."""
    text = "".join(f'SECRET_KEY = "{SECRET}{number}"\n' for number in range(MOST + 5))
    found = look("a.py", text.encode()).findings
    assert len(found) == MOST + 1
    assert found[0].rule == "secrets.many"


HARD = [
    "a" * 250_000,
    "secret_key=" * 25_000,
    "secret" * 50_000,
    "password: " * 25_000,
    "-----BEGIN PRIVATE KEY-----" * 10_000,
    "-----BEGIN PRIVATE KEY-----\n" + "A" * 250_000,
    "a://" * 62_500,
    "a://b:" * 50_000,
    "a" * 21 + "://" + "b" * 80 + ":" + "c" * 200 + "\n" + "a+.-" * 50_000,
    "eyJ" * 75_000,
    "eyJaaaaaaaaaa." * 17_500,
    ("sk-" + "a" * 97) * 2_500 + "T3Blbk" + "FJ",
    "glpat-" + "a." * 100_000,
    "AK" + "IA" + "A" * 250_000,
    ("AK" + "IA" + "IOSFODNN7ABCDEF2 ") * 12_500,
    "token = '" + " " * 250_000,
    "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t" * 7_500,
    "[\"token\"" * 25_000,
    "token" + " \t" * 400 + "=" + "\n" + ("api_key" + " " * 900 + "\n") * 250,
    "\n" * 250_000 + "fairlead: not a secret",
]  # fmt: skip


@pytest.mark.parametrize("text", HARD, ids=lambda text: text[:12].strip())
def test_a_hostile_text_takes_no_longer_than_an_honest_one(text: str) -> None:
    """No pattern tries the same characters again and again."""
    began = time.process_time()
    look("a.py", text.encode())
    look("a.yaml", text.encode())
    assert time.process_time() - began < 2


@given(st.binary(max_size=400), st.sampled_from(["a.py", "a.yaml", ".env", "a.md", "a.key"]))
def test_any_bytes_are_looked_at(data: bytes, path: str) -> None:
    """Nothing raises, and every line is one of the text."""
    for found in look(path, data).findings:
        assert 0 <= found.line <= data.count(b"\n") + 1
