"""The proxy on a real Caddy: its contract, and what only a real one can show."""

import contextlib
import json
import re
import socket
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.proxy import PLACE, ProxyContract, counted, site, until
from drivers.caddy_world import UPGRADE, CaddyWorld, copies, copy, world
from drivers.traffic import Traffic
from fairlead.base.errors import Refused, Unknown, UsageError
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.drivers._listen import free_listen
from fairlead.drivers.caddy.config import prefix, slots
from fairlead.drivers.caddy.live import Given, Live
from fairlead.drivers.caddy.process import configuration, prepare
from fairlead.drivers.caddy.proxy import SERVERS
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import AssetRoot, Site, Upstream

__all__ = ["copies", "world"]  # fixtures


class TestCaddy(ProxyContract):
    """The contract, on Caddy."""


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def other_place(world: CaddyWorld) -> Site:
    return site(world, {2: 100}, Place("blog", "production"))


# -- the hand-over


def test_no_request_fails_while_traffic_is_switched(world: CaddyWorld, record_property) -> None:
    """200 requests a second, kept and fresh connections, ten switches, a slow request: none fails."""
    world.proxy.put(site(world, {1: 100}), 0.0)
    slow = world.send(request("/slow/3"))
    took = []
    with Traffic(world.listen(PLACE), rate=200) as traffic:
        for turn in range(10):
            before = time.perf_counter()
            world.proxy.put(site(world, {2 - turn % 2: 100}), float(turn))
            took.append(time.perf_counter() - before)
            assert world.proxy.in_flight(PLACE).get(world.address(1), 0) >= 1
            traffic.wait_for(60)
    assert slow.recv(1000).startswith(b"HTTP/1.1 200")
    assert traffic.failures == []
    assert traffic.answered >= 600
    assert set(traffic.by_copy) == {"1", "2"}
    took.sort()
    record_property("worst_ms", round(traffic.worst * 1000, 1))
    record_property("put_ms", round(took[5] * 1000, 1))
    print(
        f"{traffic.answered} answered, worst {traffic.worst * 1e3:.1f} ms, "
        f"put {took[5] * 1e3:.1f} ms, worst {took[-1] * 1e3:.1f} ms, caddy {world.rss()} KiB"
    )


def test_a_switch_leaves_no_gap(tmp_path: Path) -> None:
    """Whoever reads a slot during a hundred switches always finds one address, whole."""
    live = Live(tmp_path)
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


def test_kept_connections_outlive_a_switch(world: CaddyWorld) -> None:
    """A user's idle connection is not closed by a switch, and its next request goes to the new copy."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    kept = socket.create_connection(
        ("127.0.0.1", int(world.listen(PLACE).split(":")[1])), timeout=10
    )
    with kept:
        for number in (1, 2, 1, 2):
            world.proxy.put(site(world, {number: 100}), 2.0)
            kept.sendall(request("/"))
            assert kept.recv(1000).endswith(str(number).encode())


def test_ten_thousand_requests_are_split_as_asked(world: CaddyWorld) -> None:
    """A canary of ten percent gets 1,000 of 10,000."""
    world.proxy.put(site(world, {1: 90, 2: 10}), 1.0)
    with socket.create_connection(
        ("127.0.0.1", int(world.listen(PLACE).split(":")[1])), timeout=10
    ) as kept:
        answers: Counter[str] = Counter()
        for _ in range(10_000):
            kept.sendall(request("/"))
            answers[kept.recv(1000)[-1:].decode()] += 1
    assert answers == {"1": 9000, "2": 1000}


def test_a_web_socket_and_a_stream_count_until_they_end(world: CaddyWorld) -> None:
    """Both stay with the copy that was let go, alive, and are counted until their end."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    web_socket = world.send(UPGRADE)
    assert b"101" in web_socket.recv(1000)
    stream = world.send(request("/stream/1"))
    world.proxy.put(site(world, {2: 100}), 2.0)
    assert world.proxy.in_flight(PLACE) == {world.address(1): 2}
    web_socket.sendall(b"still here")
    assert web_socket.recv(100) == b"still here"
    received = b""
    while not received.endswith(b"0\r\n\r\n"):
        received += stream.recv(4096)
    until(lambda: world.proxy.in_flight(PLACE) == {world.address(1): 1})
    web_socket.close()
    until(lambda: not world.proxy.in_flight(PLACE))


