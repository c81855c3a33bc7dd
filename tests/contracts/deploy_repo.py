"""What every DeployRepo keeps. A driver's test gives a `repo`; the suite is the same for all."""

import threading

import pytest

from fairlead.base.errors import Refused
from fairlead.desired.ports import DeployRepo

NOW = 1_760_000_000.0
FIRST = {"deploy.toml": b"format = 1\n"}
RELEASE = "releases/shop/1.json"
WANTED = "apps/shop/production/release.json"


class DeployRepoContract:
    """Subclass it with a fixture `repo` that gives a repository not made yet."""

    def test_before_it_is_made_a_look_is_refused(self, repo: DeployRepo) -> None:
        """No repository is no answer, and the hint says what makes one."""
        with pytest.raises(Refused) as caught:
            repo.look()
        assert "fairlead up" in caught.value.hint

    def test_made_twice_is_made_once(self, repo: DeployRepo) -> None:
        """The second `ensure` changes nothing, also with other files."""
        repo.ensure(FIRST, NOW)
        head = repo.look().head
        repo.ensure({"other": b"x"}, NOW + 1)
        look = repo.look()
        assert (look.head, look.read("deploy.toml"), look.read("other")) == (
            head,
            FIRST["deploy.toml"],
            None,
        )

    def test_a_commit_is_read_back(self, repo: DeployRepo) -> None:
        """Bytes come back as they went in, whatever they are; what was not named stays."""
        repo.ensure(FIRST, NOW)
        data = bytes(range(256)) + "ü\r\n".encode()
        made = repo.commit({RELEASE: data, WANTED: b"w"}, "one", "ada", NOW)
        look = repo.look()
        assert look.head == made
        assert look.read(RELEASE) == data
        assert look.read("deploy.toml") == FIRST["deploy.toml"]
        assert look.read("releases") is None

    def test_an_older_look_never_changes(self, repo: DeployRepo) -> None:
        """A look is of one commit, whatever is committed after it."""
        repo.ensure(FIRST, NOW)
        repo.commit({WANTED: b"1"}, "one", "ada", NOW)
        old = repo.look()
        repo.commit({WANTED: b"2", RELEASE: b"r"}, "two", "ada", NOW)
        assert old.read(WANTED) == b"1"
        assert old.files("releases") == ()
        assert [c.content for c in old.history(WANTED)] == [b"1"]
        assert repo.look().read(WANTED) == b"2"

    def test_a_commit_that_changes_nothing_is_none(self, repo: DeployRepo) -> None:
        """The head stays, also for the removal of what is not there."""
        repo.ensure(FIRST, NOW)
        made = repo.commit({WANTED: b"1"}, "one", "ada", NOW)
        assert repo.commit({WANTED: b"1", RELEASE: None}, "again", "ada", NOW + 1) == made

    def test_files_are_listed_below_a_directory(self, repo: DeployRepo) -> None:
        """Sorted, at any depth, and of that directory only."""
        repo.ensure(FIRST, NOW)
        repo.commit({"apps/a/x": b"", "apps/a/b/y": b"", "apps/ab/z": b""}, "m", "ada", NOW)
        assert repo.look().files("apps/a") == ("apps/a/b/y", "apps/a/x")
        assert repo.look().files("none") == ()

    def test_history_is_newest_first_with_contents(self, repo: DeployRepo) -> None:
        """Only the commits that changed the file; a removal has no content."""
        repo.ensure(FIRST, NOW)
        one = repo.commit({WANTED: b"1"}, "one\n\nwhy", "Ada <ada@example.org>", NOW)
        repo.commit({RELEASE: b"r"}, "unrelated", "bob", NOW + 1)
        gone = repo.commit({WANTED: None}, "gone", "bob", NOW + 2)
        back = repo.commit({WANTED: b"1"}, "back", "cem", NOW + 3)
        history = repo.look().history(WANTED)
        assert [c.id for c in history] == [back, gone, one]
        assert [c.content for c in history] == [b"1", None, b"1"]
        assert [c.who for c in history] == ["cem", "bob", "Ada"]
        assert history[-1].message == "one\n\nwhy"
        assert history[-1].at == int(NOW)
        assert all(c.ours for c in history)
        assert repo.look().history(WANTED, 1) == history[:1]
        assert repo.look().history("never") == ()

    def test_altered_names_what_was_changed_or_removed(self, repo: DeployRepo) -> None:
        """A file that was only added is not among them; one that came back is."""
        repo.ensure(FIRST, NOW)
        two, three = "releases/shop/2.json", "releases/shop/3.json"
        repo.commit({RELEASE: b"1", two: b"2", three: b"3"}, "add", "ada", NOW)
        assert repo.look().altered("releases") == frozenset()
        repo.commit({two: b"changed"}, "change", "ada", NOW)
        assert repo.look().altered("releases") == {two}
        repo.commit({three: None, WANTED: b"w"}, "remove", "ada", NOW)
        repo.commit({three: b"3", WANTED: b"x"}, "again", "ada", NOW)
        assert repo.look().altered("releases") == {two, three}

    @pytest.mark.parametrize(
        "who", ["", "<>", " . ", "a\nb", "x" * 300, "Ünïcode", "-n", "a <b", "\0", "$(id)`id`"]
    )
    def test_any_name_may_commit(self, repo: DeployRepo, who: str) -> None:
        """A name made to break git or a shell is only a name."""
        repo.ensure(FIRST, NOW)
        repo.commit({WANTED: who.encode()}, "subject", who, NOW)
        newest = repo.look().history(WANTED)[0]
        assert newest.content == who.encode()
        assert newest.ours

    def test_writing_may_be_nested(self, repo: DeployRepo) -> None:
        """A verb that holds it calls another that holds it."""
        repo.ensure(FIRST, NOW)
        with repo.writing("outer"), repo.writing("inner"):
            repo.commit({WANTED: b"1"}, "one", "ada", NOW)
        assert repo.look().read(WANTED) == b"1"

    def test_writers_take_turns(self, repo: DeployRepo) -> None:
        """Read, add one, write: nothing is lost between threads that hold it."""
        repo.ensure(FIRST, NOW)

        def add() -> None:
            for _ in range(5):
                with repo.writing("count"):
                    count = int(repo.look().read(WANTED) or b"0")
                    repo.commit({WANTED: b"%d" % (count + 1)}, "count", "ada", NOW)

        threads = [threading.Thread(target=add) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert repo.look().read(WANTED) == b"15"
        assert len(repo.look().history(WANTED)) == 15
