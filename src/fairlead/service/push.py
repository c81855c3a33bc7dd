"""From a push to a desired release.

``offered`` runs while git holds the push back: it asks the checks and builds beside them,
and a protected branch whose checks did not pass, or that cannot be built, does not move.
``take_up`` runs after: it makes a release of what passed and asks for it. Each starts from
what is stored, so it may be killed anywhere.
"""

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from uuid import uuid4

import msgspec

from fairlead.artifact import flow as artifact
from fairlead.artifact.model import Artifact
from fairlead.artifact.ports import Purpose
from fairlead.base.canonical import digest
from fairlead.base.clock import stamp
from fairlead.base.errors import FairleadError, NotFound, Refused
from fairlead.base.ids import CommitId, Place
from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.base.stop import NEVER, Stop
from fairlead.checks import flow as checks
from fairlead.checks.model import Answer, Change, Verdict
from fairlead.checks.ports import Sink
from fairlead.desired import flow as desired
from fairlead.desired import read
from fairlead.desired.flow import Act
from fairlead.desired.model import Release
from fairlead.manifest.model import App, Environment
from fairlead.manifest.rules import FILE, parse
from fairlead.record.chain import entry_of
from fairlead.record.model import Entry
from fairlead.service.files import give_listen
from fairlead.service.tools import Tools

HEADS = "refs/heads/"


class Update(msgspec.Struct, frozen=True):
    """One ref of a push. ``old`` and ``new`` are commit ids, "" for none."""

    ref: str
    old: str
    new: str


class Offered(msgspec.Struct, frozen=True):
    """What became of one ref of a push: accepted or not, and why."""

    ref: str
    commit: str
    accepted: bool
    protected: bool
    sentence: str
    verdict: Verdict | None = None


def manifest_at(tools: Tools, app: str, commit: CommitId) -> App:
    """The manifest as the commit has it. Raises NotFound, ManifestError, Refused."""
    text = tools.repositories.read(tools.home.repository(app), commit, FILE)
    if text is None:
        raise NotFound(f"no {FILE} in commit {commit[:12]}", "fairlead init writes one")
    found = parse(text.decode(errors="replace"), f"{commit[:12]}:{FILE}")
    if found.name != app:
        raise Refused(
            f"{FILE}: app is {found.name!r}, and this is the repository of {app!r}",
            f'set app = "{app}", or push to the repository of {found.name}',
        )
    return found


def receiving(tools: Tools, quarantine: Mapping[str, str], stop: Stop) -> Tools:
    """The tools, as they see a push under way; ``stop`` ends the commands of its checks."""
    repositories, runner = tools.repositories.receiving(quarantine), tools.desk.runner.until(stop)
    desk = replace(tools.desk, sources=repositories, runner=runner)
    shop = replace(tools.shop, sources=repositories, runner=runner)
    return replace(tools, repositories=repositories, desk=desk, shop=shop)


def offered(
    tools: Tools,
    app: str,
    update: Update,
    who: str,
    show: Sink,
    receiver: int = 0,
    stop: Stop = NEVER,
) -> Offered:
    """Verify what one ref of a push offers; whether git may move the ref.

    ``receiver`` is the process id of git's receiving end, which moves it. ``stop`` says that
    the pusher is gone (see ``receiving``).
    """
    if not update.ref.startswith(HEADS):
        return Offered(update.ref, update.new, True, False, "not a branch: nothing is asked of it")
    branch = update.ref.removeprefix(HEADS)
    if not update.new:
        return _deletion(tools, app, update, branch)
    commit = CommitId(update.new)
    known = _protected(tools, app)
    protected = branch in known
    change = _change(tools, app, commit, update.ref, who)
    _asked_before(tools, update, receiver)
    intent = _pushed(tools, change, update, Outcome.INTENT, "offered", receiver=receiver)
    try:
        manifest = manifest_at(tools, app, commit)
        runs = any(e.branch == branch for e in manifest.environments)
        protected = protected or runs
        verdict = _proven(tools, change, manifest, show, build=runs)
        sentence = checks.summary(verdict)
        accepted = verdict.answer is Answer.PASSED or not protected
    except FairleadError as error:
        # Before a first release nothing but the manifest says which branches are protected.
        verdict, sentence, accepted = None, str(error), bool(known) and not protected
    if stop.is_set():
        accepted, sentence = False, "the push was cut off"
        _pushed(tools, change, update, Outcome.UNKNOWN, sentence, intent)
    elif not accepted:
        _pushed(tools, change, update, Outcome.REFUSED, sentence, intent)
    # Accepted is not pushed yet: git moves the ref now, and ``take_up`` writes that down.
    return Offered(update.ref, commit, accepted, protected, sentence, verdict)


