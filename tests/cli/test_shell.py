"""What runs for somebody's key instead of a shell."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.agent.asked import Asked, GitAsked
from fairlead.agent.door import Asking, Door
from fairlead.base.door import Talk
from fairlead.base.errors import NotAllowed
from fairlead.base.paths import Home, app_of
from fairlead.base.stop import Stop
from fairlead.checks.ports import Sink
from fairlead.cli.shell import LONGEST


class Server:
    """A home, an agent that says yes to one app, and what it was asked."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root / "var/lib/fairlead")
        self.home.make()
        self.asked: list[Asking] = []
        self.lasts = 0.0
        for name in ("pre-receive", "post-receive"):
            self.hook(name, f'echo "{name} by $FAIRLEAD_WHO"')
        Door(self.home.agent_door, self.answer).open()

    def hook(self, name: str, script: str) -> None:
        self.home.hooks.mkdir(exist_ok=True)
        (self.home.hooks / name).write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
        (self.home.hooks / name).chmod(0o755)

    def answer(self, asked: Asking, say: Sink, stop: Stop) -> int:
        self.asked.append(asked)
        if isinstance(asked, GitAsked) and asked.app != "shop":
            raise NotAllowed(f"{asked.who} may not {asked.verb} {asked.app}", "ask")
        if isinstance(asked, Asked):
            say("an answer")
            say(Talk("talk"))
            time.sleep(self.lasts)
            return 7
        repository = self.home.repository("shop")
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", repository], check=True)
        return 0

    def says(
        self, command: str | None, name: str = "ada", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        given = {} if command is None else {"SSH_ORIGINAL_COMMAND": command}
        argv = [sys.executable, "-m", "fairlead.cli.shell", name, str(self.home.root)]
        return subprocess.run(
            argv, env={**os.environ, **given, **environment}, capture_output=True, text=True
        )


@pytest.fixture
def server() -> Iterator[Server]:
    root = Path(tempfile.mkdtemp(prefix="fl-"))  # short: a socket's path is
    yield Server(root)
    shutil.rmtree(root)


def test_what_the_agent_answers_is_passed_on(server: Server) -> None:
    """Answers to stdout, talk to stderr, its exit code; by whom, and the command as it came."""
    ran = server.says("status shop")
    assert (ran.returncode, ran.stdout, ran.stderr) == (7, "an answer\n", "talk\n")
    (asked,) = server.asked
    assert isinstance(asked, Asked)
    assert (asked.who, asked.command, asked.asker) == ("ada", "status shop", os.getuid())


def test_it_ends_when_nobody_listens(server: Server) -> None:
    """sshd closes its output when the client is gone."""
    server.lasts = 20
    argv = [sys.executable, "-m", "fairlead.cli.shell", "ada", str(server.home.root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == b"an answer\n"
        asking.stdout.close()
        assert asking.wait(5) == 1


@pytest.mark.parametrize("command", [None, "", "; rm -rf /", "sh -i", "git-upload-archive 'x'"])
def test_nothing_else_runs_here(server: Server, command: str | None) -> None:
    """Whatever it is, it is the agent's to judge, and to write down."""
    assert server.says(command).returncode == 7
    assert [getattr(asked, "command", None) for asked in server.asked] == [command or ""]


def test_a_command_that_is_too_long_stays_so(server: Server) -> None:
    """It is cut only where the agent will refuse it; bytes that are no text arrive as text."""
    server.says("x" * (LONGEST * 2))
    server.says(os.fsdecode(b"status \xff"))
    long, odd = server.asked
    assert isinstance(long, Asked)
    assert isinstance(odd, Asked)
    assert len(long.command) == LONGEST + 1
    assert odd.command == "status \\xff"


def test_a_name_that_is_none_is_refused(server: Server) -> None:
    """It comes from root's own file, and is looked at all the same."""
    ran = server.says("status", name="../x")
    assert ran.returncode == 1
    assert "nobody is named" in ran.stderr
    assert server.asked == []


class Clone:
    """A clone whose pushes come in through the shell, as through sshd."""

    def __init__(self, server: Server, directory: Path) -> None:
        self.directory = directory
        ssh = directory.parent / "ssh"
        shell = f"{sys.executable} -m fairlead.cli.shell ada {server.home.root}"
        ssh.write_text(f'#!/bin/sh\nshift\nSSH_ORIGINAL_COMMAND="$*" exec {shell}\n')
        ssh.chmod(0o755)
        self.environment = {**os.environ, "GIT_SSH": str(ssh), "GIT_SSH_VARIANT": "simple"}
        directory.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("commit", "-q", "--allow-empty", "-m", "first")

    def git(self, *argv: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["git", *argv],
            cwd=self.directory,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
        )

    def push(self, app: str = "shop", **more: str) -> "subprocess.CompletedProcess[str]":
        return self.git("push", f"host:{app}.git", "main", **more)


@pytest.fixture
def clone(server: Server, tmp_path: Path) -> Clone:
    return Clone(server, tmp_path / "clone")


def test_a_push_runs_the_hooks_of_the_server(server: Server, clone: Clone) -> None:
    """As the person whose key it was, whatever the client's environment says."""
    pushed = clone.push(FAIRLEAD_WHO="root")
    assert pushed.returncode == 0, pushed
    assert "pre-receive by ada" in pushed.stderr
    assert "post-receive by ada" in pushed.stderr
    assert isinstance(server.asked[0], GitAsked)
    assert clone.git("ls-remote", "host:shop.git").stdout.endswith("refs/heads/main\n")


def test_hooks_and_settings_of_the_repository_do_not_count(server: Server, clone: Clone) -> None:
    """Only root's do."""
    assert clone.push().returncode == 0
    repository = server.home.repository("shop")
    (repository / "hooks").mkdir(exist_ok=True)
    own = repository / "hooks/pre-receive"
    own.write_text("#!/bin/sh\ntouch ran\n")
    own.chmod(0o755)
    subprocess.run(["git", "-C", repository, "config", "core.hooksPath", "hooks"], check=True)
    clone.git("commit", "-q", "--allow-empty", "-m", "second")
    assert clone.push().returncode == 0
    assert not (repository / "ran").exists()


def test_a_hook_that_says_no_keeps_the_branch(server: Server, clone: Clone) -> None:
    """It is git's own rule, with our hook."""
    server.hook("pre-receive", "echo no; exit 1")
    assert "pre-receive hook declined" in clone.push().stderr
    assert clone.git("ls-remote", "host:shop.git").stdout == ""


def test_without_its_hooks_no_push_is_taken(server: Server, clone: Clone) -> None:
    """Git leaves out a hook that may not be run, and would take the push unverified."""
    (server.home.hooks / "pre-receive").chmod(0o644)
    pushed = clone.push()
    assert pushed.returncode != 0
    assert "pushes cannot be verified here: no pre-receive hook" in pushed.stderr


def test_who_may_not_is_told_so_before_git_starts(server: Server, clone: Clone) -> None:
    """And nothing is made."""
    pushed = clone.push("other")
    assert "ada may not push other" in pushed.stderr
    assert not server.home.repository("other").exists()


def test_apps_are_found_by_their_repositories(server: Server) -> None:
    """And a repository's app by its place, in both forms of a home."""
    server.home.repository("shop").mkdir(parents=True)
    assert server.home.apps() == ("shop",)
    assert app_of(server.home.repository("shop")) == "shop"
    embedded = Home(server.home.prefix / "home")
    embedded.repository("blog").mkdir(parents=True)
    assert embedded.apps() == ("blog",)
    assert app_of(embedded.repository("blog")) == "blog"


def test_it_starts_quickly() -> None:
    """It runs at every push: nothing heavy is imported."""
    code = "import sys, fairlead.cli.shell; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"click", "rich", "cryptography", "sqlite3", "fairlead.wire", "supervisor"}
    assert heavy & set(ran.stdout.split()) == set()
