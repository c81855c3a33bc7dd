"""What every real proxy keeps besides the port's promises: what its users get from it.

A driver's test gives a `world` as for `contracts.proxy`, made of `drivers.proxy_world.Users`.
"""

import re
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from contracts.proxy import PLACE, counted, site, until
from drivers.proxy_world import UPGRADE, Users, copy
from drivers.traffic import Traffic
from fairlead.base.errors import Refused, Unknown
from fairlead.base.ids import Place
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import AssetRoot, Site, Upstream


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def other_place(world: Users) -> Site:
    return site(world, {2: 100}, Place("blog", "production"))


def _ask_and_hang_up(server: socket.socket, world: Users, method: str) -> tuple[int, int]:
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


@pytest.fixture
def releases() -> Iterator[tuple[AssetRoot, AssetRoot]]:
    """The assets of two releases, with traps in the newer; any user of the machine reads them."""
    top = Path(tempfile.mkdtemp(prefix="fl-assets-"))
    top.chmod(0o755)
    yield _releases(top)
    shutil.rmtree(top)


def _releases(top: Path) -> tuple[AssetRoot, AssetRoot]:
    new, old = top / "new", top / "old"
    for root, own in ((new, "app.11111111aa.css"), (old, "app.22222222bb.css")):
        (root / "css").mkdir(parents=True)
        (root / "css" / own).write_text(root.name)
        (root / "logo.svg").write_text(root.name)
    (top / "secret").write_text("secret")
    (new / "out").symlink_to(top / "secret")
    (new / "outside").symlink_to(top)
    (new / ".hidden").write_text("secret")
    (new / "inside.txt").symlink_to("logo.svg")
    (new / "report-20240131.pdf").write_text("dated")
    return AssetRoot("/static/", str(new)), AssetRoot("/static/", str(old))


