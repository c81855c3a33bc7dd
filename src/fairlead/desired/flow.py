"""The verbs of the deploy room: publish, propose, approve, promote, revert, set, anchor.

Each is one commit in the deploy repo, and an intent and an outcome in the journal. Each
reads, decides and writes while it holds the repository, so of two at once one is first. A
verb that finds its work done already changes nothing and says where it was done.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar

from fairlead.base.canonical import digest, digest_of
from fairlead.base.errors import FairleadError, NotAllowed, NotFound, Refused, Unknown, UsageError
from fairlead.base.ids import Digest, Place
from fairlead.base.journal import Event, Fact, Journal, Outcome, Verb
from fairlead.checks.model import Waiver
from fairlead.desired import layout, read, rules, settings_text
from fairlead.desired.documents import (
    FIRST_ATTRIBUTES,
    FIRST_DEPLOY_TOML,
    Clients,
    Waivers,
    Wanted,
    decode,
    encode,
)
from fairlead.desired.model import Anchor, Client, Overlay, Proposal, Release
from fairlead.desired.ports import DeployRepo, Look, Signed, Signer, Verifier

T = TypeVar("T")
MACHINE = "Fairlead"
Edit = Callable[[Look], tuple[Mapping[str, bytes | None], Mapping[str, Fact]]]
"""Makes files' new bytes of a look, and the facts that say what is different in them."""


class Deploy(NamedTuple):
    """What every verb needs: the repository, who judges signatures, where events go."""

    repo: DeployRepo
    verifier: Verifier
    journal: Journal


class Act(NamedTuple):
    """By whom, why and when (seconds since 1970 UTC)."""

    who: str
    why: str
    now: float


class _Done(NamedTuple, Generic[T]):
    """What a verb gives back, and what its outcome says besides."""

    result: T
    facts: Mapping[str, Fact]
    release: int = 0


class Word(NamedTuple, Generic[T]):
    """What a person says of an app: a sentence, the facts, and how the list of what was said
    before is changed by it."""

    said: str
    facts: Mapping[str, Fact]
    edit: Callable[[tuple[T, ...]], tuple[T, ...]]


class Approved(NamedTuple):
    """An approval that was taken up: the commit, and who signed."""

    revision: str
    by: str
    key: str


def ensure(repo: DeployRepo, now: float) -> None:
    """Make the deploy repo, unless it is there."""
    files = {layout.DEPLOY: FIRST_DEPLOY_TOML, layout.ATTRIBUTES: FIRST_ATTRIBUTES}
    repo.ensure(files, now)


def publish(deploy: Deploy, signer: Signer, release: Release, act: Act) -> str:
    """Write and sign an immutable release; the commit.

    The same release again changes nothing. Raises Refused when its number was ever taken by
    another: ask for the next number again.
    """
    path = layout.release(release.app, release.number)
    facts: dict[str, Fact] = {
        "commit": release.artifact.commit,
        "digest": release.artifact.digest,
        "file": path,
        "settings": digest(release.settings),
        "secrets": [
            f"{environment}/{rules.secret_text(*pair)}"
            for environment, pairs in release.secrets
            for pair in pairs
        ],
    }
    if release.artifact.overlay:
        facts["overlay"] = release.artifact.overlay
    if release.artifact.schema:
        facts["schema"] = release.artifact.schema.digest
    event = _event(Verb.RELEASE, act, Place(release.app, ""), release.number, facts)
    return _recorded(deploy, event, lambda: _publish(deploy, signer, release, act))


def propose(
    deploy: Deploy, place: Place, number: int, act: Act, *, how: str, approval: bool
) -> str:
    """Ask for a release in an environment; the commit.

    With ``approval`` (or where the manifest or ``deploy.toml`` asks for one) it is held in
    ``proposed.json`` until ``approve``. What is desired, or proposed, already stays as it is.
    """
    event = _event(Verb.DESIRE, act, place, number, {"how": how})
    return _recorded(deploy, event, lambda: _propose(deploy, place, number, act, how, approval))


