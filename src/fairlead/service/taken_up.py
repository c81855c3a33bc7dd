"""What was pushed becomes a release, and is asked for.

Each step starts from what is stored, so it may be killed anywhere.
"""

from pathlib import Path

from fairlead.artifact import flow as artifact
from fairlead.base.errors import FairleadError, NotFound
from fairlead.base.ids import CommitId, Place
from fairlead.base.journal import Event, Outcome, Verb
from fairlead.checks.model import Answer, Change
from fairlead.checks.ports import Sink
from fairlead.desired import flow as desired
from fairlead.desired import read
from fairlead.desired.flow import Act
from fairlead.desired.model import Release
from fairlead.manifest.model import Environment
from fairlead.record.chain import entry_of
from fairlead.record.model import Entry
from fairlead.service.files import give_listen
from fairlead.service.overlaid import Variant, pushed_manifest, variants
from fairlead.service.published import as_now, publish
from fairlead.service.push import HEADS, Update, change_of
from fairlead.service.tools import Tools


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
        manifest = pushed_manifest(tools, app, commit)
    except FairleadError:
        return []  # an unprotected branch may hold anything
    environments = [e for e in manifest.environments if e.branch == branch]
    change = change_of(tools, app, commit, "", _pusher(tools, commit))
    asked: list[Place] = []
    for variant in variants(tools, change, environments):
        release = _released(tools, variant.change) or _made(tools, variant, show)
        if release:
            asked += [_ask(tools, release, environment) for environment in variant.environments]
    return asked


def _released(tools: Tools, change: Change) -> Release | None:
    """The newest release made of a change, while its settings and secrets are those of now."""
    look = tools.deploy.repo.look()
    for number in reversed(read.releases(look, change.app)):
        release = tools.world.releases.get(change.app, number)
        built = release.artifact if release else None
        if release and built and (built.commit, built.overlay) == (change.commit, change.overlay):
            return release if as_now(tools, release) else None
    return None


def _made(tools: Tools, variant: Variant, show: Sink) -> Release | None:
    """The next release, made of a change that passed; None for one that did not."""
    change, manifest = variant.change, variant.manifest
    verdict = tools.desk.verdicts.get(change.app, change.commit, change.overlay)
    if verdict is None or verdict.answer is not Answer.PASSED:
        return None
    repository = tools.home.repository(change.app)
    built = artifact.checked(tools.shop, change, verdict) or artifact.build(
        tools.shop, change, manifest, repository, show
    )
    tools.repositories.keep(repository, change.source)
    from fairlead.service.database import make_missing  # which comes back here for a release

    make_missing(tools, manifest, variant.environments)
    return publish(tools, built, manifest, verdict, change)


def _pusher(tools: Tools, commit: CommitId) -> str:
    """Who pushed a commit, by the record."""
    rows = tools.store.find("commit", commit, limit=50, newest=True)
    pushes = [e for e in map(entry_of, rows) if e.verb == Verb.PUSH]
    return pushes[-1].who if pushes else tools.me


def _ask(tools: Tools, release: Release, environment: Environment) -> Place:
    place = Place(release.app, environment.name)
    give_listen(tools.notes, tools.machine, place, environment.listen)
    act = Act(release.made_by, release.subject, tools.clock.now())
    desired.propose(
        tools.deploy, place, release.number, act, how="release", approval=environment.approval
    )
    return place
