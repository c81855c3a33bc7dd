"""``/etc/fairlead/server.toml``."""

import pytest

from fairlead.base.errors import UsageError
from fairlead.server.model import Settings
from fairlead.server.settings import parse, text_of

SETTINGS = [
    Settings(),
    Settings(proxy="caddy"),
    Settings(acme_directory="https://ca.example/dir", acme_email="a@b.c", acme_root="/etc/ca.pem"),
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_what_is_written_is_read(settings: Settings) -> None:
    """Nothing is lost between."""
    assert parse(text_of(settings)) == settings


def test_an_empty_file_says_what_is_usual() -> None:
    """Keys may be left out."""
    assert parse("# nothing\n") == Settings("systemd", "nginx")


def test_every_mistake_is_named_at_once() -> None:
    """With the file, the key and what may stand there."""
    with pytest.raises(UsageError) as found:
        parse('proxy = "apache"\nport = 1\nruntime = 7\n', "s.toml")
    assert found.value.what.splitlines() == [
        "s.toml: proxy: expected nginx or caddy, got 'apache'",
        "s.toml: port: no such key; there is runtime, proxy, acme_directory, acme_email, acme_root",
        "s.toml: runtime: expected systemd, got 7",
    ]
    with pytest.raises(UsageError) as found:
        parse('acme_directory = "http://ca"\nacme_email = "me"\nacme_root = "ca.pem"\n', "s.toml")
    assert [line.split(", got")[0] for line in found.value.what.splitlines()] == [
        "s.toml: acme_directory: expected the https:// address of an ACME directory",
        "s.toml: acme_email: expected an address of yours, or nothing",
        "s.toml: acme_root: expected the path of a PEM file, or nothing",
    ]
    with pytest.raises(UsageError, match="not TOML"):
        parse("proxy =")