def test_another_place_closes_no_web_socket(world: CaddyWorld) -> None:
    """A new place is a change of Caddy's configuration; streams and requests live through it."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    web_socket, slow = world.send(UPGRADE), world.send(request("/slow/0.5"))
    assert b"101" in web_socket.recv(1000)
    world.proxy.put(other_place(world), 1.0)
    world.proxy.remove(Place("blog", "production"), "web")
    assert slow.recv(1000).endswith(b"1")
    web_socket.sendall(b"still here")
    assert web_socket.recv(100) == b"still here"
    assert world.proxy.in_flight(PLACE) == {world.address(1): 1}


def test_the_kernel_sees_a_request_whose_user_went_away(world: CaddyWorld) -> None:
    """Caddy no longer counts it; the copy still works on it, so it is in flight."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    slow = world.send(request("/begun/2"))
    assert slow.recv(1000).startswith(b"HTTP/1.1 200")  # so it has reached the copy
    slow.close()
    until(lambda: "1.sock" not in world.admin.text("GET", "/reverse_proxy/upstreams").decode())
    assert world.proxy.in_flight(PLACE) == {world.address(1): 1}
    until(lambda: not world.proxy.in_flight(PLACE))


def test_a_copy_on_a_port_is_served_and_counted(world: CaddyWorld) -> None:
    """host:port works as a unix socket does."""
    address = free_listen([world.listen(PLACE)])
    with copy("tcp", address):
        upstream = Upstream(CopyId(1, "web", 1), address, 100)
        world.proxy.put(msgspec.structs.replace(site(world, {}), upstreams=(upstream,)), 1.0)
        assert world.ask(3) == {"tcp": 3}
        until(lambda: not world.proxy.in_flight(PLACE))
        world.open()
        assert world.proxy.in_flight(PLACE) == {address: 1}
        world.close()


def test_a_copy_that_died_fails_no_request(world: CaddyWorld) -> None:
    """While another is up, a request that finds nobody goes there, a POST too."""
    with copy("dead", dead := world.address(3)) as process:
        ups = (Upstream(CopyId(1, "web", 1), dead, 50), *site(world, {2: 50}).upstreams)
        world.proxy.put(msgspec.structs.replace(site(world, {}), upstreams=ups), 1.0)
        assert world.ask(10) == {"dead": 5, "2": 5}
        process.kill()
        process.wait(10)
        assert world.ask(20) == {"2": 20}
        assert [world.get(method="POST")[0] for _ in range(4)] == [200] * 4


def test_a_request_that_was_sent_is_never_sent_again(world: CaddyWorld) -> None:
    """A copy that dies over a request is asked once, though it comes back at once."""
    path = world.address(4).removeprefix("unix/")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(8)
        server.settimeout(0.5)
        upstream = Upstream(CopyId(1, "web", 1), f"unix/{path}", 100)
        world.proxy.put(msgspec.structs.replace(site(world, {}), upstreams=(upstream,)), 1.0)
        for method in ("GET", "POST"):
            asked = _ask_and_hang_up(server, world, method)
            assert asked == (1, 502)
    Path(path).unlink()


def _ask_and_hang_up(server: socket.socket, world: CaddyWorld, method: str) -> tuple[int, int]:
    """How often a server that always hangs up is asked, and what the user is told."""
    with ThreadPoolExecutor(1) as pool:
        user = pool.submit(world.get, "/", None, method)
        accepted = 0
        while not user.done() or not accepted:
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            accepted += 1
            connection.recv(1000)
            connection.close()
        return accepted, user.result()[0]


# -- what users get


def test_nobody_there_is_a_short_503(world: CaddyWorld) -> None:
    """An empty site answers at once, says when to try again, and is not kept by caches."""
    world.proxy.put(site(world, {}), 1.0)
    status, headers, body = world.get("/any")
    assert (status, headers["Retry-After"], headers["Cache-Control"]) == (503, "5", "no-store")
    assert "maintenance" in body


def test_a_site_whose_copies_are_all_dead_is_a_502_that_is_counted(world: CaddyWorld) -> None:
    """After the time for retries, with a body, and counted as failed."""
    upstream = Upstream(CopyId(1, "web", 1), "unix//nowhere.sock", 100)
    world.proxy.put(msgspec.structs.replace(site(world, {}), upstreams=(upstream,)), 1.0)
    status, headers, body = world.get()
    assert (status, headers["Cache-Control"], body) == (502, "no-store", "502 Bad Gateway\n")
    until(lambda: counted(world) == (1, 1))


def test_an_error_of_the_app_is_its_own_and_is_counted(world: CaddyWorld) -> None:
    """Its 500 comes through as it is; a 404 is no failure."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    assert world.get("/status/500")[::2] == (500, "1")
    assert world.get("/status/404")[::2] == (404, "1")
    until(lambda: counted(world) == (2, 1))


def test_the_app_is_told_who_asks_and_not_lied_to(world: CaddyWorld) -> None:
    """X-Forwarded-* say what the proxy saw; what a user claims about itself is dropped."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    lies = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Real-Ip": "6.6.6.6",
        "Forwarded": "for=6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil",
        "Host": "shop.example",
    }
    _, headers, body = world.get("/echo", lies)
    assert "6.6.6.6" not in body
    for line in (
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: shop.example",
    ):
        assert f"{line}\r\n" in body
    assert not {"Server", "Via"} & set(headers)


