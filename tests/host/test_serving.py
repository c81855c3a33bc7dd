"""Apps on a real server: pushed over SSH, run by systemd, served by nginx, with users throughout."""

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Unpack

import pytest

from fairlead.demo.load import Options
from fairlead.demo.runners import TrafficProcess
from host.machine import CLONE, Machine, booted, ours, timed
from host.test_server import FAIRLEAD, Person, install, put
from needs import needs

pytestmark = timed
PATIENCE = 60.0
MANIFEST = """
app = "{app}"

[build]
kind = "command"
commands = ["python3 build.py"]

[build.assets]
url = "/static/"
directory = "public"

[check.unit]
command = "python3 check.py"

[migrate]
command = "python3 migrate.py"
files = ["migrations/*.sql"]
database = "DATABASE_URL"

[role.web]
command = "python3 server.py {{socket}}"
copies = 2
health = "/health"
stop_limit = "7s"

[role.worker]
command = "python3 worker.py"
singleton = true
settle = "1s"
stop_limit = "5s"

[smoke.version]
path = "/version"
version = "release"

[smoke.command]
command = "python3 -c pass"
limit = "10s"

[environment.production]
branch = "main"
listen = "127.0.0.1:{port}"
strategy = "rolling"

[environment.production.settings]
DATABASE_URL = "sqlite:///{{data}}/app.sqlite3"
"""


class Site:
    """An app on the server, as its developer has it."""

    def __init__(self, person: Person, app: str, port: int, manifest: str = MANIFEST) -> None:
        self.server, self.person, self.app, self.port = person.server, person, app, port
        self.clone = person.directory / "clone"
        shutil.copytree(CLONE / "tests/scenes/app", self.clone)
        (self.clone / "fairlead.toml").write_text(manifest.format(app=app, port=port))
        (self.clone / ".gitignore").write_text("public\n")
        assert person.git("init", "-q", "-b", "main").exit == 0
        self.change("first")

    def change(self, word: str, **behave: Any) -> None:
        (self.clone / "behave.json").write_text(json.dumps({"word": word, **behave}))
        self.person.git("add", ".")
        assert self.person.git("commit", "-qm", f"now {word}").exit == 0

    def released(self) -> str:
        pushed = self.person.push(self.app, "main")
        assert pushed.exit == 0, pushed.stderr
        assert "rolled out in" in pushed.stderr, pushed.stderr
        return pushed.stderr

    def version(self) -> dict[str, Any]:
        got = self.get("/version")
        return json.loads(got) if got else {}

    def get(self, path: str) -> str:
        return fetched(self.server, self.port, path)

    def serves(self, word: str) -> None:
        until(lambda: self.version().get("word") == word, f"{word} serves")

    def units(self) -> list[str]:
        """The units of its copies that run."""
        listed = self.server.run("systemctl", "list-units", "--plain", "--no-legend", "--state=active",
                                 f"fairlead-{self.app}.*.service").stdout  # fmt: skip
        return sorted(line.split()[0] for line in listed.splitlines())

    @contextmanager
    def users(self, rate: float = 60.0, **more: Unpack[Options]) -> Iterator[TrafficProcess]:
        """Users throughout the block; afterwards no request of theirs may have failed."""
        prefix = ["nsenter", f"--target={self.server.leader}", "--net"]
        url, paths = f"http://127.0.0.1:{self.port}", (("/version", 3), ("/rows", 1))
        lasting: Options = {"long": "/slow?seconds=3", "websocket": "/ws"}
        options: Options = {"paths": paths, "assets": "/", **lasting, **more}
        with TrafficProcess(url, rate, prefix=prefix, **options) as traffic:
            until(lambda: traffic.snapshot.sent > 20, "users have come")
            yield traffic
            report = traffic.stop(wait_long=True)
        told = "; ".join(f"{f.what} {f.path}" for f in report.failures[:5])
        assert (report.failed, report.asset_404) == (0, 0), f"of {report.sent}: {told}"


def fetched(server: Machine, port: int, path: str) -> str:
    """What it answers with 200, or ""."""
    url = f"http://127.0.0.1:{port}{path}"
    program = f"import urllib.request as r; print(r.urlopen({url!r}, timeout=5).read().decode())"
    return server.beside(sys.executable, "-c", program, check=False).stdout.strip()


def until(true: Any, what: str, limit: float = PATIENCE) -> Any:
    deadline = time.monotonic() + limit
    while not (found := true()):
        assert time.monotonic() < deadline, f"not within {limit:g} s: {what}"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    needs("ssh", package="openssh-client", adds="push over SSH")
    with booted(size="3G", binds=ours()) as made:
        put(made, "0.1.0", lambda code: None, tmp_path_factory.mktemp("code"))
        made.run("systemctl", "enable", "--now", "ssh", "nginx")
        install(made)
        yield made