def promote(deploy: Deploy, origin: Place, to: Place, act: Act, *, approval: bool) -> str:
    """Ask for the release desired in one environment, the same artifact, in another.

    Raises NotFound when nothing is desired in the first; UsageError for another app.
    """
    if origin.app != to.app:
        raise UsageError(f"not the same app: {origin} and {to}", "fairlead promote --help")
    number = read.desired_number(deploy.repo.look(), origin)
    if not number:
        raise NotFound(f"nothing is desired in {origin}", "fairlead status")
    return propose(deploy, to, number, act, how="promote", approval=approval)


def approve(
    deploy: Deploy, place: Place, plan: Digest, signature: Signer | bytes, act: Act
) -> Approved:
    """Take up what is proposed: consent bound to the release, the place, the plan's digest
    and the very commit that proposed it.

    ``signature`` is a key to sign with, or a detached signature over
    ``read.approval_document``. Raises NotFound when nothing is proposed, NotAllowed when the
    key may not approve there, Refused when the signature does not hold.
    """
    number = _proposed_number(deploy.repo.look(), place)
    event = _event(Verb.APPROVE, act, place, number, {"plan": plan})
    return _recorded(deploy, event, lambda: _approve(deploy, place, plan, signature, act))


def revert(
    deploy: Deploy,
    place: Place,
    act: Act,
    *,
    how: str,
    proven: frozenset[int],
    to: int = 0,
) -> str:
    """Ask for an older release again, as an ordinary commit; the commit.

    ``how`` "rollback" goes to the good release below the present one, "return" to what
    served before it; ``to`` names another. ``proven`` are the releases that once were done
    there. Raises Refused when there is none to go to, or when it needs an approval first.
    """
    event = _event(Verb.DESIRE, act, place, to, {"how": how})
    return _recorded(deploy, event, lambda: _revert(deploy, place, act, how, proven, to))


def set_settings(deploy: Deploy, place: Place, changes: Mapping[str, str | None], act: Act) -> str:
    """Change plain settings (None removes one), keeping the file's order; the commit.

    They run with the next release made from them. Raises UsageError for a name or a value
    that cannot be one.
    """
    names = sorted(changes)
    event = _event(Verb.DESIRE, act, place, 0, {"how": "settings", "settings_changed": names})
    return _recorded(deploy, event, lambda: _set_settings(deploy, place, changes, act))


def set_secrets(deploy: Deploy, place: Place, names: Sequence[str], edit: Edit, act: Act) -> str:
    """Change the sealed secrets of a place; the commit.

    ``edit`` makes the files' new bytes of the repository as it is while this holds it, and
    the fact ``secrets_changed``. They run with the next release that names them.
    """
    event = _event(Verb.DESIRE, act, place, 0, {"how": "secrets", "secrets_changed": sorted(names)})
    message = rules.message(place, f"secrets {', '.join(sorted(names))}", "secrets", act.why)
    return _recorded(deploy, event, lambda: _edit(deploy, edit, message, act))


def set_overlay(deploy: Deploy, place: Place, overlay: Overlay | None, act: Act) -> str:
    """Lay an overlay over the code of a place from its next release on, or none; the commit."""
    facts: dict[str, Fact] = {"how": "overlay", "overlay": overlay.digest if overlay else "none"}
    event = _event(Verb.DESIRE, act, place, 0, facts)
    message = rules.message(place, "the overlay" if overlay else "no overlay", "overlay", act.why)
    base, patch = layout.overlay(place)
    files = {
        base: f"{overlay.base}\n".encode() if overlay else None,
        patch: overlay.patch if overlay else None,
    }
    return _recorded(deploy, event, lambda: _edit(deploy, lambda _: (files, {}), message, act))


def set_waivers(deploy: Deploy, signer: Signer, app: str, word: Word[Waiver], act: Act) -> str:
    """Let a check through for a while, or no longer; the commit."""
    event = _event(Verb.WAIVE, act, Place(app, ""), 0, word.facts)

    def made(look: Look) -> bytes:
        return encode(Waivers(app, word.edit(read.waivers(look, deploy.verifier, app))))

    return _recorded(
        deploy, event, lambda: _say(deploy, signer, layout.waivers(app), word, made, act)
    )


