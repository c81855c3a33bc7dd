"""What a command works with: the home, and where its answer goes."""

import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fairlead.base.errors import NotFound

if TYPE_CHECKING:  # each costs a start's time, and few commands need all of them
    from fairlead.base.ids import Place
    from fairlead.base.paths import Home
    from fairlead.cli.paper import Paper
    from fairlead.service.tools import Tools

V = TypeVar("V")


class Door:
    """One call of the command line. ``json``: the answer is printed as JSON."""

    def __init__(self, home_given: str, as_json: bool) -> None:
        self.home_given = home_given
        self.json = as_json

    @property
    def home(self) -> "Home":
        """The home in force, whether it is there or not."""
        from fairlead.wire import home_of

        return home_of(self.home_given)

    @cached_property
    def tools(self) -> "Tools":
        """Everything of a home that is there. Raises NotFound when it is not: looking at a
        home never makes one."""
        from fairlead.wire import tools_of

        if not self.home.record.is_file():
            what = f"there is no Fairlead here yet: {self.home.root}"
            raise NotFound(what, "fairlead up, in a repository with a fairlead.toml, makes one")
        return tools_of(self.home)

    @cached_property
    def paper(self) -> "Paper":
        """Standard output, for a person."""
        from fairlead.cli.paper import paper_on

        return paper_on(sys.stdout)

    def place(self, text: str) -> "Place":
        """The place that is meant; says on stderr which was taken when none was named."""
        from fairlead.service.answers.where import place_meant

        meant = place_meant(self.tools, text, Path.cwd())
        if meant.why:
            self.say(f"taking {meant.place}, {meant.why}")
        return meant.place

    def say(self, text: str) -> None:
        """A line of talk, on stderr."""
        from fairlead.base.text import printable

        sys.stderr.write(printable(text) + "\n")
        sys.stderr.flush()

    def show(self, view: V, write: "Callable[[Paper, V], None]") -> None:
        """The answer: as JSON, or as ``write`` puts it on paper."""
        if self.json:
            put_json(view)
        else:
            write(self.paper, view)

    def ask(self, question: str) -> bool | None:
        """Yes or no, on a terminal; None where nobody can be asked."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        import click

        return click.confirm(question, default=False, err=True)


def put_json(view: object, *, line: bool = False) -> None:
    """A view as JSON on stdout: indented, or as one ``line`` where many follow each other."""
    import msgspec

    text = msgspec.json.encode(view)
    sys.stdout.write((text if line else msgspec.json.format(text, indent=2)).decode() + "\n")
    sys.stdout.flush()
