"""Questions asked of the deploy repo. Nothing here changes anything.

What is read is what is committed, and only if it verifies: the release's signature by a key
the home trusts, its file never changed since it was added, and an approval where one is
asked for. Anything else is an error that names the file, the reason and the next command;
whoever asked leaves alone what runs.
"""

import shlex
from collections.abc import Callable
from typing import TypeVar

from fairlead.base.canonical import digest_of
from fairlead.base.errors import FairleadError, NotFound, Refused, UsageError
from fairlead.base.ids import Digest, Place, commit_id, digest_id, name
from fairlead.checks.model import Waiver
from fairlead.desired import layout, rules, settings_text
from fairlead.desired.documents import (
    Approval,
    Clients,
    EnvironmentRule,
    Waivers,
    Wanted,
    decode,
    decode_deploy,
    encode,
)
from fairlead.desired.model import Anchor, Client, Desired, Overlay, Proposal, Release
from fairlead.desired.ports import Commit, Look, Signed, Verifier

T = TypeVar("T")
RELEASE_NAMESPACE = "fairlead-release"
APPROVAL_NAMESPACE = "fairlead-approval"
RECORD_NAMESPACE = "fairlead-record"
WORD_NAMESPACE = "fairlead-word"
"""Of what people let through and promise: waivers, and clients that are supported."""


def read(
    look: Look, verifier: Verifier, place: Place, proven: frozenset[int] = frozenset()
) -> Desired | None:
    """The release an environment should run now; None when none was ever asked for.

    ``proven`` are the releases that once were done there: returning to one of them needs
    no new approval. Raises Refused or UsageError when what is written cannot be trusted.
    """
    path = layout.wanted(place)
    data = look.read(path)
    if data is None:
        return None
    wanted, release = _verified(look, verifier, place, path, data)
    newest, *before = look.history(path, 2)
    previous = _number(before[0]) if before else 0
    if before and previous in (0, wanted.number):  # only its strategy changed, or it was away
        previous = rules.previous(numbers_desired(look, place))
    how, why = rules.story(newest, wanted.number, previous)
    return Desired(
        place=place,
        revision=newest.id,
        release=release,
        strategy=wanted.strategy,
        how=how,
        previous=previous,
        why=why,
        who=newest.who,
        approved=_approved(look, verifier, place, release, data, newest.id, proven),
    )


def proposal(look: Look, verifier: Verifier, place: Place) -> Proposal | None:
    """The release held for approval in an environment, or None."""
    path = layout.proposed(place)
    data = look.read(path)
    if data is None:
        return None
    wanted, release = _verified(look, verifier, place, path, data)
    newest = look.history(path, 1)[0]
    now = desired_number(look, place)
    how, why = rules.story(newest, wanted.number, now)
    return Proposal(place, newest.id, release, wanted.strategy, how, now, why, newest.who)


def places(look: Look) -> tuple[Place, ...]:
    """Every place that has a release desired or proposed, sorted."""
    found = (layout.place_of(path) for path in look.files("apps"))
    return tuple(sorted({place for place in found if place}))


def releases(look: Look, app: str) -> tuple[int, ...]:
    """The numbers of an app's releases, ascending."""
    numbers = (layout.number_of(path) for path in look.files(layout.releases(app)))
    return tuple(sorted(number for number in numbers if number))


def next_number(look: Look, app: str) -> int:
    """The number of the app's next release: one that no release ever had."""
    number = max(releases(look, app), default=0) + 1
    while was_taken(look, app, number):
        number += 1
    return number


def was_taken(look: Look, app: str, number: int) -> bool:
    """Whether a release ever had the number: it is there, or it was there and was reverted."""
    path = layout.release(app, number)
    return look.read(path) is not None or path in look.altered(layout.RELEASES)


def release(look: Look, verifier: Verifier, app: str, number: int) -> Release:
    """A release, verified. Raises NotFound, Refused or UsageError."""
    path = layout.release(app, number)
    data = look.read(path)
    if data is None:
        known = ", ".join(map(str, releases(look, app)[-5:])) or "none"
        raise NotFound(f"{app} has no release {number}", f"the newest are: {known}")
    _checked(look, path, lambda sig: verifier.trusted(RELEASE_NAMESPACE, data, sig))
    _refuse_altered(look, path)
    found = decode(data, Release, path)
    if (found.app, found.number) != (app, number):
        raise _wrong(look, path, f"it is release {found.number} of {found.app!r}")
    return found