@pytest.fixture(scope="module")
def shop(server: Machine, tmp_path_factory: pytest.TempPathFactory) -> Site:
    person = Person(server, "ada", tmp_path_factory.mktemp("people") / "ada")
    site = Site(person.allowed("push:*", "admin"), "shop", 8080)
    site.released()
    return site


@pytest.fixture(scope="module")
def other(server: Machine, tmp_path_factory: pytest.TempPathFactory) -> Site:
    person = Person(server, "bob", tmp_path_factory.mktemp("people") / "bob")
    site = Site(person.allowed("push:other"), "other", 8081)
    site.released()
    return site


def test_a_push_over_ssh_serves(shop: Site) -> None:
    """Checked, built, migrated, rolled out, and the trace line in the pusher's terminal."""
    assert shop.version()["word"] == "first"
    assert shop.get("/rows")
    assert [unit.split(".")[2] for unit in shop.units()] == ["web", "web", "worker"]


def test_each_copy_is_its_places_own_user(shop: Site, other: Site) -> None:
    """Another app's user can read neither its data, its environment, nor its sockets."""
    shown = shop.server.run("ps", "-eo", "user:32,args").stdout
    users = {line.split()[0] for line in shown.splitlines() if "server.py" in line}
    assert users == {"fl-shop-production", "fl-other-production"}
    root = "/var/lib/fairlead"
    for path in (f"{root}/apps/shop/production/data", f"{root}/keys", f"{root}/record.sqlite",
                 f"{root}/systemd", f"{root}/deploy"):  # fmt: skip
        script = 'if [ -d "$1" ]; then ls "$1"; else cat "$1"; fi'
        words = ("runuser", "-u", "fl-other-production", "--", "sh", "-c", script, "sh", path)
        assert shop.server.run(*words, check=False).exit != 0, path


def test_a_release_with_a_migration_costs_no_request(shop: Site) -> None:
    """Two copies one after the other, a worker that never overlaps, users throughout."""
    with shop.users():
        (shop.clone / "migrations/0002_more.sql").write_text("create table more (id integer);")
        shop.change("second")
        shop.released()
        shop.serves("second")


def test_a_secret_reaches_the_app_and_nobody_else(shop: Site) -> None:
    """Not in units, argument lists, logs, records or what the command line prints."""
    value = "planted-5f1c9b-value"
    server = shop.server
    server.run(FAIRLEAD, "secret", "set", "shop/production", "COLOUR", input=value)
    until(lambda: shop.version().get("setting") == value, "the secret is there")
    places = ["/etc/systemd", "/run/systemd", "/var/lib/fairlead/logs", "/var/lib/fairlead/deploy",
              "/var/log", "/etc/nginx", "/run/fairlead"]  # fmt: skip
    found = server.run("grep", "-rlI", "--", value, *places, check=False).stdout
    assert found == ""
    assert value not in server.run("ps", "axww", "-o", "args").stdout
    assert value not in server.run("systemctl", "show", "--all", "fairlead-shop.*").stdout
    for words in (["status"], ["changed", "--since", "1d"], ["plan", "shop/production"]):
        assert value not in server.run(FAIRLEAD, *words, "--json", check=False).stdout
    assert value not in server.run("strings", "-a", "/var/lib/fairlead/record.sqlite",
                                   check=False).stdout  # fmt: skip


def test_a_broken_release_is_returned_from(shop: Site) -> None:
    """A worker that ends, a web that crashes: what served serves on, whole."""
    before = shop.version()["word"]
    with shop.users():
        shop.change("broken", crash=True)
        pushed = shop.person.push("shop", "main")
        assert "returned: " in pushed.stderr, pushed.stderr
        assert shop.version()["word"] == before
    until(lambda: len(shop.units()) == 3, "the copies are whole")
    shop.change("mended")
    shop.released()


def test_one_command_goes_back(shop: Site) -> None:
    """Asked for over SSH, by a key that may."""
    before = shop.version()["word"]
    with shop.users():
        shop.change("regretted")
        shop.released()
        done = shop.person.says("rollback", "shop/production")
        assert done.exit == 0, done.stderr
        shop.serves(before)


@pytest.mark.soak
def test_an_agent_killed_in_a_rollout_carries_on(shop: Site) -> None:
    """kill -9 at several moments; systemd starts it again, and no request fails."""
    with shop.users():
        for number in range(3):
            shop.change(f"killed {number}")
            push = shop.person.push
            pid = shop.server.run("systemctl", "show", "-P", "MainPID", "fairlead-agent").stdout
            script = f"sleep {0.9 + number * 0.4}; kill -9 {int(pid)}"
            shop.server.run("systemd-run", "--collect", "sh", "-c", script)
            pushed = push("shop", "main")
            assert pushed.exit == 0, pushed.stderr
            shop.serves(f"killed {number}")


