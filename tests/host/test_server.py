"""A bare Debian becomes a server, takes a push over SSH, is upgraded, and is itself again."""

import json
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host.machine import CLONE, Machine, Ran, booted, ours, timed
from needs import needs

pytestmark = timed
FAIRLEAD = "/usr/local/bin/fairlead"
APP = """\
app = "shop"

[check.whole]
command = "test -f page.html"

[role.worker]
command = "sleep 600"

[build]
kind = "static"

[environment.live]
branch = "main"
"""


CODE = "/root/code"


def as_version(machine: Machine, version: str, *words: str, check: bool = True) -> Ran:
    """Run the Fairlead of that version, from a directory of its own."""
    code = {"PYTHONPATH": f"{CODE}/{version}"}
    return machine.run(sys.executable, "-m", "fairlead", *words, check=check, environment=code)


def install(machine: Machine, *options: str, check: bool = True) -> Ran:
    return as_version(machine, "0.1.0", "server", "install", *options, "--json", check=check)


def put(machine: Machine, version: str, edit: Callable[[Path], None], place: Path) -> None:
    """The code of now as that version, after an edit, on the machine."""
    left = shutil.ignore_patterns("__pycache__", ".mypy_cache")
    shutil.copytree(CLONE / "src/fairlead", place / version / "fairlead", ignore=left)
    file = place / version / "fairlead/__init__.py"
    file.write_text(file.read_text().replace("0.1.0", version))
    edit(place / version / "fairlead")
    tar = ["tar", "-C", str(place), "-cf", "-", version]
    packed = subprocess.run(tar, check=True, capture_output=True).stdout
    script = f"mkdir -p {CODE} && tar -C {CODE} -xf -"
    entered = ["nsenter", f"--target={machine.leader}", "--all", "sh", "-c", script]
    subprocess.run(entered, input=packed, check=True)


def told(ran: Ran) -> Any:
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    needs("ssh", package="openssh-client", adds="push over SSH")
    with booted(size="3G", binds=ours()) as made:
        place = tmp_path_factory.mktemp("code")
        put(made, "0.1.0", lambda code: None, place)
        put(made, "0.2.0", lambda code: None, place)
        put(made, "0.3.0", without_an_agent, place)
        made.run("systemctl", "enable", "--now", "ssh")
        yield made


def without_an_agent(code: Path) -> None:
    """A version whose agent ends at once, and which does not wait long for it."""
    agent, flow = code / "agent/__main__.py", code / "server/flow.py"
    agent.write_text(agent.read_text().replace("Agent(tools_of", "sys.exit(3)  # Agent(tools_of"))
    flow.write_text(flow.read_text().replace("WITHIN = 30.0", "WITHIN = 2.0"))


@pytest.fixture(scope="module")
def server(machine: Machine) -> Machine:
    install(machine)
    return machine


class Person:
    """Somebody on a machine of their own, with a key and a clone."""

    def __init__(self, server: Machine, name: str, directory: Path) -> None:
        self.server, self.name, self.directory = server, name, directory
        directory.mkdir()
        self.key = directory / "id"
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self.key)]
        subprocess.run(made, check=True)

    def allowed(self, *rights: str) -> "Person":
        options = [word for right in rights for word in ("--right", right)]
        argv = (FAIRLEAD, "server", "key", "add", self.name, *options)
        self.server.run(*argv, input=self.key.with_suffix(".pub").read_text())
        return self

    @property
    def ssh(self) -> list[str]:
        lax = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        only = ["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
        return ["ssh", "-F", "none", "-i", str(self.key), *lax, *only]

    def says(self, *command: str) -> Ran:
        argv = [*self.ssh, "-T", "fairlead@127.0.0.1", *command]
        return self.server.beside(*argv, check=False)

    def git(self, *argv: str) -> Ran:
        ssh = " ".join(self.ssh)
        words = ["env", f"GIT_SSH_COMMAND={ssh}", "git", "-C", str(self.directory / "clone"), *argv]
        return self.server.beside(*words, check=False)

    def cloned(self, manifest: str = APP) -> "Person":
        clone = self.directory / "clone"
        clone.mkdir()
        (clone / "fairlead.toml").write_text(manifest)
        (clone / "page.html").write_text("hello\n")
        for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "first"]):
            assert self.git(*words).exit == 0
        return self

    def push(self, app: str = "shop", branch: str = "topic") -> Ran:
        return self.git("push", f"fairlead@127.0.0.1:{app}.git", f"HEAD:refs/heads/{branch}")