def test_too_large_headers_are_refused(world: CaddyWorld) -> None:
    """A request with headers beyond the limit gets 431 or a closed door, and reaches nobody."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    with contextlib.suppress(ConnectionError):  # Caddy hangs up before it has read it all
        assert world.get("/", {"X-Long": "x" * 200_000})[0] == 431
    assert world.proxy.counters(PLACE).requests == 0
    assert world.get("/", {"X-Long": "x" * 30_000})[2] == "1"


def test_the_longest_path_is_asked_first(world: CaddyWorld) -> None:
    """Role api has /api and what is below it, and nothing that only begins so."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    world.proxy.put(site(world, {2: 100}, role="api"), 1.0)
    found = {path: world.get(path)[2] for path in ("/", "/api", "/api/x", "/apis", "/x/api")}
    assert found == {"/": "1", "/api": "2", "/api/x": "2", "/apis": "1", "/x/api": "1"}


# -- assets


@pytest.fixture
def releases(tmp_path: Path) -> tuple[AssetRoot, AssetRoot]:
    """The assets of two releases, with traps in the newer."""
    new, old = tmp_path / "new", tmp_path / "old"
    for root, own in ((new, "app.11111111aa.css"), (old, "app.22222222bb.css")):
        (root / "css").mkdir(parents=True)
        (root / "css" / own).write_text(root.name)
        (root / "logo.svg").write_text(root.name)
    (tmp_path / "secret").write_text("secret")
    (new / "out").symlink_to(tmp_path / "secret")
    (new / "outside").symlink_to(tmp_path)
    (new / ".hidden").write_text("secret")
    (new / "inside.txt").symlink_to("logo.svg")
    (new / "report-20240131.pdf").write_text("dated")
    return AssetRoot("/static/", str(new)), AssetRoot("/static/", str(old))


def test_assets_of_both_releases_are_found(world: CaddyWorld, releases) -> None:
    """The newer release's file wins; a page of the older still finds what it names."""
    world.proxy.put(msgspec.structs.replace(site(world, {1: 100}), assets=releases), 1.0)
    paths = ("css/app.11111111aa.css", "css/app.22222222bb.css", "logo.svg", "inside.txt")
    assert [world.get(f"/static/{path}")[2] for path in paths] == ["new", "old", "new", "new"]


def test_hashed_names_are_kept_for_a_year(world: CaddyWorld, releases) -> None:
    """Others shortly, with an ETag that answers 304; a date is no hash; a copy's answer is its own."""
    world.proxy.put(msgspec.structs.replace(site(world, {1: 100}), assets=releases), 1.0)
    caching = {
        p: world.get(f"/static/{p}")[1].get("Cache-Control")
        for p in (
            "css/app.11111111aa.css",
            "logo.svg",
            "report-20240131.pdf",
            "gone.11111111aa.css",
        )
    }
    assert caching == {
        "css/app.11111111aa.css": "public, max-age=31536000, immutable",
        "logo.svg": "public, max-age=60",
        "report-20240131.pdf": "public, max-age=60",
        "gone.11111111aa.css": None,
    }
    etag = world.get("/static/logo.svg")[1]["Etag"]
    assert world.get("/static/logo.svg", {"If-None-Match": etag})[0] == 304


@pytest.mark.parametrize("path", [
    "out", "outside/secret", ".hidden", "../secret", "%2e%2e/secret", "..%2fsecret", "css/../../secret",
    "%2e%2e%2f%2e%2e%2fsite.json", "../00", "..%2f00", "..%5c00", "//etc/passwd", "", "css", "css/",
    "%00", "*", "[", "{file./etc/passwd}", "x" * 300,
])  # fmt: skip
def test_only_assets_are_served(world: CaddyWorld, releases, path: str) -> None:
    """Links that lead out, dot files, ways around and odd names are asked of the copy, or refused."""
    world.proxy.put(msgspec.structs.replace(site(world, {1: 100}), assets=releases), 1.0)
    with socket.create_connection(
        ("127.0.0.1", int(world.listen(PLACE).split(":")[1])), timeout=10
    ) as kept:
        kept.sendall(request(f"/static/{path}"))
        answer = kept.recv(4000)
    assert answer.endswith(b"\r\n\r\n1") or re.match(rb"HTTP/1.1 (308|400|404) ", answer), answer
    assert b"secret" not in answer
    assert world.address(1).encode() not in answer


