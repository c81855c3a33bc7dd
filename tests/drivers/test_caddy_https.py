"""HTTPS on a real Caddy, which gets its certificates from a real authority by itself."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.https import SHOP, WWW, HttpsContract, Reached, renewed_under_traffic
from contracts.proxy import PLACE, site, until
from drivers.caddy_world import CaddyWorld
from drivers.pebble import DAYS_90, FIRST, Pebble
from drivers.proxy_world import copies
from fairlead.drivers._listen import free_listen
from fairlead.drivers.caddy.certificates import CaddysOwn
from fairlead.drivers.caddy.process import prepare

__all__ = ["copies"]  # a fixture

Start = Callable[[int], Reached]


@pytest.fixture
def start(copies: Path) -> Iterator[Start]:
    """Starts an authority whose certificates hold so many seconds, and a Caddy that asks it."""
    root = Path(tempfile.mkdtemp(prefix="fl-caddy-"))
    plain = free_listen(first=FIRST)
    made: list[CaddyWorld | Pebble] = []

    def begin(holds: int) -> Reached:
        pebble = Pebble(plain, [plain], holds)
        made.append(pebble)
        pebble.start()
        users = CaddyWorld(root, copies, pebble.authority)
        made.append(users)
        source = CaddysOwn(users.home, pebble.authority)
        return Reached(users, plain, pebble, source)

    yield begin
    for one in reversed(made):
        one.stop()
    shutil.rmtree(root)


@pytest.fixture
def reached(start: Start) -> Reached:
    """As in life: 90 days."""
    return start(DAYS_90)


class TestCaddy(HttpsContract):
    """The contract, on Caddy."""


@pytest.mark.soak
def test_a_renewal_fails_no_request(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caddy renews when a third of the time is left, here of 20 seconds; it is written down."""
    monkeypatch.setattr("fairlead.drivers.caddy.public.RENEW_EVERY", "1s")
    reached = start(20)
    reached.put(reached.site(SHOP))
    reached.users.kill()
    reached.users.start()  # it looks every second only if it was told so at its start
    reached.certify(SHOP)
    reached.keep(SHOP)
    before = len(reached.journal.events)
    renewed_under_traffic(reached, lambda: None)
    until(lambda: reached.keep(SHOP) and len(reached.journal.events) > before)
    assert reached.journal.said()[before] == ("renew", "done")
    assert reached.seen()[1] == ""


def test_prepared_again_it_serves_the_same(reached: Reached) -> None:
    """Every start prepares; certificates, names and counts are kept."""
    wanted = reached.site(SHOP, WWW, hsts=600)
    reached.put(wanted)
    reached.certify(SHOP, WWW)
    serial, counted = reached.serial(), reached.users.proxy.counters(PLACE)
    reached.users.kill()
    prepare(reached.users.home)
    reached.users.start()
    assert reached.seen() == (wanted, "")
    until(lambda: reached.serial() == serial)
    assert reached.users.proxy.counters(PLACE).since == counted.since


def test_an_edit_of_a_public_door_is_seen_and_mended(reached: Reached) -> None:
    """By somebody who reaches into Caddy."""
    wanted = reached.site(SHOP)
    reached.put(wanted)
    admin = reached.users.admin
    held = admin.get("/config/")
    name = f"public {reached.plain}"
    held["apps"]["http"]["servers"][name]["routes"].insert(0, {"handle": []})
    admin.set("/config/", held)
    assert reached.seen()[1]
    reached.put(wanted)


def test_the_error_log_and_the_counts_name_no_user(reached: Reached) -> None:
    """Neither who asked nor for what."""
    reached.put(reached.site(SHOP, redirect=False))
    reached.certify(SHOP)
    assert reached.get(SHOP, "/hunter2/500", False)[0] == 200
    assert reached.get(SHOP, "/status/500", False)[0] == 500
    until(lambda: reached.users.proxy.counters(PLACE).failed == 1)
    files = [path for path in reached.users.home.proxy.rglob("*") if path.is_file()]
    for path in (*files, reached.users.log):
        assert b"hunter2" not in path.read_bytes()


def test_a_place_that_loses_its_names_is_counted_by_caddy_again(reached: Reached) -> None:
    """And no public door is left of it."""
    reached.put(reached.site(SHOP))
    reached.put(site(reached.users, {1: 100}))
    assert reached.users.ask(3) == {"1": 3}
    until(lambda: reached.users.proxy.counters(PLACE).requests == 3)
    with pytest.raises(OSError, match="refused"):
        reached.get(SHOP, secure=False)
