"""``fairlead verify``."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.base.errors import FairleadError
from fairlead.checks.gate import told
from fairlead.checks.model import Answer, CheckResult
from fairlead.checks.reports import Form, for_ci, harmless, render
from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.paper import Paper, Piece

if TYPE_CHECKING:
    from fairlead.checks.model import Verdict
    from fairlead.service.verify import Verified

_INK = {
    Answer.PASSED: "good",
    Answer.FAILED: "bad",
    Answer.NOT_KNOWN: "warn",
    Answer.NOT_APPLICABLE: "dim",
}
_FILE = click.Path(dir_okay=False)


@verb("verify", "fairlead verify", "fairlead verify feature --merged-with main --junit out.xml")
@click.argument("revision", default="HEAD")
@click.option("--merged-with", default="", metavar="BRANCH", help="Ask of the merge with it.")
@click.option("--fresh", is_flag=True, help="Believe no earlier answer.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write the answers as JUnit XML.")
@click.option("--sarif", type=_FILE, metavar="FILE", help="Write what was found as SARIF 2.1.0.")
@click.option("--gitlab", type=_FILE, metavar="FILE", help="Write it as GitLab's code quality.")
def verify(
    door: Door,
    revision: str,
    merged_with: str,
    fresh: bool,
    junit: str | None,
    sarif: str | None,
    gitlab: str | None,
) -> int:
    """Ask the questions that stand before production, of any commit.

    What is asked is the commit itself, in a clean tree: what is not committed is not part of it.
    Answers whose inputs did not change are taken from before. Exit code 0: this change can go in
    front of users; 1: a check failed, or could not say.

    In a hosted CI that gives it FAIRLEAD_FORGE_TOKEN, it shows the verdict on the forge too: as a
    status beside the commit, and in one comment on the change request.
    """
    from fairlead.cli.telling import tell
    from fairlead.service.verify import verify as ask
    from fairlead.wire import tools_of, worktree_of

    hosted = for_ci(os.environ)
    clone = worktree_of(Path.cwd())
    tools = tools_of(door.home)

    def show(line: str) -> None:
        door.say(harmless(line) if hosted and hosted.commands else line)

    found = ask(tools, clone.git, revision, show, merged_with=merged_with, fresh=fresh)
    wanted = ((Form.JUNIT, junit), (Form.SARIF, sarif), (Form.GITLAB, gitlab))
    for form, path in wanted:
        if path:
            _put(found.verdict, form, Path(path), add=False)
    for file in hosted.files if hosted else ():
        _put(found.verdict, file.form, Path(file.path), add=file.add)
    if hosted and hosted.log:
        sys.stderr.write(render(found.verdict, hosted.log))
    door.show(found, write)
    tell(tools, clone.git, found, show)
    return 0 if found.verdict.answer is Answer.PASSED else 1


def _put(verdict: "Verdict", form: Form, path: Path, *, add: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if add else "w", encoding="utf-8") as file:
            file.write(render(verdict, form))
    except OSError as error:
        raise FairleadError(f"the report was not written: {path}: {error.strerror}", "") from None


def write(paper: Paper, found: "Verified") -> None:
    """A line for each check, and what they found with what to do next."""
    rows: list[list[Piece]] = [_row(result) for result in found.verdict.results]
    if rows:
        paper.table(rows, ["check", "answer", "", "why"], cut=True)
    for line in render(found.verdict, Form.PLAIN).splitlines():
        paper.line(line)
    ink = _INK[found.verdict.answer]
    with_ = f" merged with {found.merged_with}" if found.merged_with else ""
    said = f"{found.verdict.commit[:12]}{with_}: {found.sentence}"
    paper.line((said, ink), (f"  {found.seconds:.1f} s", "dim"))


def _row(result: CheckResult) -> list[Piece]:
    took = "" if result.earlier else f"{result.milliseconds / 1000:.1f} s"
    return [
        (result.name, "head"),
        (told(result), _INK[result.answer]),
        (took, "dim"),
        result.reason,
    ]
