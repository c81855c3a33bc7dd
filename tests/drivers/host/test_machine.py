"""A directory becomes a server's root; this machine is not touched."""

import os
import pwd
from pathlib import Path

import pytest

from fairlead.base.errors import FairleadError, Refused
from fairlead.base.paths import Home
from fairlead.drivers.host import DebianHost
from fairlead.drivers.host.look import Users
from fairlead.server import flow
from fairlead.server.flow import Ground
from fairlead.server.model import Do, Program, Step, Wanted
from fairlead.server.wanted import AGENT, CURRENT, SSHD
from needs import missing, needs

PROGRAM = Program("/opt/fairlead/1.0-abc", "1.0")


class Fake:
    """A program that is a directory with nothing in it."""

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix

    def own(self) -> Program:
        return PROGRAM

    def make(self, program: Program) -> None:
        (self._prefix / program.directory.lstrip("/")).mkdir(parents=True)

    def of_wheel(self, wheel: Path) -> Program:
        raise NotImplementedError

    def prune(self, kept: tuple[str, ...]) -> None:
        raise NotImplementedError


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        missing("not root: `sudo make test` would give files to other users")
    needs("useradd", package="passwd", adds="make users below a directory")
    needs("systemctl", package="systemd", adds="enable units below a directory")
    for name, text in {
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "etc/group": "root:x:0:\n",
        "etc/shadow": "root:*:1::::::\n",
        "usr/bin/git": "",
        "usr/sbin/sshd": "",
        "usr/sbin/nginx": "",
        "usr/bin/acme-tiny": "",
        "lib/systemd/system/nginx.service": "[Install]\nWantedBy=multi-user.target\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture
def ground(prefix: Path) -> Ground:
    programs = Fake(prefix)
    return Ground(DebianHost(Home(prefix / "var/lib/fairlead"), programs.make), programs)


def install(ground: Ground, *, force: bool = False, proxy: str = "") -> list[str]:
    """What was done, step by step."""
    said: list[str] = []
    want = flow.wish(ground, PROGRAM, proxy)
    seen, found = flow.difference(ground, want, force=force)
    flow.refuse_foreign(found, packages=False)
    flow.carry_out(ground, want, seen, found, said.append)
    return said


def test_installed_twice_there_is_nothing_to_do(ground: Ground, prefix: Path) -> None:
    """Users are numbers of that root's own, and this machine has none of them."""
    assert install(ground)
    assert install(ground) == []
    users = Users(prefix).all()
    assert {"fairlead", "fairlead-build"} <= set(users)
    with pytest.raises(KeyError):
        pwd.getpwnam("fairlead-build")
    repositories = (prefix / "var/lib/fairlead/repositories").stat()
    assert (repositories.st_uid, repositories.st_gid) == users["fairlead"][:2]
    assert repositories.st_mode & 0o7777 == 0o750
    assert (prefix / "var/lib/fairlead").stat().st_mode & 0o7777 == 0o711
    assert (prefix / CURRENT.lstrip("/")).readlink() == Path(PROGRAM.directory)
    wants = prefix / "etc/systemd/system/multi-user.target.wants"
    assert sorted(path.name for path in wants.iterdir()) == [AGENT, "nginx.service"]
    hook = prefix / "var/lib/fairlead/hooks/pre-receive"
    assert hook.stat().st_mode & 0o777 == 0o755
    assert not list(prefix.rglob(".*.fairlead"))


def test_with_caddy_it_starts_with_the_machine_and_by_the_agent(
    ground: Ground, prefix: Path
) -> None:
    """Its configuration is not there before the first app."""
    install(ground, proxy="caddy")
    assert install(ground) == []
    wants = prefix / "etc/systemd/system/multi-user.target.wants"
    assert (wants / "fairlead-caddy.service").is_symlink()
    with pytest.raises(Refused, match='says proxy = "caddy"'):
        install(ground, proxy="nginx")


def test_cut_off_after_any_step_it_ends_the_same(prefix: Path) -> None:
    """As by a kill, or a full disk."""
    home = Home(prefix / "var/lib/fairlead")
    programs = Fake(prefix)
    tries = 0
    while True:
        tries += 1
        host = Failing(DebianHost(home, programs.make))
        try:
            install(Ground(host, programs))
        except OSError:
            continue
        break
    assert tries > 5
    whole = Ground(DebianHost(home, programs.make), programs)
    assert install(whole) == []


class Failing(DebianHost):
    """A machine that is cut off after three steps."""

    def __init__(self, host: DebianHost) -> None:
        self.__dict__ = host.__dict__
        self.done = 0

    def do(self, step: Step) -> None:
        if self.done == 3:
            raise OSError("cut off")
        self.done += 1
        super().do(step)


def test_a_mode_that_somebody_changed_is_set_right(ground: Ground, prefix: Path) -> None:
    """And a directory's owner."""
    install(ground)
    (prefix / "var/lib/fairlead").chmod(0o777)
    os.chown(prefix / "var/lib/fairlead/repositories", 0, 0)
    done = install(ground)
    assert [line.split(": ")[:2] for line in done] == [
        [Do.OWN, "/var/lib/fairlead"],
        [Do.OWN, "/var/lib/fairlead/repositories"],
    ]
    assert install(ground) == []


def test_a_file_edited_by_hand_is_kept_and_a_copy_of_it_before_force(
    ground: Ground, prefix: Path
) -> None:
    """Nobody's work is lost."""
    install(ground)
    file = prefix / SSHD.lstrip("/")
    file.write_text(mine := file.read_text() + "# mine\n")
    assert install(ground) == []
    assert file.read_text() == mine
    done = install(ground, force=True)
    assert "what was there is kept" in done[1]
    assert "# mine" not in file.read_text()
    (kept,) = (prefix / "var/lib/fairlead/replaced").iterdir()
    assert kept.read_text() == mine


def test_what_is_in_the_way_stops_everything(ground: Ground, prefix: Path) -> None:
    """A file, a link to elsewhere, somebody's directory; nothing is done."""
    link = prefix / "usr/local/bin/fairlead"
    link.parent.mkdir(parents=True)
    link.symlink_to("/home/ada/fairlead")
    with pytest.raises(Refused, match="not ours: /usr/local/bin/fairlead"):
        install(ground)
    assert not (prefix / "var/lib/fairlead").exists()


def test_a_package_is_installed_only_when_that_was_agreed(ground: Ground, prefix: Path) -> None:
    """Else the command is said."""
    (prefix / "usr/sbin/nginx").unlink()
    with pytest.raises(Refused, match="not installed: nginx-light") as found:
        install(ground)
    assert "apt install nginx-light" in found.value.hint


def test_taken_off_nothing_of_ours_is_left_but_what_was_stored(
    ground: Ground, prefix: Path
) -> None:
    """With --keep-apps also what apps need after a reboot."""
    install(ground)
    before = flow.wish(ground, PROGRAM)
    for apps in (False, True):
        _taken_off(ground, before, apps=apps)
        tmpfiles = prefix / "etc/tmpfiles.d/fairlead.conf"
        assert tmpfiles.exists() == (not apps)
        assert not (prefix / "usr/local/bin/fairlead").is_symlink()
        assert not (prefix / "opt/fairlead").exists()
        assert (prefix / "var/lib/fairlead/repositories").is_dir()
        install(ground)
    _taken_off(ground, before, apps=True, data=True)
    assert list(prefix.rglob("*fairlead*")) == []
    assert set(Users(prefix).all()) == {"root"}


def _taken_off(ground: Ground, want: Wanted, *, apps: bool, data: bool = False) -> None:
    seen, _ = flow.difference(ground, want)
    steps = flow.removal(ground, want, seen, apps=apps, data=data)
    flow.take_off(ground, steps, lambda line: None)


def test_a_path_that_cannot_be_looked_at_is_not_known(ground: Ground, prefix: Path) -> None:
    """No answer is not "nothing is there"."""
    (prefix / "var/lib").mkdir(parents=True)
    (prefix / "var/lib/fairlead").write_text("a file\n")
    with pytest.raises((FairleadError, NotADirectoryError)):
        install(ground)
