"""The embedded form: one supervisor, and under it Caddy, the agent and every copy."""

import os
import sys
import time
from functools import cached_property
from typing import TYPE_CHECKING

from fairlead.base.errors import Unknown
from fairlead.base.wake import listens
from fairlead.wire.machine import AnyMachine

if TYPE_CHECKING:
    from fairlead.checks.ports import Runner
    from fairlead.drivers.caddy.proxy import Caddy
    from fairlead.drivers.capacity import HostCapacity
    from fairlead.drivers.supervisor.runtime import SupervisorRuntime
    from fairlead.service.commands import ShortCommands
    from fairlead.service.ports import MachineSeen


class EmbeddedMachine(AnyMachine):
    """The embedded default's own processes: one supervisor, and under it Caddy and the agent."""

    @cached_property
    def runtime(self) -> "SupervisorRuntime":
        """The runtime of the home."""
        from fairlead.drivers.supervisor.runtime import SupervisorRuntime

        return SupervisorRuntime(self._home)

    @cached_property
    def proxy(self) -> "Caddy":
        """The proxy of the home."""
        from fairlead.drivers.caddy.proxy import Caddy

        return Caddy(self._home)

    @cached_property
    def capacity(self) -> "HostCapacity":
        """What there is for all that runs here: one control group holds us and the copies."""
        from fairlead.drivers.capacity import HostCapacity

        return HostCapacity(self._home.root)

    def commands(self, runner: "Runner") -> "ShortCommands":
        """Who runs short commands: everything here runs as one user."""
        from fairlead.service.commands import ShortCommands

        return ShortCommands(runner)

    def ensure(self) -> bool:
        """Start the supervisor and the proxy unless they run; True when one was started now."""
        from fairlead.drivers.caddy.process import caddy_argv, caddy_environment, prepare

        started = self.runtime.ensure()
        if self.runtime.service_state("caddy") is None:
            prepare(self._home)
            self._service("caddy", caddy_argv(self._home), caddy_environment(self._home))
            started = True
        return started

    def ensure_agent(self) -> bool:
        """Start the agent unless it runs; True when it was started now."""
        if self.runtime.service_state("agent") is not None:
            return False
        argv = (sys.executable, "-m", "fairlead.agent", str(self._home.root))
        self._service("agent", argv, agent_environment())
        return True

    def replace_agent(self) -> bool:
        """Put an agent under the supervisor in this one's place; True when this one is to end.

        One that a person runs in the foreground goes on.
        """
        if os.environ.get("FAIRLEAD_SERVICE") != "agent":
            return False
        self.ensure_agent()
        return True

    def _service(self, name: str, argv: tuple[str, ...], environment: dict[str, str]) -> None:
        from fairlead.drivers.supervisor.runtime import Service

        self._home.logs.mkdir(mode=0o700, exist_ok=True)
        log = str(self._home.logs / f"{name}.log")
        self.runtime.service(Service(name, argv, str(self._home.root), environment, log))

    def stop_agent(self, limit: float = 15.0) -> None:
        """Ask the agent to end, and wait until it has; copies run on. Raises Unknown."""
        self.runtime.stop_service("agent")
        deadline = time.monotonic() + limit
        while self.runtime.service_state("agent") is not None:
            if time.monotonic() > deadline:
                raise Unknown(f"the agent did not end within {limit:.0f} s", "fairlead status")
            time.sleep(0.01)

    def seen(self) -> "MachineSeen":
        """What runs of the home's own; starts nothing and wakes nobody."""
        from fairlead.service.ports import MachineSeen

        return MachineSeen(
            self.runtime.supervisor_pid(),
            self._pid("caddy"),
            self._pid("agent"),
            listens(self._home),
        )

    def _pid(self, service: str) -> int:
        try:
            seen = self.runtime.service_state(service)
        except Unknown:
            return 0
        return seen.pid if seen else 0

    def shutdown(self) -> None:
        """End everything of this home: copies, proxy, agent, supervisor."""
        self.runtime.shutdown()


def agent_environment() -> dict[str, str]:
    """What the agent needs of the caller's environment: who and where it is, and how the
    package managers it starts reach their registries. Nothing else of it goes along."""
    from fairlead.drivers.toolchains.tool import installer_environment

    kept = ("PATH", "HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")
    own = {name: os.environ[name] for name in kept if name in os.environ}
    return {**installer_environment(os.environ), **own, "LANG": "C.UTF-8"}
