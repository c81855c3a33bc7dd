"""``fairlead verify``: the questions that stand before production, asked of a commit anywhere."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from fairlead.base.errors import NotFound
from fairlead.base.ids import CommitId
from fairlead.base.secret import Secret
from fairlead.checks.model import Change, Verdict
from fairlead.checks.ports import Sent, Sink
from fairlead.checks.reports import Form, HostedRun, render
from fairlead.manifest.rules import FILE, parse
from fairlead.service.proven import verify as ask
from fairlead.service.tools import Tools


class Verified(msgspec.Struct, frozen=True):
    """The verdict, the sentence that sums it up, and how long it took (seconds)."""

    verdict: Verdict
    answer: str
    sentence: str
    seconds: float
    merged_with: str = ""


def verify(
    tools: Tools,
    repository: Path,
    revision: str,
    show: Sink,
    *,
    merged_with: str = "",
    fresh: bool = False,
) -> Verified:
    """Ask every check of a commit in any repository; nothing else changes.

    ``merged_with`` names a branch: then what is asked is what that branch would be with the
    commit merged into it. Raises NotFound, Refused (for a conflict), ManifestError.
    """
    from fairlead.checks.flow import summary

    began = tools.clock.now()
    repositories = tools.repositories
    commit = repositories.resolve(repository, revision)
    laid = commit
    if merged_with:
        laid = repositories.merged(
            repository, repositories.resolve(repository, merged_with), commit
        )
    text = repositories.read(repository, laid, FILE)
    if text is None:
        raise NotFound(f"no {FILE} in commit {commit[:12]}", "fairlead init writes one")
    manifest = parse(text.decode(errors="replace"), f"{commit[:12]}:{FILE}")
    said = repositories.facts(repository, commit)
    tree = repositories.facts(repository, laid).tree
    change = Change(manifest.name, commit, tree, "", tools.me, said.subject, laid=laid)
    verdict = ask(tools, change, manifest, show, repository=repository, fresh=fresh)
    seconds = round(tools.clock.now() - began, 3)
    return Verified(verdict, verdict.answer, summary(verdict), seconds, merged_with)


def told(
    tools: Tools, repository: Path, found: Verified, run: HostedRun, token: Secret
) -> Iterator[Sent]:
    """Show the verdict on the forge: beside the commit, and on the change request.

    The commit is the one that the CI runs for where that is what was asked, alone or merged with
    the branch it is for. Else it is the one that was asked, and the change request, which is not
    about that one, is left alone. Raises UsageError for a forge that a token is not sent to.
    """
    verdict, forge = found.verdict, tools.forge(run.at, token)
    about = not run.head or _holds(tools, repository, verdict.commit, run.head)
    commit = CommitId(run.head) if run.head and about else verdict.commit
    name = f"fairlead/{verdict.app}"
    yield forge.status(commit, name, verdict.answer, found.sentence, run.url)
    if run.request and about:
        shown = render(msgspec.structs.replace(verdict, commit=commit), Form.MARKDOWN)
        yield forge.comment(run.request, name, shown)


def _holds(tools: Tools, repository: Path, asked: CommitId, head: str) -> bool:
    """Whether what was asked is that commit, or a merge with it."""
    if asked == head:
        return True
    try:
        return head in [tools.repositories.resolve(repository, f"{asked}^{n}") for n in (2, 1)]
    except NotFound:  # one parent: it was made from it, and is something else
        return False
