"""A question of our own whose process does not come back with a reply: nobody knows."""

import sys
from pathlib import Path

import pytest

import fairlead
from apps import Kept, Repository, Tree, desk_in
from fairlead.checks.asking import Asker
from fairlead.checks.flow import Asking, verify
from fairlead.checks.model import Answer, CheckResult, Surroundings
from fairlead.manifest.model import Check
from fairlead.manifest.questions import Localization, Secrets

LEAKS = Check("leaks", question=Secrets())
PACKAGE = str(Path(fairlead.__file__).parents[1])


def asked(root: Path, asker: Asker, check: Check = LEAKS) -> CheckResult:
    repository = Repository(root)
    change = repository.change(repository.commit({"a.txt": "nothing\n"}))
    desk = desk_in(root, Kept(), asker=asker)
    asking = Asking((check,), repository.bare, Surroundings(), Tree())
    (result,) = verify(desk, change, asking, lambda _: None).results
    return result


def shell(script: str) -> Asker:
    """In the place of our own process: its last word is the reply's path."""
    return Asker(("sh", "-c", script, "sh"))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("kill -9 $$", "killed"),
        ("exit 1", "exit 1"),
        ("exit 0", "cannot be read"),
        ("echo '{' > $2", "cannot be read"),
        ('echo \'{"answer": "fine", "reason": ""}\' > $2', "cannot be read"),
        ("ln -s /etc/hostname $2", "cannot be read"),
        ("mkfifo $2", "cannot be read"),
        ("head -c 40000000 /dev/zero > $2", "larger than"),
        ("no-such-program-of-ours", "exit 127"),
        ('echo \'{"answer":"passed","reason":"ok"}\' > $2; exit 3', "exit 3"),
        ('echo \'{"answer":"passed","reason":"","kept":["gone"]}\' > $2', "kept"),
    ],
)
def test_no_reply_is_never_a_green(tmp_path: Path, script: str, said: str) -> None:
    """Killed, failed, silent, garbled, a link, a pipe, too large, or a reply and then a failure."""
    result = asked(tmp_path, shell(script))
    assert result.answer is Answer.NOT_KNOWN
    assert said in result.reason


def test_too_slow_is_not_known(tmp_path: Path) -> None:
    """Its own limit holds for our questions too."""
    slow = Check("leaks", question=Secrets(), limit=1)
    result = asked(tmp_path, shell("sleep 20"), slow)
    assert (result.answer, "1 s" in result.reason) == (Answer.NOT_KNOWN, True)


def test_a_library_that_is_missing_is_not_known(tmp_path: Path) -> None:
    """What a question needs and the machine has not: no answer, and no green."""
    without = "import sys; sys.modules['babel'] = None; sys.argv = ['', *sys.argv[1:]];"
    run = "import runpy; runpy.run_module('fairlead.questions', run_name='__main__')"
    asker = Asker((sys.executable, "-I", "-c", f"{without} {run}"), (PACKAGE,))
    repository = Repository(tmp_path)
    files = {"locale/de/LC_MESSAGES/a.po": 'msgid ""\nmsgstr ""\n\nmsgid "a"\nmsgstr "b"\n'}
    change = repository.change(repository.commit(files))
    check = Check("texts", question=Localization())
    asking = Asking((check,), repository.bare, Surroundings(), Tree())
    desk = desk_in(tmp_path, Kept(), asker=asker)
    (result,) = verify(desk, change, asking, lambda _: None).results
    assert result.answer is Answer.NOT_KNOWN


def test_asked_as_it_is_it_answers(tmp_path: Path) -> None:
    """The same, undisturbed: so that the tests above fail for their own reasons."""
    argv = (sys.executable, "-I", "-m", "fairlead.questions")
    assert asked(tmp_path, Asker(argv, (PACKAGE,))).answer is Answer.PASSED
