"""The world changed behind Fairlead's back: found, shown, then put back or accepted."""

import json
import os
import signal
import subprocess
import time

import pytest

from fairlead.base.errors import Refused
from fairlead.base.journal import Verb
from fairlead.drivers.caddy import config
from fairlead.drivers.caddy.admin import Admin
from fairlead.service import drift
from scenes.house import App, House, kill, stray, until

SERVERS = "/config/apps/http/servers"


@pytest.fixture(scope="module")
def app(house: House) -> App:
    """An app that serves from two copies."""
    made = house.app("drifting", copies=2)
    made.released()
    made.settled()
    return made


def test_a_killed_copy_is_started_again_and_users_hardly_notice(house: House, app: App):
    """Requests that were with it are lost, and none after; nobody has to do anything."""
    before = app.pids()
    with app.users(allowed=20):
        kill(before["web.1 of release 1"])
        until(lambda: app.pids().get("web.1 of release 1", 0) not in (0, *before.values()), "again")
        app.settled()
        assert len({app.version()["pid"] for _ in range(20)}) == 2


def test_an_edited_route_is_shown_and_put_back(house: House, app: App):
    """Somebody used Caddy's own interface; --revert makes it as the release has it."""
    with _edited(house, app):
        assert "route" in house.cli("drift", str(app.place)).stdout
        put_back = house.cli("drift", str(app.place), "--revert")
        assert put_back.returncode == 0, put_back.stderr
    assert app.drift() == []
    assert app.version()["release"] == 1
    told = [e.text("how") for e in house.entries(app.name, Verb.DRIFT)]
    assert "seen" in told
    assert "reverted" in told


def test_an_edited_route_can_be_adopted(house: House, app: App):
    """Accepted as it is: no longer drift, and left alone, until the next rollout."""
    with _edited(house, app):
        assert [item.kind for item in drift.adopt(house.tools, app.place)] == ["route"]
        assert app.drift() == []
        time.sleep(1)
        assert house.tools.world.proxy.sites(app.place)[0].edited
    app.change("after it")
    app.released()
    app.settled()
    assert app.version()["release"] == 2
    assert not house.tools.world.proxy.sites(app.place)[0].edited


class _edited:  # noqa: N801  a context manager
    """A header that somebody adds to the place's route, through Caddy's admin socket."""

    def __init__(self, house: House, app: App) -> None:
        self._house, self._app = house, app

    def __enter__(self) -> None:
        admin = Admin(self._house.tools.home.caddy_socket)
        name = config.server_name(self._app.place)
        server = admin.get(SERVERS)[name]
        mine = {"handler": "headers", "response": {"set": {"X-Edited": ["by hand"]}}}
        server["routes"].insert(0, {"handle": [mine]})
        admin.set(f"{SERVERS}/{name}", server)
        until(lambda: "route" in self._app.drift(), "it is found")
        until(lambda: self._house.entries(self._app.name, Verb.DRIFT), "the agent wrote it down")

    def __exit__(self, *_: object) -> None:
        return None


def test_a_changed_file_of_a_release_is_shown_and_put_back(house: House, app: App):
    """A release never changes, so it cannot be adopted; it is built again, byte for byte."""
    app.settled()
    release = house.tools.desired(app.place).release
    tree = house.tools.shop.store.tree(release.artifact.digest)
    was = (tree / "server.py").read_bytes()
    os.chmod(tree, 0o755)
    os.chmod(tree / "server.py", 0o644)
    (tree / "server.py").write_bytes(was + b"# a quick fix\n")
    with app.users():
        until(lambda: "files" in app.drift(), "it is found")
        with pytest.raises(Refused, match="a release never does"):
            drift.adopt(house.tools, app.place)
        drift.revert(house.tools, app.place)
        assert app.drift() == []
    assert (tree / "server.py").read_bytes() == was


def test_a_stray_process_is_shown_and_ended(house: House, app: App):
    """It carries the home's mark and no copy accounts for it; others are never touched."""
    with stray(house, app) as lost, subprocess.Popen(["sleep", "60"]) as other:
        assert str(lost.pid) in house.cli("drift", str(app.place)).stdout
        drift.revert(house.tools, app.place)
        assert lost.wait(10) == -signal.SIGTERM
        assert other.poll() is None
        other.kill()
    assert app.drift() == []


def test_a_stray_process_can_be_adopted(house: House, app: App):
    """Accepted: it runs on, and is drift no longer."""
    with stray(house, app) as lost:
        told = house.cli("drift", str(app.place), "--adopt", "--json")
        assert json.loads(told.stdout)["done"] == "adopted"
        assert app.drift() == []
        time.sleep(0.5)
        assert lost.poll() is None