class ServedContract:
    """What users get."""

    def test_no_request_fails_while_traffic_is_switched(
        self, world: Users, record_property
    ) -> None:
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
            f"put {took[5] * 1e3:.1f} ms, worst {took[-1] * 1e3:.1f} ms, proxy {world.rss()} KiB"
        )

    def test_kept_connections_outlive_a_switch(self, world: Users) -> None:
        """A user's idle connection is not closed by a switch, and its next request goes to the new copy."""
        world.proxy.put(site(world, {1: 100}), 1.0)
        kept = world.connect()
        with kept:
            for number in (1, 2, 1, 2):
                world.proxy.put(site(world, {number: 100}), 2.0)
                kept.sendall(request("/"))
                assert kept.recv(1000).endswith(str(number).encode())

    def test_ten_thousand_requests_are_split_as_asked(self, world: Users) -> None:
        """A canary of ten percent gets 1,000 of 10,000."""
        world.proxy.put(site(world, {1: 90, 2: 10}), 1.0)
        with world.connect() as kept:
            answers: Counter[str] = Counter()
            for _ in range(10_000):
                kept.sendall(request("/"))
                answers[kept.recv(1000)[-1:].decode()] += 1
        assert answers == {"1": 9000, "2": 1000}

    def test_a_web_socket_and_a_stream_count_until_they_end(self, world: Users) -> None:
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

    def test_another_place_closes_no_web_socket(self, world: Users) -> None:
        """A new place is a change of the proxy's configuration; streams and requests live through it."""
        world.proxy.put(site(world, {1: 100}), 1.0)
        web_socket, slow = world.send(UPGRADE), world.send(request("/slow/0.5"))
        assert b"101" in web_socket.recv(1000)
        world.proxy.put(other_place(world), 1.0)
        world.proxy.remove(Place("blog", "production"), "web")
        assert slow.recv(1000).endswith(b"1")
        web_socket.sendall(b"still here")
        assert web_socket.recv(100) == b"still here"
        assert world.proxy.in_flight(PLACE) == {world.address(1): 1}

    def test_a_copy_on_a_port_is_served_and_counted(self, world: Users) -> None:
        """host:port works as a unix socket does."""
        address = world.free()
        with copy("tcp", address):
            upstream = Upstream(CopyId(1, "web", 1), address, 100)
            world.proxy.put(msgspec.structs.replace(site(world, {}), upstreams=(upstream,)), 1.0)
            assert world.ask(3) == {"tcp": 3}
            until(lambda: not world.proxy.in_flight(PLACE))
            world.open()
            assert world.proxy.in_flight(PLACE) == {address: 1}
            world.close()

    def test_a_copy_that_died_fails_no_request(self, world: Users) -> None:
        """While another is up, a request that finds nobody goes there, a POST too."""
        with copy("dead", dead := world.address(3)) as process:
            ups = (Upstream(CopyId(1, "web", 1), dead, 50), *site(world, {2: 50}).upstreams)
            world.proxy.put(msgspec.structs.replace(site(world, {}), upstreams=ups), 1.0)
            assert world.ask(10) == {"dead": 5, "2": 5}
            process.kill()
            process.wait(10)
            assert world.ask(20) == {"2": 20}
            assert [world.get(method="POST")[0] for _ in range(4)] == [200] * 4

    def test_a_request_that_was_sent_is_never_sent_again(self, world: Users) -> None:
        """A copy that dies over a request is asked once, though it comes back at once."""
        path = world.address(4).removeprefix("unix/")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen(8)
            Path(path).chmod(0o777)
            server.settimeout(0.5)
            upstream = Upstream(CopyId(1, "web", 1), f"unix/{path}", 100)
            world.proxy.put(msgspec.structs.replace(site(world, {}), upstreams=(upstream,)), 1.0)
            for method in ("GET", "POST"):
                asked = _ask_and_hang_up(server, world, method)
                assert asked == (1, 502), (method, asked)
        Path(path).unlink()

    def test_nobody_there_is_a_short_503(self, world: Users) -> None:
        """An empty site answers at once, says when to try again, and is not kept by caches."""
        world.proxy.put(site(world, {}), 1.0)
        status, headers, body = world.get("/any")
        assert (status, headers["Retry-After"], headers["Cache-Control"]) == (503, "5", "no-store")
        assert "maintenance" in body

    def test_a_site_whose_copies_are_all_dead_is_a_502_that_is_counted(self, world: Users) -> None:
        """After the time for retries, with a body, and counted as failed."""
        upstream = Upstream(CopyId(1, "web", 1), "unix//nowhere.sock", 100)
        world.proxy.put(msgspec.structs.replace(site(world, {}), upstreams=(upstream,)), 1.0)
        status, headers, body = world.get()
        assert (status, headers["Cache-Control"], body) == (502, "no-store", "502 Bad Gateway\n")
        until(lambda: counted(world) == (1, 1))

    def test_an_error_of_the_app_is_its_own_and_is_counted(self, world: Users) -> None:
        """Its 500 comes through as it is; a 404 is no failure."""
        world.proxy.put(site(world, {1: 100}), 1.0)
        assert world.get("/status/500")[::2] == (500, "1")
        assert world.get("/status/404")[::2] == (404, "1")
        until(lambda: counted(world) == (2, 1))

    def test_the_app_is_told_who_asks_and_not_lied_to(self, world: Users) -> None:
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
        assert headers.get("Server") == world.software
        assert "Via" not in headers

    def test_the_longest_path_is_asked_first(self, world: Users) -> None:
        """Role api has /api and what is below it, and nothing that only begins so."""
        world.proxy.put(site(world, {1: 100}), 1.0)
        world.proxy.put(site(world, {2: 100}, role="api"), 1.0)
        found = {path: world.get(path)[2] for path in ("/", "/api", "/api/x", "/apis", "/x/api")}
        assert found == {"/": "1", "/api": "2", "/api/x": "2", "/apis": "1", "/x/api": "1"}

    def test_assets_of_both_releases_are_found(self, world: Users, releases) -> None:
        """The newer release's file wins; a page of the older still finds what it names."""
        world.proxy.put(msgspec.structs.replace(site(world, {1: 100}), assets=releases), 1.0)
        paths = ("css/app.11111111aa.css", "css/app.22222222bb.css", "logo.svg", "inside.txt")
        assert [world.get(f"/static/{path}")[2] for path in paths] == ["new", "old", "new", "new"]

    def test_hashed_names_are_kept_for_a_year(self, world: Users, releases) -> None:
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
        headers = world.get("/static/logo.svg")[1]
        etag = {name.lower(): value for name, value in headers.items()}["etag"]
        assert world.get("/static/logo.svg", {"If-None-Match": etag})[0] == 304

    @pytest.mark.parametrize("path", [
        "out", "outside/secret", ".hidden", "../secret", "%2e%2e/secret", "..%2fsecret", "css/../../secret",
        "%2e%2e%2f%2e%2e%2fsite.json", "../00", "..%2f00", "..%5c00", "//etc/passwd", "", "css", "css/",
        "%00", "*", "[", "{file./etc/passwd}", "x" * 300,
    ])  # fmt: skip
    def test_only_assets_are_served(self, world: Users, releases, path: str) -> None:
        """Links that lead out, dot files, ways around and odd names are asked of the copy, or refused."""
        world.proxy.put(msgspec.structs.replace(site(world, {1: 100}), assets=releases), 1.0)
        with world.connect() as kept:
            kept.sendall(request(f"/static/{path}"))
            answer = kept.recv(4000)
        assert answer.endswith(b"\r\n\r\n1") or re.match(rb"HTTP/1.1 (308|400|404) ", answer), (
            answer
        )
        assert b"secret" not in answer
        assert world.address(1).encode() not in answer

    def test_a_switch_of_assets_is_part_of_the_switch(self, world: Users, releases) -> None:
        """New copies and new assets come together, without a change of the proxy's configuration."""
        new, old = releases
        world.proxy.put(site(world, {1: 100}), 1.0)
        before = world.proxy.counters(PLACE).since
        world.proxy.put(msgspec.structs.replace(site(world, {2: 100}), assets=(new, old)), 2.0)
        assert world.get("/static/logo.svg")[2] == "new"
        assert [world.get(path)[2] for path in ("/static/none", "/" + "x" * 2000, "/*", "/")] == [
            "2"
        ] * 4
        assert world.proxy.counters(PLACE).since == before

    def test_killed_and_started_again_it_serves_the_same(self, world: Users) -> None:
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
        until(lambda: world.proxy.sites(PLACE) == before)
        assert world.ask(100) == {"1": 30, "2": 70}

    def test_a_port_in_use_is_refused_and_nothing_changes(self, world: Users) -> None:
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

    def test_places_may_be_put_at_the_same_time(self, world: Users) -> None:
        """Four at once: all are served, and all again after a restart."""
        places = [Place(f"app{n}", "production") for n in range(4)]
        wanted = [site(world, {1: 100}, place) for place in places]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda one: world.proxy.put(one, 1.0), wanted))
        world.kill()
        world.start()
        assert [world.proxy.sites(place)[0].site for place in places] == wanted

    def test_old_sets_are_not_kept_for_ever(self, world: Users) -> None:
        """Forty switches leave the last sixteen sets and one overlay of assets."""
        for turn in range(40):
            world.proxy.put(site(world, {1 + turn % 2: 100}), float(turn))
        directory = world.role()
        assert len(list(directory.glob("set-*"))) == 16
        assert len(list(directory.glob("files-*"))) == 1
        assert not list(directory.glob("new-*"))