def set_clients(deploy: Deploy, signer: Signer, app: str, word: Word[Client], act: Act) -> str:
    """Promise a client support, or no longer; the commit."""
    event = _event(Verb.CLIENT, act, Place(app, ""), 0, word.facts)

    def made(look: Look) -> bytes:
        return encode(Clients(app, word.edit(read.clients(look, deploy.verifier, app))))

    return _recorded(
        deploy, event, lambda: _say(deploy, signer, layout.clients(app), word, made, act)
    )


def reseal(deploy: Deploy, edit: Edit, act: Act) -> str:
    """Replace sealed files by the same values under another key; the commit.

    ``edit`` makes them, and the facts ``files``, ``keys`` and ``lost``.
    """
    event = _event(Verb.KEY, act, Place("", ""), 0, {"how": "rotated"})
    message = f"every secret is sealed with another key\n\n{rules.one_line(act.why)}".rstrip()
    return _recorded(deploy, event, lambda: _edit(deploy, edit, message, act))


def anchor(repo: DeployRepo, signer: Signer, seq: int, head: str, now: float) -> str:
    """Write down and sign the record's head; the commit. It is no event: it mirrors one."""
    data = encode(Anchor(seq, head))
    if repo.look().read(layout.HEAD) == data:
        return repo.look().head
    signed = signer.sign(read.RECORD_NAMESPACE, data)
    changes = {layout.HEAD: data, layout.signature(layout.HEAD): signed}
    return repo.commit(changes, f"record: entry {seq}", MACHINE, now)


def _publish(deploy: Deploy, signer: Signer, release: Release, act: Act) -> _Done[str]:
    path, data = layout.release(release.app, release.number), encode(release)
    with deploy.repo.writing(f"publish {path}"):
        look = deploy.repo.look()
        if look.read(path) == data:
            read.release(look, deploy.verifier, release.app, release.number)
            return _Done(look.history(path, 1)[0].id, {})
        if read.was_taken(look, release.app, release.number):
            what = f"{release.app} has a release {release.number} already, and it never changes"
            raise Refused(what, f"the next number is {read.next_number(look, release.app)}")
        signature = signer.sign(read.RELEASE_NAMESPACE, data)
        made = f"{release.app}: release {release.number} is made"
        message = f"{made}\n\n{rules.one_line(release.subject)}".rstrip()
        changes = {path: data, layout.signature(path): signature}
        return _Done(deploy.repo.commit(changes, message, act.who, act.now), {})


def _propose(
    deploy: Deploy, place: Place, number: int, act: Act, how: str, approval: bool
) -> _Done[str]:
    with deploy.repo.writing(f"propose release {number} for {place}"):
        look = deploy.repo.look()
        release = read.release(look, deploy.verifier, place.app, number)
        if approval or read.approval_asked(look, place, release):
            return _hold(deploy, look, place, release, act, how)
        facts = {**_facts(look, deploy.verifier, place, release), "how": how}
        data, path = encode(_wanted(look, place, release)), layout.wanted(place)
        if look.read(path) == data:
            return _Done(*_at(look.history(path, 1)[0].id, facts))
        message = rules.message(place, f"release {number}", how, act.why)
        changes = {path: data, layout.proposed(place): None}
        return _Done(*_at(deploy.repo.commit(changes, message, act.who, act.now), facts))


def _hold(
    deploy: Deploy, look: Look, place: Place, release: Release, act: Act, how: str
) -> _Done[str]:
    """Write the proposal, unless exactly that is desired or proposed already."""
    facts = {**_facts(look, deploy.verifier, place, release), "how": "proposed"}
    data = encode(_wanted(look, place, release))
    for path in (layout.wanted(place), layout.proposed(place)):
        if look.read(path) == data:
            return _Done(*_at(look.history(path, 1)[0].id, facts))
    message = rules.message(place, f"release {release.number} is proposed", how, act.why)
    changes = {layout.proposed(place): data}
    return _Done(*_at(deploy.repo.commit(changes, message, act.who, act.now), facts))


