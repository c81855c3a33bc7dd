"""Change + Verdict → Artifact: built once, named by its content, never changed."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fairlead.artifact import rules
from fairlead.artifact.model import Artifact, Cleaned, File, Sealed
from fairlead.artifact.ports import ArtifactStore, Install, Purpose, Recipe, Toolchain
from fairlead.base.clock import Clock
from fairlead.base.errors import FairleadError, NotFound, Refused, Unknown
from fairlead.base.ids import Digest
from fairlead.base.journal import Event, Fact, Journal, Outcome, Verb
from fairlead.base.room import megabytes
from fairlead.checks.model import Answer, Change, Surroundings, Verdict
from fairlead.checks.ports import Command, Exit, Runner, Sink, Sources
from fairlead.checks.rules import whole_environment
from fairlead.manifest.commands import words
from fairlead.manifest.model import App, Build

_COMPILE_LIMIT = 300
_LITTLE_ROOM = 100_000_000
_LIST = "the list of its files"
_FREE_SOME = "remove what you can spare there; a smaller keep in fairlead.toml keeps fewer releases"


@dataclass(frozen=True)
class Workshop:
    """What building needs. ``toolchains`` are by ``build.kind``; ``logs`` holds the output
    (``<logs>/<app>/<commit>/build.log``, ``<logs>/environments/<key>.log``)."""

    sources: Sources
    runner: Runner
    store: ArtifactStore
    toolchains: Mapping[str, Toolchain]
    journal: Journal
    clock: Clock
    logs: Path


def surroundings(
    shop: Workshop, tree: Path, build: Build, purpose: Purpose, show: Sink
) -> Surroundings:
    """The dependencies a tree asks for, installed now when nobody has (WORK: for checks and
    build commands; RUN: for the release). Raises FairleadError when they cannot be."""
    recipe = _recipe(shop, tree, build, purpose)
    return _installed(shop, tree, build, recipe, show)


def build(shop: Workshop, change: Change, app: App, repository: Path, show: Sink) -> Artifact:
    """Build the change; beside its checks, if you like: ``checked`` is what opens the gate.

    The same content is the same artifact, and what was built before is not built again. Killed
    or out of disk in the middle, it leaves nothing that looks complete. Raises FairleadError
    when a command fails.
    """
    began = shop.clock.now()
    facts: dict[str, Fact] = {"commit": change.commit}
    if change.overlay:
        facts["overlay"] = change.overlay
    intent = shop.journal.write(_event(change, Outcome.INTENT, "builds its artifact", facts))
    try:
        _must_have_room(shop)
        with _room(shop):
            artifact = _built(shop, change, app, repository, show)
    except BaseException as error:  # also a Ctrl-C: what was begun gets its outcome
        why = getattr(error, "what", type(error).__name__)
        shop.journal.write(_event(change, Outcome.FAILED, why, facts, intent))
        raise
    facts |= {
        "digest": artifact.digest,
        "environment_key": artifact.environment_key,
        "milliseconds": round((shop.clock.now() - began) * 1000),
        "log": str(_log(shop, change)),
    }
    shop.journal.write(_event(change, Outcome.DONE, "built its artifact", facts, intent))
    shop.store.remember(change.app, rules.change_question(change.name), artifact)
    return artifact


def checked(shop: Workshop, change: Change, verdict: Verdict) -> Artifact | None:
    """What the change was built into, whole; None when it has to be built (again).

    Only a passed verdict on exactly this commit opens the gate: raises Refused for another.
    """
    _must_have_passed(change, verdict)
    known = shop.store.recall(change.app, rules.change_question(change.name))
    return None if known is None or damaged(shop, known) else known


def damaged(shop: Workshop, artifact: Artifact, *, every_byte: bool = False) -> tuple[str, ...]:
    """Paths of the artifact's tree that differ from what was built, and its list of files
    when that is not the one its digest stands for. Empty: whole."""
    if shop.store.get(artifact.digest) is None:
        return (str(shop.store.tree(artifact.digest)),)
    try:
        files = shop.store.contents(artifact.digest)
    except Unknown:
        return (_LIST,)
    if rules.content_digest(files, artifact.environment_key) != artifact.digest:
        return (_LIST,)
    return shop.store.damaged(artifact.digest, every_byte=every_byte)


def restore(
    shop: Workshop, artifact: Artifact, app: App, repository: Path, show: Sink
) -> tuple[str, ...]:
    """Build the artifact again from its commit and put back what differs, byte for byte; the
    paths that differed. Nothing is touched when the second build has another digest (Refused).

    It writes no journal entry: it is a step of a rollout, which does.
    """
    found = damaged(shop, artifact, every_byte=True)
    if not found:
        return ()
    with _room(shop), shop.store.stage() as staged:
        sealed, files = _make(shop, _change(artifact), app, repository, staged, show)
        if sealed.artifact.digest != artifact.digest:
            raise Refused(
                f"building {artifact.commit[:12]} again gave {sealed.artifact.digest[:19]}, "
                f"not {artifact.digest[:19]}: its build is not repeatable",
                "push its commit again for a new release",
            )
        _put(shop, staged, sealed, files)
    return found


def clean(shop: Workshop, keep: frozenset[Digest], who: str, grace: int = rules.GRACE) -> Cleaned:
    """Remove artifacts that are not in ``keep`` and dependencies that none which stays needs;
    nothing younger, or used later, than ``grace`` seconds ago. Only what the store made."""
    now = shop.clock.now()
    artifacts, environments = shop.store.artifacts(), dict(shop.store.environments())
    gone, unused = rules.to_remove(artifacts, environments, keep, now, grace)
    stay = sorted({sealed.artifact.digest for sealed in artifacts} - set(gone))
    names = (*gone, *(f"environments/{key}" for key in unused))
    facts: dict[str, Fact] = {"removed": names, "kept": tuple(stay)}
    why = f"{len(names)} things are needed by no release that is kept"
    intent = shop.journal.write(Event(Verb.CLEAN, Outcome.INTENT, who, why, facts=facts))
    swept, freed = shop.store.sweep()
    freed += sum(shop.store.remove(digest) for digest in gone)
    freed += sum(shop.store.remove_environment(key) for key in unused)
    facts |= {"removed": (*names, *swept), "bytes": freed}
    done = Event(Verb.CLEAN, Outcome.DONE, who, f"{freed} bytes freed", facts=facts, intent=intent)
    shop.journal.write(done)
    return Cleaned((*names, *swept), tuple(stay), freed)


def _must_have_passed(change: Change, verdict: Verdict) -> None:
    asked = (change.app, change.commit, change.tree, change.overlay)
    if (verdict.app, verdict.commit, verdict.tree, verdict.overlay) != asked:
        raise Refused(
            f"the verdict is on {verdict.app} {verdict.commit[:12]}, "
            f"not on {change.app} {change.commit[:12]}",
            "ask the checks of this commit",
        )
    if verdict.answer is not Answer.PASSED:
        closed = [f"{r.name}: {r.answer}" for r in verdict.results if not r.answer.opens]
        raise Refused(
            f"the checks of {change.commit[:12]} are {verdict.answer}: {', '.join(closed)}",
            "read their output, correct it and push again",
        )


def _built(shop: Workshop, change: Change, app: App, repository: Path, show: Sink) -> Artifact:
    with shop.store.stage() as staged:
        tree = staged / "tree"
        laid_out = shop.sources.lay_out(repository, change.source, tree)
        recipes = [_recipe(shop, tree, app.build, purpose) for purpose in Purpose]
        keys = [recipe.key if recipe else "" for recipe in recipes]
        question = rules.build_question(app, laid_out.tree, keys)
        known = shop.store.recall(change.app, question)
        if known is not None and not damaged(shop, known):
            show(f"build: {known.digest[:19]} was built before")
            return msgspec.structs.replace(
                known, commit=change.commit, overlay=change.overlay, laid=change.laid
            )
        sealed, files = _finish(shop, change, app, staged, laid_out.tree, recipes, show)
        _put(shop, staged, sealed, files)
    shop.store.remember(change.app, question, sealed.artifact)
    return sealed.artifact


def _put(shop: Workshop, staged: Path, sealed: Sealed, files: tuple[File, ...]) -> None:
    """Seal what was built. Where it lies already, put back what is not as it was sealed."""
    digest = sealed.artifact.digest
    known = shop.store.get(digest)
    wrong = damaged(shop, sealed.artifact, every_byte=True) if known else ()
    if _LIST in wrong:
        shop.store.remove(digest)
        known = None
    if known is None:
        shop.store.seal(staged, sealed, files)
    elif wrong:
        shop.store.repair(digest, staged)


def _change(artifact: Artifact) -> Change:
    """The change it was built of, as far as building it again needs it."""
    return Change(
        artifact.app, artifact.commit, "", "", "", overlay=artifact.overlay, laid=artifact.laid
    )


def _make(
    shop: Workshop, change: Change, app: App, repository: Path, staged: Path, show: Sink
) -> tuple[Sealed, tuple[File, ...]]:
    laid_out = shop.sources.lay_out(repository, change.source, staged / "tree")
    recipes = [_recipe(shop, staged / "tree", app.build, purpose) for purpose in Purpose]
    return _finish(shop, change, app, staged, laid_out.tree, recipes, show)


def _finish(
    shop: Workshop, change: Change, app: App, staged: Path, tree_id: str,
    recipes: list[Recipe | None], show: Sink,
) -> tuple[Sealed, tuple[File, ...]]:  # fmt: skip
    """From a laid-out tree to all that the store needs to seal it."""
    tree = staged / "tree"
    work, run = (_installed(shop, tree, app.build, recipe, show) for recipe in recipes)
    source = shop.store.files(tree, frozenset()) if app.migrate else ()
    lock = next((recipe.lock_digest for recipe in recipes if recipe), "")
    schema = rules.schema_of(app.migrate, tree_id, source, lock)
    log = _log(shop, change)
    _run_commands(shop, app.build, staged, work, log, show)
    _must_have_assets(app.build, tree)
    _compile(shop, app.build, staged, run, log)
    files = shop.store.files(tree, _put_links(run, tree))
    _must_leave_state(app, files)
    artifact = Artifact(
        app=change.app,
        commit=change.commit,
        digest=rules.content_digest(files, run.key),
        environment_key=run.key,
        dependencies=run.packages,
        schema=schema,
        overlay=change.overlay,
        laid=change.laid,
    )
    size = sum(os.lstat(tree / file.path).st_size for file in files)
    return Sealed(artifact, shop.clock.now(), size, (run.key, work.key)), files


def _recipe(shop: Workshop, tree: Path, build: Build, purpose: Purpose) -> Recipe | None:
    toolchain = shop.toolchains.get(build.kind)
    return toolchain.recipe(tree, build, purpose) if toolchain else None


def _installed(
    shop: Workshop, tree: Path, build: Build, recipe: Recipe | None, show: Sink
) -> Surroundings:
    if recipe is None:
        return Surroundings()
    log = shop.logs / "environments" / f"{recipe.key}.log"

    def make(directory: Path) -> Surroundings:
        show(f"dependencies: installing {recipe.lock or 'an interpreter'}")
        job = Install(recipe, tree, directory, str(log), build.limit)
        return shop.toolchains[build.kind].install(job, show)

    found = shop.store.environment(recipe.key, make)
    for note in found.notes:
        show(f"dependencies: {note}")
    return found


def _run_commands(
    shop: Workshop, build: Build, staged: Path, around: Surroundings, log: Path, show: Sink
) -> None:
    """The manifest's build commands, one after another, in the tree. They see no settings of
    any environment; FAIRLEAD_BUILD=1 tells an app so (for a key it insists on, say)."""
    tree, home, scratch = (staged / name for name in ("tree", "home", "tmp"))
    links = _put_links(around, tree)
    for directory in (home, scratch):
        directory.mkdir(mode=0o700)
    own = (str(tree), str(home), str(scratch))
    whole = whole_environment(around, *own) | {"FAIRLEAD_BUILD": "1"}
    for line in build.commands:
        show(f"build: {line}")
        command = Command(
            words(line), str(tree), whole, build.limit, str(log), writes=own, reads=(around.path,)
        )
        end = shop.runner.run(command, lambda said: show(f"build | {said}"))
        if not end.well:
            raise _failed(shop, line, build, end, log)
    for name in links:
        (tree / name).unlink(missing_ok=True)


def _must_have_room(shop: Workshop) -> None:
    """A build that would fill the disk is not begun: what serves needs some too. Raises Refused."""
    free, kept = shop.store.free(), shop.store.kept_free()
    if free < kept:
        raise Refused(
            f"no room to build: {megabytes(free)} are free on the disk, {megabytes(kept)} stay free",
            _FREE_SOME,
        )


def _must_have_assets(build: Build, tree: Path) -> None:
    """What the proxy is to serve itself has to be there. Raises Refused."""
    if build.assets and not (tree / build.assets.directory).is_dir():
        raise Refused(
            f"build.assets.directory: the build left no directory {build.assets.directory!r}",
            "name where build.commands leave the assets, or add the command that makes them",
        )


def _must_leave_state(app: App, files: tuple[File, ...]) -> None:
    """What is to outlive releases is in none of them. Raises Refused."""
    for name, path in app.state:
        hidden = rules.in_the_way(path, (file.path for file in files))
        if hidden:
            some = ", ".join(hidden[:3]) + (", …" if len(hidden) > 3 else "")
            raise Refused(
                f"state.{name}: the tree has files of its own in {path}/: {some}",
                "take them out of the repository (git rm --cached), and put them into the "
                "directory of the place once it has a release",
            )


def _failed(shop: Workshop, line: str, build: Build, end: Exit, log: Path) -> FairleadError:
    free = shop.store.free()
    room = f"; only {free} bytes are free on its disk" if free < _LITTLE_ROOM else ""
    return FairleadError(
        f"a build command {_ended(build, end)}: {line}{room}", f"its whole output is in {log}"
    )


def _ended(build: Build, end: Exit) -> str:
    if not end.started:
        return f"could not be started ({end.detail})"
    if end.timed_out:
        return f"did not end within {build.limit} s"
    if end.lost:
        return f"ended and nobody knows how ({end.detail})"
    return f"was killed by signal {end.signal}" if end.signal else f"failed with exit {end.code}"


def _compile(shop: Workshop, build: Build, staged: Path, around: Surroundings, log: Path) -> None:
    """Compile a Python tree, for a start in a fifth of the time. Unchecked hash-based (PEP 552):
    no file time matters. A file that does not compile fails where it is imported, not here."""
    if build.kind != "python" or not around.bins:
        return
    tree = str(staged / "tree")
    sources = shop.store.to_compile(staged / "tree", around.key)
    if not sources:
        return
    listing = staged / "sources"
    listing.write_text("".join(f"{tree}/{path}\n" for path in sources if _one_line(path)))
    argv = (
        f"{around.bins[0]}/python", "-I", "-m", "compileall", "-qq", "-f",
        "--invalidation-mode", "unchecked-hash", "-s", tree, "-i", str(listing),
    )  # fmt: skip
    own = (tree, str(staged / "home"), str(staged / "tmp"))
    whole = whole_environment(around, *own) | {"PYTHONHASHSEED": "0"}
    seen = (around.path, str(listing))
    command = Command(argv, tree, whole, _COMPILE_LIMIT, str(log), writes=own, reads=seen)
    end = shop.runner.run(command, lambda _: None)
    if not end.started or end.timed_out or end.lost or end.signal:
        raise _failed(shop, "compileall", build, end, log)


def _one_line(path: str) -> bool:
    """Whether compileall's list of files can name it; others are compiled where they run."""
    return path == path.strip() and "\n" not in path


