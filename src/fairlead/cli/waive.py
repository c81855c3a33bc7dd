"""``fairlead waive`` and ``fairlead waivers``."""

from pathlib import Path

import click

from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.paper import Paper, Piece
from fairlead.service.answers.where import app_meant
from fairlead.service.promises import Waivers, end_waiver
from fairlead.service.promises import waive as let_through
from fairlead.service.promises import waivers as ask


@verb(
    "waive",
    "fairlead waive riverside audit --until 2027-01-31 --why 'no fix released yet'",
    "fairlead waive riverside api --rule api.response-property-removed --until 2027-01-31 --why …",
)
@click.argument("app")
@click.argument("check")
@click.option("--until", required=True, metavar="DATE", help="The last day (UTC), as 2027-01-31.")
@click.option("--why", required=True, metavar="TEXT", help="For everybody who reads the record.")
@click.option("--rule", default="", metavar="RULE", help="For findings of this rule only.")
@click.option("--subject", default="", metavar="TEXT", help="And about this only.")
def waive(door: Door, app: str, check: str, until: str, why: str, rule: str, subject: str) -> None:
    """Let a check through, by your word and until a day.

    Its answer stays what it is, and says for ever who let it through and why. After the last day
    the check stands in the way again.
    """
    door.show(let_through(door.tools, app, check, until, why, rule, subject), write)


@verb("waivers", "fairlead waivers", "fairlead waivers riverside --end audit")
@click.argument("app", default="")
@click.option("--end", default="", metavar="CHECK", help="Let it through no longer.")
@click.option("--rule", default="", metavar="RULE", help="The waiver of this rule.")
@click.option("--subject", default="", metavar="TEXT", help="And of this subject.")
@click.option("--why", default="", metavar="TEXT", help="For the record.")
def waivers(door: Door, app: str, end: str, rule: str, subject: str, why: str) -> None:
    """What is let through, by whom, why and until when; end it before its day."""
    meant = app_meant(door.tools, app, Path.cwd())
    if end:
        door.show(end_waiver(door.tools, meant, end, why, rule, subject), write)
    else:
        door.show(ask(door.tools, meant), write)


def write(paper: Paper, view: Waivers) -> None:
    """A line each."""
    if not view.waivers:
        paper.line(f"nothing of {view.app} is waived")
        return
    rows: list[list[Piece]] = []
    for shown in view.waivers:
        one, state = shown.waiver, ("holds", "warn") if shown.holds else ("ended", "dim")
        what = " ".join(part for part in (one.check, one.rule, one.subject) if part)
        rows.append([(what, "head"), state, one.until, one.who, one.reason])
    paper.table(rows, ["check", "", "until", "by", "why"])