def settings(look: Look, place: Place) -> dict[str, str]:
    """The plain settings of an environment, in their order; empty for none."""
    return settings_text.parse(settings_file(look, place), layout.settings(place))


def settings_file(look: Look, place: Place) -> str:
    """``settings.toml`` as text. Raises UsageError when it is none."""
    path = layout.settings(place)
    try:
        return (look.read(path) or b"").decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: expected UTF-8: {error}", _log(look, path)) from error


def overlaid(look: Look, app: str) -> tuple[Place, ...]:
    """The places of an app that have something laid over the code, sorted."""
    found = (layout.overlaid(path) for path in look.files(f"apps/{name(app, 'an app')}"))
    return tuple(sorted(place for place in found if place))


def overlay(look: Look, place: Place) -> Overlay | None:
    """What is laid over the code there; None for nothing. Raises UsageError for half of it."""
    base_path, patch_path = layout.overlay(place)
    base, patch = look.read(base_path), look.read(patch_path)
    if base is None and patch is None:
        return None
    try:
        named = commit_id((base or b"").decode().strip())
    except (UnicodeDecodeError, UsageError):
        what = f"{base_path}: expected the commit the overlay was made against"
        raise UsageError(what, _log(look, base_path)) from None
    if not patch:
        raise UsageError(f"{patch_path}: expected a patch", _log(look, patch_path))
    return Overlay(named, patch)


def waivers(look: Look, verifier: Verifier, app: str) -> tuple[Waiver, ...]:
    """What people let through, whether it still holds or not. Raises Refused, UsageError."""
    found = _word(look, verifier, layout.waivers(app), Waivers)
    if found is not None and found.app != app:
        raise _wrong(look, layout.waivers(app), f"it is of {found.app!r}")
    return found.waivers if found else ()


def clients(look: Look, verifier: Verifier, app: str) -> tuple[Client, ...]:
    """The clients that were ever promised support and not taken back. Raises Refused, UsageError."""
    found = _word(look, verifier, layout.clients(app), Clients)
    if found is not None and found.app != app:
        raise _wrong(look, layout.clients(app), f"it is of {found.app!r}")
    return found.clients if found else ()


def anchored(look: Look, verifier: Verifier) -> Anchor | None:
    """The record's head as last anchored, its signature verified; None when it never was."""
    data = look.read(layout.HEAD)
    if data is None:
        return None
    _checked(look, layout.HEAD, lambda sig: verifier.trusted(RECORD_NAMESPACE, data, sig))
    return decode(data, Anchor, layout.HEAD)


def approval_document(look: Look, verifier: Verifier, place: Place, plan: Digest) -> bytes:
    """Exactly the bytes whose signature approves what is proposed now, by this plan.

    A person whose key Fairlead cannot use signs them by hand:
    ``ssh-keygen -Y sign -n fairlead-approval -f KEY FILE``. Raises NotFound when nothing is
    proposed.
    """
    found = proposal(look, verifier, place)
    if found is None:
        raise NotFound(f"nothing waits for approval: {place}", "fairlead status")
    data = look.read(layout.proposed(place)) or b""
    number, revision = found.release.number, found.revision
    approval = Approval(
        place.app, place.environment, number, digest_id(plan), revision, digest_of(data)
    )
    return encode(approval)


def rule(look: Look, place: Place) -> EnvironmentRule:
    """What ``deploy.toml`` says of an environment."""
    data = look.read(layout.DEPLOY)
    if data is None:
        raise _wrong(look, layout.DEPLOY, "it is missing")
    return decode_deploy(data).rule(place)


def approval_asked(look: Look, place: Place, release: Release) -> bool:
    """Whether the release needs approval there: by its own manifest, or by ``deploy.toml``."""
    environment = release.manifest.environment(place.environment)
    return rule(look, place).approval or (environment is not None and environment.approval)


def numbers_desired(look: Look, place: Place) -> tuple[int, ...]:
    """The releases desired in an environment through time, newest first; 0 where there was
    none, or none that can be read."""
    return tuple(map(_number, look.history(layout.wanted(place))))


def desired_number(look: Look, place: Place) -> int:
    """The number of the release desired now, 0 for none; not verified."""
    data = look.read(layout.wanted(place))
    return decode(data, Wanted, layout.wanted(place)).number if data else 0