def test_a_reload_of_nginx_by_somebody_else_costs_nothing(shop: Site) -> None:
    """And another site of the machine is never touched."""
    shop.server.write("/etc/nginx/conf.d/mine.conf",
                      'server { listen 127.0.0.1:8099; return 200 "mine"; }\n')  # fmt: skip
    shop.server.run("systemctl", "reload", "nginx")
    shop.change("after the reload")
    shop.released()
    assert fetched(shop.server, 8099, "/") == "mine"
    assert shop.server.read("/etc/nginx/conf.d/mine.conf").startswith("server { listen")


def test_a_site_broken_by_somebody_else_stops_no_release(shop: Site) -> None:
    """A switch asks nginx for nothing."""
    shop.server.write("/etc/nginx/conf.d/broken.conf", "server { listen nonsense; }\n")
    try:
        shop.change("beside a broken site")
        shop.released()
    finally:
        shop.server.run("rm", "/etc/nginx/conf.d/broken.conf")


def test_a_reboot_brings_back_exactly_what_was_desired(shop: Site, other: Site) -> None:
    """The same copies, and both sites answer without anybody's help."""
    until(lambda: len(shop.units()) == 3, "the last release has settled")
    words, units = (shop.version()["word"], other.version()["word"]), (shop.units(), other.units())
    shop.server.reboot()
    until(lambda: shop.version() and other.version(), "both serve")
    assert (shop.version()["word"], other.version()["word"]) == words
    until(lambda: (shop.units(), other.units()) == units, f"{units} run again")
    shop.change("after the boot")
    shop.released()


@pytest.mark.soak
def test_a_power_cut_in_the_middle_of_a_rollout_ends_as_if_it_had_not(shop: Site) -> None:
    """What was asked for serves afterwards, whole; the record holds."""
    shop.change("through the cut", boot=1)
    pushing = threading.Thread(target=lambda: shop.person.push("shop", "main"), daemon=True)
    pushing.start()
    until(lambda: "rolling out" in shop.server.run(FAIRLEAD, "status", check=False).stdout, "begun")
    shop.server.cut()
    shop.serves("through the cut")
    until(lambda: len(shop.units()) == 3, "the copies are whole")
    done = shop.server.run(FAIRLEAD, "record", "verify", check=False)
    assert done.exit == 0, done.stdout + done.stderr


def from_ci(site: Site, known_hosts: str, *words: str, key: str = "") -> Any:
    """``fairlead release`` as a hosted CI runs it: a clone at a commit, and three secrets."""
    given = {
        "FAIRLEAD_SERVER": "fairlead@127.0.0.1",
        "FAIRLEAD_SSH_KEY": key or site.person.key.read_text(),
        "FAIRLEAD_KNOWN_HOSTS": known_hosts,
        "GITHUB_REF_NAME": "main",
    }
    command = " ".join([f"cd '{site.clone}'; exec '{sys.executable}' -m fairlead release", *words])
    variables = [f"{name}={value}" for name, value in given.items()]
    return site.server.beside("env", *variables, "sh", "-c", command, check=False)


def test_a_hosted_ci_releases(shop: Site) -> None:
    """By the server's own gate, to the end of the rollout; a server with another key is none."""
    known = shop.server.beside("ssh-keyscan", "-t", "ed25519", "127.0.0.1").stdout
    shop.change("from-ci")
    shop.person.git("checkout", "-q", "--detach")
    try:
        done = from_ci(shop, known, "--json")
        assert done.exit == 0, done.stderr
        told = json.loads(done.stdout)
        assert [place[:2] for place in told["places"]] == [["production", "serving"]]
        shop.serves("from-ci")
        host, kind, _ = known.split()[:3]
        other = (shop.person.directory / "id.pub").read_text().split()[1]
        stranger = from_ci(shop, f"{host} {kind} {other}\n")
        assert stranger.exit == 1
        assert "was not reached" in stranger.stderr
        assert "PRIVATE" not in stranger.stderr
        branch = from_ci(shop, known, "--branch", "nowhere")
        assert branch.exit == 2
        assert "no environment runs from nowhere" in branch.stderr
    finally:
        shop.person.git("checkout", "-q", "-B", "main")


def test_a_hosted_ci_is_told_that_the_gate_stays_closed(shop: Site) -> None:
    """Exit 3, and what stood in the way; what served serves on."""
    known = shop.server.beside("ssh-keyscan", "-t", "ed25519", "127.0.0.1").stdout
    serving = shop.version()["word"]
    (shop.clone / "check.py").rename(shop.clone / "check.off")
    shop.change("refused")
    try:
        refused = from_ci(shop, known)
        assert refused.exit == 3
        assert "unit failed" in refused.stderr
        assert shop.version()["word"] == serving
    finally:
        (shop.clone / "check.off").rename(shop.clone / "check.py")
        shop.change(serving)
