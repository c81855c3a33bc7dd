"""A change, checked and built: both at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from uuid import uuid4

from fairlead.artifact import flow as artifact
from fairlead.artifact.ports import Purpose
from fairlead.base.ids import CommitId
from fairlead.base.trees import remove_tree
from fairlead.checks import flow as checks
from fairlead.checks.model import Answer, Change, Verdict
from fairlead.checks.ports import Sink
from fairlead.manifest.model import App
from fairlead.service.tools import Tools


def proven(tools: Tools, change: Change, manifest: App, show: Sink) -> Verdict:
    """A change's verdict; it is built beside its checks, as far as they let it.

    Raises FairleadError when it passes its checks and cannot be built.
    """
    useless = Flag()
    shop = replace(tools.shop, runner=tools.shop.runner.until(useless))
    repository = tools.home.repository(change.app)
    with ThreadPoolExecutor(1, thread_name_prefix="build") as beside:
        built = beside.submit(artifact.build, shop, change, manifest, repository, show)
        try:
            verdict = verify(tools, change, manifest, show)
        except BaseException:  # also a Ctrl-C: the build must not be waited for
            useless.set()
            raise
        if verdict.answer is Answer.PASSED:
            built.result()
        useless.set()
    return verdict


def verify(tools: Tools, change: Change, manifest: App, show: Sink) -> Verdict:
    """Ask the change's checks, with its own dependencies around them."""
    repository = tools.home.repository(change.app)
    with _tree(tools, change.app, change.source) as tree:
        around = artifact.surroundings(tools.shop, tree, manifest.build, Purpose.WORK, show)
    return checks.verify(tools.desk, change, manifest.checks, repository, around, show)


@contextmanager
def _tree(tools: Tools, app: str, commit: CommitId) -> Iterator[Path]:
    """The commit's tree, while it is looked at."""
    place = tools.home.work / f"look-{uuid4().hex[:12]}"
    try:
        tools.repositories.lay_out(tools.home.repository(app), commit, place / "tree")
        yield place / "tree"
    finally:
        remove_tree(place)