def approver(look: Look, verifier: Verifier, place: Place, data: bytes, signature: bytes) -> Signed:
    """Whose approval it is: a named approver's, or with none named the home's own."""
    named = rule(look, place).approvers
    if named:
        return verifier.by(named, APPROVAL_NAMESPACE, data, signature)
    return verifier.trusted(APPROVAL_NAMESPACE, data, signature)


def _verified(
    look: Look, verifier: Verifier, place: Place, path: str, data: bytes
) -> tuple[Wanted, Release]:
    wanted = decode(data, Wanted, path)
    if (wanted.app, wanted.environment) != tuple(place):
        raise _wrong(look, path, f"it is of {wanted.app}/{wanted.environment}")
    found = _released(look, verifier, path, wanted)
    file = look.read(layout.release(place.app, wanted.number)) or b""
    if wanted.release != digest_of(file) or wanted.artifact != found.artifact.digest:
        raise _wrong(look, path, f"its digests are not those of release {wanted.number}")
    return wanted, found


def _word(look: Look, verifier: Verifier, path: str, form: type[T]) -> T | None:
    data = look.read(path)
    if data is None:
        return None
    _checked(look, path, lambda sig: verifier.trusted(WORD_NAMESPACE, data, sig))
    return decode(data, form, path)


def _released(look: Look, verifier: Verifier, path: str, wanted: Wanted) -> Release:
    try:
        return release(look, verifier, wanted.app, wanted.number)
    except NotFound as error:
        what = f"release {wanted.number} is not in {layout.releases(wanted.app)}"
        raise _wrong(look, path, what) from error


def _approved(
    look: Look,
    verifier: Verifier,
    place: Place,
    wanted: Release,
    data: bytes,
    revision: str,
    proven: frozenset[int],
) -> str:
    """The plan approved for exactly this; "" where no approval is needed."""
    if not approval_asked(look, place, wanted):
        return ""
    try:
        return _plan_approved(look, verifier, place, wanted.number, data, revision)
    except (Refused, UsageError):
        if wanted.number in proven:
            return ""
        raise


def _plan_approved(
    look: Look, verifier: Verifier, place: Place, number: int, data: bytes, revision: str
) -> str:
    path = layout.approval(place, number)
    approval = look.read(path)
    if approval is None:
        raise _not_approved(look, place, number, f"{path} is missing")
    _checked(look, path, lambda sig: approver(look, verifier, place, approval, sig))
    found = decode(approval, Approval, path)
    proposed = _proposed_before(look, place, revision)
    bound = Approval(*place, number, found.plan, proposed, digest_of(data))
    if found != bound:
        raise _not_approved(look, place, number, f"{path} approves something else")
    return found.plan


def _proposed_before(look: Look, place: Place, revision: str) -> str:
    """The commit whose proposal the commit ``revision`` took up; "" when it took up none."""
    ids = [commit.id for commit in look.history(layout.proposed(place))]
    after = ids.index(revision) + 1 if revision in ids else len(ids)
    return ids[after] if after < len(ids) else ""


def _checked(look: Look, path: str, verify: Callable[[bytes], Signed]) -> Signed:
    """Verify the signature beside a file; an error names the file."""
    signature = look.read(layout.signature(path))
    if signature is None:
        raise _wrong(look, path, f"there is no {layout.signature(path)}")
    try:
        return verify(signature)
    except FairleadError as error:
        raise _wrong(look, path, error.what) from error


def _refuse_altered(look: Look, path: str) -> None:
    if path not in look.altered(layout.RELEASES):
        return
    contents = {commit.content for commit in look.history(path)} - {None}
    if len(contents) > 1:
        raise _wrong(look, path, "a release never changes, and a commit changed it")


def _number(commit: Commit) -> int:
    try:
        return decode(commit.content or b"", Wanted, "").number
    except UsageError:
        return 0


def _not_approved(look: Look, place: Place, number: int, why: str) -> Refused:
    return Refused(
        f"release {number} is not approved for {place}: {why}",
        f"revert the commit that asked for it ({_log(look, layout.wanted(place))}),"
        f" then `fairlead promote` and `fairlead approve` it",
    )


def _wrong(look: Look, path: str, why: str) -> Refused:
    return Refused(f"{path}: {why}", _log(look, path))


def _log(look: Look, path: str) -> str:
    return shlex.join(["git", "-C", look.where, "log", "-p", "--", path])
