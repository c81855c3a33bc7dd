"""How users reach a role, as its manifest says."""

import msgspec
import pytest

from fairlead.base.ids import Place
from fairlead.manifest.model import Certificate, Environment, Role
from fairlead.rollout.flow import roll_out
from fairlead.rollout.ports import Public, Site, Tls
from fairlead.rollout.reach import site_of
from rollout.memory_world import LISTEN, PLACE, MemoryWorld, desired, release

WEB = Role("web", "serve {socket}", health="/", route="/api", stop=7, body_limit=9)
NAMES = ("a.example", "b.example")
PUBLIC = Public()


def reached(public: Public | None = PUBLIC, **keys: object) -> Site:
    return site_of(PLACE, WEB, Environment("local", **keys), LISTEN, public)


def test_without_domains_it_is_at_its_own_address_for_every_name() -> None:
    """With its limits; likewise with domains where the world does not ask, without root."""
    plain = Site(PLACE, "web", LISTEN, "/api", (), stream_limit=7, body_limit=9)
    assert reached() == reached(None, domains=NAMES) == plain
    assert site_of(PLACE, WEB, None, LISTEN, PUBLIC) == plain


@pytest.mark.parametrize(
    ("keys", "listen", "tls"),
    [
        ({}, ":443", Tls(plain=":80")),
        ({"https": "off"}, ":80", None),
        ({"hsts": 5, "redirect": False}, ":443", Tls(plain=":80", hsts=5, redirect=False)),
        ({"https": Certificate("/c", "/k")}, ":443", Tls("/c", "/k", ":80")),
    ],
)
def test_with_domains_it_is_where_the_world_asks(keys, listen, tls) -> None:
    """By these names; its own address stays, for what we ask ourselves."""
    site = reached(domains=NAMES, canonical="a.example", **keys)
    assert (site.listen, site.names, site.tls) == (listen, NAMES, tls)
    assert (site.canonical, site.own, site.body_limit) == ("a.example", LISTEN, 9)


def test_a_domain_of_another_place_stops_a_release_before_anything_is_done() -> None:
    """With who has it; no copy was started for it."""
    world = MemoryWorld()
    world.files.world_asks = PUBLIC
    other = Place("shop", "production")
    world.proxy.put(Site(other, "web", ":80", "/", (), names=NAMES, own="127.0.0.1:1"), 1.0)
    wanted = desired(release(1))
    environments = (Environment("local", domains=("b.example",)),)
    manifest = msgspec.structs.replace(wanted.release.manifest, environments=environments)
    mine = msgspec.structs.replace(wanted.release, manifest=manifest)
    world.publish(mine)
    ending = roll_out(world.process(), desired(mine), "agent", "sha256:plan")
    assert not ending.serves
    assert f"cannot have the domain b.example: {other} has it" in ending.decision.sentence
    assert (world.running(), world.files.laid_out) == ({}, [])
