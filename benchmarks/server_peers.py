"""What people do now, on the same kind of host: each peer on a fresh one."""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.clone import Clone
from benchmarks.machine import Ran, environment, note, run
from benchmarks.peers import server_piku as piku
from benchmarks.peers import server_units as units
from benchmarks.peers.story import Story
from benchmarks.server_host import (
    OFFLINE,
    PYTHON,
    UV,
    WHEELS,
    Machine,
    Parcels,
    host,
    path,
    ssh,
    ssh_key,
    tool_venv,
    wheels_of,
)
from benchmarks.server_ours import ServerClone
from benchmarks.users import await_build, users

HERE = Path(__file__).parent / "peers"
ORIGIN = "/srv/origin.git"
DEPLOY = "/root/deploy.sh"
LONG = 20.0
LIMIT = 120.0


@dataclass(frozen=True)
class Author(ServerClone):
    """A person's clone, whose origin is a bare repository on the host."""

    leader: int = 0

    def origin(self) -> Path:
        """The origin's path on the host; made once. Git does not push by way of /proc."""
        entered = f"nsenter --target={self.leader} --all"
        made = [
            *entered.split(),
            "git",
            "init",
            "--quiet",
            "--bare",
            "--initial-branch=main",
            ORIGIN,
        ]
        subprocess.run(made, check=True)
        self.git("config", "protocol.ext.allow", "always")
        self.git("remote", "add", "origin", f"ext::{entered} %S {ORIGIN}")
        return Path(ORIGIN)


@dataclass
class HostPeer:
    """One peer on one host. ``script`` is its deploy, ``live`` the directory it serves."""

    name: str
    machine: Machine
    script: str
    live: str
    socket: bool = False
    address: str = units.LISTEN
    rescued: list[str] = field(default_factory=list)

    def set_up(self, clone: Path, origin: Path) -> None:
        """Lay out and start everything by hand; the first deploy is by its own script."""
        machine = self.machine
        machine.run("useradd", "--system", "--no-create-home", "riverside")
        machine.run("ln", "-s", UV, "/usr/local/bin/uv")
        machine.run("mkdir", "-p", f"{units.ROOT}/shared/log", f"{units.ROOT}/releases")
        self._do("uv", "venv", "--quiet", "--python", PYTHON, units.VENV)
        self._first_tree()
        python = ("--python", f"{units.VENV}/bin/python")
        lock = f"{self.live}/requirements.txt"
        self._do("uv", "pip", "sync", "--quiet", "--compile-bytecode", *python, lock)
        for words in (("migrate", "--noinput", "-v0"), ("collectstatic", "--noinput", "-v0")):
            self._do(
                "sh", "-c", 'cd "$1" && shift && python manage.py "$@"', "sh", self.live, *words
            )
        machine.run("chown", "-R", "riverside:", f"{units.ROOT}/shared")
        for name, text in units.files(self.live, self.socket).items():
            machine.write(name, text)
        machine.write(DEPLOY, (HERE / self.script).read_text(), "755")
        first = ("riverside-web.socket",) if self.socket else ()
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "enable", "--now", *first, *units.SERVICES)
        machine.run("systemctl", "reload", "nginx")
        await_build(self.address, 0, 60)

    def deploy(self) -> Ran:
        """What a person runs for a release."""
        return self._said("deploy")

    def back(self) -> Ran:
        """What a person runs to go back."""
        return self._said("back")

    def rescue(self, what: str) -> None:
        """What a person tries when a command did not bring the site back."""
        self.rescued.append(f"{what}: systemctl restart")
        self.machine.run("systemctl", "restart", *units.SERVICES, limit=LIMIT)

    def shutdown(self) -> None:
        """Nothing: the host goes."""

    def _said(self, word: str) -> Ran:
        began = time.monotonic()
        env = self._variables()
        ran = self.machine.run("sh", DEPLOY, word, check=False, environment=env, limit=LIMIT)
        return Ran(ran.exit, time.monotonic() - began, ran.stdout + ran.stderr)

    def _do(self, *argv: str) -> None:
        self.machine.run(*argv, environment=self._variables(), limit=LIMIT)

    def _variables(self) -> dict[str, str]:
        path_ = f"{units.VENV}/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {
            **OFFLINE,
            "PATH": path_,
            "DATABASE_URL": f"sqlite:///{units.ROOT}/shared/app.sqlite3",
            "TREE": self.live,
            "ROOT": units.ROOT,
            "VENV": units.VENV,
            "UV": "uv",
            "SERVICE": "systemctl",
            "SERVICES": " ".join(units.SERVICES),
            "GIT_AUTHOR_NAME": "You",
            "GIT_AUTHOR_EMAIL": "you@localhost",
            "GIT_COMMITTER_NAME": "You",
            "GIT_COMMITTER_EMAIL": "you@localhost",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    def _first_tree(self) -> None:
        """A clone that is served as it lies, with a change of its own."""
        self._do("git", "clone", "--quiet", ORIGIN, self.live)
        with path(self.machine, f"{self.live}/riverside/settings.py").open("a") as file:
            file.write("\n# Here, and only here.\nWHERE = 'production'\n")


