"""``fairlead init``."""

import sys
from importlib.resources import files
from pathlib import Path

import click
import msgspec

from fairlead.cli.ci import write as write_workflow
from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.paper import Paper
from fairlead.manifest.ci import Ci
from fairlead.manifest.flow import InitResult
from fairlead.manifest.flow import init as write_manifest
from fairlead.manifest.rules import FILE


class Example(msgspec.Struct, frozen=True):
    """The annotated example: every key, explained."""

    text: str


@verb(
    "init",
    "fairlead init",
    "fairlead init ../shop --force",
    "fairlead init --example | less",
    "fairlead init --ci github",
)
@click.argument("directory", default=".", type=click.Path(file_okay=False))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--example", is_flag=True, help="Print the annotated example; write nothing.")
@click.option(
    "--ci",
    type=click.Choice([ci.value for ci in Ci]),
    help="Write a workflow for this CI, by the manifest that is there.",
)
def init(door: Door, directory: str, force: bool, example: bool, ci: str | None) -> None:
    """Write the first fairlead.toml of a repository.

    It looks at what is there (Django, Flask, FastAPI, any WSGI or ASGI app, Node, a Procfile,
    a static site) and says what it guessed and why. It asks nothing, but for an existing
    manifest on a terminal. With --ci it writes a workflow that verifies every change with
    nothing secret, and releases what is pushed to a branch that an environment runs from.
    """
    if example:
        text = (files("fairlead.manifest") / "example.toml").read_text(encoding="utf-8")
        door.show(Example(text), lambda _, view: print(view.text, end=""))
        return
    if ci:
        write_workflow(door, Path(directory), ci, force)
        return
    there = (Path(directory) / FILE).exists() and not force
    if there and door.ask(f"there is a {FILE} already; replace it?"):
        force = True
    door.show(write_manifest(Path(directory), force), _written)


def _written(paper: Paper, view: InitResult) -> None:
    paper.line(("wrote ", "dim"), (view.path, "head"), f", taking it for {view.kind}")
    paper.blank()
    paper.table([((r.key, "dim"), r.why) for r in view.reasons], indent=2)
    if view.todo:
        paper.blank()
        paper.line("Left to you:")
        for todo in view.todo:
            paper.line("- ", (todo, "warn"), indent=2)
    sys.stdout.flush()
    print(f"\nnext: read it, git add {FILE}, git commit, fairlead up", file=sys.stderr)
