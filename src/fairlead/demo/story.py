"""The stories of the demo: changes that are laid over the example as whole files.

What each does is told in ``stories/README.md``.
"""

import shutil
from pathlib import Path

from fairlead.base.errors import NotFound

STORIES = Path(__file__).resolve().parent / "stories"


def names() -> tuple[str, ...]:
    """Every story there is."""
    return tuple(sorted(each.name for each in STORIES.iterdir() if each.name.isidentifier()))


def lay(name: str, tree: Path) -> tuple[str, ...]:
    """Lay a story over a tree; return the paths it wrote, in order. Raises NotFound."""
    story = STORIES / name
    if name not in names():
        raise NotFound(f"no such story: {name}", f"there are {', '.join(names())}")
    files = sorted(each for each in story.rglob("*") if each.is_file() and _is_source(each))
    for file in files:
        target = tree / file.relative_to(story)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return tuple(str(file.relative_to(story)) for file in files)


def _is_source(file: Path) -> bool:
    """Not what Python leaves beside it when a wheel is installed."""
    return "__pycache__" not in file.parts
