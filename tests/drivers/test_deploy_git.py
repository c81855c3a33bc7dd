"""The deploy repo as a git work tree: the contract, and what people and crashes do to it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.deploy_repo import FIRST, NOW, RELEASE, WANTED, DeployRepoContract
from fairlead.base.errors import Busy, FairleadError, Refused
from fairlead.drivers.deploy_git import GitDeployRepo
from fairlead.drivers.deploy_git.state import COARSE

SOURCE = Path(__file__).parents[2] / "src"
NOTHING_OF_OURS = b"\x81\xa4head\xa40000"  # a map in msgpack, with a head and no more
WRITER = """
import sys
from pathlib import Path
from fairlead.drivers.deploy_git import GitDeployRepo
repo = GitDeployRepo(Path(sys.argv[1]), program=sys.argv[3] if len(sys.argv) > 3 else "git")
for n in range(int(sys.argv[2])):
    with repo.writing("count"):
        count = int(repo.look().read("apps/shop/production/count") or b"0")
        files = {"apps/shop/production/count": b"%d" % (count + 1), f"releases/shop/{count}": b"r"}
        repo.commit(files, "count", "writer", 1760000000.0)
"""


class TestGitDeployRepo(DeployRepoContract):
    """The contract, on real git."""

    @pytest.fixture
    def repo(self, tmp_path: Path) -> GitDeployRepo:
        """One that is not made yet, in a place with a hostile name."""
        return GitDeployRepo(tmp_path / "a 'dir; $(id)" / "deploy")


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "deploy"


@pytest.fixture
def repo(where: Path) -> GitDeployRepo:
    """A repository with a release desired."""
    made = GitDeployRepo(where, patience=0.3)
    made.ensure(FIRST, NOW)
    made.commit({WANTED: b"1\n", RELEASE: b"r\n"}, "one", "ada", NOW)
    return made


def git(where: Path, *arguments: str) -> str:
    """What a person types."""
    done = subprocess.run(
        ["git", "-C", str(where), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def fails(where: Path, *arguments: str) -> None:
    """What a person types, and git stops in the middle of."""
    done = subprocess.run(["git", "-C", str(where), *arguments], capture_output=True)
    assert done.returncode != 0


def settled(repo: GitDeployRepo) -> None:
    """Look until the cheap print alone is believed."""
    for _ in range(3):
        repo.look()


# What a person left half done. Each is refused with its reason and the next command.


def edited(where: Path) -> None:
    (where / WANTED).write_text("2\n")


def staged(where: Path) -> None:
    edited(where)
    git(where, "add", "-A")


def removed(where: Path) -> None:
    (where / RELEASE).unlink()


def stray_in_ours(where: Path) -> None:
    (where / "apps/shop/production/notes.txt").write_text("?")


def stray_directory(where: Path) -> None:
    (where / "apps/evil/production").mkdir(parents=True)
    (where / "apps/evil/production/release.json").write_text("{}")


def detached(where: Path) -> None:
    git(where, "switch", "-q", "--detach")


def other_branch(where: Path) -> None:
    git(where, "switch", "-qc", "try")


def other_side(where: Path) -> None:
    git(where, "switch", "-qc", "side", "HEAD~1")
    (where / "apps/shop/production").mkdir(parents=True, exist_ok=True)
    (where / WANTED).write_text("side\n")
    git(where, "add", "-A")
    git(where, "commit", "-qm", "side")
    git(where, "switch", "-q", "main")


def merging(where: Path) -> None:
    other_side(where)
    fails(where, "merge", "side")


def picking(where: Path) -> None:
    other_side(where)
    fails(where, "cherry-pick", "side")


def rebasing(where: Path) -> None:
    other_side(where)
    fails(where, "rebase", "side")


def reverting(where: Path) -> None:
    (where / WANTED).write_text("2\n")
    git(where, "commit", "-qam", "two")
    (where / WANTED).write_text("3\n")
    git(where, "commit", "-qam", "three")
    fails(where, "revert", "--no-edit", "HEAD~1")


def upstreamed(where: Path) -> Path:
    """The repository pushed to an upstream, which then gets a commit from a colleague."""
    hub, other = where.parent / "hub.git", where.parent / "colleague"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(hub)], check=True)
    git(where, "remote", "add", "origin", str(hub))
    git(where, "push", "-qu", "origin", "main")
    subprocess.run(["git", "clone", "-q", str(hub), str(other)], check=True)
    (other / "theirs").write_text("theirs")
    git(other, "add", "-A")
    git(other, "commit", "-qm", "theirs")
    git(other, "push", "-q")
    return other


def diverged(where: Path) -> None:
    upstreamed(where)
    (where / "ours").write_text("ours")
    git(where, "add", "-A")
    git(where, "commit", "-qm", "ours")
    git(where, "fetch", "-q")


@pytest.mark.parametrize(
    ("act", "said", "hint"),
    [
        (edited, "not committed", "status"),
        (staged, "not committed", "status"),
        (removed, "not committed", "status"),
        (stray_in_ours, "notes.txt", "status"),
        (stray_directory, "apps/evil", "status"),
        (detached, "detached HEAD", "switch main"),
        (other_branch, '"try"', "switch main"),
        (merging, "a merge", "merge --abort"),
        (picking, "a cherry-pick", "cherry-pick --abort"),
        (rebasing, "a rebase", "rebase --abort"),
        (reverting, "a revert", "revert --abort"),
        (diverged, "diverged (1 commits here, 1 there)", "pull"),
    ],
)
def test_half_done_is_refused(
    repo: GitDeployRepo, where: Path, act: Callable[[Path], None], said: str, hint: str
) -> None:
    """Neither read nor written, also by a reader that had settled; and nothing is changed."""
    settled(repo)
    act(where)
    before = git(where, "status", "--porcelain=v2", "--branch")
    for attempt in (repo.look, lambda: repo.commit({RELEASE: b"x"}, "m", "ada", NOW)):
        with pytest.raises(Refused) as caught:
            attempt()
        assert said in caught.value.what
        assert str(where) in caught.value.what
        assert f"git -C {where}" in caught.value.hint
        assert hint in caught.value.hint
    assert git(where, "status", "--porcelain=v2", "--branch") == before


def test_put_right_it_is_read_again(repo: GitDeployRepo, where: Path) -> None:
    """A refusal holds only as long as its reason."""
    settled(repo)
    edited(where)
    with pytest.raises(Refused):
        repo.look()
    git(where, "restore", ".")
    assert repo.look().read(WANTED) == b"1\n"


def test_a_stray_file_elsewhere_disturbs_nobody(repo: GitDeployRepo, where: Path) -> None:
    """Notes, editor backups and the like beside ours are a person's own."""
    (where / "notes.txt").write_text("mine")
    made = repo.commit({WANTED: b"2\n"}, "two", "ada", NOW)
    assert repo.look().head == made
    assert git(where, "status", "--porcelain") == "?? notes.txt"


