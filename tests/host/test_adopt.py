"""A server that was set up by hand, adopted on a real machine with users throughout: agreed,
switched, undone, agreed again, confirmed, and booted anew."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adopt.living import CASES, LivingCase
from fairlead.demo.runners import TrafficProcess
from host.machine import Machine, booted, ours, timed
from host.test_server import FAIRLEAD, install, put
from host.test_serving import fetched, until

pytestmark = timed
TOKEN, MAIL = "t0k3n-of-production-5521", "ma1l-pa55-of-production"
SITE = "/etc/nginx/sites-available/plain"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with booted(size="3G", binds=ours()) as made:
        put(made, "0.1.0", lambda code: None, tmp_path_factory.mktemp("code"))
        by_hand(made, tmp_path_factory.mktemp("hand"))
        install(made)
        yield made


def by_hand(machine: Machine, place: Path) -> None:
    """The case ``plain`` as its administrator set it up, serving on port 80."""
    case = LivingCase(CASES / "plain", place)
    (place / "etc/nginx/nginx.conf").unlink()
    (place / "etc/nginx/sites-available").mkdir()
    (place / "etc/nginx/sites-enabled/plain").rename(place / SITE.lstrip("/"))
    (place / "etc/nginx/sites-enabled/plain").symlink_to(SITE)
    assert case.clone.is_dir()
    tar = ["tar", "-C", str(place), "-cf", "-", "srv", "etc"]
    packed = subprocess.run(tar, check=True, capture_output=True).stdout
    entered = ["nsenter", f"--target={machine.leader}", "--all", "tar", "-C", "/", "-xf", "-"]
    subprocess.run(entered, input=packed, check=True)
    machine.run("useradd", "--system", "--create-home", "deploy")
    machine.run("chown", "-R", "deploy:deploy", "/srv/plain")
    machine.run("install", "-d", "-o", "deploy", "-g", "deploy", "/srv/plain/uploads")
    machine.run("chmod", "600", "/etc/plain.env")
    machine.run("rm", "-f", "/etc/nginx/sites-enabled/default")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", "plain", "plain-clock", "nginx", "ssh")
    until(lambda: who(machine) == "by hand", "it serves by hand")


def fairlead(machine: Machine, *words: str, code: int = 0) -> Any:
    ran = machine.run(FAIRLEAD, "adopt", *words, "--json", check=False, limit=120)
    assert ran.exit == code, ran.stdout + ran.stderr
    return json.loads(ran.stdout) if ran.stdout else ran.stderr


def who(machine: Machine) -> str:
    """Who answers on port 80: a release's number, or "by hand"."""
    said = fetched(machine, 80, "/")
    return str(json.loads(said)["release"]) if said else ""


@contextmanager
def users(machine: Machine, rate: float = 300.0) -> Iterator[TrafficProcess]:
    """Users of port 80 throughout; afterwards no request of theirs may have failed."""
    prefix = ["nsenter", f"--target={machine.leader}", "--net"]
    with TrafficProcess(
        "http://127.0.0.1:80", rate, prefix=prefix, long="/slow?3", paths=(("/", 1),)
    ) as traffic:
        until(lambda: traffic.snapshot.sent > 20, "users have come")
        yield traffic
        report = traffic.stop(wait_long=True)
    told = "; ".join(f"{f.what} {f.path}" for f in report.failures[:5])
    print(f"{report.sent} sent, {report.retried} again, worst {report.max_ms:.0f} ms")
    assert report.failed == 0, f"{report.failed} of {report.sent}: {told}"


def state(machine: Machine) -> tuple[str, str]:
    """Every file of the hand-made state by its digest, and what its unit is."""
    found = "srv/plain etc/plain.env etc/nginx/sites-* etc/systemd/system/plain.service"
    kept = "-type f -not -path '*/.git/*' -not -name clock.txt"
    shown = "-exec stat -c '%a %U %n' {} + -exec sha256sum {} +"
    files = machine.run("sh", "-c", f"cd / && find {found} {kept} {shown} | sort").stdout
    unit = machine.run("systemctl", "show", "plain", "-p", "MainPID,ActiveState,UnitFileState")
    return files, unit.stdout


