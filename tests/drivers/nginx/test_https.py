"""HTTPS on a real nginx, with certificates from a real authority by acme-tiny."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from contracts.https import SHOP, HttpsContract, Reached, renewed_under_traffic
from contracts.proxy import PLACE, site
from drivers.nginx.world import NginxWorld, world
from drivers.pebble import ADDS, Pebble
from drivers.proxy_world import copies
from fairlead.base.errors import NotFound
from fairlead.certificates.rules import FIRST_WAIT
from fairlead.drivers.acme.source import AcmeTiny
from needs import needs

__all__ = ["copies", "world"]  # fixtures


@pytest.fixture
def reached(world: NginxWorld) -> Iterator[Reached]:
    """An nginx and an authority that asks for proofs where it listens."""
    program = Path(needs("acme-tiny", package="acme-tiny", adds=ADDS))
    plain = world.free()
    pebble = Pebble(plain, [plain, world.free()])
    try:
        pebble.start()
        source = AcmeTiny(world.shelf, world.proxy.proofs, pebble.authority, program)
        yield Reached(world, plain, pebble, source)
    finally:
        pebble.stop()


class TestNginx(HttpsContract):
    """The contract, on nginx."""


def test_a_renewal_fails_no_request(reached: Reached) -> None:
    """It is due when a third of its time is left; one intent and its outcome in the record."""
    reached.put(reached.site(SHOP))
    reached.certify(SHOP)
    assert reached.keep(SHOP) > reached.clock.now()
    before = len(reached.journal.events)
    reached.make_due()
    renewed_under_traffic(reached, lambda: reached.keep(SHOP))
    said = reached.journal.said()[before:]
    assert said == [("renew", "intent"), ("renew", "done"), ("renew", "done")]
    assert reached.journal.events[before].why == "it ends in 27 days"
    assert reached.seen()[1] == ""


def test_a_certificate_that_nobody_served_yet_is_served_by_the_next_look(reached: Reached) -> None:
    """Whoever got it was killed before the proxy was told."""
    reached.put(reached.site(SHOP))
    reached.keeper.source.get((SHOP,), reached.clock.now())
    assert reached.seen()[1] == ""
    assert reached.get(SHOP, secure=False)[0] == 200
    reached.keep(SHOP)
    assert reached.get(SHOP)[0] == 200


def test_a_failure_is_tried_again_later_and_later(reached: Reached) -> None:
    """After two minutes, four, eight; a success ends it."""
    reached.put(reached.site(SHOP))
    reached.pebble.leads(SHOP, "127.0.0.9")
    for times in (1, 2, 3):
        at = reached.keep(SHOP)
        fault = reached.keeper.source.fault((SHOP,))
        assert fault
        assert (fault.times, at - fault.at) == (times, FIRST_WAIT * 2 ** (times - 1))
        assert reached.keep(SHOP) == at
        reached.clock.ahead += at - reached.clock.now() + 1
    reached.pebble.leads(SHOP, "127.0.0.1")
    reached.keep(SHOP)
    assert reached.keeper.source.fault((SHOP,)) is None
    assert reached.get(SHOP)[0] == 200


def test_keys_are_root_only_and_never_an_argument(reached: Reached, world: NginxWorld) -> None:
    """The account's and each certificate's; proofs are open to nginx's workers and gone after."""
    reached.put(reached.site(SHOP))
    reached.certify(SHOP)
    keys = [path for path in world.shelf.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o077 for path in keys} == {0}
    assert not list(world.shelf.glob("*.csr"))
    assert not [path for path in world.proxy.proofs.rglob("*") if path.is_file()]


def test_a_missing_client_is_said_with_its_package(world: NginxWorld, tmp_path: Path) -> None:
    """Nothing is served less for it."""
    pebble = Pebble("127.0.0.1:1", [])
    source = AcmeTiny(tmp_path, tmp_path, pebble.authority, tmp_path / "nowhere")
    with pytest.raises(NotFound) as caught:
        source.get((SHOP,), 0.0)
    assert caught.value.hint == "apt install acme-tiny"
    pebble.stop()


def test_two_roles_of_a_place_are_reached_alike(reached: Reached, world: NginxWorld) -> None:
    """A release that changes the domains puts one role after the other."""
    reached.put(reached.site(SHOP))
    api = msgspec.structs.replace(
        reached.site(SHOP, "www.shop.example", copy=2),
        role="api", route="/api", upstreams=site(world, {2: 100}, role="api").upstreams,
    )  # fmt: skip
    world.proxy.put(api, 2.0)
    found = {seen.site.role: (seen.site.names, seen.edited) for seen in world.proxy.sites(PLACE)}
    assert found == dict.fromkeys(("api", "web"), ((SHOP, "www.shop.example"), ""))
    assert reached.get("www.shop.example", "/api", False)[2] == "2"
    assert reached.get("www.shop.example", "/", False)[2] == "1"
