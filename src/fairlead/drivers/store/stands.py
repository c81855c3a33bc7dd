"""An artifact's tree once more for a place that has links of its own in it.

A place's uploads lie outside releases, and an app finds them at a path of its tree; but the tree is
shared by all places that run the artifact. So such a place gets directories of its own, filled
with hard links (link(2)) to the sealed files: no byte lies there twice, programs that ask for the
real path of a file find it beside the links, and whatever would tell that a sealed file was
changed (its inode, its times) tells it of these names too.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from fairlead.base.trees import remove_tree
from fairlead.drivers._files import write_whole
from fairlead.drivers.store import scan
from fairlead.drivers.store.scan import Seen

_NAMED = ".json"


def directory(artifact: Path, name: str) -> Path:
    """Where the stand of that name is, or would be."""
    return artifact / "places" / name


def all_of(artifact: Path) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Every stand of an artifact, and its links: path in the tree to target."""
    for known in sorted((artifact / "places").glob(f"*{_NAMED}")):
        yield known.with_suffix(""), msgspec.json.decode(known.read_bytes(), type=dict[str, str])


def links_of(stand: Path) -> Mapping[str, str] | None:
    """A stand's links; None where there is no whole stand."""
    return next((links for at, links in all_of(stand.parents[1]) if at == stand), None)


def make(tree: Path, stand: Path, links: Mapping[str, str]) -> None:
    """Make a stand, whole or not at all: its note, written last, says that it is there.

    What the tree has at a link's path is left out.
    """
    note = stand.with_name(stand.name + _NAMED)
    note.unlink(missing_ok=True)
    remove_tree(stand)
    new = stand.with_name(f".{stand.name}")
    remove_tree(new)
    for folder, folders, names in os.walk(tree):
        inside = os.path.relpath(folder, tree).removeprefix(".")
        into = new / inside
        into.mkdir(parents=True)
        folders[:] = [one for one in folders if os.path.join(inside, one) not in links]
        real = [one for one in folders if not (Path(folder) / one).is_symlink()]
        for name in {*names, *folders} - {*real}:
            os.link(f"{folder}/{name}", into / name, follow_symlinks=False)
        folders[:] = real
    for path, target in links.items():
        _point(new / path, target)
    read_only(new)
    new.rename(stand)
    write_whole(note, msgspec.json.encode(dict(links)))


def damaged(
    stand: Path, links: Mapping[str, str], sealed: tuple[Seen, ...], *, every_byte: bool
) -> tuple[str, ...]:
    """Paths of a stand that are missing, were added, or differ from what was sealed."""
    expected = tuple(known for known in sealed if not _hidden(known.file.path, links))
    found = set(scan.differences(stand, expected, every_byte=every_byte)) - set(links)
    wrong = {path for path, target in links.items() if _target(stand / path) != target}
    return tuple(sorted(found | wrong))


def repair(
    tree: Path, stand: Path, links: Mapping[str, str], wrong: tuple[str, ...], aside: Path
) -> None:
    """Put back what differs, from a tree that is whole; what was added goes to ``aside``.

    The directories stay: running copies work in them.
    """
    for folder, _, _ in os.walk(stand):
        os.chmod(folder, 0o755)  # noqa: S103  not secret
    added = [p for p in wrong if p not in links and not os.path.lexists(tree / p)]
    for path in added:  # first: one may stand where a link is to be
        kept = aside / stand.name / path
        kept.parent.mkdir(parents=True, exist_ok=True)
        (stand / path).rename(unused(kept))
    for path in sorted(set(wrong) - set(added)):
        _put_back(tree, stand, path, links.get(path, ""))
    read_only(stand)


def _put_back(tree: Path, stand: Path, path: str, target: str) -> None:
    """One sealed file, or one link to ``target``, in one step."""
    at, fresh = stand / path, stand.with_name(f".{stand.name}.file")
    fresh.unlink(missing_ok=True)
    if target:
        fresh.symlink_to(target)
    else:
        os.link(tree / path, fresh, follow_symlinks=False)
    if at.is_dir() and not at.is_symlink():
        remove_tree(at)
    at.parent.mkdir(parents=True, exist_ok=True)
    fresh.replace(at)


def read_only(stand: Path) -> None:
    """The directories; the files' modes are the sealed ones'."""
    for folder, _, _ in os.walk(stand, topdown=False):
        os.chmod(folder, 0o555)  # noqa: S103  not secret


def _point(at: Path, target: str) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    if at.is_dir():  # empty, or the tree would hide something: see artifact's own check
        at.rmdir()
    at.symlink_to(target)


def _target(at: Path) -> str:
    return os.readlink(at) if at.is_symlink() else ""


def _hidden(path: str, links: Mapping[str, str]) -> bool:
    return any(path == link or path.startswith(f"{link}/") for link in links)


def unused(path: Path) -> Path:
    """The path, with a number behind it where it is taken."""
    names = (path, *(path.with_name(f"{path.name}.{n}") for n in range(1, 10_000)))
    return next(name for name in names if not os.path.lexists(name))
