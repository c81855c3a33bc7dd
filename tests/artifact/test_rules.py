"""What names an artifact, and what may be cleaned away."""

from hypothesis import assume, given
from hypothesis import strategies as st

from fairlead.artifact import rules
from fairlead.artifact.model import Artifact, File, Sealed
from fairlead.base.ids import CommitId, Digest
from fairlead.manifest.model import App, Build, Migrate

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
contents = st.sampled_from(["0" * 64, "1" * 64, "2" * 64])
files = st.builds(File, names, st.sampled_from(["644", "755", "link"]), contents)
trees = st.lists(files, max_size=6, unique_by=lambda file: file.path)


@given(trees, st.randoms(use_true_random=False), names)
def test_the_order_of_files_does_not_matter(tree: list[File], chance, key: str) -> None:
    """A directory lists its files in any order."""
    mixed = list(tree)
    chance.shuffle(mixed)
    assert rules.content_digest(mixed, key) == rules.content_digest(tree, key)


@given(trees, trees, names, names)
def test_different_content_has_different_names(
    one: list[File], other: list[File], key: str, other_key: str
) -> None:
    """Any path, mode, byte or key that differs shows; no two fields can run into each other."""
    assume((set(one), key) != (set(other), other_key))
    assert rules.content_digest(one, key) != rules.content_digest(other, other_key)


def test_the_digest_is_a_format() -> None:
    """Old artifacts keep their names: a change here is a new format, and says so.

    The same, by another program, with 64 zeros for 0…0: printf 'fairlead-artifact-1\\000key\\000'\\
    '644\\0000…0\\000a\\000link\\000../a\\000b/c\\000' | sha256sum
    """
    tree = [File("a", "644", "0" * 64), File("b/c", "link", "../a")]
    assert rules.content_digest(tree, "key") == GOLDEN


GOLDEN = "sha256:859997c4860d3054c9d6caf63388e59e3dbcec947a880aeca0ee081e9ca8e65a"
MIGRATE = Migrate("migrate", files=("*/migrations/*.py",), contract=("*_drop_*.py",))
TREE = [
    File("app/migrations/0001_a.py", "644", "1" * 64),
    File("app/migrations/0002_drop_b.py", "644", "2" * 64),
    File("app/views.py", "644", "3" * 64),
]


def test_a_schema_is_its_migrations_command_and_lock() -> None:
    """A change of code alone needs no migration; anything else does."""
    schema = rules.schema_of(MIGRATE, "tree", TREE, "lock")
    assert schema is not None
    assert schema.contracts == ("app/migrations/0002_drop_b.py",)
    code = [*TREE[:2], File("app/views.py", "644", "4" * 64)]
    assert rules.schema_of(MIGRATE, "other tree", code, "lock") == schema
    others = [
        rules.schema_of(MIGRATE, "tree", TREE[1:], "lock"),
        rules.schema_of(MIGRATE, "tree", [*TREE[1:], File(TREE[0].path, "644", "9" * 64)], "lock"),
        rules.schema_of(MIGRATE, "tree", TREE, "other lock"),
        rules.schema_of(Migrate("other", MIGRATE.files, MIGRATE.contract), "tree", TREE, "lock"),
    ]
    assert all(other is not None and other.digest != schema.digest for other in others)


def test_no_migrate_command_has_no_schema() -> None:
    """There is nothing to migrate."""
    assert rules.schema_of(None, "tree", TREE, "lock") is None


def test_without_files_every_commit_is_its_own_schema() -> None:
    """Nobody said what the schema is made of, so nothing is assumed to leave it alone."""
    one, other = (rules.schema_of(Migrate("m"), tree, TREE, "lock") for tree in ("a", "b"))
    assert one is not None
    assert one != other


def test_a_build_is_asked_once_per_tree_build_and_dependencies() -> None:
    """Roles and environments are no part of it."""
    app = App("demo", Build("python"), (), ())
    same = rules.build_question(app, "tree", ["k"])
    assert rules.build_question(App("demo", Build("python"), (), (), keep=9), "tree", ["k"]) == same
    assert rules.build_question(app, "other", ["k"]) != same
    assert rules.build_question(app, "tree", ["l"]) != same
    other = App("demo", Build("python", commands=("x",)), (), ())
    assert rules.build_question(other, "tree", ["k"]) != same


def sealed(number: int, at: float, *keys: str) -> Sealed:
    digest = Digest(f"sha256:{number:064}")
    return Sealed(Artifact("demo", CommitId("0" * 40), digest), at, 1, keys)


numbers = st.integers(0, 9)
times = st.floats(0, 200)


@given(
    st.lists(
        st.builds(sealed, numbers, times, st.sampled_from("abc")),
        unique_by=lambda s: s.artifact.digest,
    ),
    st.dictionaries(st.sampled_from("abcd"), times),
    st.frozensets(numbers.map(lambda n: Digest(f"sha256:{n:064}"))),
)
def test_cleaning_takes_only_what_nothing_needs(
    artifacts: list[Sealed], environments: dict[str, float], keep: frozenset[Digest]
) -> None:
    """Promise 8: nothing kept, nothing young, and no dependencies of what stays; all the rest."""
    gone, unused = rules.to_remove(artifacts, environments, keep, now=200, grace=100)
    for one in artifacts:
        stays = one.artifact.digest in keep or one.at > 100
        assert stays == (one.artifact.digest not in gone)
    needed = {k for one in artifacts if one.artifact.digest not in gone for k in one.environments}
    for key, used in environments.items():
        assert (key in unused) == (key not in needed and used <= 100)