def test_a_commit_by_hand_is_seen_at_once(repo: GitDeployRepo, where: Path) -> None:
    """Plain git: edit, commit, revert; the settled reader sees each, and whose it is."""
    settled(repo)
    (where / WANTED).write_text("2\n")
    git(where, "commit", "-qam", "by hand")
    newest = repo.look().history(WANTED)[0]
    assert (newest.content, newest.who, newest.ours) == (b"2\n", "Ada Example", False)
    settled(repo)
    git(where, "revert", "--no-edit", "HEAD")
    assert repo.look().read(WANTED) == b"1\n"


def test_a_colleagues_commit_must_be_pulled_before_a_write(
    repo: GitDeployRepo, where: Path
) -> None:
    """Behind its upstream it is read, not written: a commit there would diverge."""
    upstreamed(where)
    git(where, "fetch", "-q")
    assert repo.look().read(WANTED) == b"1\n"
    with pytest.raises(Refused) as caught:
        repo.commit({WANTED: b"2"}, "m", "ada", NOW)
    assert "pull --ff-only" in caught.value.hint
    git(where, "pull", "-q", "--ff-only")
    repo.commit({WANTED: b"2"}, "m", "ada", NOW)
    git(where, "push", "-q")
    assert repo.look().read(WANTED) == b"2"


