"""``fairlead agent``: in the foreground, or start, stop, restart, status."""

import sys

import click

from fairlead.cli.door import Door
from fairlead.cli.group import Verbs, common, door_of, verb
from fairlead.cli.paper import Paper
from fairlead.service import machine
from fairlead.service.machine import AgentSeen


def _foreground(ctx: click.Context, home: str, as_json: bool) -> None:
    """The agent: run it here, or start, stop, restart it.

    It looks when it is woken and on a clock, and brings every place to what is desired there.
    It may end at any moment: copies and the proxy run on, and the next one carries on.
    """
    door = door_of(ctx, home, as_json)
    if ctx.invoked_subcommand is not None:
        ctx.obj = door
        return
    from fairlead.agent.loop import Agent
    from fairlead.wire import tools_of

    tools = tools_of(door.home, "agent")
    machine.refuse_second(tools)
    door.say(f"the agent of {door.home.root} runs here; Ctrl-C ends it, and what runs runs on")
    sys.stderr.flush()
    Agent(tools).run()


_entered = click.pass_context(_foreground)
common(_entered)
agent = click.group("agent", cls=Verbs, invoke_without_command=True)(_entered)
agent.examples = ("fairlead agent start", "fairlead agent status", "fairlead agent")


@verb("start", "fairlead agent start", under=agent)
def start(door: Door) -> None:
    """Start the supervisor, the proxy and the agent, whatever does not run."""
    door.show(machine.start(door.tools), write)


@verb("stop", "fairlead agent stop", under=agent)
def stop(door: Door) -> None:
    """End the agent; copies and the proxy run on."""
    door.show(machine.stop(door.tools), write)


@verb("restart", "fairlead agent restart", under=agent)
def restart(door: Door) -> None:
    """End the agent and start it anew, after an upgrade for example."""
    door.show(machine.restart(door.tools), write)


@verb("status", "fairlead agent status --json", under=agent)
def status(door: Door) -> int:
    """Whether it runs; exits with 1 when it does not."""
    view = machine.seen(door.tools)
    door.show(view, write)
    return 0 if view.machine.listening else 1


def write(paper: Paper, view: AgentSeen) -> None:
    """What was done, and what runs now."""
    if view.done != "seen":
        paper.line(view.done)
    now = view.machine
    rows = [("agent", now.agent), ("proxy", now.proxy), ("supervisor", now.supervisor)]
    paper.table([((name, "dim"), _runs(pid)) for name, pid in rows], indent=2)
    if now.listening and not now.agent:
        paper.line("an agent runs in somebody's foreground", indent=2)


def _runs(pid: int) -> tuple[str, str]:
    return (f"process {pid}", "good") if pid else ("does not run", "bad")
