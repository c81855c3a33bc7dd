"""What befalls a server: a full disk, a stolen user, keys with too few rights, hostile pushes,
hands that meddle, approvals, two environments beside each other, clean-up, jobs cut short."""

import io
import json
import shutil
import subprocess
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from fairlead.demo.runners import TrafficProcess
from host.machine import Machine, Ran, booted, ours, timed
from host.test_server import FAIRLEAD, Person, install, put
from host.test_serving import Site, until
from needs import needs

pytestmark = timed
SIZE = "1500M"
HERE = Path(__file__).with_name("app")
SECRET = "planted-2c7d41-value"
PAIR = """\
[environment.staging]
branch = "main"
listen = "127.0.0.1:8083"

[environment.staging.settings]
DATABASE_URL = "sqlite:///{data}/app.sqlite3"

[environment.production]
approval = true
listen = "127.0.0.1:8082"
strategy = "rolling"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    needs("ssh", package="openssh-client", adds="push over SSH")
    with booted(size=SIZE, binds=ours()) as made:
        put(made, "0.1.0", lambda code: None, tmp_path_factory.mktemp("code"))
        made.run("systemctl", "enable", "--now", "ssh", "nginx")
        install(made)
        yield made


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("people")


@pytest.fixture(scope="module")
def shop(server: Machine, people: Path) -> Site:
    site = Site(Person(server, "ada", people / "ada").allowed("push:*", "admin"), "shop", 8080)
    shutil.copy(HERE / "worker.py", site.clone)
    _edit(
        site,
        ('settle = "1s"\nstop_limit = "5s"', 'settle = "0s"\nstop_limit = "2s"'),
        ("copies = 2", "copies = 1"),
        ('directory = "public"', 'directory = "public"\nkeep = "1s"'),
        ('app = "shop"', 'app = "shop"\nkeep = 2'),
        ('"rolling"', '{ kind = "blue-green", hold = "0s" }'),
    )
    site.change("good")
    site.released()
    return site


@pytest.fixture(scope="module")
def other(server: Machine, people: Path) -> Site:
    site = Site(Person(server, "bob", people / "bob").allowed("push:other"), "other", 8081)
    site.released()
    return site


def _edit(site: Site, *pairs: tuple[str, str]) -> None:
    file = site.clone / "fairlead.toml"
    text = file.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


def _agent(server: Machine) -> int:
    return int(server.run("systemctl", "show", "-P", "MainPID", "fairlead-agent").stdout)


def _said(ran: Ran) -> str:
    return ran.stdout + ran.stderr


@contextmanager
def _hands_off(site: Site, allowed: int = 0) -> Iterator[None]:
    """Users with short requests throughout; at most so many may fail."""
    prefix = ["nsenter", f"--target={site.server.leader}", "--net"]
    url = f"http://127.0.0.1:{site.port}"
    with TrafficProcess(url, 60.0, prefix=prefix, paths=(("/version", 1),)) as traffic:
        until(lambda: traffic.snapshot.sent > 10, "users have come")
        yield
        report = traffic.stop()
    told = "; ".join(f"{f.what} {f.path}" for f in report.failures[:5])
    assert report.failed <= allowed, f"{report.failed} of {report.sent}: {told}"


# A stolen user.


def test_a_stolen_user_opens_nothing_of_others(shop: Site, other: Site) -> None:
    """Neither as that user of the machine, nor inside its own unit's ground: no data, secret,
    socket, process, key, journal, unit or release, its own release included."""
    server = shop.server
    server.run(FAIRLEAD, "secret", "set", "shop/production", "COLOUR", input=SECRET)
    until(lambda: shop.version().get("setting") == SECRET, "the secret is there")
    server.write("/tmp/stolen.py", (HERE / "stolen.py").read_text())
    agent, foreign = _agent(server), "fl-shop-production,root,fairlead,www-data"
    pids = server.run("pgrep", "-u", foreign).stdout.split()
    listed = server.run("sh", "-c", "ls /run/fairlead/*/*.sock; ls -d /run/fairlead/*").stdout
    own = server.run("find", "/run/fairlead", "-user", "fl-other-production").stdout.split()
    words = [*pids, *(set(listed.split()) - set(own))]
    unit = next(unit for unit in other.units() if ".worker." in unit)
    inside = server.run("systemctl", "show", "-P", "MainPID", unit).stdout.strip()
    as_it = ("--reuid=fl-other-production", "--regid=fl-other-production", "--clear-groups",
             "--no-new-privs", "--bounding-set=-all")  # fmt: skip
    program = (HERE / "stolen.py").read_text()
    tree = server.run("readlink", f"/proc/{inside}/cwd").stdout.strip()
    grounds = (
        ("env", f"--chdir={tree}"),
        ("nsenter", f"--target={inside}", "--mount", f"--wd=/proc/{inside}/cwd"),
    )
    for ground in grounds:
        ran = server.run(*ground, "setpriv", *as_it, "python3", "-", *words, input=program)
        assert ran.stdout.splitlines() == ["tried everything"], (ground[0], ran.stdout)
    assert _agent(server) == agent
    assert shop.version()["setting"] == SECRET


# Keys.


def test_a_key_with_too_few_rights_does_nothing(shop: Site, other: Site) -> None:
    """Another app's push, settings, secrets, way back, approval; the server's upgrade."""
    bob, release = other.person, shop.version()["release"]
    refused = bob.push("shop", "main")
    assert refused.exit != 0
    assert "bob may not push shop" in refused.stderr
    beyond = ["set shop/production COLOUR=x", "rollback shop/production", "approve shop/production",
              "approve other/production", "promote other/production shop/production",
              "drift shop/production --revert", "logs shop/production", "status",
              "secret set shop/production COLOUR", "secret list shop/production", "server upgrade",
              "server key add eve", "agent stop", "down"]  # fmt: skip
    for command in beyond:
        said = bob.says(*command.split())
        assert said.exit == 12, (command, said)
        assert "hint:" in _said(said), command
    recorded = shop.server.run(FAIRLEAD, "record", "show", "--lines", "80").stdout
    assert recorded.count("bob refused") >= len(beyond) or recorded.count("bob may not") >= 8
    assert shop.version()["release"] == release


def test_a_key_taken_away_ends_what_its_connection_may(server: Machine, people: Path) -> None:
    """A connection that is still open answers nothing more."""
    eve = Person(server, "eve", people / "eve").allowed("read")
    door = str(people / "m")
    shared = ["-o", f"ControlPath={door}", "fairlead@127.0.0.1"]
    server.beside(*eve.ssh, "-M", "-N", "-f", *shared)
    try:
        assert server.beside(*eve.ssh, "-T", *shared, "status", check=False).exit == 0
        server.run(FAIRLEAD, "server", "key", "remove", "eve")
        later = server.beside(*eve.ssh, "-T", *shared, "status", check=False)
        assert later.exit == 12, later
        assert "eve may not status" in _said(later)
        assert eve.says("status").exit == 255
    finally:
        server.beside(*eve.ssh, "-O", "exit", *shared, check=False)


# Pushes.

BRANCHES = [
    "$(touch${IFS}pwned)", "`touch-pwned`", "a;touch-pwned;b", "quote'and\"quote", "main|cat",
    "-dash/--upload-pack=touch-pwned", "--exec=x", "schöne-Straße/日本", "a&b>c<d",
    "percent%0Anewline", "HEADS/heads/refs/heads/main", "x" * 200,
]  # fmt: skip


def test_branches_with_hostile_names_are_only_names(shop: Site) -> None:
    """They are verified like any; nothing is run, and nothing is released."""
    release = shop.version()["release"]
    refs = [f"HEAD:refs/heads/{name}" for name in BRANCHES]
    pushed = shop.person.git("push", "fairlead@127.0.0.1:shop.git", *refs)
    assert pushed.exit == 0, pushed.stderr
    for name in BRANCHES:
        assert f"{name}: accepted: passed" in pushed.stderr
    assert shop.version()["release"] == release
    found = shop.server.run("find", "/", "-xdev", "-name", "*pwned*").stdout.splitlines()
    assert [path for path in found if "/refs/heads/" not in path] == []


class Hostile:
    """Commits that no honest git would make, on what the clone has."""

    def __init__(self, site: Site) -> None:
        self._clone, self._site = site.clone, site
        self.base = [self._entry(line) for line in self.git("ls-tree", "HEAD").splitlines()]

    def git(self, *argv: str, feed: bytes = b"") -> str:
        whole = ["git", "-C", str(self._clone), *argv]
        return subprocess.run(whole, input=feed, capture_output=True, check=True).stdout.decode()

    @staticmethod
    def _entry(line: str) -> bytes:
        return line.encode()

    def entry(self, name: bytes, content: bytes, mode: str = "100644") -> bytes:
        blob = self.git("hash-object", "-w", "--stdin", feed=content).strip()
        return f"{mode} blob {blob}\t".encode() + name

    def tree(self, *entries: bytes) -> bytes:
        made = self.git("mktree", "-z", "--missing", feed=b"".join(one + b"\0" for one in entries))
        return b"040000 tree " + made.strip().encode()

    def commit(self, *entries: bytes, manifest: bytes = b"") -> str:
        kept = [one for one in self.base if not (manifest and one.endswith(b"\tfairlead.toml"))]
        more = [self.entry(b"fairlead.toml", manifest)] if manifest else []
        tree = self.tree(*kept, *more, *entries).split()[-1].decode()
        return self.git("commit-tree", tree, "-m", "hostile").strip()

    def push(self, commit: str, branch: str = "main") -> Ran:
        where = f"{commit}:refs/heads/{branch}"
        return self._site.person.git("push", "--force", "fairlead@127.0.0.1:shop.git", where)


def _bomb(hostile: Hostile) -> bytes:
    """Ten to the seventh files, in a push of two kilobytes."""
    tree = hostile.tree(hostile.entry(b"file", b"x"))
    for _ in range(7):
        tree = hostile.tree(*(tree + f"\td{n}".encode() for n in range(10)))
    return tree + b"\tbomb"


def _zeros(hostile: Hostile) -> list[bytes]:
    """More than the disk holds, in a push of some kilobytes."""
    blob = hostile.entry(b"", bytes(160 << 20)).partition(b"\t")[0]
    return [blob + f"\tzeros{n}".encode() for n in range(12)]


@pytest.mark.soak
def test_hostile_trees_are_refused_and_the_agent_stays_small(shop: Site) -> None:
    """Each with a sentence, within 160 MB (a tree of 200,000 files); nobody notices."""
    hostile, server, agent = Hostile(shop), shop.server, _agent(shop.server)
    head = hostile.git("rev-parse", "HEAD").strip()
    module = f"160000 commit {head}\tvendored".encode()
    mine = (shop.clone / "fairlead.toml").read_bytes()
    before = {name: hostile.entry(name.encode(), b"x") for name in (".git", ".GIT", ".git ", "..")}
    commits = {
        "a link that leaves the tree, to /etc/passwd": hostile.commit(
            hostile.entry(b"out", b"/etc/passwd", "120000")
        ),
        "a link that leaves the tree, to ../../../": hostile.commit(
            hostile.entry(b"out", b"../../../../etc/shadow", "120000")
        ),
        "a link to 5000 bytes": hostile.commit(hostile.entry(b"out", b"x" * 5000, "120000")),
        "a link to a name with a NUL": hostile.commit(hostile.entry(b"out", b"a\0b", "120000")),
        "File name too long": hostile.commit(hostile.entry(b"n" * 300, b"x")),
        "vendored: a submodule": hostile.commit(module),
        "a name that is not UTF-8": hostile.commit(hostile.entry(b"caf\xe9", b"x")),
        "is too large: 200001 files": hostile.commit(_bomb(hostile)),
        "no room to lay out": hostile.commit(*_zeros(hostile)),
        "fairlead.toml: 5000012 bytes, more than 1048576": hostile.commit(
            manifest=b'app = "shop"' + b"\n" * 5_000_000
        ),
        "expected at most 262144 characters": hostile.commit(manifest=b"#" * 300_000),
        "nested too deep": hostile.commit(manifest=b"x = " + b"[" * 20_000 + b"]" * 20_000),
        "expected at most 200 dots in a line": hostile.commit(
            manifest=b".".join([b"a"] * 100_000) + b" = 1"
        ),
        "app is 'other', and this is the repository of 'shop'": hostile.commit(
            manifest=mine.replace(b'app = "shop"', b'app = "other"')
        ),
        **{
            f"contains '{'..' if name == '..' else '.git'}' {name}": hostile.commit(entry)
            for name, entry in before.items()
        },
    }
    server.run(
        "sh", "-c", f"echo 5 >/proc/{agent}/clear_refs"
    )  # proc(5): the peak is measured from now on
    small = _memory(server, agent)
    with _hands_off(shop):
        for sentence, commit in commits.items():
            pushed = hostile.push(commit)
            wanted = sentence.partition("' ")[0] if sentence.startswith("contains") else sentence
            assert pushed.exit == 1, (sentence, pushed)
            assert wanted in pushed.stderr, (sentence, pushed.stderr[-2000:])
            assert "report this" not in pushed.stderr
            assert "Traceback" not in pushed.stderr
    assert _agent(server) == agent
    assert _memory(server, agent, "VmHWM") - small < 160_000
    assert _memory(server, agent) - small < 80_000


def _memory(server: Machine, pid: int, what: str = "VmRSS") -> int:
    """Of a process, in kB."""
    lines = server.read(f"/proc/{pid}/status").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def test_large_and_packed_pushes_are_only_bytes(shop: Site) -> None:
    """20,000 files and a zip bomb are verified and laid out as they are, never unpacked; ``..git``
    is a name like any."""
    hostile, agent = Hostile(shop), _agent(shop.server)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("unpacked-zeros", bytes(64 << 20))
    blob = hostile.entry(b"", b"x").partition(b"\t")[0]
    many = hostile.tree(*(blob + f"\tfile{n}".encode() for n in range(20_000)))
    odd = hostile.entry(b"..git", b"x")
    commit = hostile.commit(many + b"\tmany", hostile.entry(b"bomb.zip", zipped.getvalue()), odd)
    pushed = hostile.push(commit, "large")
    assert "large: accepted: passed" in pushed.stderr, pushed.stderr
    assert shop.server.run("find", "/", "-xdev", "-name", "unpacked-zeros").stdout == ""
    assert _agent(shop.server) == agent
    assert _memory(shop.server, agent) < 120_000


# A full disk.


@contextmanager
def _full(server: Machine) -> Iterator[None]:
    script = "fallocate -l $(($(stat -f -c '%a * %S' /))) /hog; cat /dev/zero >>/hog || true"
    server.run("sh", "-c", script)
    try:
        yield
    finally:
        server.run("rm", "-f", "/hog")


def test_a_disk_that_is_full_refuses_a_push_with_the_figures(shop: Site) -> None:
    """What serves serves on; with room again, the same push works."""
    word = shop.version()["word"]
    shop.change("after the flood")
    with _hands_off(shop):
        with _full(shop.server):
            pushed = shop.person.push("shop", "main")
            assert pushed.exit != 0
            assert "Traceback" not in pushed.stderr, pushed.stderr
            assert "report this" not in pushed.stderr, pushed.stderr
            assert "free" in pushed.stderr or "No space left" in pushed.stderr, pushed.stderr
            assert shop.version()["word"] == word
        shop.released()
    assert shop.version()["word"] == "after the flood"


def test_a_build_that_fills_the_disk_is_refused_and_leaves_nothing(shop: Site) -> None:
    """With the figures; the old release serves, and the next push works."""
    word = shop.version()["word"]
    good = (shop.clone / "build.py").read_text()
    fill = "open('big', 'wb').write(bytes(1 << 20))\nwhile True:\n    with open('big', 'ab') as f:\n        f.write(bytes(8 << 20))\n"  # noqa: E501
    (shop.clone / "build.py").write_text(fill)
    shop.change("too big")
    with _hands_off(shop):
        pushed = shop.person.push("shop", "main")
        assert "bytes are free" in pushed.stderr, pushed.stderr[-2000:]
        assert shop.version()["word"] == word
        free = int(shop.server.run("stat", "-f", "-c", "%a", "/").stdout)
        assert free * 4096 > 700 << 20, "what was half built is gone"
        (shop.clone / "build.py").write_text(good)
        shop.change("of a good size")
        shop.released()


@pytest.mark.soak
def test_a_disk_that_fills_up_in_a_rollout_leaves_one_release_whole(shop: Site) -> None:
    """The old one or the new one, all of it; nobody notices, and the next push works."""
    word = shop.version()["word"]
    shop.change("rolled out on a full disk", boot=2)
    with _hands_off(shop):
        pushing = subprocess.Popen(
            ["nsenter", f"--target={shop.server.leader}", "--net", "env",
             f"GIT_SSH_COMMAND={' '.join(shop.person.ssh)}", "git", "-C", str(shop.clone), "push",
             "fairlead@127.0.0.1:shop.git", "HEAD:main"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        status = (FAIRLEAD, "status", "shop")
        until(lambda: "rolling out" in shop.server.run(*status, check=False).stdout, "begun")
        with _full(shop.server):
            with suppress(subprocess.TimeoutExpired):  # it waits for room
                pushing.wait(12)
            assert shop.version()["word"] in (word, "rolled out on a full disk")
        said = pushing.communicate(timeout=60)[1]
        assert "Traceback" not in said
        until(lambda: len(shop.units()) == 2, "the copies are whole")
        shop.change("there is room")
        shop.released()
        shop.serves("there is room")
    assert shop.server.run(FAIRLEAD, "record", "verify", check=False).exit == 0


# Hands that meddle.


def _drift(site: Site, *words: str) -> str:
    return site.server.run(FAIRLEAD, "drift", f"{site.app}/production", *words).stdout


def _web(site: Site) -> list[str]:
    return [unit for unit in site.units() if ".web." in unit]


def test_a_copy_killed_or_stopped_by_hand_is_started_again(other: Site) -> None:
    """It is shown as drift while it is not there, and reverting waits until it is."""
    until(lambda: len(other.units()) == 3, "whole")
    before = other.units()
    with _hands_off(other, allowed=3):
        other.server.run("systemctl", "kill", "-s", "KILL", before[0])
        until(lambda: other.units() == before, "killed, and there again")
        other.server.run("systemctl", "stop", before[0])
        assert "web.1 of release" in _drift(other)
        assert "is not there" in _drift(other)
        _drift(other, "--revert")
        until(lambda: other.units() == before, "stopped, and there again")
    assert "nothing is amiss" in _drift(other)


@pytest.mark.soak
def test_a_masked_copy_stops_a_way_back_and_says_who(shop: Site) -> None:
    """What serves serves on; unmasked, the same command works."""
    shop.change("before the mask")
    shop.released()
    back = shop.version()["release"]
    shop.change("behind the mask")
    shop.released()
    until(lambda: len(shop.units()) == 2, "the old copies are gone")
    unit = f"fairlead-shop.production.web.{back}.1.service"
    with _hands_off(shop):
        shop.server.run("systemctl", "mask", unit)
        done = shop.person.says("rollback", "shop/production")
        assert done.exit == 1, done
        assert f"somebody masked the unit of web.1 of release {back}: {unit}" in _said(done)
        assert shop.version()["word"] == "behind the mask"
        shop.server.run("systemctl", "unmask", unit)
        done = shop.person.says("rollback", "shop/production")
        assert done.exit == 0, done
        shop.serves("before the mask")


# Two environments, and an approval between them.


@pytest.mark.soak
def test_staging_and_production_side_by_side(server: Machine, shop: Site, people: Path) -> None:
    """One artifact, promoted and approved over SSH by whom may; else nothing in common."""
    site = Site(Person(server, "pia", people / "pia").allowed("push:pair"), "pair", 8083)
    text = (site.clone / "fairlead.toml").read_text()
    own = text.partition("[environment.production]")[0]
    handed = '\n[environment.production.settings]\nDATABASE_URL = "sqlite:///{data}/app.sqlite3"\n'
    (site.clone / "fairlead.toml").write_text(own + PAIR + handed)
    site.change("side by side")
    site.released()
    pia, ada = site.person, shop.person
    rea = Person(server, "rea", people / "rea").allowed("read")
    assert _said(pia.says("promote", "pair/staging", "pair/production"))
    for who in (pia, rea):
        refused = who.says("approve", "pair/production")
        assert refused.exit == 12, refused
    assert not server.run(
        "systemctl", "list-units", "--plain", "fairlead-pair.production.*"
    ).stdout.count("web")
    digest = _plan(ada)
    server.run(FAIRLEAD, "secret", "set", "pair/staging", "COLOUR", input="of-staging")
    stale = ada.says("approve", "pair/production", "--plan", "sha256:0123456789ab")
    assert stale.exit == 3
    assert "no longer applies" in _said(stale)
    approved = ada.says("approve", "pair/production", "--plan", digest)
    assert approved.exit == 0, approved
    live = Site.__new__(Site)
    live.server, live.person, live.app, live.port, live.clone = (
        server,
        pia,
        "pair",
        8082,
        site.clone,
    )
    live.serves("side by side")
    assert (live.version()["setting"], site.version()["setting"]) == ("", "of-staging")
    shown = server.run("ps", "-eo", "user:32,args").stdout
    sockets = {
        tuple(line.split()[::3])
        for line in shown.splitlines()
        if "fl-pair" in line and "server.py" in line
    }
    users = {user for user, _ in sockets}
    assert users == {"fl-pair-staging", "fl-pair-production"}
    assert len({path for _, path in sockets}) == len(sockets)
    trees = server.run(
        "sh",
        "-c",
        "for p in $(pgrep -u fl-pair-staging,fl-pair-production -f server.py);"
        " do readlink /proc/$p/cwd; done",
    ).stdout.split()
    assert len(set(trees)) == 1
    for place in ("staging", "production"):
        assert (
            server.run("test", "-e", f"/var/lib/fairlead/apps/pair/{place}/data/app.sqlite3").exit
            == 0
        )


def _plan(person: Person) -> str:
    told = json.loads(person.says("plan", "pair/production", "--json").stdout)
    return str(told["digest"])


# Clean-up.

FOREIGN = {
    "/var/lib/fairlead/store/mine.txt": "mine",
    "/var/lib/fairlead/store/artifacts/mine/file": "mine",
    "/etc/systemd/system/fairlead-mine.service": "[Service]\nExecStart=/bin/true\n",
    "/etc/systemd/system/fairlead-shop.production.mine.service": "[Service]\nExecStart=/bin/true\n",
    "/etc/nginx/conf.d/fairlead-mine.conf": 'server { listen 127.0.0.1:8098; return 200 "mine"; }\n',
    "/var/lib/fairlead/mine": "mine",
}
CLEAN = """
from fairlead.artifact.flow import clean
from fairlead.service.clean import needed
from fairlead.wire import home_of, tools_of
tools = tools_of(home_of("/var/lib/fairlead"), "root")
clean(tools.shop, needed(tools), "root", grace=0)
"""


@pytest.mark.soak
def test_clean_up_keeps_the_last_good_releases_and_what_is_not_ours(shop: Site) -> None:
    """Two good ones, says the manifest; a foreign file, unit and site stay."""
    server = shop.server
    for path, text in FOREIGN.items():
        server.write(path, text)
    server.run("systemctl", "reload", "nginx")
    for word in ("kept", "kept as well"):
        shop.change(word)
        shop.released()
    shop.change("broken", crash=True)
    assert "returned: " in shop.person.push("shop", "main").stderr
    before = _artifacts(server)
    python = "/opt/fairlead/current/bin/python"
    server.run(python, "-I", "-c", CLEAN)
    left = _artifacts(server)
    assert left < before
    for path, text in FOREIGN.items():
        assert server.read(path) == text
    # Those of pair and other, and of shop: what serves, the one before, the broken one's.
    assert len(left) <= 6, left
    done = shop.person.says("rollback", "shop/production")
    assert done.exit == 0, done
    shop.serves("kept")


def _artifacts(server: Machine) -> set[str]:
    listed = server.run(
        "sh", "-c", "ls -d /var/lib/fairlead/store/artifacts/*/artifact.json"
    ).stdout
    return set(listed.split())


# Jobs.


@pytest.mark.soak
def test_a_worker_never_runs_twice_and_ends_its_job_within_its_limit(shop: Site) -> None:
    """Across five releases: a job that fits is finished, one that does not is cut off at the
    limit of two seconds, and the next worker begins only then."""
    log = "/var/lib/fairlead/apps/shop/production/data/worked"
    shop.server.run("rm", "-f", log)
    for number, finish in enumerate((0, 0.5, 30, 0, 0)):
        shop.change(f"job {number}", finish=finish)
        assert "returned: " not in (said := shop.released()), said
    until(lambda: len(shop.units()) == 2, "whole")
    seen: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for line in shop.server.read(log).splitlines():
        pid, what, at = line.split()
        seen[pid].append((what, float(at)))
    lives = sorted((one[0][1], one[-1][1], one[-1][0]) for one in seen.values())
    for (_, end, _), (begin, _, _) in pairwise(lives):
        assert begin > end, lives
    assert [how for _, _, how in lives[-5:]] == ["end", "end", "alive", "end", "alive"], lives
