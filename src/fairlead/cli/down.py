"""``fairlead down``."""

import click

from fairlead.base.errors import UsageError
from fairlead.cli.agent import write
from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.service.machine import down as end_all


@verb("down", "fairlead down", "fairlead down --yes")
@click.option("--yes", is_flag=True, help="Do not ask.")
def down(door: Door, yes: bool) -> int:
    """End everything of this home.

    All copies, the proxy, the agent and the supervisor. What is stored stays: `fairlead
    agent start` brings everything back as it was.
    """
    tools = door.tools
    if not yes:
        names = ", ".join(map(str, tools.places())) or "nothing yet"
        answer = door.ask(f"this ends what serves {names}; go on?")
        if answer is None:
            raise UsageError("nobody can be asked here, and this ends all copies", "add --yes")
        if not answer:
            door.say("nothing was ended")
            return 0
    door.show(end_all(tools), write)
    return 0