@pytest.fixture
def person(server: Machine, tmp_path: Path) -> Iterator[Any]:
    made: list[str] = []

    def named(name: str) -> Person:
        made.append(name)
        return Person(server, name, tmp_path / name)

    yield named
    for name in made:
        server.run(FAIRLEAD, "server", "key", "remove", name, check=False)


def test_a_bare_machine_becomes_a_server_and_stays_one(machine: Machine) -> None:
    """One command; said again, it has nothing to do."""
    would = told(install(machine, "--dry-run"))
    assert would["done"] == "would install"
    assert machine.run("getent", "passwd", "fairlead", check=False).exit != 0
    first = told(install(machine))
    assert [step["thing"] for step in first["steps"]] == [s["thing"] for s in would["steps"]]
    assert first["done"] == "installed"
    assert told(install(machine)) | {"directory": ""} == {
        "done": "nothing to do", "version": first["version"], "directory": "", "steps": [],
        "held": [], "advice": [], "previous": "",
    }  # fmt: skip


def test_the_doctor_finds_nothing_wrong(server: Machine) -> None:
    """But what a machine without a network cannot have."""
    found = told(server.run(FAIRLEAD, "server", "doctor", "--json", check=False))["findings"]
    assert [one for one in found if one["answer"] != "ok" and one["thing"] != "clock"] == []


def test_who_comes_with_a_key_is_told_who_they_are(person: Any) -> None:
    """Without a command; a terminal is not to be had."""
    ada = person("ada").allowed("push:shop")
    said = ada.says()
    assert said.exit == 0, said
    assert "You are ada. You may: push, look at and roll back shop." in said.stdout
    tried = ada.server.beside(*ada.ssh, "-tt", "fairlead@127.0.0.1", check=False)
    assert "PTY allocation request failed" in tried.stderr


def test_a_key_that_is_not_known_opens_nothing(person: Any) -> None:
    """Nor does one that was taken away."""
    assert person("eve").says().exit == 255
    bo = person("bo").allowed("read")
    assert bo.says().exit == 0
    bo.server.run(FAIRLEAD, "server", "key", "remove", "bo")
    assert bo.says().exit == 255


def test_a_push_is_verified_before_its_branch_moves(person: Any) -> None:
    """The repository is made by the first push. What fails its checks comes on no branch that
    an environment runs from."""
    ada = person("ada").allowed("push:shop").cloned()
    pushed = ada.push()
    assert pushed.exit == 0, pushed
    assert "whole passed" in pushed.stderr
    assert "refs/heads/topic" in ada.git("ls-remote", "fairlead@127.0.0.1:shop.git").stdout
    (ada.directory / "clone/page.html").unlink()
    assert ada.git("commit", "-qam", "break it").exit == 0
    broken = ada.push(branch="main")
    assert "whole failed" in broken.stderr, broken
    assert "refs/heads/main" not in ada.git("ls-remote", "fairlead@127.0.0.1:shop.git").stdout
    owner = ada.server.run("find", "/var/lib/fairlead/repositories", "!", "-user", "fairlead")
    assert owner.stdout == ""
    assert "ada" in ada.server.run(FAIRLEAD, "record", "show", "--lines", "30").stdout


def test_too_few_rights_are_refused_and_written_down(person: Any) -> None:
    """Another app, a verb beyond the right, a right to read only."""
    ada = person("ada").allowed("push:shop").cloned()
    refused = ada.push(app="other")
    assert refused.exit != 0
    assert "ada may not push other" in refused.stderr
    reader = person("rea").allowed("read").cloned()
    assert "rea may not push shop" in reader.push().stderr
    assert reader.says("rollback", "shop/live").exit == 12
    assert ada.says("approve", "shop/live").exit == 12
    assert ada.says("status").exit == 12
    assert reader.says("status").exit == 0
    shown = ada.server.run(FAIRLEAD, "record", "show", "--lines", "50").stdout
    assert "ada may not push other" in shown
    gone = ada.server.run("ls", "/var/lib/fairlead/repositories").stdout.split()
    assert "other.git" not in gone