def test_a_server_is_adopted_and_not_a_request_is_lost(server: Machine) -> None:
    """Proposed, agreed and switched; undone, exactly as before; refused while another site is
    broken; agreed again, and confirmed."""
    before = state(server)
    out = "/root/proposal"
    with users(server):
        proposed = fairlead(server, "/srv/plain", "--out", out)
        assert [line.partition(":")[0] for line in proposed["secrets"]] == [
            "API_TOKEN",
            "MAIL_PASSWORD",
        ]
        assert state(server) == before
        edit(server, out)
        assert fairlead(server, "--agree", out)["stage"] == "switched"
        until(lambda: who(server) == "1", "release 1 serves")
        assert state(server)[1] == before[1]
        assert fetched(server, 80, "/upload?one")
        assert fairlead(server, "--undo", "plain")["stage"] == "undone"
        until(lambda: who(server) == "by hand", "it serves by hand again")
        assert server.read("/srv/plain/uploads/one.txt") == "1"
        assert fetched(server, 80, "/upload?two")
        server.run("rm", "/srv/plain/uploads/one.txt", "/srv/plain/uploads/two.txt")
        assert state(server) == before
        server.write("/etc/nginx/sites-enabled/broken", "server { listn 81; }\n")
        refused = server.run(FAIRLEAD, "adopt", "--agree", out, check=False)
        assert (refused.exit, "listn" in refused.stderr) == (3, True)
        server.run("rm", "/etc/nginx/sites-enabled/broken")
        assert state(server) == before
        assert who(server) == "by hand"
        assert fairlead(server, "--agree", out)["stage"] == "switched"
        assert who(server) == "1"
        assert set(clock(server)) == {"hand"}
        # Who was connected before the switch may still be answered by the worker of before.
        until(lambda: "stage" in confirmed(server), "nobody is with the hand-made state any more")
        until(lambda: who(server) == "2", "release 2 serves: it has the clock")
    assert state(server)[0] != before[0]
    assert "ActiveState=inactive" in state(server)[1]
    assert "UnitFileState=disabled" in state(server)[1]
    assert server.run("test", "-f", "/etc/systemd/system/plain.service").exit == 0


def clock(machine: Machine) -> list[str]:
    """Who the clock was, tick by tick."""
    return machine.read("/srv/plain/uploads/clock.txt").split()


def test_what_must_not_run_twice_never_did(server: Machine) -> None:
    """The clock ran by hand until it was confirmed, and as a release's role after that."""
    until(lambda: clock(server)[-1] == "2", "the release's clock ticks")
    ticks = clock(server)
    first = ticks.index("2")
    assert set(ticks[:first]) == {"hand"}
    assert set(ticks[first:]) == {"2"}
    assert "inactive" in server.run("systemctl", "is-active", "plain-clock", check=False).stdout


def edit(machine: Machine, out: str) -> None:
    """What a person writes into the proposal: uploads, of which no settings tell."""
    manifest = machine.read(f"{out}/fairlead.toml")
    machine.write(f"{out}/fairlead.toml", manifest + '\n[state]\nuploads = "uploads"\n')
    outline = json.loads(machine.read(f"{out}/adopt.json"))
    outline["state"] = [["uploads", "/srv/plain/uploads"]]
    machine.write(f"{out}/adopt.json", json.dumps(outline))


def confirmed(machine: Machine) -> Any:
    ran = machine.run(FAIRLEAD, "adopt", "--confirm", "plain", "--json", check=False)
    assert ran.exit in (0, 3), ran.stderr
    return ran.stdout or ran.stderr


def test_users_are_told_apart_as_before(server: Machine) -> None:
    """The name they asked for, how they came and who they are; settings and secrets as before."""
    ask = "import urllib.request as u; r = u.Request('http://127.0.0.1/', headers={'Host': 'plain.example'}); print(u.urlopen(r).read().decode())"  # noqa: E501
    said = json.loads(server.beside(sys.executable, "-c", ask).stdout)
    assert (said["host"], said["proto"], said["client"]) == ("plain.example", "http", "127.0.0.1")
    assert said["greeting"] == "welcome to production"
    assert said["token"] == hashlib.sha256(TOKEN.encode()).hexdigest()[:8]
    assert said["mail"] == hashlib.sha256(MAIL.encode()).hexdigest()[:8]


def test_what_was_sealed_is_nowhere_in_plain(server: Machine) -> None:
    """Not in the home, units, the record or the journal; the proposal is the owner's to remove."""
    for value in (TOKEN, MAIL):
        words = ("grep", "-rlaF", value, "/var/lib/fairlead", "/etc/systemd", "/run/fairlead")
        found = server.run(*words, check=False).stdout.split()
        # What systemd reads for a copy's environment is root's alone.
        assert [path for path in found if "/systemd/" not in path] == []
        assert server.run("sh", "-c", f"journalctl -o cat | grep -c {value}", check=False).exit == 1


def test_uninstalling_never_removes_what_lies_elsewhere(server: Machine) -> None:
    """The uploads are mounted into the home, and are not the home's."""
    ran = server.run(FAIRLEAD, "server", "uninstall", "--help")
    assert "--" in ran.stdout
    code = (
        "from pathlib import Path; from fairlead.drivers.host.machine import _mounted_below; "
        "print(_mounted_below(Path('/var/lib/fairlead')))"
    )
    said = server.run("/opt/fairlead/current/bin/python", "-I", "-c", code).stdout.strip()
    assert said == "/var/lib/fairlead/apps/plain/production/data/uploads"


def test_it_comes_back_with_the_machine(server: Machine) -> None:
    """The releases, not the hand-made unit; what they keep is where it was."""
    server.reboot()
    until(lambda: who(server) == "2", "release 2 serves after the reboot")
    assert fetched(server, 80, "/upload?three")
    assert server.read("/srv/plain/uploads/three.txt") == "2"
    assert "ActiveState=inactive" in state(server)[1]
