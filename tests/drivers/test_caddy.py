"""The proxy on a real Caddy: its contract, and what only a real one can show."""

import contextlib
import json
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from contracts.proxy import PLACE, ProxyContract, site, until
from contracts.served import ServedContract, other_place, releases, request
from drivers.caddy_world import CaddyWorld, world
from drivers.proxy_world import copies
from fairlead.base.errors import UsageError
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.drivers._live import Given, Live
from fairlead.drivers.caddy.process import configuration, prepare
from fairlead.drivers.caddy.proxy import SERVERS
from fairlead.drivers.caddy.slots import SlotFiles
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Site, Upstream

__all__ = ["copies", "releases", "world"]  # fixtures


class TestCaddy(ProxyContract, ServedContract):
    """The contracts, on Caddy."""


# -- the hand-over


def test_a_switch_leaves_no_gap(tmp_path: Path) -> None:
    """Whoever reads a slot during a hundred switches always finds one address, whole."""
    live = Live(tmp_path, SlotFiles())
    a, b = (_given(address) for address in ("unix//a", "unix//b"))
    live.switch(a)
    ended, read = threading.Event(), Counter[str]()

    def reader() -> None:
        while not ended.is_set():
            try:
                read[(tmp_path / "live" / "07").read_text()] += 1
            except OSError as error:
                read[repr(error)] += 1

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(reader)
        for turn in range(100):
            live.switch(a if turn % 2 else b)
        ended.set()
        done.result()
    assert set(read) == {"unix//a\n", "unix//b\n"}


def _given(address: str) -> Given:
    upstreams = (Upstream(CopyId(1, "web", 1), address, 100),)
    return Given(Site(PLACE, "web", "127.0.0.1:1", "/", upstreams), 0.0)


def test_the_kernel_sees_a_request_whose_user_went_away(world: CaddyWorld) -> None:
    """Caddy no longer counts it; the copy still works on it, so it is in flight."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    slow = world.send(request("/begun/2"))
    received = b""
    while b"x\r\n" not in received:  # so it has reached the copy, and Caddy has read its answer
        received += slow.recv(1000)
    slow.close()
    until(lambda: "1.sock" not in world.admin.text("GET", "/reverse_proxy/upstreams").decode())
    assert world.proxy.in_flight(PLACE) == {world.address(1): 1}
    until(lambda: not world.proxy.in_flight(PLACE))


# -- what users get


def test_too_large_headers_are_refused(world: CaddyWorld) -> None:
    """A request with headers beyond the limit gets 431 or a closed door, and reaches nobody."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    with contextlib.suppress(ConnectionError):  # Caddy hangs up before it has read it all
        assert world.get("/", {"X-Long": "x" * 200_000})[0] == 431
    assert world.proxy.counters(PLACE).requests == 0
    assert world.get("/", {"X-Long": "x" * 30_000})[2] == "1"


# -- what happens to the proxy itself


def test_a_damaged_configuration_starts_empty_and_is_mended_by_put(world: CaddyWorld) -> None:
    """Half a file is no reason not to start; sites are put again."""
    wanted = site(world, {1: 100})
    world.proxy.put(wanted, 1.0)
    world.kill()
    configuration(world.home).write_text('{"apps": {"http"')
    prepare(world.home)
    world.start()
    assert world.proxy.sites(PLACE) == ()
    world.proxy.put(wanted, 2.0)
    assert world.ask() == {"1": 1}