def test_who_goes_away_ends_what_they_asked_for(person: Any) -> None:
    """A verb that would go on for ever, say."""
    ada = person("ada").allowed("read")
    server = ada.server
    entered = ["nsenter", f"--target={server.leader}", "--net"]
    argv = [*entered, *ada.ssh, "-T", "fairlead@127.0.0.1", "record", "follow"]
    following = ("pgrep", "-f", "[f]airlead --home /var/lib/fairlead record follow")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as asking:
        until(lambda: server.run(*following, check=False).exit == 0)
        asking.kill()
    until(lambda: server.run(*following, check=False).exit == 1)


def until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)


HOSTILE = [
    "sh", "; rm -rf /", "git-receive-pack '../../etc'", "git-receive-pack 'shop.git' --x",
    "git-upload-pack --upload-pack=touch\\ /tmp/x shop.git", "git-upload-archive 'shop.git'",
    "git-receive-pack '$(touch /tmp/x).git'", "status --home /etc", "a" * 5000, "scp -t /tmp",
    "internal-sftp", "secret list", "git-receive-pack '/var/lib/fairlead/deploy'",
]  # fmt: skip


def test_hostile_commands_are_refused(person: Any) -> None:
    """Each with a sentence, an exit code that says so, and a line in the record."""
    ada = person("ada").allowed("admin")
    for command in HOSTILE:
        said = ada.says(command)
        assert said.exit == 12, (command, said)
        assert "hint:" in said.stdout + said.stderr
        assert "Traceback" not in said.stdout + said.stderr
    assert ada.server.run("test", "-e", "/tmp/x", check=False).exit == 1
    record = ada.server.run(FAIRLEAD, "record", "show", "--lines", "60").stdout
    assert record.count("ada refused") >= len(HOSTILE)
    for forward in ("-L", "-R"):
        argv = [*ada.ssh, "-o", "ExitOnForwardFailure=yes", forward, "7777:127.0.0.1:22"]
        tried = ada.server.beside(*argv, "fairlead@127.0.0.1", "status", check=False, limit=20)
        listening = ada.server.run("ss", "-tln").stdout
        assert ":7777" not in listening, tried


def test_another_user_cannot_ask_the_agent(server: Machine) -> None:
    """Nor the user whose code under check runs as."""
    code = (
        "from pathlib import Path; from fairlead.base.door import ask;"
        "print(list(ask(Path('/run/fairlead/door.sock'), {'kind': 'hail'}, 0.2)))"
    )
    python = "/opt/fairlead/current/bin/python"
    for user in ("nobody", "fairlead-build"):
        argv = ("setpriv", f"--reuid={user}", "--clear-groups", python, "-I", "-c", code)
        assert "no agent is running" in server.run(*argv, check=False).stderr
    git = ("setpriv", "--reuid=fairlead", "--regid=fairlead", "--clear-groups", python, "-I")
    assert ", 0]" in server.run(*git, "-c", code).stdout


def test_a_file_changed_by_hand_is_kept_until_forced(server: Machine) -> None:
    """It is named by install and by the doctor; --force keeps a copy of it."""
    unit = "/etc/systemd/system/fairlead-agent.service"
    mine = server.read(unit) + "# mine\n"
    server.write(unit, mine)
    held = told(install(server))
    assert [one["thing"] for one in held["held"]] == [unit]
    assert server.read(unit) == mine
    doctor = server.run(FAIRLEAD, "server", "doctor", check=False)
    assert doctor.exit == 1
    assert f"wrong: {unit}" in doctor.stdout
    install(server, "--force")
    assert "# mine" not in server.read(unit)
    kept = server.run("sh", "-c", "cat /var/lib/fairlead/replaced/*").stdout
    assert "# mine" in kept


def test_what_is_not_ours_stops_the_installation(server: Machine) -> None:
    """Before anything is done."""
    server.run("mv", "/usr/local/bin/fairlead-shell", "/root/kept")
    server.write("/usr/local/bin/fairlead-shell", "#!/bin/sh\n", "755")
    ran = install(server, "--force", check=False)
    assert ran.exit == 3
    assert "not ours: /usr/local/bin/fairlead-shell" in ran.stdout
    server.run("mv", "/root/kept", "/usr/local/bin/fairlead-shell")
    assert told(install(server))["done"] == "nothing to do"


