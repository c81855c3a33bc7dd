"""Pulling with real git, from a directory and through a real sshd."""

import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps import Repository
from fairlead.base.errors import FairleadError, NotFound, Refused, Unknown
from fairlead.base.ids import CommitId
from fairlead.base.secret import Secret
from fairlead.drivers.git import GitRepositories
from fairlead.drivers.git.fetch import GitUpstream
from fairlead.drivers.sources import SourceFiles
from fairlead.source.model import Address, Reach
from fairlead.source.rules import fingerprint, parse
from needs import needs

GIT = GitRepositories()


@pytest.fixture
def there(tmp_path: Path) -> Repository:
    """The repository elsewhere."""
    (tmp_path / "there").mkdir()
    return Repository(tmp_path / "there")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Ours."""
    repository = tmp_path / "apps" / "tide" / "repo.git"
    GIT.ensure_repository(repository)
    return repository


@pytest.fixture
def upstream(tmp_path: Path) -> GitUpstream:
    (tmp_path / "run").mkdir(mode=0o700)
    return GitUpstream(tmp_path / "run")


def by_file(repository: Repository) -> Reach:
    return Reach(parse(f"file://{repository.bare}"))


def left(here: Path) -> list[Path]:
    """Quarantines and keys that were not removed."""
    return [*(here / "objects").glob("tmp_*"), *here.parents[2].glob("run/*")]


def test_a_commit_waits_in_quarantine_until_it_is_taken_in(
    here: Path, there: Repository, upstream: GitUpstream
) -> None:
    """Whoever has the variables sees it; the repository does not, nor has it any new ref."""
    commit, reach = there.commit({"a": "1"}), by_file(there)
    assert upstream.heads(here, reach, ("main", "none")) == {"main": commit}
    with upstream.fetched(here, reach, ("main",)) as quarantine:
        assert GIT.receiving(quarantine).read(here, commit, "a") == b"1"
        with pytest.raises(NotFound):
            GIT.resolve(here, commit)
        upstream.take_in(here, quarantine, commit)
    GIT.move(here, "main", commit, "")
    assert GIT.read(here, GIT.resolve(here, "refs/heads/main"), "a") == b"1"
    assert left(here) == []


def test_what_is_not_taken_in_is_gone(here: Path, there: Repository, upstream: GitUpstream) -> None:
    """Also when what looks at it fails."""
    commit = there.commit({"a": "1"})
    with pytest.raises(ZeroDivisionError), upstream.fetched(here, by_file(there), ("main",)):
        raise ZeroDivisionError
    with pytest.raises(NotFound):
        GIT.resolve(here, commit)
    assert left(here) == []


def test_the_second_pull_brings_the_difference(
    here: Path, there: Repository, upstream: GitUpstream
) -> None:
    """Also from a branch that was rewritten, and to one that comes back to where it was."""
    commits = [there.commit({"a": "1", "large": os.urandom(300_000)})]
    for text in ("2", "3"):
        commits.append(there.commit({"a": text}))
    there.git("reset", "--hard", "--quiet", commits[0])
    commits += [there.commit({"a": "4"}), commits[1]]
    there.git("push", "--quiet", str(there.bare), f"{commits[1]}:refs/heads/kept")
    old = ""
    for commit in commits:
        there.git("push", "--quiet", "--force", str(there.bare), f"{commit}:refs/heads/main")
        with upstream.fetched(here, by_file(there), ("main",)) as quarantine:
            brought = sum(
                p.stat().st_size for p in Path(quarantine["GIT_OBJECT_DIRECTORY"]).rglob("*")
            )
            upstream.take_in(here, quarantine, commit)
        GIT.move(here, "main", commit, old)
        assert brought < 50_000 or not old
        old = commit
    done = subprocess.run(["git", f"--git-dir={here}", "fsck", "--strict"], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_many_pulls_do_not_pile_up(here: Path, there: Repository, upstream: GitUpstream) -> None:
    """git packs them anew by itself, as it does after pushes."""
    GIT._git(here, "config", "gc.autoPackLimit", "3")
    GIT._git(here, "config", "gc.autoDetach", "false")
    old = ""
    for number in range(6):
        commit = there.commit({"a": str(number)})
        with upstream.fetched(here, by_file(there), ("main",)) as quarantine:
            upstream.take_in(here, quarantine, commit)
        GIT.move(here, "main", commit, old)
        old = commit
    assert len(list(here.glob("objects/pack/*.pack"))) <= 4


def test_what_a_killed_pull_left_goes_at_the_next(
    here: Path, there: Repository, upstream: GitUpstream, tmp_path: Path
) -> None:
    """kill -9 in the middle: quarantine and keys are there, and the next look removes both."""
    there.commit({"a": "1"})
    program = (
        "import sys, time; from pathlib import Path\n"
        "from fairlead.drivers.git.fetch import GitUpstream, Reach, _put\n"
        "from fairlead.source.rules import parse\n"
        "here, run, url = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]\n"
        "made = GitUpstream(run)\n"
        "with made.fetched(here, Reach(parse(url)), ('main',)), made._directory(here) as keys:\n"
        "    (keys / 'key').write_text('secret'); print('in', flush=True); time.sleep(60)\n"
    )
    argv = [
        sys.executable,
        "-c",
        program,
        str(here),
        str(tmp_path / "run"),
        by_file(there).address.url,
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "in\n"
        process.kill()
    assert len(left(here)) == 2
    with upstream.fetched(here, by_file(there), ("main",)):
        pass
    assert left(here) == []


def test_more_than_is_taken_is_refused(here: Path, there: Repository, tmp_path: Path) -> None:
    """The figure and the way out are named; nothing stays."""
    there.commit({"large": os.urandom(8 << 20)})
    (tmp_path / "run").mkdir()
    small = GitUpstream(tmp_path / "run", most=1 << 20)
    with (
        pytest.raises(Refused, match="larger than 1 MB"),
        small.fetched(here, by_file(there), ("main",)),
    ):
        pass
    assert left(here) == []


def test_a_malformed_object_is_refused(
    here: Path, there: Repository, upstream: GitUpstream
) -> None:
    """As of a push: a tree that leads out of itself is not taken."""
    there.commit({"a": "1"})
    GIT._git(there.bare, "config", "receive.fsckObjects", "false")
    blob = there.git("rev-parse", "HEAD:a")
    tree = subprocess.run(
        ["git", "-C", str(there.source), "hash-object", "-w", "-t", "tree", "--literally", "--stdin"],
        input=b"100644 ..\0" + bytes.fromhex(blob), capture_output=True, check=True,
    ).stdout.decode().strip()  # fmt: skip
    commit = there.git("commit-tree", "-m", "bad", tree)
    there.git("push", "--quiet", "--force", str(there.bare), f"{commit}:refs/heads/main")
    with (
        pytest.raises(Unknown, match="hasDotdot"),
        upstream.fetched(here, by_file(there), ("main",)),
    ):
        pass


def test_a_repository_that_is_not_there_is_not_known(
    here: Path, tmp_path: Path, upstream: GitUpstream
) -> None:
    """With what git said."""
    reach = Reach(parse(f"file://{tmp_path}/none.git"))
    with pytest.raises(Unknown, match=r"none\.git"):
        upstream.heads(here, reach, ("main",))


@pytest.mark.parametrize("url", ["ext::sh -c 'touch ran'", "--upload-pack=touch ran"])
def test_git_runs_nothing_that_a_url_names(
    url: str, here: Path, upstream: GitUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one that came past the parser."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FairleadError):
        upstream.heads(here, Reach(Address(url, "file")), ("main",))
    assert not (tmp_path / "ran").exists()


class Sshd:
    """A real sshd on loopback, which lets in by the keys of one file."""

    def __init__(self, root: Path) -> None:
        self.root, self.user = root, pwd.getpwuid(os.getuid()).pw_name
        root.mkdir()
        self.new_host_key()
        self.allowed = root / "authorized_keys"
        self.allowed.touch()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def new_host_key(self) -> None:
        for old in self.root.glob("host*"):
            old.unlink()
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.root / "host")]
        subprocess.run(make, check=True)

    def fingerprint(self) -> str:
        told = subprocess.run(
            ["ssh-keygen", "-lf", str(self.root / "host.pub")], capture_output=True, text=True
        )
        return told.stdout.split()[1]

    def start(self) -> None:
        lines = {
            "ListenAddress": "127.0.0.1", "Port": self.port, "HostKey": self.root / "host",
            "AuthorizedKeysFile": self.allowed, "StrictModes": "no", "UsePAM": "no",
            "PidFile": "none", "PasswordAuthentication": "no", "PermitRootLogin": "yes",
        }  # fmt: skip
        config = self.root / "config"
        config.write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
        argv = [
            needs("sshd", package="openssh-server", adds="pull over SSH"),
            "-D",
            "-f",
            str(config),
        ]
        if os.geteuid() == 0:  # its root directory (sshd(8)) may be missing: in a /run of its own
            script = 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$@"'
            argv = ["unshare", "--mount", "sh", "-c", script, "sh", *argv]
        with (self.root / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stderr=log)
        deadline = time.monotonic() + 10
        while not self._answers():
            assert time.monotonic() < deadline, (self.root / "log").read_text()
            time.sleep(0.02)

    def _answers(self) -> bool:
        with socket.socket() as line:
            return line.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
            self._process = None


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    needs("ssh", package="openssh-client", adds="pull over SSH")
    made = Sshd(tmp_path / "sshd")
    made.start()
    yield made
    made.stop()


def test_a_deploy_key_and_a_pinned_host_open_a_private_repository(
    sshd: Sshd, here: Path, there: Repository, upstream: GitUpstream, tmp_path: Path
) -> None:
    """The key that was made here, the host by the fingerprint that ssh-keygen names."""
    sources, commit = SourceFiles(tmp_path / "sources"), there.commit({"a": "1"})
    sshd.allowed.write_text(sources.make_key("tide"))
    address = parse(f"ssh://{sshd.user}@127.0.0.1:{sshd.port}{there.bare}")
    host = upstream.host_keys(here, address)
    assert [fingerprint(line) for line in host] == [sshd.fingerprint()]
    reach = Reach(address, host, sources.key("tide"))
    assert upstream.heads(here, reach, ("main",)) == {"main": commit}
    with upstream.fetched(here, reach, ("main",)) as quarantine:
        assert not list(tmp_path.glob("run/*")), "the key lies there only while git runs"
        assert GIT.receiving(quarantine).resolve(here, commit) == commit
    assert (tmp_path / "sources/tide.key").stat().st_mode & 0o777 == 0o600
    assert left(here) == []

    with pytest.raises(Unknown, match="denied"):
        upstream.heads(here, Reach(address, host), ("main",))
    other = SourceFiles(tmp_path / "others")
    other.make_key("tide")
    with pytest.raises(Unknown, match="denied"):
        upstream.heads(here, Reach(address, host, other.key("tide")), ("main",))


def test_a_host_that_shows_another_key_is_refused(
    sshd: Sshd, here: Path, there: Repository, upstream: GitUpstream, tmp_path: Path
) -> None:
    """With a sentence of our own; one that does not answer is not known."""
    sources = SourceFiles(tmp_path / "sources")
    there.commit({"a": "1"})
    sshd.allowed.write_text(sources.make_key("tide"))
    address = parse(f"ssh://{sshd.user}@127.0.0.1:{sshd.port}{there.bare}")
    reach = Reach(address, upstream.host_keys(here, address), sources.key("tide"))
    sshd.stop()
    with pytest.raises(Unknown):
        upstream.heads(here, reach, ("main",))
    assert upstream.host_keys(here, address) == ()
    sshd.new_host_key()
    sshd.start()
    with pytest.raises(Refused, match="another key"):
        upstream.heads(here, reach, ("main",))


def test_a_key_of_ones_own_is_taken_when_it_needs_no_passphrase(tmp_path: Path) -> None:
    """Its public half is shown; nothing of it is in an error."""
    needs("ssh-keygen", package="openssh-client", adds="make deploy keys")
    sources, file = SourceFiles(tmp_path / "sources"), tmp_path / "id"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-C", "me", "-f", str(file)]
    subprocess.run([*make, "-N", ""], check=True)
    public = sources.take_key("tide", file)
    assert public.split()[:2] == (tmp_path / "id.pub").read_text().split()[:2]
    assert sources.key("tide") == Secret(file.read_text())
    file.unlink()
    subprocess.run([*make, "-N", "hunter2"], check=True)
    with pytest.raises(Refused, match="passphrase"):
        sources.take_key("tide", file)
    file.write_text("no key")
    with pytest.raises(Refused, match="passphrase"):
        sources.take_key("tide", file)
    with pytest.raises(NotFound):
        sources.take_key("tide", tmp_path / "none")
    assert CommitId(sources.key("tide").reveal()[:10]) == "-----BEGIN"
