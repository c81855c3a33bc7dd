"""``init``: what it writes for each kind of repository, and what it refuses."""

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from fairlead.base.errors import FairleadError, UsageError
from fairlead.manifest.flow import FILE, LONGEST_FILE, InitResult, _put, _text, _write, init
from fairlead.manifest.rules import parse

CASES = Path(__file__).parent.parent / "cases" / "init"
NAMES = sorted(case.name for case in CASES.iterdir())
WRITE = os.environ.get("FAIRLEAD_WRITE_CASES")  # 1: write what is, then read the difference in git


def said(result: InitResult) -> str:
    """What a case expects beside the manifest."""
    reasons = {reason.key: reason.why for reason in result.reasons}
    found = {"kind": result.kind, "reasons": reasons, "todo": result.todo}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def expect(file: Path, text: str) -> None:
    if WRITE:
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_writes_the_manifest_that_the_case_expects(name: str, tmp_path: Path):
    tree = tmp_path / name
    shutil.copytree(CASES / name / "tree", tree)
    result = init(tree)
    assert (tree / FILE).read_text() == result.text
    parse(result.text)
    expect(CASES / name / FILE, result.text)
    expect(CASES / name / "reasons.json", said(result))


def test_the_cases_cover_every_kind_the_issue_names():
    wanted = {
        "django",
        "flask",
        "fastapi",
        "starlette",
        "wsgi",
        "asgi",
        "node",
        "procfile",
        "static",
    }
    assert wanted <= set(NAMES)


def site(directory: Path) -> Path:
    (directory / "index.html").write_text("hello")
    return directory


def test_leaves_a_manifest_that_is_there_alone(tmp_path: Path):
    (site(tmp_path) / FILE).write_text("mine")
    with pytest.raises(UsageError) as caught:
        init(tmp_path)
    assert "--force" in caught.value.hint
    assert (tmp_path / FILE).read_text() == "mine"


def test_force_replaces_the_manifest_and_not_what_a_link_points_at(tmp_path: Path):
    (tmp_path / "other").write_text("mine")
    (site(tmp_path) / FILE).symlink_to("other")
    with pytest.raises(UsageError):
        init(tmp_path)
    init(tmp_path, force=True)
    assert (tmp_path / "other").read_text() == "mine"
    assert not (tmp_path / FILE).is_symlink()


def test_a_manifest_that_appears_meanwhile_is_not_overwritten(tmp_path: Path):
    """The write itself finds it, however late it came."""
    made = tmp_path / "made"
    made.write_text("ours")
    (tmp_path / FILE).write_text("theirs")
    with pytest.raises(FileExistsError):
        _put(made, tmp_path / FILE, force=False)
    assert (tmp_path / FILE).read_text() == "theirs"


def test_says_when_nothing_is_recognised(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UsageError, match="not clear what this repository is") as caught:
        init(tmp_path)
    assert "--example" in caught.value.hint
    assert sorted(os.listdir(tmp_path)) == ["notes.txt"]


def test_says_when_there_is_no_such_directory(tmp_path: Path):
    with pytest.raises(UsageError, match="no such directory"):
        init(tmp_path / "nowhere")


def test_names_the_branch_that_is_checked_out(tmp_path: Path):
    subprocess.run(["git", "init", "-q", "-b", "trunk/next", str(site(tmp_path))], check=True)
    assert parse(init(tmp_path).text).environments[0].branch == "trunk/next"


def test_follows_no_link_and_waits_for_no_pipe(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "manage.py").write_text('x = ("DJANGO_SETTINGS_MODULE", "a.b")')
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "manage.py").symlink_to(outside / "manage.py")
    (tree / "below").symlink_to(outside)
    os.mkfifo(tree / "package.json")
    site(tree)
    assert init(tree).kind.startswith("a static site")


def test_a_link_is_no_file_of_the_repository(tmp_path: Path):
    (tmp_path / "index.html").symlink_to("/etc/hostname")
    with pytest.raises(UsageError, match="not clear"):
        init(tmp_path)


def test_what_turned_into_a_link_or_a_pipe_since_is_not_read(tmp_path: Path):
    (tmp_path / "file").write_text("hello")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    found = [_text(tmp_path / name, 100) for name in ("file", "link", "pipe", "gone")]
    assert found == ["hello", "", "", ""]


def test_reads_no_file_that_is_too_long(tmp_path: Path):
    (site(tmp_path) / "app.py").write_text(
        "def app(environ, start_response): 0\n" + "#" * LONGEST_FILE
    )
    assert init(tmp_path).kind.startswith("a static site")


def test_file_names_made_to_break_things_break_nothing(tmp_path: Path):
    for name in ("a\nb.py", "a'b\".py", "$(id).py", "\x1b[31m.py", "-rf.py"):
        (tmp_path / name).write_text("def app(environ, start_response): 0")
    (tmp_path / os.fsdecode(b"\xff.py")).write_text("def app(environ, start_response): 0")
    assert parse(init(site(tmp_path)).text).roles[0].name == "web"


def test_what_is_written_can_be_read_by_others_and_leaves_nothing_beside_it(tmp_path: Path):
    init(site(tmp_path))
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o644
    assert sorted(os.listdir(tmp_path)) == [FILE, "index.html"]


def test_a_directory_that_cannot_be_written_is_said_with_a_hint(tmp_path: Path):
    """A file system that refuses: /proc holds directories even root cannot write to."""
    with pytest.raises(FairleadError, match="could not be written") as caught:
        _write(Path("/proc/self/task") / FILE, "x", force=False)
    assert caught.value.hint