def _asked_before(tools: Tools, update: Update, receiver: int) -> None:
    """Close what an agent that died began for the same push: it is asked of us now."""
    for entry in map(entry_of, tools.store.open() if receiver else ()):
        same = (entry.text("ref"), entry.number("receiver")) == (update.ref, receiver)
        if entry.verb == Verb.PUSH and same:
            tools.record.close_unknown(entry, "agent", "the agent went away, and was asked again")


def _deletion(tools: Tools, app: str, update: Update, branch: str) -> Offered:
    protected = branch in _protected(tools, app)
    sentence = f"{branch} is what an environment runs from: it cannot be deleted"
    said = sentence if protected else "deleted"
    return Offered(update.ref, "", not protected, protected, said)


def _protected(tools: Tools, app: str) -> frozenset[str]:
    """The branches that environments run from, by the releases that are desired now.

    A push cannot unprotect a branch by what its own manifest says.
    """
    look, found = tools.deploy.repo.look(), set()
    for place in read.places(look):
        number = read.desired_number(look, place) if place.app == app else 0
        release = tools.world.releases.get(app, number) if number else None
        if release:
            found |= {e.branch for e in release.manifest.environments if e.branch}
    return frozenset(found)


def _change(tools: Tools, app: str, commit: CommitId, ref: str, who: str) -> Change:
    said = tools.repositories.facts(tools.home.repository(app), commit)
    return Change(app, commit, said.tree, ref, who, said.subject)


def _pushed(
    tools: Tools,
    change: Change,
    update: Update,
    outcome: Outcome,
    why: str,
    intent: int = 0,
    receiver: int = 0,
) -> int:
    facts: dict[str, Fact] = {
        "ref": update.ref,
        "old": update.old,
        "commit": change.commit,
        "subject": change.subject,
    }
    if receiver:
        facts["receiver"] = receiver
    event = Event(Verb.PUSH, outcome, change.who, why, change.app, facts=facts, intent=intent)
    return tools.record.write(event)


def _proven(tools: Tools, change: Change, manifest: App, show: Sink, *, build: bool) -> Verdict:
    """Its checks' verdict; with ``build`` it is built beside them, as far as they let it.

    Raises FairleadError when it passes its checks and cannot be built.
    """
    if not build:
        return verify(tools, change, manifest, show)
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
    with _tree(tools, change.app, change.commit) as tree:
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
        shutil.rmtree(place, ignore_errors=True)


def take_up(tools: Tools, app: str, show: Sink) -> tuple[Place, ...]:
    """Build and ask for what was pushed to protected branches since the last time; the places.

    A commit that was released before is asked for again as the release it is.
    """
    asked: list[Place] = []
    for branch, commit in _fresh(tools, app):
        _landed(tools, app)
        try:
            asked += _release(tools, app, branch, commit, show)
        finally:
            # What cannot be built is not tried for ever: `fairlead up` asks for it again.
            tools.notes.put_handled(app, branch, commit)
    _landed(tools, app)
    return tuple(asked)


def _landed(tools: Tools, app: str) -> None:
    """Write down of each push that was accepted whether it has moved its branch."""
    under_way = [entry for entry in map(entry_of, tools.store.open()) if entry.app == app]
    for entry in under_way:
        if entry.verb != Verb.PUSH:
            continue
        gone = _receiver_gone(tools, entry)  # asked first: it may move the branch as we look
        if _moved(tools, entry):
            _close(tools, entry, Outcome.DONE, entry.text("subject") or "pushed")
        elif gone:
            _close(tools, entry, Outcome.REFUSED, NOT_MOVED)
        if gone:
            _cut_off(tools, entry, under_way)


NOT_MOVED = "git did not move the branch: the push was cut off, or another came first"


def _cut_off(tools: Tools, push: Entry, under_way: list[Entry]) -> None:
    """Close the checks of a push that is gone, unless another push offers the same commit."""
    same = [e for e in under_way if e.text("commit") == push.text("commit") and e is not push]
    if not any(e.verb == Verb.PUSH for e in same):
        for entry in same:
            if entry.verb == Verb.VERIFY:
                tools.record.close_unknown(entry, "agent", NOT_MOVED)


def _receiver_gone(tools: Tools, entry: Entry) -> bool:
    """Whether git, which would have moved the branch, surely is at an end."""
    receiver = entry.number("receiver") or 0
    return receiver > 0 and not tools.machine.alive(receiver)


def _close(tools: Tools, entry: Entry, outcome: Outcome, why: str) -> None:
    facts = dict(entry.facts)
    tools.record.write(
        Event(Verb.PUSH, outcome, entry.who, why, entry.app, facts=facts, intent=entry.seq)
    )


