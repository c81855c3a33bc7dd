"""A push, while git holds it back: whether its branches may move.

The checks are asked, and what an environment runs from is built beside them. A protected branch
whose checks did not pass, or that cannot be built, does not move.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec

from fairlead.base.errors import FairleadError, NotFound
from fairlead.base.ids import CommitId
from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.base.stop import NEVER, Stop
from fairlead.checks import flow as checks
from fairlead.checks.model import Answer, Change, Verdict
from fairlead.checks.ports import Sink
from fairlead.desired import read
from fairlead.manifest.model import App, Environment
from fairlead.record.chain import entry_of
from fairlead.service.manifests import manifest_at
from fairlead.service.overlaid import pushed_manifest, variants
from fairlead.service.proven import proven, verify
from fairlead.service.sealed import refuse_lacking
from fairlead.service.tools import Tools

HEADS = "refs/heads/"
NOWHERE: Mapping[str, Fact] = {}


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
    origin: Mapping[str, Fact] = NOWHERE,
) -> Offered:
    """Verify what one ref of a push offers; whether git may move the ref.

    ``receiver`` is the process id of git's receiving end, which moves it. ``stop`` says that
    the pusher is gone (see ``receiving``). ``origin`` says of what was not pushed but pulled
    where it comes from ("source", "rewritten").
    """
    if not update.ref.startswith(HEADS):
        return Offered(update.ref, update.new, True, False, "not a branch: nothing is asked of it")
    branch = update.ref.removeprefix(HEADS)
    if not update.new:
        return _deletion(tools, app, update, branch)
    commit = CommitId(update.new)
    known = _protected(tools, app)
    protected = branch in known
    change = change_of(tools, app, commit, update.ref, who)
    given_up(tools, app, update, receiver, "the agent went away, and was asked again")
    begun = {**origin, "receiver": receiver} if receiver else origin
    intent = _pushed(tools, change, update, Outcome.INTENT, "offered", origin=begun)
    try:
        manifest = pushed_manifest(tools, app, commit)
        runs = [e for e in manifest.environments if e.branch == branch]
        protected = protected or bool(runs)
        refuse_lacking(tools.deploy.repo.look(), app, runs, _to_be_made(tools, manifest))
        verdict = _judged(tools, change, manifest, runs, show)
        sentence = checks.summary(verdict)
        accepted = verdict.answer is Answer.PASSED or not protected
    except FairleadError as error:
        # Before a first release nothing but the manifest says which branches are protected.
        verdict, sentence, accepted = None, str(error), bool(known) and not protected
    if stop.is_set():
        accepted, sentence = False, "the push was cut off"
        _pushed(tools, change, update, Outcome.UNKNOWN, sentence, intent, origin)
    elif not accepted:
        _pushed(tools, change, update, Outcome.REFUSED, sentence, intent, origin)
    # Accepted is not pushed yet: git moves the ref now, and ``take_up`` writes that down.
    return Offered(update.ref, commit, accepted, protected, sentence, verdict)


def _to_be_made(tools: Tools, manifest: App) -> tuple[str, ...]:
    from fairlead.service.database import to_be_made  # which comes back here for a release

    return to_be_made(tools, manifest)


def told(one: Offered) -> Iterator[str]:
    """What the pusher is told of one ref."""
    state = "accepted" if one.accepted else "refused"
    yield f"{one.ref.removeprefix(HEADS)}: {state}: {one.sentence}"
    if one.accepted and one.verdict and not one.protected:
        yield "no environment runs from this branch: it was verified, and nothing else changes"


def given_up(tools: Tools, app: str, update: Update, receiver: int, why: str) -> None:
    """Close what was begun for the same push and comes to nothing: an agent died that will be
    asked again, or the branch could not be moved."""
    for entry in map(entry_of, tools.store.open() if receiver else ()):
        found = (entry.app, entry.text("ref"), entry.number("receiver"))
        if entry.verb == Verb.PUSH and found == (app, update.ref, receiver):
            tools.record.close_unknown(entry, "agent", why)


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


def change_of(tools: Tools, app: str, commit: CommitId, ref: str, who: str) -> Change:
    said = tools.repositories.facts(tools.home.repository(app), commit)
    return Change(app, commit, said.tree, ref, who, said.subject)


def _pushed(
    tools: Tools,
    change: Change,
    update: Update,
    outcome: Outcome,
    why: str,
    intent: int = 0,
    origin: Mapping[str, Fact] = NOWHERE,
) -> int:
    facts: dict[str, Fact] = {
        **origin,
        "ref": update.ref,
        "old": update.old,
        "commit": change.commit,
        "subject": change.subject,
    }
    event = Event(Verb.PUSH, outcome, change.who, why, change.app, facts=facts, intent=intent)
    return tools.record.write(event)


def _as_merged(tools: Tools, change: Change, show: Sink) -> Change:
    """What the branch that an environment runs from would be with this change merged into it.

    That is what would be released; the change itself where it has all of that branch, or where
    there is none yet. Raises Refused, with the conflicts.
    """
    repository = tools.home.repository(change.app)
    for branch in sorted(_protected(tools, change.app)):
        try:
            onto = tools.repositories.resolve(repository, f"{HEADS}{branch}")
        except NotFound:
            continue
        laid = tools.repositories.merged(repository, onto, change.commit)
        if laid == change.commit:
            return change
        show(f"checks: asked of {change.commit[:12]} merged into {branch} ({onto[:12]})")
        tree = tools.repositories.facts(repository, laid).tree
        return msgspec.structs.replace(change, laid=laid, tree=tree)
    return change


def _judged(
    tools: Tools, change: Change, manifest: App, runs: list[Environment], show: Sink
) -> Verdict:
    """The verdict on the change as every environment that runs from its branch gets it: the
    first that did not pass, or the last."""
    if not runs:
        merged = _as_merged(tools, change, show)
        if merged.laid:
            manifest = manifest_at(tools, change.app, merged.source)
        return verify(tools, merged, manifest, show)
    first, *others = variants(tools, change, runs)
    verdict = proven(tools, first.change, first.manifest, first.environments, show)
    for variant in others:
        if verdict.answer is Answer.PASSED:
            there = variant.environments
            verdict = proven(tools, variant.change, variant.manifest, there, show)
    return verdict
