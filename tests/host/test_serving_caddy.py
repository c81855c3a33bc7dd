"""The same server with Caddy before the apps: fairlead-caddy.service, switched by its live slots."""

from collections.abc import Iterator

import pytest

from host.machine import Machine, booted, ours, timed
from host.test_server import Person, install, put
from host.test_serving import Site, until
from needs import needs

pytestmark = [timed, pytest.mark.soak]  # one push under Caddy is in test_secure


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    needs("ssh", package="openssh-client", adds="push over SSH")
    with booted(size="3G", binds=ours()) as made:
        put(made, "0.1.0", lambda code: None, tmp_path_factory.mktemp("code"))
        made.run("systemctl", "enable", "--now", "ssh")
        install(made, "--proxy", "caddy")
        yield made


@pytest.fixture(scope="module")
def shop(server: Machine, tmp_path_factory: pytest.TempPathFactory) -> Site:
    person = Person(server, "ada", tmp_path_factory.mktemp("people") / "ada")
    site = Site(person.allowed("push:*", "admin"), "shop", 8080)
    site.released()
    return site


def test_releases_and_a_way_back_cost_no_request(shop: Site) -> None:
    """A migration, a worker, a page loaded before the switch; and back over SSH."""
    with shop.users():
        (shop.clone / "migrations/0002_more.sql").write_text("create table more (id integer);")
        shop.change("second")
        shop.released()
        shop.serves("second")
        shop.change("third")
        shop.released()
        done = shop.person.says("rollback", "shop/production")
        assert done.exit == 0, done.stderr
        shop.serves("second")


def test_a_reboot_brings_back_exactly_what_was_desired(shop: Site) -> None:
    """Caddy too comes up with what it served."""
    until(lambda: len(shop.units()) == 3, "the last release has settled")
    word, units = shop.version()["word"], shop.units()
    shop.server.reboot()
    shop.serves(word)
    until(lambda: shop.units() == units, f"{units} run again")
