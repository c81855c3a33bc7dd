"""What a place with domains gets from every proxy, with a real authority.

A driver's test gives a `reached`: a `Reached` around its proxy's `Users`.
"""

import http.client
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from contracts.proxy import PLACE, site, until
from drivers.pebble import DAYS_90, Pebble, signed
from drivers.proxy_world import Users
from drivers.traffic import Traffic
from fairlead.base.errors import FairleadError, Refused
from fairlead.base.ids import Place
from fairlead.base.journal import Event
from fairlead.certificates.flow import Keeper, keep
from fairlead.certificates.ports import Source
from fairlead.rollout.ports import Site, Tls

SHOP, WWW, BLOG, BAD = "shop.example", "www.shop.example", "blog.example", "bad.example"
OTHER = Place("blog", "production")


class Journal:
    """What was written."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> int:
        self.events.append(event)
        return len(self.events)

    def is_open(self, intent: int) -> bool:
        return all(event.intent != intent for event in self.events)

    def said(self) -> list[tuple[str, str]]:
        """The outcome and the verb of each."""
        return [(event.verb.value, event.outcome.value) for event in self.events]


class Shifted:
    """The clock, moved on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Reached:
    """A proxy where the world asks, an authority, and who keeps the certificates."""

    def __init__(self, users: Users, plain: str, pebble: Pebble, source: Source) -> None:
        self.users = users
        self.plain = plain
        self.secure = users.free()
        self.pebble = pebble
        self.journal, self.clock = Journal(), Shifted()
        self.keeper = Keeper(source, users.proxy, self.journal, self.clock)

    def site(
        self,
        *names: str,
        copy: int = 1,
        place: Place = PLACE,
        canonical: str = "",
        **tls: object,
    ) -> Site:
        """A site of that copy, with HTTPS by the authority."""
        given = Tls(plain=self.plain, **tls)  # type: ignore[arg-type]
        return msgspec.structs.replace(
            site(self.users, {copy: 100}, place),
            listen=self.secure,
            own=self.users.listen(place),
            names=names,
            tls=given,
            canonical=canonical,
        )

    def put(self, wanted: Site) -> None:
        """Serve it; what is read back is what was put."""
        self.users.proxy.put(wanted, 1.0)
        assert self.seen(wanted.place) == (wanted, "")

    def seen(self, place: Place = PLACE) -> tuple[Site, str]:
        """The site and its print as they are now."""
        (found,) = self.users.proxy.sites(place)
        return found.site, found.edited

    def keep(self, *names: str) -> float:
        """What the agent does on its clock."""
        return keep(self.keeper, PLACE, names)

    def certify(self, *names: str) -> None:
        """Keep, as the agent does, until all of these are served by a certificate."""

        def there() -> bool:
            self.keep(*names)
            fault = self.keeper.source.fault(names)
            assert fault is None, fault
            return all(map(self._speaks, names))

        until(there, 40.0)

    def _speaks(self, name: str) -> bool:
        try:
            with self.connect(name, True):
                return True
        except OSError:
            return False

    def get(
        self, host: str, path: str = "/", secure: bool = True, method: str = "GET"
    ) -> tuple[int, dict[str, str], str]:
        """A user's request. Raises OSError where there is no such door, or its key is not right."""
        with self.connect(host, secure) as connected:
            connection = http.client.HTTPConnection(host)
            connection.sock = connected
            connection.request(method, path, headers={"Host": self.host(host, secure)})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()

    def host(self, name: str, secure: bool) -> str:
        """As a browser writes it."""
        return f"{name}:{(self.secure if secure else self.plain).rpartition(':')[2]}"

    def url(self, name: str, secure: bool, path: str) -> str:
        return f"http{'s' if secure else ''}://{self.host(name, secure)}{path}"

    @contextmanager
    def connect(self, host: str, secure: bool) -> Iterator[socket.socket]:
        """A connection; with HTTPS one whose chain and name were verified."""
        address = self.secure if secure else self.plain
        ip, _, port = address.rpartition(":")
        with socket.create_connection((ip or "127.0.0.1", int(port)), timeout=10) as plain:
            if not secure:
                yield plain
                return
            with self.pebble.trust().wrap_socket(plain, server_hostname=host) as wrapped:
                yield wrapped

    def serial(self, host: str = SHOP) -> str:
        """Of the certificate that is served."""
        with self.connect(host, True) as connected:
            assert isinstance(connected, ssl.SSLSocket)
            found = connected.getpeercert()
            assert found
            return str(found["serialNumber"])

    def make_due(self) -> None:
        """Two thirds of the certificate's time are over."""
        self.clock.ahead = DAYS_90 * 0.7


