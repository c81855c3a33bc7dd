"""Which forge an address means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.checks.forge_at import forge_at
from fairlead.checks.ports import ForgeAt


@pytest.mark.parametrize(
    ("url", "kind", "at"),
    [
        ("https://github.com/team/shop.git", "", ForgeAt("github", "team/shop")),
        ("https://GitHub.com/team/shop", "", ForgeAt("github", "team/shop")),
        ("git@github.com:team/shop.git", "", ForgeAt("github", "team/shop")),
        ("https://gitlab.com/team/sub/shop.git", "", ForgeAt("gitlab", "team/sub/shop")),
        ("https://me:x@bitbucket.org/team/shop/", "", ForgeAt("bitbucket", "team/shop")),
        ("ssh://git@codeberg.org/team/shop.js.git", "", ForgeAt("forgejo", "team/shop.js")),
        (
            "ssh://git@git.example:2222/team/shop.git",
            "gitlab",
            ForgeAt("gitlab", "team/shop", "https://git.example/api/v4"),
        ),
        (
            "https://git.example:8443/team/shop",
            "forgejo",
            ForgeAt("forgejo", "team/shop", "https://git.example:8443/api/v1"),
        ),
    ],
)
def test_a_clones_address_names_the_repository(url: str, kind: str, at: ForgeAt) -> None:
    """By https, ssh and the form of scp, on a public forge or on one's own."""
    assert forge_at(url, kind) == at


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/team/shop.git",  # nobody said what it is
        "https://github.com/shop.git",
        "https://github.com/team/../shop.git",
        "http://github.com/team/shop.git",
        "/srv/git/shop.git",
        "file:///srv/git/shop.git",
        "https://github.com/team/shop?x#y",
        "",
    ],
)
def test_an_address_that_names_none_is_none(url: str) -> None:
    """Nothing is guessed from the name of a host."""
    assert forge_at(url) is None


@given(st.text(alphabet="htps:/@.git-a1\n %?", max_size=40))
def test_no_address_leads_to_another_host_than_it_names(url: str) -> None:
    """Whatever the text, the API's host is one that stands in it."""
    found = forge_at(f"https://{url}", "gitlab")
    if found and found.api:
        assert found.api.removeprefix("https://").partition("/")[0].partition(":")[0] in url
