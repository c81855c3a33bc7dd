"""The difference between what a server should have and what it has."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.canonical import digest_of
from fairlead.server import rules
from fairlead.server.model import (
    At,
    Directory,
    Do,
    File,
    Kind,
    Known,
    Program,
    Seen,
    Settings,
    Step,
    UnitSeen,
    User,
    Wanted,
)
from fairlead.server.wanted import MARK, wanted

CASES = Path(__file__).parent.parent / "cases/server"
PROGRAM = Program("/opt/fairlead/1.0-abc", "1.0")
BARE = Seen(frozenset(), {}, frozenset(), {}, {}, Known())
FOREIGN = "somebody else's\n"
EDITED = f"{MARK}\nand edited\n"
OLD = f"{MARK}\nof an older version\n"


def wish(proxy: str = "nginx") -> Wanted:
    return wanted(Settings(proxy=proxy), PROGRAM)


def carried(want: Wanted, seen: Seen, *, force: bool = False) -> Seen:
    for step in rules.difference(want, seen, force=force).steps:
        seen = rules.after(step, seen)
    return seen


@dataclass
class Odd:
    """A path on which something odd lies, and what that is."""

    path: str
    at: At
    known: bool


def texts(file: File) -> st.SearchStrategy[str]:
    return st.sampled_from([file.text, FOREIGN, EDITED, OLD, ""])


@st.composite
def servers(draw: st.DrawFn, want: Wanted) -> Seen:
    """A server somewhere on its way, with what others did to it."""
    paths, files = {}, {}
    for file in want.files:
        kind = draw(st.sampled_from([Kind.NOTHING, Kind.FILE, Kind.FILE, Kind.DIRECTORY]))
        text = draw(texts(file)) if kind is Kind.FILE else ""
        paths[file.path] = At(kind, draw(st.sampled_from(["root", "x"])), file.mode, text)
        if draw(st.booleans()):
            files[file.path] = digest_of(draw(texts(file)).encode())
    for directory in want.directories:
        kind = draw(st.sampled_from([Kind.NOTHING, Kind.DIRECTORY, Kind.DIRECTORY, Kind.FILE]))
        owner = draw(st.sampled_from(["root", directory.owner, "x"]))
        paths[directory.path] = At(kind, owner, draw(st.sampled_from([0o755, directory.mode])))
    for link in want.links:
        kind = draw(st.sampled_from([Kind.NOTHING, Kind.LINK, Kind.FILE]))
        target = draw(st.sampled_from([link.target, "/opt/fairlead/0.9", "/else"]))
        paths[link.path] = At(kind, "root", 0o777, target if kind is Kind.LINK else "")
    right = {u.name: (u.home, u.shell) for u in want.users}
    users = {name: draw(st.sampled_from([right[name], ("/", "/bin/x")])) for name in right}
    flags = st.booleans()
    units = {unit.name: UnitSeen(enabled=draw(flags), active=draw(flags)) for unit in want.units}
    owed = draw(st.lists(st.sampled_from(sorted(want.nudges)), unique=True).map(tuple))
    return Seen(
        packages=frozenset(p.name for p in want.packages if draw(flags)),
        users={name: found for name, found in users.items() if draw(flags)},
        programs=frozenset([PROGRAM.directory] if draw(flags) else []),
        paths=paths,
        units=units,
        known=Known(files, "", owed),
    )


ANY = st.sampled_from(["nginx", "caddy"]).map(wish)
LIVES = ANY.flatmap(lambda want: st.tuples(st.just(want), servers(want)))


@given(LIVES, st.booleans())
def test_after_all_steps_there_is_nothing_to_do(life: tuple[Wanted, Seen], force: bool) -> None:
    """What was left alone stays named, and is still left alone."""
    want, seen = life
    before = rules.difference(want, seen, force=force)
    again = rules.difference(want, carried(want, seen, force=force), force=force)
    assert again.steps == ()
    assert again.held == before.held


@given(LIVES, st.booleans(), st.integers(0, 40))
def test_cut_off_anywhere_it_ends_the_same(
    life: tuple[Wanted, Seen], force: bool, cut: int
) -> None:
    """And whoever has to be told of a change is told, whenever the change was made."""
    want, seen = life
    steps = rules.difference(want, seen, force=force).steps
    for step in steps[:cut]:
        seen = rules.after(step, seen)
    assert carried(want, seen, force=force) == carried(want, life[1], force=force)
    told = {s.thing for s in rules.difference(want, seen, force=force).steps}
    owed = {name for step in steps[:cut] for name in rules._then(step)}
    done = {step.thing for step in steps[:cut] if step.do in (Do.TELL, Do.ENABLE)}
    assert owed - done <= told


@given(LIVES, st.booleans())
def test_what_is_not_ours_is_never_touched(life: tuple[Wanted, Seen], force: bool) -> None:
    """Nor is what somebody edited, unless that is asked for."""
    want, seen = life
    after = carried(want, seen, force=force)
    for path, at in seen.paths.items():
        foreign = at.text == FOREIGN and seen.known.files.get(path) is None
        foreign |= at.text == "/else" or (at.kind is Kind.DIRECTORY and at.owner == "x")
        edited = at.text == EDITED and seen.known.files.get(path) != digest_of(EDITED.encode())
        if foreign or (edited and not force):
            assert after.paths[path] == at


@given(LIVES)
def test_each_step_finds_what_it_needs(life: tuple[Wanted, Seen]) -> None:
    """Users before what is theirs, a directory before what is in it, files before their unit."""
    want, seen = life
    steps = rules.difference(want, seen).steps
    place = {(step.do, step.thing): at for at, step in enumerate(steps)}
    for at, step in enumerate(steps):
        if isinstance(step.item, Directory) and step.item.owner != "root":
            assert place.get((Do.USER, step.item.owner), -1) < at
        if isinstance(step.item, File):
            above = str(Path(step.item.path).parent)
            assert place.get((Do.DIRECTORY, above), -1) < at
        if step.do is Do.LINK:
            assert place.get((Do.PROGRAM, PROGRAM.directory), -1) < at
        if step.do is Do.ENABLE:
            assert all(s.do in (Do.ENABLE, Do.TELL) for s in steps[at:])
        if step.do is Do.INSTALL:
            assert all(s.do is Do.INSTALL for s in steps[:at])


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_a_bare_machine_is_shown_everything(proxy: str) -> None:
    """Every file with its content, every command."""
    steps = rules.difference(wish(proxy), BARE).steps
    page = "".join(f"{s.do} {s.thing}: {s.why}\n{_indented(s)}" for s in steps)
    assert page == (CASES / f"bare-{proxy}.txt").read_text()


def _indented(step: Step) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in rules.shown(step).splitlines())


def one(at: At, known: Known | None = None, *, force: bool = False) -> object:
    """What is to be done about one file as it lies there."""
    want = wish()
    file = next(file for file in want.files if "sshd" in file.path)
    seen = msgspec.structs.replace(BARE, paths={file.path: at}, known=known or Known())
    found = rules.difference(want, seen, force=force)
    steps = [s for s in found.steps if s.thing == file.path]
    return (steps or [h for h in found.held if h.thing == file.path] or [None])[0]


def text(value: str) -> At:
    return At(Kind.FILE, "root", 0o644, value)


def known(value: str) -> Known:
    path = next(file.path for file in wish().files if "sshd" in file.path)
    return Known({path: digest_of(value.encode())})


def test_a_file_as_we_left_it_is_written_again_when_another_is_wanted() -> None:
    """An upgrade changes it without a word."""
    step = one(text(OLD), known(OLD))
    assert isinstance(step, Step)
    assert step.do is Do.WRITE
    assert step.before == OLD


def test_a_file_with_our_mark_that_we_do_not_know_is_held() -> None:
    """Somebody may have edited it before our memory was lost."""
    held = one(text(EDITED))
    assert not isinstance(held, Step)
    assert getattr(held, "ours", None) is True
    assert isinstance(one(text(EDITED), force=True), Step)


def test_a_file_of_somebody_else_is_held_in_any_case() -> None:
    """Force is for what is ours."""
    for force in (False, True):
        assert getattr(one(text(FOREIGN), force=force), "ours", None) is False


def test_a_user_of_that_name_with_another_home_is_in_the_way() -> None:
    """It may be somebody's account."""
    seen = msgspec.structs.replace(BARE, users={"fairlead": ("/home/fairlead", "/bin/bash")})
    held = rules.difference(wish(), seen).held
    assert [(h.thing, h.ours) for h in held] == [("fairlead", False)]
    assert "usermod" in held[0].hint


def test_users_cannot_log_in_by_a_password() -> None:
    """useradd without a password locks it; neither is anybody's of the machine."""
    steps = [s for s in rules.difference(wish(), BARE).steps if isinstance(s.item, User)]
    assert [s.thing for s in steps] == ["fairlead", "fairlead-build"]
    assert all("--system" in s.argv for s in steps)
