"""The home's own processes: the agent started and stopped, everything ended."""

import msgspec

from fairlead.base.errors import Busy, FairleadError
from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.service.ports import MachineSeen
from fairlead.service.tools import Tools

AWAKE_WITHIN = 15.0
"""Seconds an agent may take from its start until it can be woken."""


class AgentSeen(msgspec.Struct, frozen=True):
    """What was done to the home's processes, in a word ("started", "runs already", "stopped",
    "does not run", "restarted", "seen", "ended"), and what runs now."""

    done: str
    machine: MachineSeen


def start(tools: Tools) -> AgentSeen:
    """Start the supervisor, the proxy and the agent, whatever of them does not run."""
    seen = tools.machine.seen()
    if seen.listening and not seen.agent:
        raise Busy("an agent runs already, in somebody's foreground", "end it there with Ctrl-C")
    started = tools.machine.ensure()
    started = tools.machine.ensure_agent() or started
    _await_agent(tools)
    return AgentSeen("started" if started else "runs already", tools.machine.seen())


def stop(tools: Tools) -> AgentSeen:
    """End the agent. Copies and the proxy run on; what was under way waits for the next one."""
    seen = tools.machine.seen()
    if not seen.agent:
        return AgentSeen("does not run", seen)
    intent = _write(tools, seen.agent, f"stopped by {tools.me}", Outcome.INTENT)
    tools.machine.stop_agent()
    _write(tools, seen.agent, f"stopped by {tools.me}", Outcome.DONE, intent)
    return AgentSeen("stopped", tools.machine.seen())


def restart(tools: Tools) -> AgentSeen:
    """End the agent and start one of the version that is installed now."""
    stop(tools)
    start(tools)
    return AgentSeen("restarted", tools.machine.seen())


def seen(tools: Tools) -> AgentSeen:
    """What runs now."""
    return AgentSeen("seen", tools.machine.seen())


def refuse_second(tools: Tools) -> None:
    """Raises Busy where an agent is at work: two would work against each other."""
    now = tools.machine.seen()
    if now.listening:
        who = f"process {now.agent}" if now.agent else "in somebody's foreground"
        raise Busy(f"an agent is at work already: {who}", "fairlead agent stop ends it")


def down(tools: Tools) -> AgentSeen:
    """End everything of the home: copies, agent, proxy, supervisor. All that is stored stays."""
    pid, reason = tools.machine.seen().agent, f"everything is ended by {tools.me}"
    intent = _write(tools, pid, reason, Outcome.INTENT)
    tools.machine.shutdown()
    _write(tools, pid, reason, Outcome.DONE, intent)
    return AgentSeen("ended", tools.machine.seen())


def _await_agent(tools: Tools) -> None:
    """Wait until it can be woken. Raises FairleadError when it cannot in time."""
    deadline = tools.clock.now() + AWAKE_WITHIN
    while not tools.machine.seen().listening:
        if tools.clock.now() > deadline:
            what = f"the agent was started and does not listen after {AWAKE_WITHIN:.0f} s"
            raise FairleadError(what, f"its log: {tools.home.logs / 'agent.log'}")
        tools.clock.sleep(0.02)


def _write(tools: Tools, pid: int, reason: str, outcome: Outcome, intent: int = 0) -> int:
    facts: dict[str, Fact] = {"pid": pid, "reason": reason}
    return tools.record.write(
        Event(Verb.AGENT, outcome, tools.me, reason, facts=facts, intent=intent)
    )
