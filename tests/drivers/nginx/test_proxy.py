"""The proxy on a real nginx: its contracts, and what only a real one can show."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from contracts.proxy import PLACE, ProxyContract, counted, site, until
from contracts.served import ServedContract, other_place, releases, request
from drivers.nginx.world import NginxWorld, world
from drivers.proxy_world import copies, copy
from fairlead.base.errors import FairleadError, Refused, Unknown, UsageError
from fairlead.base.ids import Place
from fairlead.drivers.nginx.proxy import Nginx
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Site, Tls, Upstream
from needs import needs

__all__ = ["copies", "releases", "world"]  # fixtures


class TestNginx(ProxyContract, ServedContract):
    """The contracts, on nginx."""


def one(world: NginxWorld, address: str) -> Site:
    """A site of one copy at that address."""
    upstream = Upstream(CopyId(1, "web", 1), address, 100)
    return msgspec.structs.replace(site(world, {}), upstreams=(upstream,))


# -- the hand-over


def test_a_switch_reloads_nothing(world: NginxWorld, releases) -> None:
    """Copies, shares, assets and maintenance change, and the same workers serve on."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    before = world.workers()
    wanted = site(world, {2: 100})
    for changed in (
        wanted,
        msgspec.structs.replace(wanted, assets=releases),
        msgspec.structs.replace(wanted, maintenance=True),
        site(world, {1: 10, 2: 90}),
    ):
        world.proxy.put(changed, 2.0)
    assert world.workers() == before


def test_a_switch_works_while_somebody_elses_site_is_broken(world: NginxWorld) -> None:
    """A rename asks nginx for nothing, so a release can go on, and back."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    (world.root / "sites-enabled" / "blog").write_text("server { listn 80; }\n")
    world.proxy.put(site(world, {2: 100}), 2.0)
    assert world.ask(3) == {"2": 3}
    assert not world.proxy.sites(PLACE)[0].edited


def test_a_new_site_is_served_by_all_workers_when_put_returns(world: NginxWorld) -> None:
    """A reload is only done when no worker of before takes connections any more."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    limit = msgspec.structs.replace(site(world, {1: 100}), body_limit=10)
    for turn in range(4):
        world.proxy.put(limit if turn % 2 else site(world, {1: 100}), 2.0)
        answers = [_post(world, b"x" * 100) for _ in range(8)]
        assert answers == [413 if turn % 2 else 200] * 8


