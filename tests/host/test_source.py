"""A server that is pushed to by nobody: it pulls, with a deploy key, from a forge with an sshd."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from host.machine import Machine, booted, ours, timed
from host.test_server import APP, FAIRLEAD, install, put
from needs import needs

pytestmark = [timed, pytest.mark.soak]  # test_source in scenes asks the same without a server
FORGE = "/home/forge/shop.git"
URL = "forge@127.0.0.1:shop.git"


class Forge:
    """A user of the same machine whose repository is reached over SSH."""

    def __init__(self, server: Machine) -> None:
        self.server = server
        server.run("useradd", "--create-home", "--shell", "/bin/sh", "forge")
        self.git("init", "--quiet", "--bare", "--initial-branch=main", FORGE)
        self.git("init", "--quiet", "--initial-branch=main", "/home/forge/clone")

    def git(self, *words: str) -> str:
        who = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "Ada",
               "GIT_COMMITTER_EMAIL": "a@b", "HOME": "/home/forge"}  # fmt: skip
        argv = ("runuser", "-u", "forge", "--", "git", *words)
        return self.server.run(*argv, environment=who).stdout.strip()

    def push(self, subject: str, **files: str) -> str:
        for name, text in files.items():
            self.server.write(f"/home/forge/clone/{name.replace('_', '.')}", text)
        self.server.run("chown", "-R", "forge:", "/home/forge/clone")
        for words in (["add", "--all"], ["commit", "-qm", subject], ["push", "-q", FORGE, "main"]):
            self.git("-C", "/home/forge/clone", *words)
        return self.git("-C", "/home/forge/clone", "rev-parse", "HEAD")

    def lets_in(self, public: str) -> None:
        self.server.write("/home/forge/.ssh/authorized_keys", f"restrict {public}\n", "600")
        script = "chmod 700 /home/forge/.ssh; chown -R forge: /home/forge/.ssh"
        self.server.run("sh", "-c", script)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    needs("ssh", package="openssh-client", adds="pull over SSH")
    with booted(size="3G", binds=ours()) as made:
        put(made, "0.1.0", lambda code: None, tmp_path_factory.mktemp("code"))
        made.run("systemctl", "enable", "--now", "ssh", "nginx")
        install(made)
        yield made


@pytest.fixture(scope="module")
def forge(server: Machine) -> Forge:
    made = Forge(server)
    made.push("first", fairlead_toml=APP, page_html="hello\n")
    said = server.run(
        FAIRLEAD, "source", "set", "shop", URL, "--every", "15s", "--new-key", "--json"
    )
    made.lets_in(json.loads(said.stdout)["sources"][0]["key"])
    return made


def told(server: Machine) -> Any:
    return json.loads(server.run(FAIRLEAD, "source", "show", "shop", "--json").stdout)["sources"][0]


def head(server: Machine) -> str:
    argv = (
        "runuser",
        "-u",
        "fairlead",
        "--",
        "git",
        "-C",
        "/var/lib/fairlead/repositories/shop.git",
    )
    return server.run(
        *argv, "rev-parse", "main", check=False, environment={"HOME": "/"}
    ).stdout.strip()


def until(true: Callable[[], Any], what: str, limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while not true():
        assert time.monotonic() < deadline, f"not within {limit:g} s: {what}"
        time.sleep(0.2)


def test_a_private_repository_is_pulled_with_a_deploy_key(server: Machine, forge: Forge) -> None:
    """Nobody pushes; the clock takes what is new, and the host is known by its own key."""
    server.run(FAIRLEAD, "source", "pull", "shop", limit=120)
    assert head(server) == forge.git("-C", FORGE, "rev-parse", "main")
    commit = forge.push("second", page_html="more\n")
    until(lambda: head(server) == commit, "the clock pulls")
    host = server.run("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[1]
    assert told(server)["host_keys"] == [host]
    record = server.run(FAIRLEAD, "record", "show", "--lines", "200").stdout
    assert f"pulled {commit[:7]} to main from {URL}" in record


def test_the_key_is_roots_and_nothing_of_a_pull_is_roots_in_the_repository(
    server: Machine, forge: Forge
) -> None:
    """git ran as the repository's owner; the key lies where only root reads it."""
    script = "find /var/lib/fairlead/repositories/shop.git ! -user fairlead"
    assert server.run("sh", "-c", script).stdout == ""
    seen = server.run("stat", "-c", "%U %a", "/var/lib/fairlead/sources/shop.key").stdout
    assert seen == "root 600\n"
    for path in ("sources", "sources/shop.key"):
        argv = ("runuser", "-u", "fairlead", "--", "cat", f"/var/lib/fairlead/{path}")
        assert server.run(*argv, check=False).exit != 0
    assert "source." not in server.run("ls", "/run/fairlead").stdout
    record = server.run(
        "sh", "-c", "grep -c 'PRIVATE KEY' /var/lib/fairlead/record.sqlite", check=False
    )
    assert record.stdout.strip() == "0"


def test_a_commit_that_fails_stays_out(server: Machine, forge: Forge) -> None:
    """The exit code is a refused push's."""
    before = head(server)
    forge.git("-C", "/home/forge/clone", "rm", "-q", "page.html")
    forge.push("broken")
    pulled = server.run(FAIRLEAD, "source", "pull", "shop", check=False, limit=120)
    assert (pulled.exit, head(server)) == (1, before), pulled.stdout + pulled.stderr
    mended = forge.push("mended", page_html="again\n")
    assert server.run(FAIRLEAD, "source", "pull", "shop", limit=120).exit == 0
    assert head(server) == mended


def test_a_forge_with_another_host_key_is_not_pulled_from(server: Machine, forge: Forge) -> None:
    """Until the owner says so; the sentence names the host and the way on."""
    server.run("sh", "-c", "rm /etc/ssh/ssh_host_* && ssh-keygen -A && systemctl restart ssh")
    commit = forge.push("behind another key", page_html="x\n")
    pulled = server.run(FAIRLEAD, "source", "pull", "shop", check=False)
    assert pulled.exit == 3
    assert "127.0.0.1 shows another key than it did" in pulled.stderr
    assert head(server) != commit
    assert told(server)["problem"].startswith("Refused: ")
    server.run(FAIRLEAD, "source", "set", "shop", URL, "--every", "15s", "--trust-anew")
    assert server.run(FAIRLEAD, "source", "pull", "shop", limit=120).exit == 0
    assert head(server) == commit
