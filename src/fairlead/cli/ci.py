"""``fairlead init --ci``: a workflow for somebody else's CI."""

import sys
from pathlib import Path

from fairlead.cli.door import Door
from fairlead.cli.paper import Paper
from fairlead.manifest.ci import Ci
from fairlead.manifest.flow import CiResult, init_ci


def write(door: Door, directory: Path, ci: str, force: bool) -> None:
    """Write the workflow of the CI that is named, and say what is left to do there."""
    door.show(init_ci(directory, Ci(ci), force), _written)


def _written(paper: Paper, view: CiResult) -> None:
    paper.line(("wrote ", "dim"), (view.path, "head"))
    paper.blank()
    paper.line("Left to you:")
    for todo in view.todo:
        paper.line("- ", (todo, "warn"), indent=2)
    sys.stdout.flush()
    print(f"\nnext: read it, git add {view.path}, git commit, git push", file=sys.stderr)
