"""What nginx is told: golden files, and any value judged by the real nginx.

A case in ``tests/cases/nginx`` is ``roles.json``, what is asked, and ``place.conf``.
"""

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.proxy import PLACE, site
from drivers.nginx.world import NginxWorld, world
from drivers.proxy_world import copies
from fairlead.base.errors import Refused, UsageError
from fairlead.drivers.nginx import render
from fairlead.drivers.nginx.proxy import Nginx
from fairlead.drivers.nginx.shared import shared_file
from fairlead.drivers.nginx.text import quoted
from fairlead.rollout.ports import Tls
from needs import needs

__all__ = ["copies", "world"]  # fixtures

CASES = Path(__file__).parents[2] / "cases" / "nginx"
DIRECTORY = "/var/lib/fairlead/proxy/0a7df691e9"
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20)
ODD = st.one_of(
    WORDS, st.text(" \"'\\;{}$#%()*?[]~=@^:\t\n\r", min_size=1, max_size=12), st.just("\\")
)


@pytest.mark.parametrize("case", sorted(p.name for p in CASES.iterdir() if p.is_dir()))
def test_a_place_is_rendered_as_its_case_says(case: str) -> None:
    """The whole file, to the letter."""
    roles = msgspec.json.decode((CASES / case / "roles.json").read_bytes(), type=list[render.Role])
    text = render.place_file(roles[0].site.place, DIRECTORY, roles)
    assert text == (CASES / case / "place.conf").read_text()


def test_what_all_places_share_is_rendered_as_its_case_says() -> None:
    """The whole file, to the letter."""
    assert shared_file() == (CASES / "shared.conf").read_text()


def test_the_order_of_roles_changes_nothing() -> None:
    """The same world, the same file, and so no reload."""
    case = (CASES / "names-tls-and-a-role-by-port" / "roles.json").read_bytes()
    roles = msgspec.json.decode(case, type=list[render.Role])
    texts = {render.place_file(PLACE, DIRECTORY, order) for order in itertools.permutations(roles)}
    assert len(texts) == 1


def test_another_configuration_has_another_mark() -> None:
    """The mark says which configuration a worker runs."""
    (role,) = msgspec.json.decode(
        (CASES / "one-role" / "roles.json").read_bytes(), type=list[render.Role]
    )
    other = msgspec.structs.replace(role, site=msgspec.structs.replace(role.site, body_limit=7))
    one, two = (
        render.mark_of(render.place_file(PLACE, DIRECTORY, [each]), DIRECTORY)
        for each in (role, other)
    )
    assert one.startswith(f"{DIRECTORY}/running.")
    assert one != two


@given(ODD)
def test_a_quoted_value_is_one_word(value: str) -> None:
    """As nginx's own reader takes it apart (ngx_conf_file.c): quotes and backslashes only."""
    assert _word(quoted(value)) == value


def _word(text: str) -> str:
    assert text[0] == text[-1] == '"'
    found, rest = "", iter(text[1:-1])
    for letter in rest:
        assert letter != '"'
        if letter != "\\":
            found += letter
            continue
        escaped = next(rest)
        found += {"t": "\t", "r": "\r", "n": "\n"}.get(
            escaped, escaped if escaped in "\"'\\" else f"\\{escaped}"
        )
    return found


@pytest.fixture(scope="module")
def odd_world(copies: Path) -> Iterator[tuple[NginxWorld, Path]]:
    """An nginx, and beside it a directory for odd names."""
    binary = needs("nginx", package="nginx-light", adds="judge what is rendered")
    root = Path(tempfile.mkdtemp(prefix="fl-"))
    made = NginxWorld(root, copies, binary)
    (root / "odd").mkdir()
    yield made, root / "odd"
    made.stop()
    shutil.rmtree(root)


FEW = settings(
    max_examples=int(os.environ.get("FAIRLEAD_NGINX_EXAMPLES", "12")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@FEW
@given(route=ODD)
def test_any_path_is_served_by_nginx_or_refused_by_us(
    odd_world: tuple[NginxWorld, Path], route: str
) -> None:
    """Whatever it is called, its own copy answers on it and the place's other role elsewhere."""
    world, _ = odd_world
    world.proxy.put(site(world, {1: 100}), 1.0)
    api = msgspec.structs.replace(site(world, {2: 100}, role="api"), route=f"/api{route}x")
    try:
        world.proxy.put(api, 1.0)
    except UsageError:
        assert re.search(r"[\x00-\x1f\x7f]", route)
        return
    encoded = "".join(f"%{byte:02x}" for byte in f"api{route}x".encode())
    assert world.get(f"/{encoded}/below")[2] == "2"
    assert world.get("/")[2] == "1"
    world.proxy.remove(PLACE, "api")


@FEW
@given(name=ODD)
def test_a_home_of_any_name_is_served_or_refused_by_us(
    odd_world: tuple[NginxWorld, Path], name: str
) -> None:
    """What nginx cannot be told is refused before it is asked; the rest works, read back whole."""
    world, odd = odd_world
    if name in (".", ".."):
        return
    wanted = site(world, {1: 100})
    proxy = Nginx(world.installed, odd / name, odd)
    try:
        proxy.put(wanted, 1.0)
    except UsageError:
        assert render.UNFIT.search(name)
        return
    assert world.get("/")[2] == "1"
    assert [(seen.site, seen.edited) for seen in proxy.sites(PLACE)] == [(wanted, "")]
    proxy.remove(PLACE, "web")


@FEW
@given(name=ODD)
def test_a_certificate_of_any_name_is_asked_for_by_that_name(
    odd_world: tuple[NginxWorld, Path], name: str
) -> None:
    """nginx's own complaint has the path, letter by letter."""
    world, _ = odd_world
    path = f"/nowhere/{name}.pem"
    wanted = msgspec.structs.replace(site(world, {1: 100}), tls=Tls(path, path))
    with pytest.raises((UsageError, Refused)) as caught:
        world.proxy.put(wanted, 1.0)
    if isinstance(caught.value, UsageError):
        assert render.UNFIT.search(name)
    else:
        assert f'"{path}"' in str(caught.value)
