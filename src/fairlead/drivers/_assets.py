"""Assets of several releases, laid over each other: the first that has a file wins.

The result is a directory of symbolic links to plain files, which the proxy serves. Only what
is a plain file inside its own root gets a link: a link in a release that leads out of it,
and every name that begins with a dot, is not there.
"""

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from fairlead.base.canonical import digest
from fairlead.drivers._slots import prefix
from fairlead.rollout.ports import AssetRoot


def target(assets: Sequence[AssetRoot]) -> str:
    """Where a set's ``files`` leads, as seen from the set."""
    return f"../{_name(assets)}"


def lay(directory: Path, assets: Sequence[AssetRoot]) -> None:
    """Lay the assets below ``directory``; what lies there already is left.

    Raises OSError, also for a root that does not exist: an empty overlay would be kept.
    """
    place = directory / _name(assets)
    if place.exists():
        return
    spare = directory / f"new-files-{os.getpid()}"
    shutil.rmtree(spare, ignore_errors=True)
    spare.mkdir()
    for asset in assets:
        _overlay(spare / prefix(asset.url).lstrip("/"), Path(asset.directory))
    for folder, _, _ in os.walk(spare):
        os.chmod(folder, 0o755)  # noqa: S103  assets are public
    spare.rename(place)


def clean(directory: Path, linked: Collection[str]) -> None:
    """Remove what no set leads to."""
    for path in directory.glob("files-*"):
        if f"../{path.name}" not in linked:
            shutil.rmtree(path, ignore_errors=True)


def _name(assets: Sequence[AssetRoot]) -> str:
    return "files-" + digest([[asset.url, asset.directory] for asset in assets])[7:23]


def _overlay(place: Path, root: Path) -> None:
    for inside, found in _plain_files(root.resolve(strict=True)):
        link = place / inside
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink() and not link.exists():
            link.symlink_to(found)


def _plain_files(root: Path) -> Iterator[tuple[Path, Path]]:
    """Each file's path below the root, and where it really is. No link is walked into."""
    for parent, directories, names in os.walk(root):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(names):
            found = (Path(parent) / name).resolve()
            inside = not name.startswith(".") and found.is_relative_to(root)
            if inside and found.is_file():
                yield (Path(parent) / name).relative_to(root), found
