"""Users of a hand-made site, handed over to releases and back, on a real nginx under traffic."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from contracts.proxy import PLACE, site, until
from contracts.served import releases
from drivers.nginx.world import NginxWorld, world
from drivers.proxy_world import copies, copy
from fairlead.adopt.front import front_of
from fairlead.adopt.model import Clone, Front, Living
from fairlead.base.errors import Refused
from fairlead.demo.runners import TrafficThread
from fairlead.drivers.living import sites
from fairlead.drivers.nginx.takeover import Takeover
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Upstream

__all__ = ["copies", "releases", "world"]  # fixtures

SITE = """
upstream hand_made {{ server {address}; }}
server {{  # by hand, in 2019
    listen {listen};
    server_name shop.example x;
    location /static/ {{ alias {static}/; expires 1h; }}
    location /old {{ return 301 /new; }}
    location / {{
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_pass http://hand_made;
    }}
}}
"""


class HandMade:
    """A site as somebody wrote it, in front of copy 1, on an nginx that also has ours."""

    def __init__(self, world: NginxWorld, address: str = "", text: str = SITE) -> None:
        self.world = world
        self.listen = world.free()
        self.static = world.root / "collected"
        self.static.mkdir()
        self.static.chmod(0o755)
        (self.static / "site.css").write_text("by hand")
        real = world.root / "site"
        to = address or f"unix:{world.address(1).removeprefix('unix/')}"
        real.write_text(text.format(address=to, listen=self.listen, static=self.static))
        real.chmod(0o640)
        self.file = world.root / "sites-enabled" / "shop"
        self.file.symlink_to(real)
        world.reload()
        self.takeover = Takeover(world.installed, world.state)

    def front(self) -> Front:
        text = self.file.read_text()
        file = str(self.file)
        main = str(self.world.installed.configuration)
        files = {main: "http { include sites-enabled/*; }", file: text}
        seen = tuple(sites.servers(files))
        living = Living(Clone("/srv/x", "0" * 40, "main", ""), servers=seen)
        listens = [a for s in seen for p in s.passes for a in p.addresses]
        digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        return front_of(living, listens, str(self.static), [(file, digest)]).front

    def get(self, path: str = "/") -> tuple[int, str]:
        self.world._listen[PLACE], own = self.listen, self.world.listen(PLACE)
        try:
            status, _, body = self.world.get(path, {"Host": "shop.example"})
        finally:
            self.world._listen[PLACE] = own
        return status, body


def test_users_are_handed_over_and_back_without_a_failed_request(world: NginxWorld) -> None:
    """To releases, through two of them, and back to the hand-made state, at 300 a second."""
    hand = HandMade(world)
    front, before = hand.front(), hand.file.read_bytes()
    world.proxy.put(site(world, {2: 100}), 1.0)
    with TrafficThread(f"http://{hand.listen}", 300) as users:
        for turn in range(5):
            more = users.snapshot.sent + 100
            until(lambda more=more: users.snapshot.sent > more)
            kept = hand.takeover.before(front)
            hand.takeover.switch(PLACE, front, kept)
            assert [hand.get()[1] for _ in range(5)] == ["2"] * 5
            world.proxy.put(site(world, {1: 50, 2: 50}), 2.0 + turn)
            world.proxy.put(site(world, {2: 100}), 3.0 + turn)
            hand.takeover.back(PLACE, front, kept)
            assert [hand.get()[1] for _ in range(5)] == ["1"] * 5
        report = users.stop()
    # A reload closes kept connections; who was just writing on one asks again (RFC 9112, 9.3.1).
    print(f"{report.sent} sent, {report.retried} again, worst {report.max_ms:.0f} ms")
    assert (report.failed, report.failures) == (0, ())
    assert report.sent > 500  # a hundred before each of the five turns
    assert hand.file.read_bytes() == before
    assert hand.file.is_symlink()
    assert (hand.file.stat().st_mode & 0o777) == 0o640


def test_the_rest_of_the_site_stays(world: NginxWorld, releases) -> None:
    """Its own locations and names; assets come from the release that serves."""
    hand = HandMade(world)
    front = hand.front()
    wanted = msgspec.structs.replace(site(world, {2: 100}), assets=releases)
    world.proxy.put(wanted, 1.0)
    asset = next(
        p for p in Path(releases[0].directory).iterdir() if p.is_file() and p.name[0] != "."
    )
    assert hand.get(f"/static/{asset.name}")[0] == 404
    hand.takeover.switch(PLACE, front, hand.takeover.before(front))
    assert hand.get("/old")[0] == 301
    assert hand.get(f"/static/{asset.name}") == (200, asset.read_text())
    assert hand.get("/static/site.css")[0] == 404
    assert "# by hand, in 2019" in hand.file.read_text()


def test_copies_on_ports_take_over_too(world: NginxWorld) -> None:
    """There is no upstream of ours then: the address is what a link is called."""
    hand = HandMade(world)
    front = hand.front()
    address = world.free()
    with copy("tcp", address):
        upstream = Upstream(CopyId(1, "web", 1), address, 100)
        world.proxy.put(msgspec.structs.replace(site(world, {}), upstreams=(upstream,)), 1.0)
        kept = hand.takeover.before(front)
        hand.takeover.switch(PLACE, front, kept)
        assert hand.get() == (200, "tcp")
        hand.takeover.back(PLACE, front, kept)
        assert hand.get() == (200, "1")


def test_what_nginx_refuses_is_as_it_was(world: NginxWorld) -> None:
    """The old text is back, byte for byte, and serves on; so where nothing is released yet."""
    hand = HandMade(world)
    front, before = hand.front(), hand.file.read_bytes()
    with pytest.raises(Refused, match="is not served by nginx yet"):
        hand.takeover.switch(PLACE, front, hand.takeover.before(front))
    world.proxy.put(site(world, {2: 100}), 1.0)
    (world.root / "sites-enabled" / "broken").write_text("server { listn 80; }\n")
    with pytest.raises(Refused, match="listn"):
        hand.takeover.switch(PLACE, front, hand.takeover.before(front))
    assert hand.file.read_bytes() == before
    assert hand.get() == (200, "1")


def test_a_file_that_somebody_changed_is_left(world: NginxWorld) -> None:
    """Before the switch and before the way back: what they wrote is not lost."""
    hand = HandMade(world)
    front = hand.front()
    world.proxy.put(site(world, {2: 100}), 1.0)
    kept = hand.takeover.before(front)
    hand.takeover.switch(PLACE, front, kept)
    theirs = hand.file.read_text().replace("by hand, in 2019", "by certbot")
    hand.file.resolve().write_text(theirs)
    with pytest.raises(Refused, match="somebody changed it"):
        hand.takeover.back(PLACE, front, kept)
    with pytest.raises(Refused, match="somebody changed it"):
        hand.takeover.before(front)
    assert hand.file.read_text() == theirs


def test_a_switch_that_was_cut_off_is_finished(world: NginxWorld) -> None:
    """Killed between the files and the reload: asked again, it comes to the same end."""
    hand = HandMade(world)
    front = hand.front()
    world.proxy.put(site(world, {2: 100}), 1.0)
    kept = hand.takeover.before(front)
    new = hand.takeover._edited(PLACE, front, str(hand.file), hand.file.read_bytes())
    hand.file.resolve().write_bytes(new)
    assert hand.get() == (200, "1")
    hand.takeover.switch(PLACE, front, kept)
    assert hand.get() == (200, "2")


def test_open_requests_of_the_hand_made_state_are_counted(world: NginxWorld) -> None:
    """As the kernel counts them, on its socket."""
    hand = HandMade(world)
    world._listen[PLACE] = hand.listen
    assert hand.takeover.open_with(hand.front()) == 0
    with world.connect() as user:
        user.sendall(b"GET /slow/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: hand.takeover.open_with(hand.front()) == 1)
        assert user.recv(12) == b"HTTP/1.1 200"
        until(lambda: hand.takeover.open_with(hand.front()) == 0)