def test_a_configuration_survives_preparing_again(world: CaddyWorld) -> None:
    """Every start prepares; what was served is served."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    world.kill()
    prepare(world.home)
    world.start()
    assert world.ask() == {"1": 1}


@pytest.mark.parametrize(
    ("method", "where", "value"),
    [
        (
            "PATCH",
            "routes/0/handle/1/routes/0/handle/0/routes/2/handle/1/upstreams/5/dial",
            "unix//x",
        ),
        ("POST", "routes/0/handle/1/routes", {"handle": [{"handler": "static_response"}]}),
        ("POST", "max_header_bytes", 9999),
    ],
)
def test_an_edit_through_the_admin_api_is_seen_and_mended(
    world: CaddyWorld, method: str, where: str, value: object
) -> None:
    """A hand that reaches into Caddy itself is as visible as one in our files."""
    wanted = site(world, {1: 100})
    world.proxy.put(wanted, 1.0)
    world.admin.text(method, f"{SERVERS}/shop.production/{where}", json.dumps(value).encode())
    assert world.proxy.sites(PLACE)[0].edited
    world.proxy.put(wanted, 2.0)
    assert not world.proxy.sites(PLACE)[0].edited
    assert world.ask(100) == {"1": 100}


def test_all_of_it_taken_away_is_put_back(world: CaddyWorld) -> None:
    """Somebody who empties Caddy makes the site absent; a put brings it back."""
    wanted = site(world, {1: 100})
    world.proxy.put(wanted, 1.0)
    world.admin.delete("/config/apps")
    assert world.proxy.sites(PLACE) == ()
    world.proxy.put(wanted, 2.0)
    assert world.ask(2) == {"1": 2}


def test_a_lost_switch_directory_is_edited_not_a_crash(world: CaddyWorld) -> None:
    """Caddy holds the role, its slots are gone: users get 503, the look says edited, put mends it."""
    wanted = site(world, {1: 100})
    world.proxy.put(wanted, 1.0)
    live = world.home.proxy / "shop" / "production" / "web" / "live"
    (live / "site.json").write_text("{")
    assert world.proxy.sites(PLACE)[0].edited
    live.unlink()
    (seen,) = world.proxy.sites(PLACE)
    assert (bool(seen.edited), seen.site.role, seen.site.upstreams) == (True, "web", ())
    assert world.get()[0] == 503
    world.proxy.put(wanted, 2.0)
    assert world.ask() == {"1": 1}


def test_looks_and_changes_may_cross(world: CaddyWorld) -> None:
    """Caddy hangs up on some who ask while it changes; nobody who looks at it is told so."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    ended = threading.Event()

    def look() -> int:
        seen = 0
        while not ended.is_set():
            assert len(world.proxy.sites(PLACE)) == 1
            assert dict(world.proxy.in_flight(PLACE)) == {}
            seen += 1
        return seen

    with ThreadPoolExecutor(2) as pool:
        looks = [pool.submit(look) for _ in range(2)]
        try:
            for _ in range(15):
                world.proxy.put(other_place(world), 1.0)
                world.proxy.remove(Place("blog", "production"), "web")
        finally:
            ended.set()
        assert all(found.result() for found in looks)


def test_the_error_log_names_no_user(world: CaddyWorld) -> None:
    """What failed is there; address, path, query and headers of the request are not."""
    upstream = Upstream(CopyId(1, "web", 1), "unix//nowhere.sock", 100)
    world.proxy.put(msgspec.structs.replace(site(world, {}), upstreams=(upstream,)), 1.0)
    secrets = {"Host": "shop.example", "Authorization": "Bearer hunter2", "X-Key": "hunter2"}
    assert world.get("/reset?token=hunter2", secrets)[0] == 502
    until(lambda: "nowhere.sock" in world.log.read_text())
    for personal in ("hunter2", "reset", "127.0.0.1"):
        assert personal not in world.log.read_text()


def test_only_its_owner_reaches_the_admin_socket(world: CaddyWorld) -> None:
    """The socket lies in a directory of mode 0700, and Caddy's own files in the home."""
    assert world.home.caddy_socket.parent.stat().st_mode & 0o777 == 0o700
    assert configuration(world.home).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["a}b", "a{b", "a*b", "a[b]", "a\nb"])
def test_a_home_that_caddy_cannot_read_is_refused(tmp_path: Path, name: str) -> None:
    """Such a path would end Caddy's placeholder, or be a pattern."""
    with pytest.raises(UsageError, match="path has one of"):
        prepare(Home(tmp_path / name))


def test_a_home_with_an_odd_path_is_served(copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces, quotes, dollars and letters beyond ASCII are fine."""
    with tempfile.TemporaryDirectory(prefix="fl-") as short:
        root = Path(short) / "my 'home' $x é"
        root.mkdir()
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        odd = CaddyWorld(root, copies)
        try:
            odd.proxy.put(site(odd, {1: 100}), 1.0)
            assert odd.ask(2) == {"1": 2}
            assert not odd.proxy.sites(PLACE)[0].edited
        finally:
            odd.stop()