class Linked(HostPeer):
    """A directory for each release, and a link to the one that is served."""

    def _first_tree(self) -> None:
        root = units.ROOT
        self._do("git", "clone", "--quiet", "--mirror", ORIGIN, f"{root}/repo")
        self._do("git", "clone", "--quiet", ORIGIN, f"{root}/releases/0")
        self.machine.run("rm", "-rf", f"{root}/releases/0/.git")
        self.machine.run("ln", "-s", f"{root}/releases/0", self.live)


class Ansible(Linked):
    """The same by a play, over SSH from the person's machine."""

    home: Path = Path()

    def set_up(self, clone: Path, origin: Path) -> None:
        """And a key for root."""
        super().set_up(clone, origin)
        self.machine.run("rm", "-rf", f"{units.ROOT}/repo")  # it makes its own
        self.home = clone.parent / "ansible"
        key = ssh_key(self.home)
        self.machine.write("/root/.ssh/authorized_keys", key.with_suffix(".pub").read_text(), "600")
        (self.home / "hosts").write_text(
            f"127.0.0.1 ansible_user=root ansible_ssh_private_key_file={key} "
            f"ansible_python_interpreter={PYTHON}\n"
        )
        variables = "".join(f"  {name}: '{value}'\n" for name, value in OFFLINE.items())
        (self.home / "more.yml").write_text(f"origin: {ORIGIN}\noffline:\n{variables}")
        (self.home / "ansible.cfg").write_text("[defaults]\nhost_key_checking = False\n")

    def _said(self, word: str) -> Ran:
        env = environment(
            ANSIBLE_CONFIG=str(self.home / "ansible.cfg"),
            ANSIBLE_HOME=str(self.home / "own"),
            ANSIBLE_NOCOLOR="1",
            LC_ALL="C.UTF-8",
        )
        program = tool_venv("ansible") / "bin/ansible-playbook"
        play: list[str | Path] = [program, "-i", self.home / "hosts", HERE / "server_ansible.yml"]
        more = [
            "-e",
            f"@{self.home / 'more.yml'}",
            *(["-e", '{"back": true}'] if word == "back" else []),
        ]
        return run([*play, *more], self.home, env, LIMIT)


@dataclass
class Piku(HostPeer):
    """Piku as it is, on a host: a push over SSH, uWSGI, nginx. ``program`` is its one file."""

    program: Path = Path()
    root: Path = Path()

    def set_up(self, clone: Path, origin: Path) -> None:
        """As its installation does; the first release is a push."""
        machine, home = self.machine, piku.HOME
        machine.run("useradd", "--create-home", "--gid", "www-data", "--shell", "/bin/sh", "piku")
        machine.run("chmod", "755", home)
        machine.write("/etc/pip.conf", f"[global]\nno-index = true\nfind-links = {WHEELS}\n")
        machine.run(UV, "venv", "--quiet", "--python", PYTHON, piku.ENVIRONMENT)
        argv = ("pip", "install", "--quiet", "--python", f"{piku.ENVIRONMENT}/bin/python")
        machine.run(UV, *argv, *piku.PACKAGES, environment=OFFLINE, limit=LIMIT)
        own = f"#!{piku.ENVIRONMENT}/bin/python"
        text = self.program.read_text().replace("#!/usr/bin/env python3", own, 1)
        machine.write(piku.PROGRAM, text, "755")
        for name, content in piku.FILES.items():
            machine.write(name, content, "755" if "/bin/" in name else "644")
        machine.run("mkdir", f"{home}/bin")
        for name in ("virtualenv", "uwsgi"):
            machine.run("ln", "-s", f"{piku.ENVIRONMENT}/bin/{name}", f"{home}/bin/{name}")
        self.root = clone.parent / "piku"
        key = ssh_key(self.root)
        machine.write(f"{home}/key.pub", key.with_suffix(".pub").read_text())
        machine.run("chown", "-R", "piku:www-data", home)
        for words in (("setup",), ("setup:ssh", f"{home}/key.pub")):
            machine.run("runuser", "-l", "piku", "-c", " ".join((piku.PROGRAM, *words)))
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "enable", "--now", "uwsgi-piku", "piku-nginx.path")
        self._clone, self._key = clone, key
        self._push("HEAD:main")
        await_build(self.address, 0, 90)

    def deploy(self) -> Ran:
        """``git push``."""
        return self._push("HEAD:main")

    def back(self) -> Ran:
        """``git push --force`` of the commit before: it has no word for it."""
        return self._push("+HEAD~1:main")

    def rescue(self, what: str) -> None:
        """What a person tries when a command did not bring the site back."""
        self.rescued.append(f"{what}: piku restart")
        argv = [*ssh(self._key), "piku@127.0.0.1", "restart", "riverside"]
        run(argv, self._clone, environment(), LIMIT)

    def _push(self, what: str) -> Ran:
        env = environment(GIT_SSH_COMMAND=" ".join(ssh(self._key)), GIT_CONFIG_GLOBAL=os.devnull)
        return run(["git", "push", "piku@127.0.0.1:riverside", what], self._clone, env, LIMIT)