def _put_links(around: Surroundings, tree: Path) -> frozenset[str]:
    """The names that were put into the tree: part of no digest, which has the key instead."""
    names = [name for name, _ in around.links if not os.path.lexists(tree / name)]
    for name, target in around.links:
        if name in names:
            (tree / name).symlink_to(target)
    return frozenset(names)


def _log(shop: Workshop, change: Change) -> Path:
    return shop.logs / change.app / change.name / "build.log"


@contextmanager
def _room(shop: Workshop) -> Iterator[None]:
    """A full disk, said with figures."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise Unknown(f"the store cannot be used: {error}", "look at its directory") from error
        raise FairleadError(
            f"the disk is full while building: {shop.store.free()} bytes are free",
            _FREE_SOME,
        ) from error


def _event(
    change: Change, outcome: Outcome, why: str, facts: Mapping[str, Fact], intent: int = 0
) -> Event:
    return Event(
        verb=Verb.BUILD,
        outcome=outcome,
        who=change.who,
        why=why,
        app=change.app,
        facts=dict(facts),
        intent=intent,
    )


def surroundings_of(shop: Workshop, artifact: Artifact) -> Surroundings:
    """What the artifact runs with. Raises NotFound when its dependencies are gone."""
    if not artifact.environment_key:
        return Surroundings()
    found = shop.store.known_environment(artifact.environment_key)
    if found is None:
        raise NotFound(
            f"the dependencies of {artifact.digest[:19]} are gone: {artifact.environment_key}",
            "push its commit again",
        )
    return found
