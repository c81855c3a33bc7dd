"""What every ``ArtifactStore`` keeps (fairlead.artifact.ports)."""

import os
import threading
from pathlib import Path

import pytest

from apps import snapshot
from fairlead.artifact.model import Artifact, File, Sealed
from fairlead.artifact.ports import ArtifactStore
from fairlead.artifact.rules import content_digest
from fairlead.base.errors import Refused
from fairlead.base.ids import CommitId, Digest
from fairlead.checks.model import Surroundings
from fairlead.drivers.store.scan import Seen

FILES = {"a.txt": b"alpha", "bin/run": b"#!/bin/sh\n", "d/e/f": b"", "new\nline": b"x"}
NOTHING: frozenset[str] = frozenset()


def write(tree: Path, files: dict[str, bytes] = FILES) -> None:
    for name, data in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    (tree / "bin/run").chmod(0o755)
    (tree / "link").symlink_to("a.txt")


def sealed_of(files: tuple[File, ...], key: str = "") -> Sealed:
    digest = content_digest(files, key)
    return Sealed(Artifact("demo", CommitId("0" * 40), digest, key), 1000.0, 1, (key,))


def put(store: ArtifactStore, files: dict[str, bytes] = FILES) -> Digest:
    """Seal a tree of these files; its digest."""
    with store.stage() as staged:
        write(staged / "tree", files)
        found = store.files(staged / "tree", NOTHING)
        sealed = sealed_of(found)
        store.seal(staged, sealed, found)
    return sealed.artifact.digest


def change(path: Path, data: bytes) -> None:
    """What somebody with the right to does to a file of a release."""
    path.chmod(0o644)
    path.write_bytes(data)


