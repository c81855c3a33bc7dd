"""The smallest machine: 1 GB of memory and no swap, one copy that is handed a socket.

What the server writes lies in memory too (``host.machine``), so there is less than 1 GB left.
"""

from collections.abc import Iterator

import pytest

from fairlead.demo.load import Options
from host.machine import Machine, booted, ours, timed
from host.test_server import FAIRLEAD, Person, install, put
from host.test_serving import MANIFEST, Site, until
from needs import needs

pytestmark = [timed, pytest.mark.soak]  # a small machine
GIGABYTE = 1024**3
OURS = 80 * 1024**2  # bytes, all of Fairlead that stays in memory
SHORT: Options = {"long": "", "websocket": "", "timeout": 30.0}
_ROLLING = ('"python3 server.py {{socket}}"\ncopies = 2', 'strategy = "rolling"')
_HANDED = ('"python3 server.py fd={{fd}}"\nsocket = true', 'strategy = "recreate"')


def small() -> str:
    """The scenes' app with one copy, on a socket that stays."""
    manifest = MANIFEST
    for old, new in zip(_ROLLING, _HANDED, strict=True):
        assert manifest.count(old) == 1
        manifest = manifest.replace(old, new)
    return manifest


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    needs("ssh", package="openssh-client", adds="push over SSH")
    with booted(size="3G", binds=ours(), memory=GIGABYTE) as made:
        put(made, "0.1.0", lambda code: None, tmp_path_factory.mktemp("code"))
        made.run("systemctl", "enable", "--now", "ssh", "nginx")
        install(made)
        yield made


@pytest.fixture(scope="module")
def shop(server: Machine, tmp_path_factory: pytest.TempPathFactory) -> Site:
    person = Person(server, "ada", tmp_path_factory.mktemp("people") / "ada")
    site = Site(person.allowed("push:*", "admin"), "shop", 8080, small())
    site.released()
    return site


def resident(server: Machine) -> dict[str, int]:
    """Bytes that each process of Fairlead's own keeps in memory, by what it is."""
    shown = server.run("ps", "-eo", "unit:80,rss,args", "--no-headers").stdout.splitlines()
    ours_ = [line.split(maxsplit=2) for line in shown if "fairlead" in line]
    copies = "fairlead-shop."
    return {args: int(rss) * 1024 for unit, rss, args in ours_ if not unit.startswith(copies)}


def test_a_whole_deploy_fits(shop: Site) -> None:
    """Check, build, migration and rollout beside what serves: memory is never short, so nothing
    can be ended for want of it."""
    assert shop.version()["word"] == "first"
    shop.change("second")
    shop.released()
    shop.serves("second")
    peak = shop.server.memory_peak()
    print(f"the most memory in use at once, with all that was written: {peak // 1024**2} MB")
    assert peak < GIGABYTE


def test_what_stays_of_us_is_small(shop: Site) -> None:
    """The whole control plane, once it has settled, but for proxy and database."""
    until(lambda: len(shop.units()) == 2, "the last release has settled")
    found = resident(shop.server)
    for what, size in found.items():
        print(f"{size / 1024**2:.1f} MB: {what[:100]}")
    assert 0 < sum(found.values()) <= OURS


def test_ten_releases_lose_no_request(shop: Site) -> None:
    """Old and new never run at once; what comes in between waits in the socket."""
    with shop.users(**SHORT) as traffic:
        for number in range(10):
            shop.change(f"handed {number}")
            shop.released()
            shop.serves(f"handed {number}")
    report = traffic.stop()
    print(f"{report.sent} requests, {report.failed} failed, median {report.p50_ms:.1f} ms, "
          f"p99 {report.p99_ms:.0f} ms, longest {report.max_ms:.0f} ms")  # fmt: skip
    assert report.max_ms < 5_000


def test_what_is_in_flight_ends_first(shop: Site) -> None:
    """A request of three seconds and a WebSocket: the old copy ends them, the others wait so long."""
    with shop.users(timeout=30.0) as traffic:
        shop.change("after the long one")
        shop.released()
    report = traffic.stop()
    print(f"{report.sent} requests, longest {report.max_ms:.0f} ms, {report.long_finished} long")


def test_a_broken_release_is_returned_from(shop: Site) -> None:
    """Those who came while it crashed have waited for what served before."""
    before = shop.version()["word"]
    with shop.users(**SHORT) as traffic:
        shop.change("broken", crash=True)
        pushed = shop.person.push("shop", "main")
        assert "returned: " in pushed.stderr, pushed.stderr
        shop.serves(before)
    report = traffic.stop()
    print(f"{report.sent} requests, {report.failed} failed, longest {report.max_ms:.0f} ms")
    shop.change("mended")
    shop.released()


def test_a_reboot_brings_the_socket_back(shop: Site) -> None:
    """And the copy that is handed it."""
    word = shop.version()["word"]
    shop.server.reboot()
    shop.serves(word)
    with shop.users(**SHORT):
        shop.change("after the boot")
        shop.released()


def test_nothing_of_it_stays_behind(shop: Site) -> None:
    """Uninstalled with its apps: no unit, no socket."""
    server = shop.server
    server.run(FAIRLEAD, "server", "uninstall", "--remove-apps", "--remove-data", "--yes")
    found = server.run("find", "/etc/systemd", "/run/fairlead", "-name", "*fairlead*", check=False)
    assert found.stdout == ""
    kinds = ("fairlead*.service", "fairlead*.socket")
    shown = server.run("systemctl", "list-units", "--plain", "--no-legend", *kinds).stdout
    assert shown == ""
