"""This app, here, now: set up, push, and see it serve."""

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from fairlead.base.errors import FairleadError, NotFound, Refused, UsageError
from fairlead.base.ids import CommitId, Place, name
from fairlead.base.journal import Outcome, Verb
from fairlead.manifest.model import App, Environment
from fairlead.manifest.rules import FILE, parse
from fairlead.plan.model import JobState
from fairlead.record.chain import entry_of
from fairlead.record.flow import head_of
from fairlead.rollout.flow import state_of
from fairlead.service.follow import End, await_commit
from fairlead.service.ports import Worktree
from fairlead.service.tools import Tools

REMOTE = "fairlead"
Say = Callable[[str], None]


class Up(msgspec.Struct, frozen=True):
    """What ``up`` came to: where it serves, and how each environment ended."""

    app: str
    commit: str
    repository: str
    addresses: tuple[tuple[str, str], ...]
    ends: tuple[End, ...]
    nothing_to_do: bool = False

    @property
    def well(self) -> bool:
        """Whether everything serves as asked, or waits for a person as it should."""
        return all(end.well for end in self.ends)


def up(tools: Tools, clone: Worktree, environment: str, say: Say) -> Up:
    """Serve the commit that is checked out, in an environment of its manifest.

    ``environment`` "" is the first one that runs from a branch. Raises NotFound without a
    manifest, Refused on a server, FairleadError when the push is refused.
    """
    if tools.home.server:
        what = f"this is a server ({tools.home.root}): it is pushed to, over SSH"
        hint = "fairlead server key add NAME --right push:APP < id.pub; then git push there"
        raise Refused(what, hint)
    manifest, commit = _manifest(clone), clone.head()
    chosen = _environment(manifest, environment)
    repository, started = set_up(tools, manifest.name)
    if started:
        say("started: supervisor, proxy and agent")
    if clone.remote(REMOTE, str(repository)):
        say(f"added the remote {REMOTE!r}: from now on `git push {REMOTE}` releases")
    if clone.dirty():
        say(f"not part of the release: {clone.dirty()} files that are not committed")
    place = Place(manifest.name, chosen.name)
    if _serves(tools, place, commit):
        done = End("done", "it serves already", place)
        return _up(tools, manifest, commit, repository, (done,), nothing_to_do=True)
    since = head_of(tools.store).seq
    if tools.notes.handled(manifest.name).get(chosen.branch) == commit:
        # It was pushed before and does not serve: git would have nothing to do, so ask again.
        tools.notes.put_handled(manifest.name, chosen.branch, "")
    _push(tools, clone, commit, chosen.branch, since, say)
    places = sum(e.branch == chosen.branch for e in manifest.environments)
    tools.machine.wake()
    ends = await_commit(tools, manifest.name, commit, places, since, lambda _: None)
    return _up(tools, manifest, commit, repository, tuple(ends), nothing_to_do=False)


def _push(
    tools: Tools, clone: Worktree, commit: CommitId, branch: str, since: int, say: Say
) -> None:
    """Push. A push that was refused is a gate's no, not a failure of git's."""
    try:
        clone.push(REMOTE, commit, branch, say)
    except FairleadError as error:
        rows = tools.store.find("commit", commit, limit=50, newest=True)
        told = [entry_of(row) for row in rows if row.seq > since]
        refused = [e for e in told if (e.verb, e.outcome) == (Verb.PUSH, Outcome.REFUSED)]
        if not refused:
            raise
        hint = "read what is said above, correct it, commit, and push again"
        raise Refused(f"{commit[:12]} was not released: {refused[-1].why}", hint) from error


def set_up(tools: Tools, app: str) -> tuple[Path, bool]:
    """The app's repository to push to, with everything that serves it running.

    True when something was started now. Safe to repeat.
    """
    repository = tools.home.repository(name(app, "an app"))
    if not (repository / "HEAD").exists():
        tools.repositories.ensure_repository(repository)
    argv = [sys.executable, "-m", "fairlead.cli.hook", str(tools.home.root)]
    tools.repositories.install_hooks(repository, argv)
    started = tools.machine.ensure()
    return repository, tools.machine.ensure_agent() or started


def _manifest(clone: Worktree) -> App:
    text = clone.show(FILE)
    if text is None:
        there = (clone.top / FILE).exists()
        hint = f"git add {FILE} && git commit" if there else "fairlead init writes one"
        raise NotFound(f"no {FILE} is committed in {clone.top}", hint)
    return parse(text)


def _environment(manifest: App, asked: str) -> Environment:
    """The environment to push to: one that runs from a branch."""
    pushable = [e for e in manifest.environments if e.branch]
    if not pushable:
        raise UsageError(f"{FILE}: no environment has a branch", 'add branch = "main" to one')
    if not asked:
        return pushable[0]
    found = next((e for e in pushable if e.name == asked), None)
    if found is None:
        names = ", ".join(e.name for e in pushable)
        raise UsageError(f"no environment {asked!r} that runs from a branch", f"there is: {names}")
    return found


def _serves(tools: Tools, place: Place, commit: CommitId) -> bool:
    """Whether the commit's release is what the place runs, its rollout over and well."""
    wanted = tools.desired(place)
    if wanted is None or wanted.release.artifact.commit != commit:
        return False
    mark = state_of(tools.world, wanted)
    return mark is not None and mark.state is JobState.SUCCEEDED


def _up(
    tools: Tools,
    manifest: App,
    commit: CommitId,
    repository: Path,
    ends: tuple[End, ...],
    *,
    nothing_to_do: bool,
) -> Up:
    places = [Place(manifest.name, e.name) for e in manifest.environments]
    given = tuple((p.environment, tools.notes.listen(str(p))) for p in places)
    addresses = tuple((name, f"http://{listen}") for name, listen in given if listen)
    return Up(manifest.name, commit, str(repository), addresses, ends, nothing_to_do)