def test_the_users_git_settings_change_nothing(
    repo: GitDeployRepo, where: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No hook runs, no signing, no line ends, no other repository by environment."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "post-commit", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    settings = {"core.hooksPath": str(hooks), "commit.gpgSign": "true", "core.autocrlf": "true"}
    for key, value in settings.items():
        git(where, "config", key, value)
        git(where, "config", "--global", key, value)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    repo.commit({WANTED: b"a\r\nb\n"}, "# not a comment", "ada", NOW)
    assert repo.look().history(WANTED)[0].message == "# not a comment"
    assert (where / WANTED).read_bytes() == b"a\r\nb\n"
    assert not (tmp_path / "ran").exists()


def test_a_repository_around_the_home_is_not_taken(where: Path) -> None:
    """A missing deploy repo inside somebody's git tree is missing."""
    subprocess.run(["git", "init", "-q", str(where.parent)], check=True)
    where.mkdir()
    with pytest.raises(Refused, match="no deploy repo"):
        GitDeployRepo(where).look()


def test_a_link_out_of_the_repository_is_not_followed(repo: GitDeployRepo, where: Path) -> None:
    """A committed link does not let a write land elsewhere."""
    outside = where.parent / "outside"
    outside.mkdir()
    (where / "apps/link").symlink_to(outside)
    git(where, "add", "-A")
    git(where, "commit", "-qm", "link")
    with pytest.raises(Refused, match="leads out"):
        repo.commit({"apps/link/x": b"x"}, "m", "ada", NOW)
    assert list(outside.iterdir()) == []
    assert repo.look().read(WANTED) == b"1\n"


# What one process learned is kept for the next.


@pytest.fixture
def at_rest(repo: GitDeployRepo, where: Path) -> Path:
    """A repository that nobody has touched for a while, looked at."""
    look = repo.look()
    look.history(WANTED), look.read(WANTED), look.read(RELEASE)
    time.sleep(COARSE + 0.1)
    repo.look()
    return where


def test_altered_is_known_to_another_process_too(repo: GitDeployRepo, where: Path) -> None:
    """How far history was walked is kept; a lost or rubbish memory is walked again."""
    repo.commit({RELEASE: b"changed"}, "m", "ada", NOW)
    assert repo.look().altered("releases") == {RELEASE}
    assert GitDeployRepo(where).look().altered("releases") == {RELEASE}
    for rubbish in (b"", b"?", NOTHING_OF_OURS):
        (where / ".git/fairlead/known").write_bytes(rubbish)
        assert GitDeployRepo(where).look().altered("releases") == {RELEASE}


def test_another_process_need_not_ask_git(at_rest: Path) -> None:
    """Where nothing has moved, head, files, histories and contents are read without it."""
    look = GitDeployRepo(at_rest, program="/bin/false").look()
    assert look.head == git(at_rest, "rev-parse", "HEAD")
    assert (look.read(WANTED), look.read(RELEASE)) == (b"1\n", b"r\n")
    assert [commit.content for commit in look.history(WANTED)] == [b"1\n"]


@pytest.mark.parametrize("act", [edited, stray_directory, detached])
def test_another_process_sees_what_moved_since(at_rest: Path, act: Callable[[Path], None]) -> None:
    """A memory never hides what a person left half done."""
    act(at_rest)
    with pytest.raises(Refused):
        GitDeployRepo(at_rest, patience=0.3).look()


def test_another_process_sees_a_release_edited_in_place(at_rest: Path) -> None:
    """Also where no directory and no size changes, and the time of the change is set back."""
    before = (at_rest / RELEASE).stat()
    with (at_rest / RELEASE).open("r+b") as file:
        file.write(b"x")
    os.utime(at_rest / RELEASE, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(Refused, match="not committed"):
        GitDeployRepo(at_rest, patience=0.3).look()


def test_what_has_just_changed_is_not_yet_believed(repo: GitDeployRepo, where: Path) -> None:
    """Two changes within a file system's tick leave one time: git is asked until that is over."""
    repo.look()
    with pytest.raises(FairleadError):
        GitDeployRepo(where, program="/bin/false").look()


def test_history_written_anew_is_asked_anew(at_rest: Path) -> None:
    """What is known of a commit that is gone is no answer about another."""
    (at_rest / WANTED).write_text("other\n")
    git(at_rest, "commit", "-q", "--amend", "-am", "another one")
    look = GitDeployRepo(at_rest).look()
    assert [commit.content for commit in look.history(WANTED)] == [b"other\n"]
    assert look.read(WANTED) == b"other\n"


def test_tidy_changes_nothing_that_is_read(repo: GitDeployRepo, where: Path) -> None:
    """Packed objects and refs read as before."""
    repo.tidy()
    git(where, "pack-refs", "--all")
    git(where, "gc", "-q")
    assert repo.look().read(WANTED) == b"1\n"
    assert repo.commit({WANTED: b"2"}, "m", "ada", NOW) == git(where, "rev-parse", "HEAD")


# Writers at the same time, and writers that were killed.


def writer(where: Path, count: int, program: str = "git") -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(where), str(count), program],
        env=environment,
        start_new_session=True,
        stderr=subprocess.PIPE,
    )