def _post(world: NginxWorld, body: bytes) -> int:
    connection = http.client.HTTPConnection(world.listen(PLACE), timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", "/", body)
        return connection.getresponse().status


def test_a_request_not_yet_accepted_is_in_flight(world: NginxWorld) -> None:
    """It waits in the copy's queue: a copy that stopped now would fail it."""
    path = world.address(5).removeprefix("unix/")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        Path(path).chmod(0o777)
        server.listen(8)
        world.proxy.put(one(world, f"unix/{path}"), 1.0)
        world.send(request("/"))
        assert world.proxy.in_flight(PLACE) == {f"unix/{path}": 1}
    Path(path).unlink()


def test_a_request_on_a_port_passes_over_a_dead_copy(world: NginxWorld) -> None:
    """By port too, once: two copies, one of them gone, and nobody is told so."""
    alive, dead = world.free(), "127.0.0.1:1"
    with copy("tcp", alive):
        ups = tuple(Upstream(CopyId(1, "web", n), a, 50) for n, a in enumerate((dead, alive)))
        world.proxy.put(msgspec.structs.replace(site(world, {}), upstreams=ups), 1.0)
        assert world.ask(30) == {"tcp": 30}


def test_ports_and_sockets_change_places_without_a_failure(world: NginxWorld) -> None:
    """An app that moves from one to the other: one reload there, none back, both at once too."""
    address = world.free()
    with copy("tcp", address):
        port = Upstream(CopyId(2, "web", 1), address, 50)
        unix = site(world, {1: 50}).upstreams[0]
        world.proxy.put(one(world, world.address(1)), 1.0)
        for upstreams, expected in (
            ((unix, port), {"1", "tcp"}),
            ((port,), {"tcp"}),
            ((unix,), {"1"}),
        ):
            wanted = msgspec.structs.replace(site(world, {}), upstreams=upstreams)
            world.proxy.put(wanted, 2.0)
            assert set(world.ask(40)) == expected
            assert [(s.site, s.edited) for s in world.proxy.sites(PLACE)] == [(wanted, "")]


def test_who_was_connected_before_a_reload_gets_the_new_copy(world: NginxWorld) -> None:
    """An old worker answers a connection that was silent until now, and it too reads the switch."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    with world.connect() as silent:
        time.sleep(0.1)  # so that a worker of before has accepted it; nothing tells when
        world.proxy.put(msgspec.structs.replace(site(world, {2: 100}), body_limit=1000), 2.0)
        silent.sendall(request("/"))
        assert silent.recv(1000).endswith(b"2")


# -- what users get


def test_maintenance_sends_everybody_away_and_back(world: NginxWorld) -> None:
    """503 with Retry-After while asked for, though a copy serves; what is in flight goes on."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    slow = world.send(request("/slow/1"))
    asked = msgspec.structs.replace(site(world, {1: 100}), maintenance=True)
    world.proxy.put(asked, 2.0)
    status, headers, _ = world.get()
    assert (status, headers["Retry-After"], headers["Cache-Control"]) == (503, "5", "no-store")
    assert world.proxy.sites(PLACE)[0].site == asked
    assert slow.recv(1000).startswith(b"HTTP/1.1 200")
    world.proxy.put(site(world, {1: 100}), 3.0)
    assert world.ask() == {"1": 1}


def test_events_arrive_as_they_are_sent(world: NginxWorld) -> None:
    """A page that asks for text/event-stream gets each byte when the copy sends it."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    asked = b"GET /begun/2 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
    stream = world.send(asked)
    received = b""
    while b"x\r\n" not in received:
        received += stream.recv(1000)
    assert world.proxy.in_flight(PLACE)


def test_too_large_headers_are_refused(world: NginxWorld) -> None:
    """More than 64 KiB, or one line of more than 16: 400, and no copy is asked."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    assert world.get("/", {"X-Long": "x" * 20_000})[0] == 400
    assert world.get("/", {"X-Long": "x" * 15_000})[2] == "1"


@pytest.mark.parametrize(
    "path", ["/a%20b", "/a//b", "/a/./b", "/%C3%A9?q=%2F", "/a%2Fb", "/?", "/;a=1"]
)
def test_a_path_comes_to_the_copy_as_it_was_sent(world: NginxWorld, path: str) -> None:
    """Not decoded and encoded again."""
    world.proxy.put(site(world, {}), 1.0)
    address = world.address(6)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address.removeprefix("unix/"))
        Path(address.removeprefix("unix/")).chmod(0o777)
        server.listen(8)
        world.proxy.put(one(world, address), 1.0)
        user = world.send(request(path))
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1000).startswith(f"GET {path} HTTP/1.1\r\n".encode())
        user.close()
    Path(address.removeprefix("unix/")).unlink()