def test_a_switch_of_assets_is_part_of_the_switch(world: CaddyWorld, releases) -> None:
    """New copies and new assets come together, without a change of Caddy's configuration."""
    new, old = releases
    world.proxy.put(site(world, {1: 100}), 1.0)
    before = world.proxy.counters(PLACE).since
    world.proxy.put(msgspec.structs.replace(site(world, {2: 100}), assets=(new, old)), 2.0)
    assert world.get("/static/logo.svg")[2] == "new"
    assert [world.get(path)[2] for path in ("/static/none", "/" + "x" * 2000, "/*", "/")] == [
        "2"
    ] * 4
    assert world.proxy.counters(PLACE).since == before


# -- what happens to the proxy itself


def test_killed_and_started_again_it_serves_the_same(world: CaddyWorld) -> None:
    """kill -9 and a restart: the same sites, unedited, serving."""
    world.proxy.put(site(world, {1: 30, 2: 70}), 1.0)
    before = world.proxy.sites(PLACE)
    world.kill()
    with pytest.raises(Unknown, match="does not answer"):
        world.proxy.sites(PLACE)
    with pytest.raises(Unknown):
        world.proxy.in_flight(PLACE)
    with pytest.raises(Unknown):
        world.proxy.put(site(world, {2: 100}), 2.0)
    world.start()
    assert world.proxy.sites(PLACE) == before
    assert world.ask(100) == {"1": 30, "2": 70}


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


def test_a_port_in_use_is_refused_and_nothing_changes(world: CaddyWorld) -> None:
    """A new listen address that somebody holds: the site serves on where it was, unedited."""
    wanted = site(world, {1: 100})
    world.proxy.put(wanted, 1.0)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as another Caddy does
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        moved = msgspec.structs.replace(site(world, {2: 100}), listen=f"127.0.0.1:{port}")
        with pytest.raises(Refused, match="in use"):
            world.proxy.put(moved, 2.0)
    (seen,) = world.proxy.sites(PLACE)
    assert (seen.site, seen.edited) == (wanted, "")
    assert world.ask() == {"1": 1}


def test_places_may_be_put_at_the_same_time(world: CaddyWorld) -> None:
    """Four at once: all are served, and all again after a restart."""
    places = [Place(f"app{n}", "production") for n in range(4)]
    wanted = [site(world, {1: 100}, place) for place in places]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: world.proxy.put(one, 1.0), wanted))
    world.kill()
    world.start()
    assert [world.proxy.sites(place)[0].site for place in places] == wanted


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


def test_old_sets_are_not_kept_for_ever(world: CaddyWorld) -> None:
    """Forty switches leave the last sixteen sets and one overlay of assets."""
    for turn in range(40):
        world.proxy.put(site(world, {1 + turn % 2: 100}), float(turn))
    directory = world.home.proxy / "shop" / "production" / "web"
    assert len(list(directory.glob("set-*"))) == 16
    assert len(list(directory.glob("files-*"))) == 1
    assert not list(directory.glob("new-*"))


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


# -- pure


@given(st.lists(st.integers(0, 10_000), max_size=120))
def test_every_share_gets_its_slots(shares: list[int]) -> None:
    """All hundred are given out when anybody has a share, to everybody who has one."""
    ups = [Upstream(CopyId(1, "web", n), str(n), share) for n, share in enumerate(shares)]
    given_out = Counter(slots(ups))
    served = [n for n, share in enumerate(shares) if share][:100]
    assert set(given_out) == {str(n) for n in served}
    assert sum(given_out.values()) == (100 if served else 0)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({}, {}),
        ({"a": 0}, {}),
        ({"a": 1}, {"a": 100}),
        ({"a": 1, "b": 1, "c": 1}, {"a": 34, "b": 33, "c": 33}),
        ({"a": 999, "b": 1}, {"a": 99, "b": 1}),
        ({"a": 30, "b": 30, "c": 30, "d": 10}, {"a": 30, "b": 30, "c": 30, "d": 10}),
    ],
)
def test_slots_follow_shares(shares: dict[str, int], expected: dict[str, int]) -> None:
    """All hundred are given out, and nobody with a share gets none."""
    upstreams = tuple(
        Upstream(CopyId(1, "web", 1), address, share) for address, share in shares.items()
    )
    assert Counter(slots(upstreams)) == expected


def test_slots_are_mixed() -> None:
    """Two copies take turns, so that a request that finds one dead finds the other next."""
    upstreams = tuple(Upstream(CopyId(1, "web", n), f"{n}", 1) for n in (1, 2))
    assert slots(upstreams) == ("1", "2") * 50


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ""),
        ("", ""),
        ("/api", "/api"),
        ("/api/", "/api"),
        ("/api/*", "/api"),
        ("static/", "/static"),
    ],
)
def test_a_path_as_a_prefix(path: str, expected: str) -> None:
    """However a person writes it."""
    assert prefix(path) == expected