def test_an_addition_that_sshd_refuses_is_taken_back(server: Machine) -> None:
    """sshd goes on with what it had."""
    file = "/etc/ssh/sshd_config.d/50-fairlead.conf"
    server.run("mv", file, "/root/kept")
    server.write("/etc/ssh/sshd_config.d/60-broken.conf", "Nonsense yes\n")
    ran = install(server, check=False)
    assert ran.exit == 3, ran
    assert "Nonsense" in ran.stdout
    assert server.run("test", "-e", file, check=False).exit == 1
    server.run("rm", "/etc/ssh/sshd_config.d/60-broken.conf")
    install(server)
    assert server.run("test", "-e", file).exit == 0


def test_it_is_there_after_a_reboot(server: Machine, person: Any) -> None:
    """The agent, its socket and the keys."""
    ada = person("ada").allowed("read")
    server.reboot()
    said = ada.says()
    assert said.exit == 0, said
    assert told(install(server))["done"] == "nothing to do"


def test_an_upgrade_is_turned_on_and_back(server: Machine, person: Any) -> None:
    """People notice nothing; a process that is none of the agent's runs on."""
    ada = person("ada").allowed("read")
    server.run("systemd-run", "--unit=app", "sleep", "300")
    upgraded = told(as_version(server, "0.2.0", "server", "upgrade", "--json"))
    assert (upgraded["done"], upgraded["version"]) == ("upgraded", "0.2.0")
    assert server.run(FAIRLEAD, "--version").stdout == "fairlead 0.2.0\n"
    assert ada.says().exit == 0
    undone = told(server.run(FAIRLEAD, "server", "upgrade", "--undo", "--json"))
    assert (undone["done"], undone["version"]) == ("upgraded", "0.1.0")
    assert server.run(FAIRLEAD, "--version").stdout == "fairlead 0.1.0\n"
    assert ada.says().exit == 0
    assert server.run("systemctl", "is-active", "app").stdout == "active\n"
    server.run("systemctl", "stop", "app")


def test_an_upgrade_whose_agent_does_not_answer_is_undone(server: Machine, person: Any) -> None:
    """The version before is in force again, and the record says so."""
    ada = person("ada").allowed("read")
    ran = as_version(server, "0.3.0", "server", "upgrade", "--json", check=False)
    assert ran.exit == 1
    assert "is in force again" in ran.stdout
    assert server.run(FAIRLEAD, "--version").stdout == "fairlead 0.1.0\n"
    assert ada.says().exit == 0
    assert "the server to 0.3.0 failed" in server.run(FAIRLEAD, "record", "show").stdout


def test_uninstalled_with_apps_kept_then_all_gone(server: Machine) -> None:
    """Apps' units outlive the first, nothing of ours the second."""
    unit = "/etc/systemd/system/fairlead-shop.live.web.1.1.service"
    text = """\
        # Written by Fairlead.
        [Service]
        ExecStart=/bin/sleep 600
        [Install]
        WantedBy=multi-user.target
        """
    server.write(unit, textwrap.dedent(text))
    server.run("systemctl", "enable", "--now", Path(unit).name)
    server.write("/etc/tmpfiles.d/fairlead-shop.live.conf", "# an app's\n")
    for name, home in (("fl-shop-live", "/nonexistent"), ("fl-ora", "/home/flora")):
        argv = ("useradd", "--system", "--home-dir", home, "--shell", "/usr/sbin/nologin", name)
        server.run(*argv)
    server.run(FAIRLEAD, "server", "uninstall", "--keep-apps", "--yes")
    assert server.run("systemctl", "is-active", Path(unit).name).stdout == "active\n"
    assert server.run("test", "-e", "/var/lib/fairlead/record.sqlite").exit == 0
    assert server.run("test", "-e", FAIRLEAD, check=False).exit == 1
    assert server.run("systemctl", "is-active", "fairlead-agent", check=False).exit != 0
    install(server)
    server.run(FAIRLEAD, "server", "uninstall", "--remove-apps", "--remove-data", "--yes")
    assert server.run("systemctl", "is-active", Path(unit).name, check=False).exit != 0
    left = server.run(
        "find", "/etc", "/opt", "/usr/local", "/var/lib", "/run", "-name", "*fairlead*"
    )
    assert left.stdout == ""
    users = server.run("cut", "-d:", "-f1", "/etc/passwd").stdout.split()
    assert [name for name in users if name.startswith(("fairlead", "fl-"))] == ["fl-ora"]
    assert server.run("sshd", "-t").exit == 0
