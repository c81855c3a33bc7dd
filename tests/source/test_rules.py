"""What an app may be pulled from, and how often."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.errors import UsageError
from fairlead.source.model import Address, Source
from fairlead.source.rules import LEAST, SLOWEST, checked, fingerprint, parse, pause

WORDS = st.text(
    "abcdefghijklmnopqrstuvwxyz0123456789-._~/@:%+= ,?#[]\\'\"$`;&|<>\n\t\x00é", max_size=40
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://forge.example/anna/shop.git", ("https", "forge.example", 0, "")),
        ("https://forge.example:8443/anna/shop", ("https", "forge.example", 8443, "")),
        ("ssh://git@forge.example/anna/shop.git", ("ssh", "forge.example", 0, "git")),
        ("ssh://git@[2001:db8::1]:2222/~anna/shop", ("ssh", "2001:db8::1", 2222, "git")),
        ("git@forge.example:anna/shop.git", ("ssh", "forge.example", 0, "git")),
        ("git@Forge.Example:/srv/shop.git", ("ssh", "forge.example", 0, "git")),
        ("file:///srv/shop.git", ("file", "", 0, "")),
    ],
)
def test_four_forms_are_read(text: str, address: tuple[str, str, int, str]) -> None:
    """By which way, which host, which port, as whom; git gets it as it was given."""
    assert parse(text) == Address(text, *address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ext::sh -c id",
        "ext::id",
        "fd::7",
        "http://forge.example/shop.git",
        "git://forge.example/shop.git",
        "ftp://forge.example/shop.git",
        "transport::https://forge.example/shop",
        "/srv/shop.git",
        "../shop.git",
        "file://host/srv/shop.git",
        "--upload-pack=id",
        "-oProxyCommand=id",
        "ssh://-oProxyCommand=id/shop",
        "ssh://git@-oProxyCommand=id/shop",
        "ssh://forge.example/shop.git",
        "git@-oProxyCommand=id:shop",
        "-git@forge.example:shop",
        "git@forge.example:-shop",
        "git@forge.example:",
        "git@forge.example://shop",
        "https://forge.example",
        "https://forge.example:0/shop",
        "https://forge.example:65536/shop",
        "https://forge.example/sh op",
        "https://forge.example/shop\n",
        "https://forge.example/$(id)",
        "https://forge.example/" + "a" * 1_000,
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    """A program to run, an option, a relative path, a protocol that is not sealed."""
    with pytest.raises(UsageError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://anna:hunter2@forge.example/shop.git",
        "https://hunter2@forge.example/shop.git",
        "HTTPS://anna:hunter2@forge.example/shop.git",
        "http://anna:hunter2@forge.example/shop.git",
        "ssh://git:hunter2@forge.example/shop.git",
        "https://forge.example/shop.git?access_token=hunter2",
        "https://forge.example/shop.git#hunter2",
    ],
)
def test_a_credential_is_refused_and_not_shown(text: str) -> None:
    """It would lie in a file, in the record and in a process list."""
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert "hunter2" not in str(caught.value)
    assert "--new-key" in caught.value.hint


@given(st.one_of(WORDS, st.builds("{}{}".format, st.sampled_from(
    ["https://", "ssh://git@", "git@", "file://", "ext::", "-"]), WORDS)))  # fmt: skip
def test_what_passes_is_plain_and_no_option(text: str) -> None:
    """Whatever is typed: what git gets begins no option, names no helper, holds no secret."""
    try:
        found = parse(text)
    except UsageError:
        return
    assert found.url == text
    assert found.url.isascii()
    assert found.url.isprintable()
    assert not set(found.url) & set(" '\"$`;&|<>\\?#")
    assert not text.startswith("-")
    assert "::" not in text.partition("/")[0].partition("[")[0]
    assert found.scheme in ("https", "ssh", "file")
    assert not found.host.startswith("-")
    assert not found.user.startswith("-")
    assert bool(found.user) == (found.scheme == "ssh")


@given(st.integers(LEAST, 86_400), st.integers(0, 1_000))
def test_looks_slow_down_and_never_stop(every: int, failures: int) -> None:
    """By doubling, to a quarter of an hour or what was asked for, whichever is longer."""
    address = Address("file:///a", "file")
    source = Source("shop", address, ("main",), every, "", failures=failures)
    assert every <= pause(source) <= max(every, SLOWEST)
    if failures <= 1:
        assert pause(source) == every


@pytest.mark.parametrize("branches", [(), ("-x",), ("a..b",), ("a b",), ("main", "x:y"), ("a*",)])
def test_a_branch_that_git_does_not_allow_is_refused(branches: tuple[str, ...]) -> None:
    """A refspec or a pattern is no branch."""
    with pytest.raises(UsageError):
        checked(branches, 60)


@pytest.mark.parametrize("every", [0, 14, 86_401])
def test_looks_are_neither_too_close_nor_too_far_apart(every: int) -> None:
    """A forge is somebody else's machine."""
    with pytest.raises(UsageError):
        checked(("main",), every)


def test_each_branch_is_followed_once() -> None:
    """In the order they were named."""
    assert checked(("main", "next", "main"), 60) == ("main", "next")


def test_a_fingerprint_is_that_of_ssh_keygen() -> None:
    """So that it can be compared with what a forge publishes (here: GitHub's own)."""
    line = (
        "github.com ssh-ed25519 "
        "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    )
    assert fingerprint(line) == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