def _approve(
    deploy: Deploy, place: Place, plan: Digest, signature: Signer | bytes, act: Act
) -> _Done[Approved]:
    with deploy.repo.writing(f"approve what is proposed for {place}"):
        look = deploy.repo.look()
        document = read.approval_document(look, deploy.verifier, place, plan)
        held = read.proposal(look, deploy.verifier, place)
        assert held is not None  # the document is about it
        signed = signature
        if not isinstance(signed, bytes):
            signed = signed.sign(read.APPROVAL_NAMESPACE, document)
        by = _approver(deploy, look, place, document, signed)
        approval = layout.approval(place, held.release.number)
        files = {approval: document, layout.signature(approval): signed}
        revision = _take_up(deploy, look, held, files, by, plan, act)
    approved = Approved(revision, by.principal, by.fingerprint)
    return _Done(approved, {"plan": plan, "revision": revision, "key": by.fingerprint})


def _take_up(
    deploy: Deploy,
    look: Look,
    held: Proposal,
    files: Mapping[str, bytes],
    by: Signed,
    plan: Digest,
    act: Act,
) -> str:
    """What was proposed becomes desired, in the commit that brings its approval."""
    place, number = held.place, held.release.number
    proposed = look.read(layout.proposed(place))
    if proposed == look.read(layout.wanted(place)):
        raise Refused(f"release {number} is desired already: {place}", "fairlead status")
    said = f"release {number}, approved by {rules.one_line(by.principal)}"
    message = rules.message(place, said, held.how, held.why)
    changes = {**files, layout.wanted(place): proposed, layout.proposed(place): None}
    facts = {**_facts(look, deploy.verifier, place, held.release), "plan": plan, "how": held.how}
    return _recorded(
        deploy,
        _event(Verb.DESIRE, act, place, number, {"how": held.how, "plan": plan}),
        lambda: _Done(*_at(deploy.repo.commit(changes, message, act.who, act.now), facts)),
    )


def _approver(
    deploy: Deploy, look: Look, place: Place, document: bytes, signature: bytes
) -> Signed:
    try:
        return read.approver(look, deploy.verifier, place, document, signature)
    except Refused as error:
        what = f"no approval for {place}: {error.what}"
        hint = f"{layout.DEPLOY} names who may approve under [apps.{place.app}.{place.environment}]"
        raise NotAllowed(what, hint) from error


def _revert(
    deploy: Deploy, place: Place, act: Act, how: str, proven: frozenset[int], to: int
) -> _Done[str]:
    with deploy.repo.writing(f"go back in {place}"):
        look = deploy.repo.look()
        number = to or _target(look, place, how, proven)
        release = read.release(look, deploy.verifier, place.app, number)
        if number not in proven and read.approval_asked(look, place, release):
            what = f"release {number} was never done in {place}, and needs an approval"
            raise Refused(what, "propose it with `fairlead promote`, then `fairlead approve`")
        facts = {**_facts(look, deploy.verifier, place, release), "how": how}
        data, path = encode(_wanted(look, place, release)), layout.wanted(place)
        message = rules.message(place, f"back to release {number}", how, act.why)
        if look.read(path) == data:
            return _Done(*_at(look.history(path, 1)[0].id, facts), number)
        made = deploy.repo.commit({path: data}, message, act.who, act.now)
        return _Done(*_at(made, facts), number)


def _target(look: Look, place: Place, how: str, proven: frozenset[int]) -> int:
    numbers = read.numbers_desired(look, place)
    choose = rules.return_target if how == "return" else rules.rollback_target
    target = choose(numbers, proven) if numbers else 0
    if not target:
        what = f"there is no release to go back to in {place}: none before this one was done there"
        raise Refused(what, "`fairlead releases` lists what there is; name one with --to")
    return target


def _set_settings(
    deploy: Deploy, place: Place, changes: Mapping[str, str | None], act: Act
) -> _Done[str]:
    path, names = layout.settings(place), sorted(changes)
    with deploy.repo.writing(f"set {', '.join(names)} in {place}"):
        look = deploy.repo.look()
        text = settings_text.edit(read.settings_file(look, place), changes, path)
        message = rules.message(place, f"settings {', '.join(names)}", "settings", act.why)
        try:
            data = text.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"{path}: a value is not valid text", "give it as UTF-8") from error
        return _Done(*_at(deploy.repo.commit({path: data}, message, act.who, act.now), {}))