class HttpsContract:
    """What users get, whichever proxy it is."""

    def test_plain_requests_are_answered_before_there_is_a_certificate(
        self, reached: Reached
    ) -> None:
        """At once, by the copy, and nobody is sent to HTTPS or told to come by it."""
        reached.pebble.down()
        begun = time.monotonic()
        reached.put(reached.site(SHOP, hsts=600))
        assert time.monotonic() - begun < 5
        status, headers, body = reached.get(SHOP, secure=False)
        assert (status, body) == (200, "1")
        assert "Strict-Transport-Security" not in headers
        with pytest.raises(OSError):  # noqa: PT011  refused, or no certificate to speak with
            reached.get(SHOP)

    def test_https_follows_with_a_chain_that_verifies(self, reached: Reached) -> None:
        """Served by the copy, with HSTS; plain requests are sent there, method and path kept."""
        wanted = reached.site(SHOP, WWW, hsts=600)
        reached.put(wanted)
        reached.certify(SHOP, WWW)
        for name in (SHOP, WWW):
            status, headers, body = reached.get(name, "/echo")
            assert (status, headers["Strict-Transport-Security"]) == (200, "max-age=600")
            assert "X-Forwarded-Proto: https\r\n" in body
            assert "X-Forwarded-For: 127.0.0.1\r\n" in body
            status, headers, _ = reached.get(name, "/a?b=c", False, "POST")
            assert (status, headers["Location"]) == (308, reached.url(name, True, "/a?b=c"))
            assert "Strict-Transport-Security" not in headers
        assert reached.seen() == (wanted, "")
        assert ("renew", "done") in reached.journal.said()

    def test_without_redirect_both_serve(self, reached: Reached) -> None:
        """As asked for."""
        reached.put(reached.site(SHOP, redirect=False))
        reached.certify(SHOP)
        assert [reached.get(SHOP, secure=secure)[0] for secure in (False, True)] == [200, 200]

    def test_other_names_are_sent_to_the_canonical_one(self, reached: Reached) -> None:
        """From either door, in one step, once there is a certificate; plainly before that."""
        reached.put(reached.site(SHOP, WWW, canonical=SHOP))
        status, headers, _ = reached.get(WWW, "/a", False)
        assert (status, headers["Location"]) == (308, reached.url(SHOP, False, "/a"))
        reached.certify(SHOP, WWW)
        for secure in (False, True):
            status, headers, _ = reached.get(WWW, "/a", secure)
            assert (status, headers["Location"]) == (308, reached.url(SHOP, True, "/a"))
        assert reached.get(SHOP)[2] == "1"

    def test_a_name_nobody_has_gets_421(self, reached: Reached) -> None:
        """And reaches no copy."""
        reached.put(reached.site(SHOP))
        assert reached.get(BLOG, secure=False)[0] == 421

    def test_our_own_address_answers_to_every_name(self, reached: Reached) -> None:
        """Also once everybody else is sent to HTTPS: smoke checks ask there."""
        reached.put(reached.site(SHOP))
        assert reached.users.ask(2) == {"1": 2}
        reached.certify(SHOP)
        assert reached.users.ask(2) == {"1": 2}

    def test_a_switch_is_a_switch_at_every_door(self, reached: Reached) -> None:
        """And changes nothing else."""
        reached.put(reached.site(SHOP))
        reached.certify(SHOP)
        serial = reached.serial()
        for copy in (2, 1):
            reached.put(reached.site(SHOP, copy=copy))
            assert reached.get(SHOP)[2] == str(copy)
            assert reached.users.ask() == {str(copy): 1}
        assert reached.serial() == serial

    def test_two_places_share_the_doors_by_name(self, reached: Reached) -> None:
        """Each has its own certificate; a domain that somebody has is refused, with who it is."""
        reached.put(reached.site(SHOP))
        reached.put(reached.site(BLOG, copy=2, place=OTHER))
        reached.certify(SHOP)
        keeper = reached.keeper
        until(lambda: keep(keeper, OTHER, (BLOG,)) and keeper.source.held((BLOG,)), 40.0)
        assert (reached.get(SHOP)[2], reached.get(BLOG)[2]) == ("1", "2")
        assert reached.users.proxy.holders((SHOP, BLOG, WWW)) == {SHOP: PLACE, BLOG: OTHER}
        with pytest.raises(Refused, match=f"cannot have {SHOP}: {PLACE} has it"):
            reached.users.proxy.put(reached.site(BLOG, SHOP, copy=2, place=OTHER), 2.0)
        reached.users.proxy.remove(OTHER, "web")
        assert reached.get(BLOG, secure=False)[0] == 421
        assert reached.get(SHOP)[2] == "1"
        assert reached.seen()[1] == ""

    def test_a_new_domain_does_not_end_https_for_the_others(self, reached: Reached) -> None:
        """Until it has a certificate it is served plainly, and they as before."""
        reached.put(reached.site(SHOP))
        reached.certify(SHOP)
        reached.pebble.leads(BAD, "127.0.0.9")
        reached.put(reached.site(SHOP, BAD))
        reached.keep(SHOP, BAD)
        assert reached.get(SHOP)[::2] == (200, "1")
        assert reached.get(SHOP, secure=False)[0] == 308
        assert reached.get(BAD, secure=False)[::2] == (200, "1")

    def test_a_domain_that_leads_elsewhere_is_named(self, reached: Reached) -> None:
        """In the record, once, and with the place to look; plain requests go on."""
        reached.pebble.leads(BAD, "127.0.0.9")
        reached.put(reached.site(BAD))
        until(lambda: reached.keep(BAD) and reached.keeper.source.fault((BAD,)), 40.0)
        fault = reached.keeper.source.fault((BAD,))
        assert fault
        assert BAD in fault.what
        assert "127.0.0.9" in fault.what
        assert "DNS" in fault.hint
        failed = [e for e in reached.journal.events if e.outcome.value == "failed"]
        assert [event.why for event in failed] == [fault.what]
        assert reached.get(BAD, secure=False)[0] == 200

    def test_an_authority_that_is_down_hurts_nobody(self, reached: Reached) -> None:
        """What is served is served on; the failure is said, and nobody is asked again at once."""
        reached.put(reached.site(SHOP))
        reached.certify(SHOP)
        reached.pebble.down()
        reached.put(reached.site(SHOP, BLOG))
        until(lambda: reached.keep(SHOP, BLOG) and reached.keeper.source.fault((SHOP, BLOG)), 40.0)
        fault = reached.keeper.source.fault((SHOP, BLOG))
        assert fault
        assert "connection refused" in fault.what.lower()
        with Traffic(reached.plain, 100, host=BLOG) as traffic:
            before = len(reached.journal.events)
            for _ in range(3):
                reached.keep(SHOP, BLOG)
            traffic.wait_for(50)
            assert len(reached.journal.events) == before
        assert traffic.failures[:5] == []
        assert reached.get(SHOP)[2] == "1"

    def test_the_owners_files_are_served_and_read_again_when_they_change(
        self, reached: Reached, tmp_path: Path
    ) -> None:
        """Without the authority; a new content is served at the next look."""
        certificate, key = signed(tmp_path, "owner", [SHOP])
        tmp_path.chmod(0o755)
        wanted = reached.site(SHOP, certificate=str(certificate), key=str(key))
        reached.put(wanted)
        first = _served(reached)
        assert first == certificate.read_text()
        assert reached.get(SHOP, secure=False)[0] == 308
        signed(tmp_path, "owner", [SHOP])
        assert reached.seen() == (wanted, "")
        reached.keep()
        assert _served(reached) == certificate.read_text() != first
        assert reached.seen() == (wanted, "")
        assert reached.users.proxy.refresh(PLACE) is False

    def test_a_missing_file_of_the_owner_is_refused(self, reached: Reached) -> None:
        """And what was served is served on."""
        reached.put(reached.site(SHOP))
        with pytest.raises(FairleadError, match=r"nowhere\.pem"):
            reached.users.proxy.put(
                reached.site(SHOP, certificate="/nowhere.pem", key="/nowhere.key"), 2.0
            )
        assert reached.get(SHOP, secure=False)[2] == "1"
        assert reached.seen()[1] == ""

    def test_requests_at_every_door_are_counted(self, reached: Reached) -> None:
        """For their place, and for no other."""
        reached.put(reached.site(SHOP))
        reached.put(reached.site(BLOG, copy=2, place=OTHER))
        reached.certify(SHOP)
        count = reached.users.proxy.counters
        before = count(PLACE)
        other = count(OTHER).requests
        assert [reached.get(SHOP)[0] for _ in range(3)] == [200] * 3
        assert reached.get(SHOP, "/status/500")[0] == 500
        reached.users.ask(2)
        until(lambda: count(PLACE).requests - before.requests == 6)
        assert count(PLACE).failed - before.failed == 1
        assert (count(PLACE).since, count(OTHER).requests) == (before.since, other)

    def test_killed_and_started_again_it_serves_the_same(self, reached: Reached) -> None:
        """Certificate, redirect and all, while the authority is down."""
        wanted = reached.site(SHOP, hsts=600)
        reached.put(wanted)
        reached.certify(SHOP)
        serial = reached.serial()
        reached.pebble.down()
        reached.users.kill()
        reached.users.start()
        until(lambda: _serial_or_none(reached) == serial)
        assert reached.get(SHOP, secure=False)[0] == 308
        assert reached.seen() == (wanted, "")


def _serial_or_none(reached: Reached) -> str | None:
    try:
        return reached.serial()
    except OSError:
        return None


def _served(reached: Reached) -> str:
    ip, _, port = reached.secure.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((ip, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=SHOP) as wrapped,
    ):
        found = wrapped.getpeercert(binary_form=True)
        assert found
        return ssl.DER_cert_to_PEM_cert(found)


def renewed_under_traffic(reached: Reached, renew: Callable[[], object]) -> Counter[str]:
    """Renew while users come by HTTPS; none of them fails, and another certificate is served."""
    serial = reached.serial()
    secure = reached.pebble.trust()
    with Traffic(reached.secure, 100, host=SHOP, secure=secure, look=True) as traffic:
        traffic.wait_for(100)
        renew()
        until(lambda: reached.serial() != serial, 40.0)
        traffic.wait_for(100)
    assert traffic.failures[:5] == []
    assert traffic.answered >= 200
    return traffic.by_copy