class ArtifactStoreContract:
    """Subclass it with a ``store`` fixture of an empty store."""

    def test_what_was_sealed_is_there_whole_and_read_only(self, store: ArtifactStore) -> None:
        """Bytes, modes, links; nobody may write to it."""
        digest = put(store)
        known = store.get(digest)
        assert known is not None
        assert known.artifact.digest == digest
        tree = store.tree(digest)
        found = snapshot(tree)
        assert {name: data for name, (_, data) in found.items()} == FILES | {"link": b"a.txt"}
        assert found["bin/run"][0] == "755"
        modes = {p.lstat().st_mode & 0o222 for p in [tree, *tree.rglob("*")] if not p.is_symlink()}
        assert modes == {0}
        assert store.damaged(digest) == store.damaged(digest, every_byte=True) == ()
        assert store.artifacts() == (known,)

    def test_the_same_content_is_the_same_artifact(self, store: ArtifactStore) -> None:
        """The second builder changes nothing."""
        first = put(store)
        inode = store.tree(first).stat().st_ino
        assert put(store) == first
        assert store.tree(first).stat().st_ino == inode
        assert len(store.artifacts()) == 1

    def test_times_do_not_matter_and_bytes_do(self, store: ArtifactStore, tmp_path: Path) -> None:
        """The name is over path, mode and content."""
        write(tmp_path / "tree")
        before = store.files(tmp_path / "tree", NOTHING)
        os.utime(tmp_path / "tree/a.txt", (1, 1))
        assert store.files(tmp_path / "tree", NOTHING) == before
        (tmp_path / "tree/a.txt").chmod(0o755)
        assert store.files(tmp_path / "tree", NOTHING) != before

    def test_a_builder_that_fails_leaves_nothing(self, store: ArtifactStore) -> None:
        """Not even its directory."""
        seen = []

        def fail() -> None:
            with store.stage() as staged:
                write(staged / "tree")
                seen.append(staged)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        assert not seen[0].exists()
        assert store.artifacts() == ()

    @pytest.mark.parametrize(
        "harm",
        [
            lambda tree: change(tree / "a.txt", b"alphx"),
            lambda tree: change(tree / "a.txt", b"longer than before"),
            lambda tree: (tree / "bin/run").chmod(0o444),
            lambda tree: (tree / "a.txt").unlink(),
            lambda tree: ((tree / "link").unlink(), (tree / "link").symlink_to("bin/run")),
            lambda tree: ((tree / "a.txt").unlink(), (tree / "a.txt").symlink_to("bin/run")),
            lambda tree: (tree / "added").write_bytes(b""),
            lambda tree: os.mkfifo(tree / "pipe"),
        ],
    )
    def test_any_damage_is_seen_and_repaired(self, store: ArtifactStore, harm) -> None:
        """Content, mode, missing, added, another link, a link for a file: quick and thorough."""
        digest = put(store)
        tree = store.tree(digest)
        tree.chmod(0o755)
        harm(tree)
        quick = store.damaged(digest)
        assert len(quick) == 1
        assert store.damaged(digest, every_byte=True) == quick
        self.repair(store, digest)
        assert store.damaged(digest) == store.damaged(digest, every_byte=True) == ()

    def repair(self, store: ArtifactStore, digest: Digest) -> None:
        with store.stage() as staged:
            write(staged / "tree")
            store.repair(digest, staged)

    def test_a_changed_file_with_its_old_time_is_seen(self, store: ArtifactStore) -> None:
        """Same size, same modification time: the quick look is not fooled."""
        digest = put(store)
        path = store.tree(digest) / "a.txt"
        times = path.stat()
        change(path, b"ALPHA")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert store.damaged(digest) == ("a.txt",)

    def test_a_touched_file_is_not_damage(self, store: ArtifactStore) -> None:
        """Its bytes are read, and they are what they were."""
        digest = put(store)
        os.utime(store.tree(digest) / "a.txt", (1, 1))
        assert store.damaged(digest) == ()

    def test_a_directory_taken_away_comes_back(self, store: ArtifactStore) -> None:
        """And directories that copies work in stay the same directories."""
        digest = put(store)
        tree = store.tree(digest)
        inode = tree.stat().st_ino
        for folder in (tree, tree / "d", tree / "d/e"):
            folder.chmod(0o755)
        (tree / "d/e/f").unlink()
        (tree / "d/e").rmdir()
        self.repair(store, digest)
        assert store.damaged(digest) == ()
        assert tree.stat().st_ino == inode

    def test_links_of_dependencies_are_sealed_and_not_named(self, store: ArtifactStore) -> None:
        """Two homes give the same digest; a link that is bent later is damage."""
        with store.stage() as staged:
            write(staged / "tree")
            (staged / "tree/node_modules").symlink_to("/somewhere")
            found = store.files(staged / "tree", frozenset({"node_modules"}))
            sealed = sealed_of(found)
            tree = store.seal(staged, sealed, found)
        assert sealed.artifact.digest == put(store)
        assert store.damaged(sealed.artifact.digest) == ()
        tree.chmod(0o755)
        (tree / "node_modules").unlink()
        assert store.damaged(sealed.artifact.digest) == ("node_modules",)

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda tree: os.mkfifo(tree / "pipe"), "pipe: it is neither a file nor a link"),
            (lambda tree: (tree / "l").symlink_to(tree / "a.txt"), "l: it links to its own build"),
            (lambda tree: os.close(os.open(bytes(tree) + b"/\xff", os.O_CREAT)), "not UTF-8"),
        ],
    )
    def test_what_an_artifact_cannot_hold_is_refused(
        self, store: ArtifactStore, tmp_path: Path, make, said: str
    ) -> None:
        """By name."""
        write(tmp_path / "tree")
        make(tmp_path / "tree")
        with pytest.raises(Refused, match=said):
            store.files(tmp_path / "tree", NOTHING)

    def test_removed_is_gone_and_removing_again_is_fine(self, store: ArtifactStore) -> None:
        """And what was not named stays."""
        first, second = put(store), put(store, FILES | {"more": b"x"})
        assert store.remove(first) > 0
        assert store.remove(first) == 0
        assert store.get(first) is None
        assert store.get(second) is not None

    def test_dependencies_are_made_once(self, store: ArtifactStore) -> None:
        """Four ask at once; one makes, all get the same."""
        made = []
        begin = threading.Barrier(4)

        def make(directory: Path) -> Surroundings:
            made.append(directory)
            (directory / "file").write_text("x")
            return Surroundings("k", str(directory))

        def ask() -> None:
            begin.wait(5)
            got.append(store.environment("k", make))

        got: list[Surroundings] = []
        askers = [threading.Thread(target=ask) for _ in range(4)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert len(made) == 1
        assert got == [Surroundings("k", str(made[0]))] * 4
        assert store.known_environment("k") == got[0]
        assert [key for key, _ in store.environments()] == ["k"]

    def test_dependencies_that_failed_are_made_again(self, store: ArtifactStore) -> None:
        """From an empty directory."""

        def fails(directory: Path) -> Surroundings:
            (directory / "half").write_text("x")
            raise RuntimeError

        with pytest.raises(RuntimeError):
            store.environment("k", fails)
        assert store.known_environment("k") is None
        assert store.environments() == ()

        def works(directory: Path) -> Surroundings:
            assert list(directory.iterdir()) == []
            (directory / "file").write_text("x")
            return Surroundings("k")

        assert store.environment("k", works) == Surroundings("k")
        assert store.remove_environment("k") > 0
        assert store.known_environment("k") is None
        assert store.remove_environment("k") == 0

    def test_an_answer_is_recalled_while_its_artifact_is_there(self, store: ArtifactStore) -> None:
        """A build is not repeated, unless what it made is gone."""
        digest = put(store)
        known = store.get(digest)
        assert known is not None
        question = Digest("sha256:" + "5" * 64)
        assert store.recall("demo", question) is None
        store.remember("demo", question, known.artifact)
        assert store.recall("demo", question) == known.artifact
        store.remove(digest)
        assert store.recall("demo", question) is None

    def test_unchanged_sources_need_no_compiling(
        self, store: ArtifactStore, tmp_path: Path
    ) -> None:
        """Same path, same bytes, same dependencies; and never from a damaged file."""
        compiled = {f"p/__pycache__/{n}.cpython-311.pyc": n.encode() for n in "abc"}
        first = FILES | {f"p/{n}.py": n.encode() for n in "abc"} | compiled
        with store.stage() as staged:
            write(staged / "tree", first)
            found = store.files(staged / "tree", NOTHING)
            sealed = sealed_of(found, "k")
            old = store.seal(staged, sealed, found)
        change(old / "p/__pycache__/c.cpython-311.pyc", b"evil")
        second = {"p/a.py": b"a", "p/b.py": b"changed", "p/c.py": b"c", "q/a.py": b"a"}
        for key, left in (("k", ("p/b.py", "p/c.py", "q/a.py")), ("l", tuple(sorted(second)))):
            write(tmp_path / key, FILES | second)
            assert store.to_compile(tmp_path / key, key) == left
        assert (tmp_path / "k/p/__pycache__/a.cpython-311.pyc").read_bytes() == b"a"
        assert not (tmp_path / "k/p/__pycache__/c.cpython-311.pyc").exists()

    def test_a_stand_is_the_tree_with_a_places_links(
        self, store: ArtifactStore, tmp_path: Path
    ) -> None:
        """No byte twice, both whole, and each place sees its own."""
        digest = put(store)
        for place in ("one", "two"):
            (tmp_path / place).mkdir()
            links = {"media": str(tmp_path / place), "d/e/up": str(tmp_path / place)}
            stand = store.stand(digest, place, links)
            assert store.stand(digest, place, links) == stand
            assert (stand / "bin/run").samefile(store.tree(digest) / "bin/run")
            assert os.readlink(stand / "link") == "a.txt"
            (stand / "media/upload").write_text(place)
            assert (stand / "d/e/up/upload").read_text() == place
            assert (stand / "a.txt").resolve() == stand / "a.txt"
        assert not (store.tree(digest) / "media").exists()
        assert (tmp_path / "one/upload").read_text() == "one"
        assert store.damaged(digest) == store.damaged(digest, every_byte=True) == ()

    def test_a_second_stand_makes_nothing_slow(self, store: ArtifactStore, tmp_path: Path) -> None:
        """Another name of a file changes its ctime, which would have all of it read at each look."""
        digest = put(store)
        for place in ("one", "two"):
            stand = store.stand(digest, place, {"media": str(tmp_path)})
        assert os.listdir(stand)
        listing = {known.file.path: known for known in _listed(store, digest)}
        for path in ("a.txt", "link"):
            facts = os.lstat(stand / path)
            assert (listing[path].changed, listing[path].inode) == (facts.st_ctime_ns, facts.st_ino)

    @pytest.mark.parametrize("harm", ["edit", "replace", "add", "remove", "relink", "fill"])
    def test_damage_in_a_stand_is_seen_and_put_back(
        self, store: ArtifactStore, tmp_path: Path, harm: str
    ) -> None:
        """What was uploaded stays, and what somebody added is kept aside."""
        digest, media = put(store), tmp_path / "media"
        media.mkdir()
        (media / "upload").write_text("kept")
        stand = store.stand(digest, "one", {"media": str(media)})
        _harm(stand, harm)
        assert store.damaged(digest)
        with store.stage() as staged:
            write(staged / "tree")
            store.repair(digest, staged)
        assert store.damaged(digest, every_byte=True) == ()
        assert (stand / "a.txt").read_bytes() == FILES["a.txt"]
        assert (stand / "media/upload").read_text() == "kept"
        assert not (stand / "extra").exists()

    def test_a_stand_of_nothing_is_not_made(self, store: ArtifactStore, tmp_path: Path) -> None:
        """An artifact that is gone does not come back by half; its stands go with it."""
        digest = put(store)
        stand = store.stand(digest, "one", {"media": str(tmp_path)})
        (tmp_path / "upload").write_text("kept")
        store.remove(digest)
        assert store.stand(digest, "one", {"media": str(tmp_path)}) == stand
        assert not stand.parent.parent.exists()
        assert (tmp_path / "upload").read_text() == "kept"


def _listed(store: ArtifactStore, digest: Digest) -> tuple[Seen, ...]:
    """What a directory store keeps of each file."""
    listing = store._listing(digest)  # type: ignore[attr-defined]
    return (*listing.files, *listing.links)


def _harm(stand: Path, harm: str) -> None:
    """What somebody with the right to write did in a stand."""
    stand.chmod(0o755)
    if harm == "edit":
        change(stand / "a.txt", b"changed")
    elif harm == "replace":
        (stand / "a.txt").unlink()
        (stand / "a.txt").write_bytes(b"another")
    elif harm == "add":
        (stand / "extra").write_text("mine")
    elif harm == "remove":
        (stand / "a.txt").unlink()
    elif harm == "relink":
        (stand / "media").unlink()
        (stand / "media").symlink_to("/nonexistent")
    else:
        (stand / "media").unlink()
        (stand / "media").mkdir()
        (stand / "media/extra").write_text("mine")