def test_writers_in_two_processes_take_turns(repo: GitDeployRepo, where: Path) -> None:
    """Every commit of both lands, and none is lost."""
    both = [writer(where, 5), writer(where, 5)]
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert repo.look().read("apps/shop/production/count") == b"10"
    assert len(repo.look().files("releases")) == 11


def test_a_reader_beside_a_writer_is_never_refused(repo: GitDeployRepo, where: Path) -> None:
    """What is half written by Fairlead itself is waited for, not complained about."""
    patient, process, looks = GitDeployRepo(where), writer(where, 8), 0
    while process.poll() is None:
        patient.look()
        looks += 1
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert patient.look().read("apps/shop/production/count") == b"8"
    assert looks > 3


def test_a_held_repository_says_by_whom(repo: GitDeployRepo, where: Path) -> None:
    """Whoever waits too long is told the process and what it does."""
    with GitDeployRepo(where).writing("tell a story"), pytest.raises(Busy) as caught:
        repo.commit({WANTED: b"2"}, "m", "ada", NOW)
    assert f"process {os.getpid()}, to tell a story" in caught.value.what


def test_a_thread_that_waits_too_long_is_told(repo: GitDeployRepo) -> None:
    """Also between threads of one process."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with repo.writing("wait"):
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    with pytest.raises(Busy):
        repo.commit({WANTED: b"2"}, "m", "ada", NOW)
    done.set()
    thread.join()


# A git that does one thing to its writer, at one moment; the rest is the real one. `$*` is only
# looked at. The writer is its parent ($PPID).
SHIM = """#!/bin/sh
for last; do case "$last" in {verb}) found=1;; esac; done
test "$found" || exec git "$@"
{before}
git "$@"
{after}
"""
KILL = "kill -9 $PPID"
ALONE = f"cat >../said; exec <../said; {KILL}; sleep 0.3"  # it has its message, and goes on
LOCKED = f"touch .git/index.lock .git/refs/heads/main.lock; {KILL}; exit 1"


@pytest.mark.parametrize(
    ("verb", "before", "after", "lands"),
    [
        ("add", f"{KILL}; exit 1", "", 0),
        ("add", "", KILL, 0),
        ("add", f"echo half >.git/fairlead/1-1.tmp; {LOCKED}", "", 0),
        ("commit", f"{KILL}; exit 1", "", 0),
        ("commit", ALONE, "", 1),
        ("commit", LOCKED, "", 0),
        ("commit", "", KILL, 1),
        ("commit", "", LOCKED, 1),
    ],
)
def test_a_killed_writer_is_recovered_from(
    repo: GitDeployRepo, where: Path, tmp_path: Path, verb: str, before: str, after: str, lands: int
) -> None:
    """Killed before, in or after a step: its commit is whole or was never there, and the next
    reader and writer go on. A git that outlives its writer is waited for. A person's own file
    is left alone."""
    shim = tmp_path / "shim"
    shim.write_text(SHIM.format(verb=verb, before=before, after=after))
    shim.chmod(0o755)
    (where / "mine.txt").write_text("mine")
    process = writer(where, 1, str(shim))
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    count = int(GitDeployRepo(where).look().read("apps/shop/production/count") or b"0")
    assert count == lands == len(GitDeployRepo(where).look().files("releases")) - 1
    assert git(where, "status", "--porcelain") == "?? mine.txt"
    after_it = writer(where, 1)
    _, errors = after_it.communicate(timeout=60)
    assert after_it.returncode == 0, errors
    assert repo.look().read("apps/shop/production/count") == b"%d" % (count + 1)


def test_killed_at_any_moment(repo: GitDeployRepo, where: Path) -> None:
    """The writer and its git, killed together at moments spread over its work."""
    for step in range(8):
        process = writer(where, 50)
        until = time.monotonic() + 20
        before = git(where, "rev-parse", "HEAD")
        while git(where, "rev-parse", "HEAD") == before and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(step * 0.003)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        fresh = GitDeployRepo(where)
        count = int(fresh.look().read("apps/shop/production/count") or b"0")
        assert count == len(fresh.look().files("releases")) - 1
        assert git(where, "status", "--porcelain") == ""
        fresh.commit({WANTED: b"after %d" % step}, "after", "ada", NOW)
    assert git(where, "fsck", "--no-dangling", "--no-progress") == ""


def test_what_a_person_wrote_since_the_kill_is_kept(repo: GitDeployRepo, where: Path) -> None:
    """Recovery undoes what the killed writer wrote, and nothing else."""
    note = json.dumps({WANTED: "0" * 64})  # it was to write something else there
    (where / WANTED).write_text("a person's\n")
    (where / ".git/fairlead/writing").write_text(note)
    with pytest.raises(Refused, match="not committed"):
        repo.look()
    assert (where / WANTED).read_text() == "a person's\n"


def test_a_persons_left_lock_is_explained(repo: GitDeployRepo, where: Path) -> None:
    """A lock that is not ours is not removed; reading goes on."""
    (where / ".git/index.lock").touch()
    assert repo.look().read(WANTED) == b"1\n"
    with pytest.raises(Refused) as caught:
        repo.commit({WANTED: b"2"}, "m", "ada", NOW)
    assert caught.value.hint == f"rm {where}/.git/index.lock"
    assert (where / ".git/index.lock").exists()


def test_what_a_person_stages_meanwhile_is_not_committed(
    repo: GitDeployRepo, where: Path, tmp_path: Path
) -> None:
    """Somebody types `git add` in the middle of a commit of ours: it stays theirs."""
    shim = tmp_path / "shim"
    stage = "touch theirs; git add theirs"
    shim.write_text(SHIM.format(verb="commit", before=stage, after=""))
    shim.chmod(0o755)
    GitDeployRepo(where, program=str(shim)).commit({WANTED: b"2"}, "m", "ada", NOW)
    assert git(where, "status", "--porcelain") == "A  theirs"
    assert git(where, "show", "--format=", "--name-only", "HEAD") == WANTED


def test_a_commit_git_refuses_leaves_no_trace(
    repo: GitDeployRepo, where: Path, tmp_path: Path
) -> None:
    """A failure in the middle is undone at once, and says what git said."""
    shim = tmp_path / "shim"
    shim.write_text(SHIM.format(verb="commit", before="echo no room >&2; exit 128", after=""))
    shim.chmod(0o755)
    with pytest.raises(Refused, match="no room"):
        GitDeployRepo(where, program=str(shim)).commit(
            {WANTED: b"2", "apps/shop/staging/new": b"n"}, "m", "ada", NOW
        )
    assert git(where, "status", "--porcelain") == ""
    assert (where / WANTED).read_text() == "1\n"
    assert repo.look().files("apps") == (WANTED,)