def _moved(tools: Tools, entry: Entry) -> bool:
    """Whether the branch is, or was, where the push wanted it."""
    repository, ref = tools.home.repository(entry.app), entry.text("ref")
    commit, old = CommitId(entry.text("commit")), CommitId(entry.text("old"))
    try:
        head = tools.repositories.resolve(repository, ref)
    except NotFound:
        return False
    if head in (commit, old):
        return head == commit
    back = bool(old) and tools.repositories.is_ancestor(repository, commit, old)
    return not back and tools.repositories.is_ancestor(repository, commit, head)


def moved(tools: Tools, app: str, update: Update) -> bool:
    """Whether the branch is where a push wants it."""
    try:
        head = tools.repositories.resolve(tools.home.repository(app), update.ref)
    except NotFound:
        return False
    return head == update.new


def _fresh(tools: Tools, app: str) -> list[tuple[str, CommitId]]:
    """Branches of environments whose head was not taken up yet."""
    repository = tools.home.repository(app)
    handled = tools.notes.handled(app)
    found = []
    for branch in _heads(repository):
        commit = tools.repositories.resolve(repository, HEADS + branch)
        if handled.get(branch) != commit:
            found.append((branch, commit))
    return found


def _heads(repository: Path) -> list[str]:
    """The branches of a repository, without starting git: loose refs and packed ones."""
    loose = repository / "refs" / "heads"
    found = {str(p.relative_to(loose)) for p in loose.rglob("*") if p.is_file()}
    packed = repository / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    names = (line.partition(" ")[2] for line in lines if not line.startswith(("#", "^")))
    return sorted(found | {n.removeprefix(HEADS) for n in names if n.startswith(HEADS)})


def _release(tools: Tools, app: str, branch: str, commit: CommitId, show: Sink) -> list[Place]:
    try:
        manifest = manifest_at(tools, app, commit)
    except FairleadError:
        return []  # an unprotected branch may hold anything
    environments = [e for e in manifest.environments if e.branch == branch]
    verdict = tools.desk.verdicts.get(app, commit) if environments else None
    if verdict is None or verdict.answer is not Answer.PASSED:
        return []
    release = _released(tools, app, commit) or _made(tools, app, commit, manifest, verdict, show)
    return [_ask(tools, release, environment) for environment in environments]


def _released(tools: Tools, app: str, commit: CommitId) -> Release | None:
    """The newest release made of a commit, as it is: its settings are those of its time."""
    look = tools.deploy.repo.look()
    for number in reversed(read.releases(look, app)):
        release = tools.world.releases.get(app, number)
        if release and release.artifact.commit == commit:
            current = settings_now(tools, release.manifest)
            return release if release.settings == current else None
    return None


def _made(
    tools: Tools, app: str, commit: CommitId, manifest: App, verdict: Verdict, show: Sink
) -> Release:
    change = _change(tools, app, commit, "", _pusher(tools, commit))
    repository = tools.home.repository(app)
    built = artifact.checked(tools.shop, change, verdict) or artifact.build(
        tools.shop, change, manifest, repository, show
    )
    tools.repositories.keep(repository, commit)
    return publish(tools, built, manifest, verdict, change)


def _pusher(tools: Tools, commit: CommitId) -> str:
    """Who pushed a commit, by the record."""
    rows = tools.store.find("commit", commit, limit=50, newest=True)
    pushes = [e for e in map(entry_of, rows) if e.verb == Verb.PUSH]
    return pushes[-1].who if pushes else tools.me


def publish(
    tools: Tools, built: Artifact, manifest: App, verdict: Verdict, change: Change
) -> Release:
    """Make, sign and publish the next release of an app."""
    now = tools.clock.now()
    with tools.deploy.repo.writing("number a release"):
        number = read.next_number(tools.deploy.repo.look(), manifest.name)
        release = Release(
            app=manifest.name,
            number=number,
            artifact=built,
            manifest=manifest,
            settings=settings_now(tools, manifest),
            verdict=digest(msgspec.to_builtins(verdict)),
            made_at=stamp(now),
            made_by=change.who,
            subject=change.subject,
        )
        desired.publish(tools.deploy, tools.signer, release, Act(change.who, change.subject, now))
    return release


def settings_now(
    tools: Tools, manifest: App
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Every environment's settings: the manifest's, and over them those of the deploy repo."""
    look = tools.deploy.repo.look()
    return tuple(
        (
            e.name,
            tuple(
                sorted(
                    (dict(e.settings) | read.settings(look, Place(manifest.name, e.name))).items()
                )
            ),
        )
        for e in sorted(manifest.environments, key=lambda e: e.name)
    )


def _ask(tools: Tools, release: Release, environment: Environment) -> Place:
    place = Place(release.app, environment.name)
    give_listen(tools.notes, tools.machine, place, environment.listen)
    act = Act(release.made_by, release.subject, tools.clock.now())
    desired.propose(
        tools.deploy, place, release.number, act, how="release", approval=environment.approval
    )
    return place
