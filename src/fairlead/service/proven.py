"""A change, checked and built: both at once."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from threading import Lock
from typing import NamedTuple
from uuid import uuid4

from fairlead.artifact import flow as artifact
from fairlead.artifact.model import Artifact
from fairlead.artifact.ports import Purpose
from fairlead.base.ids import CommitId
from fairlead.base.trees import remove_tree
from fairlead.checks import flow as checks
from fairlead.checks.model import Answer, Change, Verdict
from fairlead.checks.ports import Sink
from fairlead.desired import read
from fairlead.manifest.model import App, Environment
from fairlead.service.questions import Questions
from fairlead.service.tools import Tools


def proven(
    tools: Tools, change: Change, manifest: App, environments: Iterable[Environment], show: Sink
) -> Verdict:
    """A change's verdict, for where it goes; it is built beside its checks, as far as they let it.

    Raises FairleadError when it passes its checks and cannot be built.
    """
    useless = Flag()
    shop = replace(tools.shop, runner=tools.shop.runner.until(useless))
    repository = tools.home.repository(change.app)
    with ThreadPoolExecutor(1, thread_name_prefix="build") as beside:
        built = beside.submit(artifact.build, shop, change, manifest, repository, show)
        asked = _Asked(change, manifest, tuple(environments), repository)
        try:
            verdict = _verified(tools, asked, built.result, show)
        except BaseException:  # also a Ctrl-C: the build must not be waited for
            useless.set()
            raise
        if verdict.answer is Answer.PASSED:
            built.result()
        useless.set()
    return verdict


def verify(
    tools: Tools,
    change: Change,
    manifest: App,
    show: Sink,
    *,
    repository: Path | None = None,
    fresh: bool = False,
) -> Verdict:
    """Ask the change's checks, every one, with its own dependencies around them.

    ``repository`` is where the commit lies, if not in the home's. ``fresh``: whatever was
    answered before is asked again.
    """
    where = repository or tools.home.repository(change.app)

    one, made = Lock(), list[Artifact]()

    def built() -> Artifact:
        with one:  # several questions are about what is built, side by side
            if not made:
                made.append(artifact.build(tools.shop, change, manifest, where, show))
            return made[0]

    return _verified(tools, _Asked(change, manifest, (), where, fresh), built, show)


class _Asked(NamedTuple):
    """What is asked, and for where. No environments: for any."""

    change: Change
    manifest: App
    environments: tuple[Environment, ...]
    repository: Path
    fresh: bool = False


def _verified(tools: Tools, asked: _Asked, built: Callable[[], Artifact], show: Sink) -> Verdict:
    change, manifest = asked.change, asked.manifest
    with _tree(tools, asked.repository, change.source) as tree:
        around = artifact.surroundings(tools.shop, tree, manifest.build, Purpose.WORK, show)
    asking = checks.Asking(
        checks=manifest.checks,
        repository=asked.repository,
        around=around,
        ours=Questions(tools, manifest, asked.repository, built, show),
        required=_required(asked.environments),
        waivers=read.waivers(tools.deploy.repo.look(), tools.deploy.verifier, change.app),
        fresh=asked.fresh,
    )
    return checks.verify(tools.desk, change, asking, show)


def _required(environments: tuple[Environment, ...]) -> frozenset[str]:
    """The checks without which no gate to one of these environments opens; empty for all."""
    wanted = [frozenset(environment.requires) for environment in environments]
    return frozenset[str]().union(*wanted) if all(wanted) else frozenset()


@contextmanager
def _tree(tools: Tools, repository: Path, commit: CommitId) -> Iterator[Path]:
    """The commit's tree, while it is looked at."""
    place = tools.home.work / f"look-{uuid4().hex[:12]}"
    try:
        tools.repositories.lay_out(repository, commit, place / "tree")
        yield place / "tree"
    finally:
        remove_tree(place)
