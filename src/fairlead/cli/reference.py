"""The reference page of the command line, as Markdown: ``python -m fairlead.cli.reference``."""

import sys
from collections.abc import Iterator
from inspect import cleandoc

import click

from fairlead.cli.group import Verb, Verbs, root
from fairlead.cli.verbs import SECTIONS

HEAD = """\
# Commands

Made from the commands' own help by `python -m fairlead.cli.reference`; not written by hand.

`PLACE` is `app/environment`. It may be left out, or be only the app or the environment, where one
place alone is meant, or where one stands in a repository with a `fairlead.toml`; which one was taken
is said on stderr. Answers go to stdout, talk goes to stderr. Every command takes `--json`, which
prints the same answer as JSON, an error as `{"error": {"what", "hint", "code"}}`; and `--home DIR`
(`FAIRLEAD_HOME`), Fairlead's directory.

| exit code | |
|---|---|
| 0 | done, or it waits for an approval as it should |
| 1 | it failed, or it is not known how it ended |
| 2 | the call, or a file that a person wrote, is not of its form |
| 3 | refused by a gate |
| 10 | no such thing |
| 11 | busy: by whom, since when, why |
| 12 | not allowed |
| 130 | interrupted; the agent carries on |
"""
_COMMON = ("home", "as_json")


def reference() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(line for title in SECTIONS for line in _section(title))]) + "\n"


def _section(title: str) -> Iterator[str]:
    yield f"## {title}\n"
    for name in SECTIONS[title]:
        context = click.Context(root, info_name="fairlead")
        if command := root.get_command(context, name):
            yield from _command(command, f"fairlead {name}", context)


def _command(command: click.Command, path: str, above: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=path.rsplit(maxsplit=1)[-1], parent=above)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"### {path}\n"
    yield f"    {path} {usage.replace('[OPTIONS] ', '').replace('[OPTIONS]', '')}".rstrip() + "\n"
    yield cleandoc(command.help or "") + "\n"
    if options := list(_options(command, context)):
        yield "\n".join(["| option | |", "|---|---|", *options]) + "\n"
    if isinstance(command, Verb | Verbs) and command.examples:
        yield "\n".join(["Examples:\n", *(f"    {one}" for one in command.examples)]) + "\n"
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _command(below, f"{path} {name}", context)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.params:
        told = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and told and parameter.name not in _COMMON:
            yield f"| `{told[0]}` | {' '.join(told[1].split())} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
