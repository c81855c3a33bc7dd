"""Which commands are understood over SSH."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.access.command import FORMS, LONGEST, Git, Hello, Words, parse
from fairlead.access.rules import NEEDS
from fairlead.base.errors import FairleadError, NotAllowed, UsageError
from fairlead.base.ids import is_name
from fairlead.cli.verbs import known

UNDERSTOOD = {
    "": Hello(),
    "  ": Hello(),
    "git-receive-pack 'shop.git'": Git("push", "shop"),
    "git-receive-pack '/shop.git'": Git("push", "shop"),
    "git receive-pack shop": Git("push", "shop"),
    "git-upload-pack 'shop.git'": Git("fetch", "shop"),
    "status": Words("status", ("status",), ("",)),
    "status shop --json": Words("status", ("status", "shop", "--json"), ("shop",)),
    "fairlead status shop": Words("status", ("status", "shop"), ("shop",)),
    "drift shop/live": Words("drift", ("drift", "shop/live"), ("shop",)),
    "drift shop/live --revert": Words("revert", ("drift", "shop/live", "--revert"), ("shop",)),
    "promote a/x b/y": Words("promote", ("promote", "a/x", "b/y"), ("a", "b")),
    "rollback shop/live --why 'it is slow'": Words(
        "rollback", ("rollback", "shop/live", "--why", "it is slow"), ("shop",)
    ),
    "logs shop/live web.1 --lines=5": Words(
        "logs", ("logs", "shop/live", "web.1", "--lines=5"), ("shop",)
    ),
    "changed --app shop": Words("changed", ("changed", "--app", "shop"), ("shop",)),
    "trace abc": Words("trace", ("trace", "abc"), ("",)),
}


@pytest.mark.parametrize(("command", "wanted"), UNDERSTOOD.items(), ids=UNDERSTOOD)
def test_a_command_is_understood(command: str, wanted: object) -> None:
    """As exactly one thing."""
    assert parse(command) == wanted


REFUSED = [
    "sh", "bash -i", "; rm -rf /", "status; rm -rf /", "git-receive-pack '../x.git'",
    "git-receive-pack '../../etc/passwd'", "git-receive-pack 'a/b.git'", "git-receive-pack '~/x'",
    "git-receive-pack", "git-receive-pack 'a.git' 'b.git'", "git-receive-pack --x 'a.git'",
    "git-receive-pack '-x.git'", "git-receive-pack 'A.git'", "git-receive-pack ''",
    "git-upload-pack --upload-pack=evil 'a.git'", "git-upload-archive 'a.git'", "git clone a",
    "git -c core.sshCommand=x receive-pack a", "git-shell", "status --home /etc", "status --home=/",
    "approve a/b --key /etc/shadow", "approve a/b --signature x", "secret list a/b",
    "secret key export /tmp/x", "up", "agent stop", "down", "server uninstall", "init",
    "logs a/b --lines", "logs a/b -fx", "status -- x", "record show verify --x",
    "git-receive-pack 'a.git", "a\0b", "status\nrollback", "stat\x1b[0mus", "status \u202e",
    "x" * (LONGEST + 1), "scp -t /", "rsync --server", "internal-sftp",
]  # fmt: skip


@pytest.mark.parametrize("command", REFUSED, ids=lambda text: repr(text)[:30])
def test_everything_else_is_not_allowed(command: str) -> None:
    """With a hint."""
    with pytest.raises(NotAllowed) as found:
        parse(command)
    assert found.value.hint


@pytest.mark.parametrize(
    "command",
    ["rollback", "rollback live", "rollback a/b/c", "rollback ../a", "set live", "status A"],
)
def test_a_place_is_named_whole(command: str) -> None:
    """``production`` alone could be of an app that one has no right to."""
    with pytest.raises(UsageError):
        parse(command)


def test_every_verb_here_is_one_of_the_command_line_and_needs_a_right() -> None:
    """What it is turned into by an option, too."""
    assert set(FORMS) <= set(known())
    assert {verb for form in FORMS.values() for verb in form.changes.values()} | set(FORMS) <= set(
        NEEDS
    )


PARTS = st.sampled_from(
    ["git-receive-pack", "git", "receive-pack", "status", "rollback", "logs", "'shop.git'", "a/b",
     "../x", "--home", "/etc", "--why", ";", "|", "$(id)", "`id`", "\0", "\n", "--", "-f", "'", '"']
)  # fmt: skip


@given(st.lists(PARTS | st.text(max_size=8), max_size=8).map(" ".join))
def test_what_is_understood_is_narrow(command: str) -> None:
    """Whatever is sent: an app's name, or a listed verb with listed options, or a refusal."""
    try:
        found = parse(command)
    except FairleadError:
        return
    if isinstance(found, Git):
        assert is_name(found.app)
    if isinstance(found, Words):
        assert found.argv[0] in FORMS
        assert all(app == "" or is_name(app) for app in found.apps)
        assert not {"--home", "--key", "--signature"} & {w.split("=")[0] for w in _options(found)}


def _options(found: Words) -> list[str]:
    """Words that click would read as options: not the values of --why and the like."""
    form, words, rest = FORMS[found.argv[0]], [], list(found.argv[1:])
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            words.append(word)
            if "=" not in word:
                rest = rest[form.options.get(word, 0) :]
    return words