@dataclass(frozen=True)
class PikuAuthor(Author):
    """A clone with what Piku wants of an app."""

    def build(self, number: int) -> str:
        """The same, and those files."""
        for name, text in piku.APP.items():
            (self.clone / name).write_text(text)
        return super().build(number)


class HostStory(Story):
    """The story of a peer on a host, and at its end a release with the 20 s request in flight."""

    def __init__(self, peer: HostPeer, root: Path, rate: float) -> None:
        super().__init__(peer, root, rate, 0.0)  # type: ignore[arg-type]  # the same four verbs
        self._peer = peer
        author = PikuAuthor if isinstance(peer, Piku) else Author
        self._clone: Clone = author(root / "author", leader=peer.machine.leader)

    def whole(self, releases: int) -> dict[str, Any]:
        """All of it."""
        told = self.tell(releases, 1, boot=False)
        return {**told, "long": self._with_long(), "rescued": self._peer.rescued}

    def _timed(self, what: str, build: int, command: Callable[[], Ran]) -> None:
        """One that never answers is noted, and what a person tries next is done."""
        try:
            super()._timed(what, build, command)
        except RuntimeError as error:
            note(f"  {error}")
            self._peer.rescue(what)
            with suppress(RuntimeError):  # the next release is another try
                await_build(self._peer.address, build, 60)

    def _with_long(self) -> dict[str, Any]:
        with users(self._peer.address, self._rate, LONG) as traffic:
            time.sleep(3)
            self._release("with the 20 s request", self._clone.build)
            report = traffic.stop(wait_long=True)
        return {
            "seconds": self._went[-1]["seconds"],
            "failed": report.failed,
            "asset_404": report.asset_404,
            "long_failed": report.long_failed,
            "max_ms": round(report.max_ms, 1),
        }


def peers(
    root: Path,
    parcels: Parcels,
    rate: float,
    releases: int,
    program: Path | None = None,
    only: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Each of them, or ``only`` those; Piku where its ``program`` was given."""
    current = f"{units.ROOT}/current"
    tree = f"{units.ROOT}/tree"
    makers: dict[str, Callable[[Machine], HostPeer]] = {
        "five_commands": lambda m: HostPeer("five commands", m, "five_commands.sh", tree),
        "socket": lambda m: HostPeer("done well", m, "server_socket.sh", tree, socket=True),
        "symlink": lambda m: Linked("symlink", m, "server_symlink.sh", current),
        "ansible": lambda m: Ansible("ansible", m, "server_symlink.sh", current),
    }
    if program:
        makers["piku"] = lambda m: Piku("piku", m, "", "", address=piku.LISTEN, program=program)
    found: dict[str, Any] = {}
    for name in only or makers:
        make = makers[name]
        note(f"{name}: set up by hand on a fresh host")
        here = root / f"peer-{name}"
        here.mkdir()
        if name == "ansible":
            tool_venv("ansible", "ansible-core")  # outside: the host has no network
        more = wheels_of("piku", piku.PACKAGES) if name == "piku" else None
        with host() as machine:
            parcels.bring(machine, fairlead=False)
            if more:
                parcels.more(machine, more)
            found[name] = HostStory(make(machine), here, rate).whole(releases)
    return found
