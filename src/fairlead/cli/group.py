"""Commands as this command line writes them: lazily imported, with examples in their help."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import click

from fairlead.cli.door import Door
from fairlead.cli.verbs import SECTIONS, known

F = TypeVar("F", bound=Callable[..., Any])
HOME = "Fairlead's directory; FAIRLEAD_HOME says it too."
COMPLETE = "_FAIRLEAD_COMPLETE"
"""Where a shell's completion script asks us; click's own protocol."""

JSON = "Print the answer as JSON."


class Root(click.Group):
    """``fairlead``: finds a command by its name and imports only that one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command that is listed."""
        return [name for part in SECTIONS.values() for name in part]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        place = known().get(cmd_name)
        if place is None:
            return None
        module = place.module if "." in place.module else f"fairlead.cli.{place.module}"
        found: click.Command = getattr(import_module(module), place.name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list by what one wants to do; no command is imported for it."""
        for title, part in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, place.line) for name, place in part.items()])


class Verb(click.Command):
    """A command whose help ends with examples."""

    examples: tuple[str, ...] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, each on a line of its own."""
        write_examples(self.examples, formatter)


class Verbs(click.Group):
    """A command with commands below it, and examples."""

    examples: tuple[str, ...] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, each on a line of its own."""
        write_examples(self.examples, formatter)


def write_examples(examples: tuple[str, ...], formatter: click.HelpFormatter) -> None:
    """The section that every command's help ends with."""
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def verb(name: str, *examples: str, under: click.Group | None = None) -> Callable[[F], Verb]:
    """Make a function a command. It gets a ``Door`` first, then its parameters."""

    def made(function: F) -> Verb:
        with_door = click.pass_context(_entering(function))
        with_door.__doc__ = function.__doc__
        for parameter in getattr(function, "__click_params__", []):
            _add(with_door, parameter)
        common(with_door)
        command = click.command(name, cls=Verb)(with_door)
        command.examples = examples
        if under is not None:
            under.add_command(command)
        return command

    return made


def _entering(function: F) -> Callable[..., Any]:
    def enter(ctx: click.Context, /, home: str, as_json: bool, **given: Any) -> Any:
        return function(door_of(ctx, home, as_json), **given)

    return enter


def door_of(ctx: click.Context, home: str, as_json: bool) -> Door:
    """The door, by the options of a command and of those above it."""
    above: Door | None = ctx.obj
    return Door(home or (above.home_given if above else ""), as_json or bool(above and above.json))


def _add(function: Callable[..., Any], parameter: click.Parameter) -> None:
    listed = getattr(function, "__click_params__", [])
    function.__click_params__ = [*listed, parameter]  # type: ignore[attr-defined]  # click's own name


def common(function: Callable[..., Any]) -> None:
    """The options that every command has."""
    listed = getattr(function, "__click_params__", [])
    options = [
        click.Option(["--home"], default="", metavar="DIR", help=HOME),
        click.Option(["--json", "as_json"], is_flag=True, help=JSON),
    ]
    # click turns the list of parameters around.
    function.__click_params__ = [*reversed(options), *listed]  # type: ignore[attr-defined]  # as above


@click.command(
    "fairlead",
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--home", default="", metavar="DIR", help=HOME)
@click.version_option(package_name="fairlead", message="fairlead %(version)s")
@click.pass_context
def root(ctx: click.Context, home: str) -> None:
    """Take a commit to production along one line, and write down every step."""
    ctx.obj = Door(home, as_json=False)
