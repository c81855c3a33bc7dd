"""``fairlead completion``."""

import click
import msgspec
from click.shell_completion import get_completion_class

from fairlead.cli.door import Door
from fairlead.cli.group import COMPLETE, root, verb


class Script(msgspec.Struct, frozen=True):
    """A shell's completion script."""

    shell: str
    text: str


@verb(
    "completion",
    'eval "$(fairlead completion bash)"',
    "fairlead completion fish > ~/.config/fish/completions/fairlead.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(door: Door, shell: str) -> None:
    """Completion for your shell.

    Prints the script: commands, options and the places of your home are completed.
    """
    found = get_completion_class(shell)
    assert found is not None  # these three are click's own
    text = found(root, {}, "fairlead", COMPLETE).source()
    door.show(Script(shell, text), lambda _, view: print(view.text))