def test_the_host_a_copy_is_told_is_the_one_the_request_was_sorted_by(world: NginxWorld) -> None:
    """An absolute request line wins over the Host header, for both."""
    named = msgspec.structs.replace(site(world, {1: 100}), names=("shop.example",))
    world.proxy.put(named, 1.0)
    with world.connect() as user:
        user.sendall(b"GET http://shop.example/echo HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        answer = user.recv(4000)
    assert b"\r\nHost: shop.example\r\n" in answer
    assert b"evil" not in answer


# -- names and TLS


def test_places_share_an_address_by_their_names(world: NginxWorld) -> None:
    """Each gets its own, wildcards too; a name that nobody has gets 421 and reaches nobody."""
    shop = msgspec.structs.replace(site(world, {1: 100}), names=("shop.example", "*.shop.example"))
    blog = msgspec.structs.replace(
        other_place(world), names=("blog.example",), listen=world.listen(PLACE)
    )
    world.proxy.put(shop, 1.0)
    world.proxy.put(blog, 1.0)
    asked = ("shop.example", "a.shop.example", "blog.example", "other.example", "shopxexample")
    found = {host: world.get("/", {"Host": host})[::2] for host in asked}
    assert found["shop.example"] == found["a.shop.example"] == (200, "1")
    assert found["blog.example"] == (200, "2")
    assert found["other.example"][0] == found["shopxexample"][0] == 421


def test_two_places_with_one_name_are_refused(world: NginxWorld) -> None:
    """nginx would leave out the second in silence."""
    shop = msgspec.structs.replace(site(world, {1: 100}), names=("shop.example",))
    world.proxy.put(shop, 1.0)
    with pytest.raises(Refused, match=r"shop\.example: shop/production has it"):
        world.proxy.put(msgspec.structs.replace(shop, place=Place("blog", "production")), 1.0)


def test_a_certificate_serves_https_and_sends_plain_requests_there(
    world: NginxWorld, tmp_path: Path
) -> None:
    """Redirected with method and path kept (308); HSTS where it is set, once."""
    needs("openssl", package="openssl", adds="make a certificate to serve with")
    certificate, key = tmp_path / "it's a {cert};.pem", tmp_path / 'the "key".pem'
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=shop.example", "-days", "2", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    secure = world.free()
    tls = Tls(str(certificate), str(key), plain=world.listen(PLACE), hsts=600)
    wanted = msgspec.structs.replace(
        site(world, {1: 100}), listen=secure, names=("shop.example",), tls=tls
    )
    world.proxy.put(wanted, 1.0)
    asked = ["curl", "-sk", "-D-", "--resolve", f"shop.example:{secure.split(':')[1]}:127.0.0.1"]
    url = f"https://shop.example:{secure.split(':')[1]}/"
    answer = subprocess.run([*asked, url], check=True, capture_output=True, text=True).stdout
    assert answer.startswith("HTTP/1.1 200")
    assert answer.count("Strict-Transport-Security: max-age=600\n") == 1
    status, headers, _ = world.get("/a?b=c", {"Host": "shop.example"}, "POST")
    assert (status, headers["Location"]) == (308, f"{url}a?b=c")
    assert [(s.site, s.edited) for s in world.proxy.sites(PLACE)] == [(wanted, "")]


def test_a_missing_certificate_is_refused_with_nginxs_own_line(world: NginxWorld) -> None:
    """And the site serves on as it was, file and all."""
    wanted = site(world, {1: 100})
    world.proxy.put(wanted, 1.0)
    held = world.file().read_text()
    with pytest.raises(Refused, match=r"nginx refused: cannot load certificate .*/nowhere\.pem"):
        world.proxy.put(
            msgspec.structs.replace(wanted, tls=Tls("/nowhere.pem", "/nowhere.key")), 2.0
        )
    assert world.file().read_text() == held
    assert [(s.site, s.edited) for s in world.proxy.sites(PLACE)] == [(wanted, "")]
    assert world.ask() == {"1": 1}


# -- other people's sites


def stranger(world: NginxWorld, name: str, text: str) -> Path:
    """Somebody else's site, which nginx serves."""
    path = world.root / "sites-enabled" / name
    path.write_text(text)
    world.reload()
    return path


def test_a_broken_site_of_somebody_else_is_named(world: NginxWorld) -> None:
    """Its file and line; ours stays as served, and theirs is not touched."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    path = world.root / "sites-enabled" / "blog"
    path.write_text("server {\n  listen 127.0.0.1:8001;\n  listn 80;\n}\n")
    before = sorted(p.name for p in world.installed.include.iterdir())
    with pytest.raises(Refused, match='not Fairlead\'s: unknown directive "listn"') as caught:
        world.proxy.put(other_place(world), 1.0)
    assert f"{path}:3" in caught.value.hint
    assert sorted(p.name for p in world.installed.include.iterdir()) == before
    assert path.read_text().count("listn") == 1
    assert world.ask() == {"1": 1}


@pytest.mark.parametrize(
    ("theirs", "ours", "reason"),
    [
        ("listen 127.0.0.1:{port};", {}, "without names only one may"),
        ("listen {port};", {"names": ("shop.example",)}, "would get nothing"),
        ("listen 127.0.0.1:{port};", {"names": ("shop.example",)}, "no longer get to"),
        (
            "listen 127.0.0.1:{port} default_server; server_name shop.example;",
            {"names": ("shop.example",)},
            "is named shop.example too",
        ),
    ],
)
def test_what_nginx_would_take_to_a_strangers_loss_is_refused(
    world: NginxWorld, theirs: str, ours: dict[str, tuple[str, ...]], reason: str
) -> None:
    """nginx says yes to all of these, and the stranger's users would come to us."""
    port = world.listen(PLACE).split(":")[1]
    text = theirs.replace("{port}", port)
    stranger(world, "blog", f"server {{ {text} location / {{ return 200 theirs; }} }}\n")
    with pytest.raises(Refused, match=reason):
        world.proxy.put(msgspec.structs.replace(site(world, {1: 100}), **ours), 1.0)
    assert world.get("/")[2] == "theirs"
    assert world.proxy.sites(PLACE) == ()


def test_an_address_is_shared_with_a_stranger_who_has_the_unknown_names(world: NginxWorld) -> None:
    """By name; theirs is served as before."""
    port = world.listen(PLACE).split(":")[1]
    stranger(
        world,
        "blog",
        f"server {{ listen 127.0.0.1:{port} default_server; location / {{ return 200 theirs; }} }}\n",
    )
    world.proxy.put(msgspec.structs.replace(site(world, {1: 100}), names=("shop.example",)), 1.0)
    assert world.get("/", {"Host": "shop.example"})[2] == "1"
    assert world.get("/", {"Host": "other.example"})[2] == "theirs"


def test_what_the_machine_tells_all_sites_does_not_break_ours(world: NginxWorld) -> None:
    """Caching, logs, open files and links as somebody else set them for all of nginx."""
    conf = world.installed.configuration
    conf.write_text(
        conf.read_text().replace(
            "    include conf.d",
            """    proxy_cache_path cache keys_zone=all:1m; proxy_cache all; proxy_cache_valid any 1h;
    open_file_cache max=100 inactive=60s; open_file_cache_valid 60s; disable_symlinks on;
    underscores_in_headers on; proxy_buffer_size 4k; proxy_next_upstream error http_500;
    proxy_set_header X-Theirs yes; client_max_body_size 1; proxy_intercept_errors off;
    include conf.d""",
        )
    )
    world.reload()
    for number in (1, 2, 1):
        world.proxy.put(site(world, {number: 100}), float(number))
        assert world.ask(3) == {str(number): 3}
    assert _post(world, b"xx") == 200


# -- what nginx really holds


def test_an_edit_in_our_file_is_seen_before_and_after_it_is_loaded(world: NginxWorld) -> None:
    """And put away by the next put."""
    wanted = site(world, {1: 100})
    world.proxy.put(wanted, 1.0)
    text = world.file().read_text()
    world.file().write_text(
        text.replace("location / {", "location / {\n add_header X-Edited yes;", 1)
    )
    first = world.proxy.sites(PLACE)[0].edited
    world.reload()
    assert first
    assert world.proxy.sites(PLACE)[0].edited == first
    world.proxy.put(wanted, 2.0)
    assert world.file().read_text() == text
    assert [(s.site, s.edited) for s in world.proxy.sites(PLACE)] == [(wanted, "")]


def test_a_file_that_nginx_does_not_run_is_an_edit(world: NginxWorld) -> None:
    """The file is ours again, but what runs is what was loaded in between."""
    wanted = site(world, {1: 100})
    world.proxy.put(wanted, 1.0)
    text = world.file().read_text()
    world.file().unlink()
    world.reload()
    world.file().write_text(text)
    assert world.proxy.sites(PLACE)[0].edited
    with pytest.raises(ConnectionRefusedError):
        world.get()
    world.proxy.put(wanted, 2.0)
    assert world.ask() == {"1": 1}


@pytest.mark.parametrize("name", ["fairlead-0-shared.conf", "fairlead-shop.production.conf"])
def test_a_removed_file_is_put_back(world: NginxWorld, name: str) -> None:
    """Though nginx serves on until somebody reloads it."""
    wanted = site(world, {1: 100})
    world.proxy.put(wanted, 1.0)
    (world.installed.include / name).unlink()
    assert not any(seen.edited == "" for seen in world.proxy.sites(PLACE))
    world.proxy.put(wanted, 2.0)
    world.reload()
    assert world.ask() == {"1": 1}


def test_another_listen_by_hand_is_told_as_it_is(world: NginxWorld) -> None:
    """The site is read back with the address that the file has."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    text = world.file().read_text()
    world.file().write_text(
        text.replace(f"listen {world.listen(PLACE)} ", "listen 127.0.0.1:8999 ")
    )
    (seen,) = world.proxy.sites(PLACE)
    assert (seen.site.listen, bool(seen.edited)) == ("127.0.0.1:8999", True)


def test_half_a_file_is_put_right(world: NginxWorld) -> None:
    """What was left by whoever was killed over it, or wrote it by hand: nginx would not take it."""
    wanted = site(world, {1: 100})
    world.proxy.put(wanted, 1.0)
    text = world.file().read_text()
    for half in (text[: len(text) // 2], "server {"):
        world.file().write_text(half)
        assert not any(seen.edited == "" for seen in world.proxy.sites(PLACE))
        world.proxy.put(wanted, 2.0)
        assert world.file().read_text() == text
        assert [(s.site, s.edited) for s in world.proxy.sites(PLACE)] == [(wanted, "")]


def test_a_link_that_leads_elsewhere_is_an_edit(world: NginxWorld) -> None:
    """Either of the two of a slot."""
    wanted = site(world, {1: 100})
    for name in ("07", "pick/07"):
        world.proxy.put(wanted, 1.0)
        path = world.role() / "live" / name
        path.unlink()
        path.symlink_to("../at/127.0.0.1:1")
        assert world.proxy.sites(PLACE)[0].edited
    world.proxy.put(wanted, 2.0)
    assert not world.proxy.sites(PLACE)[0].edited


def test_a_reload_by_somebody_else_changes_nothing(world: NginxWorld) -> None:
    """The same sites, unedited, and what is in flight goes on and is counted."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    before, counted_before = world.proxy.sites(PLACE), world.proxy.counters(PLACE)
    world.open()
    world.reload()
    assert world.proxy.sites(PLACE) == before
    assert world.proxy.in_flight(PLACE) == {world.address(1): 1}
    assert world.proxy.counters(PLACE) == counted_before
    assert world.ask(3) == {"1": 3}


def test_a_port_that_is_taken_at_the_last_moment_puts_all_back(
    world: NginxWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nginx's test says yes, its reload says no in its log: the error has that line."""
    wanted = site(world, {1: 100})
    world.proxy.put(wanted, 1.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr("fairlead.drivers.nginx.proxy.refusal", lambda _: "")
        with pytest.raises(FairleadError, match=rf"bind\(\) to 127.0.0.1:{port} failed"):
            world.proxy.put(msgspec.structs.replace(wanted, listen=f"127.0.0.1:{port}"), 2.0)
    assert [(s.site, s.edited) for s in world.proxy.sites(PLACE)] == [(wanted, "")]
    assert world.ask() == {"1": 1}


def test_counts_go_on_through_logrotate(world: NginxWorld) -> None:
    """SIGUSR1 has nginx open its files anew, by a worker that is not root."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    world.ask(2)
    world.process.send_signal(signal.SIGUSR1)
    if os.getuid() == 0:  # the sign that it did
        until(lambda: (world.role().parent / "count.all").stat().st_uid != 0)
    world.ask(2)
    until(lambda: counted(world) == (4, 0))


def test_a_place_that_lost_its_counts_is_not_known(world: NginxWorld) -> None:
    """Nothing is not zero."""
    world.proxy.put(site(world, {1: 100}), 1.0)
    (world.role().parent / "count.failed").unlink()
    with pytest.raises(Unknown, match="counts cannot be read"):
        world.proxy.counters(PLACE)


def test_no_log_of_ours_names_a_user(world: NginxWorld) -> None:
    """Neither who asked nor for what, when it worked and when it failed."""
    world.proxy.put(one(world, "unix//nowhere.sock"), 1.0)
    assert world.get("/reset?token=hunter2", {"Authorization": "Bearer hunter2"})[0] == 502
    world.proxy.put(site(world, {1: 100}), 2.0)
    assert world.get("/reset?token=hunter2")[0] == 200
    written = [p for p in world.root.rglob("*") if p.is_file()]
    assert not [p for p in written if b"hunter2" in p.read_bytes() or b"/reset" in p.read_bytes()]


def test_what_nginx_cannot_be_told_is_refused_by_name(world: NginxWorld) -> None:
    """Before anything is written."""
    for wrong in (
        {"listen": "localhost:http"},
        {"listen": "127.0.0.1:99999"},
        {"names": ("a b",)},
        {"names": ("~^(.*)$",)},
        {"names": ("shop.example; }",)},
        {"tls": Tls("/etc/$host.pem", "/key")},
        {"route": "/a\nb"},
    ):
        with pytest.raises(UsageError):
            world.proxy.put(msgspec.structs.replace(site(world, {1: 100}), **wrong), 1.0)
    assert not list(world.installed.include.iterdir())


def test_an_include_directory_that_nginx_does_not_read_is_refused(world: NginxWorld) -> None:
    """Instead of waiting for a reload that changes nothing."""
    elsewhere = world.root / "elsewhere"
    elsewhere.mkdir()
    installed = world.installed.__class__(
        world.installed.binary, world.installed.configuration, elsewhere,
        world.installed.pid, world.installed.prefix,
    )  # fmt: skip
    with pytest.raises(Refused, match="nginx does not read"):
        Nginx(installed, world.state, world.shelf).put(site(world, {1: 100}), 1.0)
    assert not list(elsewhere.iterdir())


@pytest.mark.skipif(os.getuid() != 0, reason="as an ordinary user, all is one user's")
def test_a_strict_umask_hides_nothing_from_the_workers(world: NginxWorld, releases) -> None:
    """They are another user; what they must read is open to them whatever ours is."""
    before = os.umask(0o077)
    try:
        world.proxy.put(msgspec.structs.replace(site(world, {1: 100}), assets=releases), 1.0)
    finally:
        os.umask(before)
    assert world.ask(2) == {"1": 2}
    assert world.get("/static/logo.svg")[2] == "new"
    assert world.get("/static/css/app.22222222bb.css")[2] == "old"