def _edit(deploy: Deploy, edit: Edit, message: str, act: Act) -> _Done[str]:
    with deploy.repo.writing(message.partition("\n")[0]):
        files, facts = edit(deploy.repo.look())
        made = deploy.repo.commit(files, message, act.who, act.now)
    return _Done(*_at(made, facts))


def _say(
    deploy: Deploy,
    signer: Signer,
    path: str,
    word: Word[Any],
    made: Callable[[Look], bytes],
    act: Act,
) -> _Done[str]:
    """Write what people said of an app, signed."""
    with deploy.repo.writing(word.said):
        data = made(deploy.repo.look())
        signed = signer.sign(read.WORD_NAMESPACE, data)
        message = f"{word.said}\n\n{rules.one_line(act.why)}".rstrip()
        files = {path: data, layout.signature(path): signed}
        return _Done(*_at(deploy.repo.commit(files, message, act.who, act.now), {}))


def _wanted(look: Look, place: Place, release: Release) -> Wanted:
    environment = release.manifest.environment(place.environment)
    if environment is None:
        known = ", ".join(e.name for e in release.manifest.environments) or "none"
        what = f"release {release.number} knows no environment {place.environment!r}"
        raise UsageError(what, f"its fairlead.toml names: {known}")
    missing = rules.secrets_missing(release, place.environment)
    if missing:
        what = f"release {release.number} lacks a secret that its {place.environment} needs"
        raise Refused(f"{what}: {', '.join(missing)}", rules.secret_hint(place, missing))
    file = look.read(layout.release(release.app, release.number)) or b""
    return Wanted(
        app=place.app,
        environment=place.environment,
        number=release.number,
        artifact=release.artifact.digest,
        release=digest_of(file),
        strategy=environment.strategy,
    )


def _facts(look: Look, verifier: Verifier, place: Place, release: Release) -> dict[str, Fact]:
    """What the outcome says of the release, and of the step from the one before it."""
    number, before = 0, None
    with suppress(FairleadError):  # what was desired may be broken: this is the way out of it
        number = read.desired_number(look, place)
        before = read.release(look, verifier, place.app, number) if number else None
    return {
        "commit": release.artifact.commit,
        "digest": release.artifact.digest,
        "previous": number,
        "settings_changed": rules.settings_changed(before, release, place.environment),
        "secrets_changed": rules.secrets_changed(before, release, place.environment),
    }


def _at(revision: str, facts: Mapping[str, Fact]) -> tuple[str, dict[str, Fact]]:
    return revision, {**facts, "revision": revision}


def _proposed_number(look: Look, place: Place) -> int:
    data = look.read(layout.proposed(place))
    if data is None:
        raise NotFound(f"nothing waits for approval: {place}", "fairlead status")
    return decode(data, Wanted, layout.proposed(place)).number


def _event(verb: Verb, act: Act, place: Place, number: int, facts: Mapping[str, Fact]) -> Event:
    why = rules.one_line(act.why)
    return Event(
        verb, Outcome.INTENT, act.who, why, place.app, place.environment, number, dict(facts)
    )


def _recorded(deploy: Deploy, event: Event, act: Callable[[], _Done[T]]) -> T:
    """Write the intent, act, write the outcome; a refusal and a failure are outcomes too."""
    intent = deploy.journal.write(event)
    try:
        done = act()
    except FairleadError as error:
        failed = replace(event, outcome=_outcome(error), why=error.what, intent=intent)
        deploy.journal.write(failed)
        raise
    facts = {**event.facts, **done.facts}
    number = done.release or event.release
    deploy.journal.write(
        replace(event, outcome=Outcome.DONE, release=number, facts=facts, intent=intent)
    )
    return done.result


def _outcome(error: FairleadError) -> Outcome:
    if isinstance(error, Unknown):
        return Outcome.UNKNOWN
    if isinstance(error, Refused | NotAllowed | NotFound | UsageError):
        return Outcome.REFUSED
    return Outcome.FAILED
