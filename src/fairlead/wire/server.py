"""The server form: systemd runs copies, tasks and the agent; the machine's own proxy stands
before them."""

import time
from functools import cached_property
from typing import TYPE_CHECKING

from fairlead.base.errors import Refused, Unknown
from fairlead.base.wake import listens
from fairlead.wire.machine import AnyMachine

if TYPE_CHECKING:
    from fairlead.certificates.ports import Source
    from fairlead.checks.ports import Runner
    from fairlead.drivers.capacity import HostCapacity
    from fairlead.drivers.systemd.commands import PlaceCommands
    from fairlead.drivers.systemd.runtime import SystemdRuntime
    from fairlead.rollout.ports import Proxy
    from fairlead.server.model import Settings
    from fairlead.service.ports import MachineSeen

AGENT = "fairlead-agent.service"
_PROXIES = {"nginx": "nginx.service", "caddy": "fairlead-caddy.service"}
_ASKED = ("MainPID", "ActiveState")


class ServerMachine(AnyMachine):
    """A server, which runs by itself: nothing of it is our child."""

    @cached_property
    def settings(self) -> "Settings":
        """What ``server install`` was told. Raises UsageError for a file with mistakes."""
        from fairlead.server.settings import FILE, parse

        path = self._home.prefix / FILE.lstrip("/")
        return parse(path.read_text() if path.is_file() else "", str(path))

    @cached_property
    def runtime(self) -> "SystemdRuntime":
        """The runtime of the server."""
        from fairlead.drivers.systemd.runtime import SystemdRuntime

        return SystemdRuntime(self._home)

    @cached_property
    def proxy(self) -> "Proxy":
        """The proxy that was chosen for the server."""
        if self.settings.proxy == "caddy":
            from fairlead.drivers.caddy.proxy import Caddy

            return Caddy(self._home, self.settings.authority)
        from fairlead.drivers.nginx.program import Installed
        from fairlead.drivers.nginx.proxy import Nginx

        return Nginx(Installed(), self._home.proxy, self._home.certificates)

    @cached_property
    def source(self) -> "Source":
        """Who gets certificates: Caddy by itself, and for nginx a client of ours."""
        if self.settings.proxy == "caddy":
            from fairlead.drivers.caddy.certificates import CaddysOwn

            return CaddysOwn(self._home, self.settings.authority)
        from fairlead.drivers.acme.source import AcmeTiny
        from fairlead.drivers.nginx.proxy import PROOFS

        shelf, proofs = self._home.certificates, self._home.proxy / PROOFS
        return AcmeTiny(shelf, proofs, self.settings.authority)

    @cached_property
    def capacity(self) -> "HostCapacity":
        """What there is for a place's slice."""
        from fairlead.drivers.capacity import HostCapacity
        from fairlead.drivers.systemd.names import slice_of

        return HostCapacity(self._home.root, slice_of)

    def commands(self, runner: "Runner") -> "PlaceCommands":
        """Who runs short commands: each as its place's user, so not ``runner``."""
        from fairlead.drivers.systemd.commands import PlaceCommands

        return PlaceCommands(self._home, self.runtime)

    def ensure(self) -> bool:
        """The proxy runs; never anything of ours that would have to start with it, so False."""
        from fairlead.drivers.systemd import systemctl

        unit = _PROXIES[self.settings.proxy]
        if systemctl.show([unit], _ASKED)[unit]["ActiveState"] not in ("active", "activating"):
            if self.settings.proxy == "caddy":
                from fairlead.drivers.caddy.process import prepare

                prepare(self._home)
            systemctl.start(unit)
        return False

    def ensure_agent(self) -> bool:
        """Start the agent unless it runs; True when it was started now."""
        from fairlead.drivers.systemd import systemctl

        if self._pid(AGENT):
            return False
        systemctl.start(AGENT)
        return True

    def replace_agent(self) -> bool:
        """systemd does that by itself."""
        return False

    def stop_agent(self, limit: float = 25.0) -> None:
        """Stop the agent, and wait until it has ended; copies run on. Raises Unknown."""
        from fairlead.drivers.systemd import systemctl

        systemctl.stop(AGENT)
        deadline = time.monotonic() + limit
        while self._pid(AGENT):
            if time.monotonic() > deadline:
                raise Unknown(f"the agent did not end within {limit:.0f} s", "fairlead status")
            time.sleep(0.02)

    def seen(self) -> "MachineSeen":
        """What runs; the supervisor is systemd, process 1."""
        from fairlead.drivers.systemd import systemctl
        from fairlead.service.ports import MachineSeen

        units = [_PROXIES[self.settings.proxy], AGENT]
        shown = systemctl.show(units, _ASKED)
        proxy, agent = (int(shown[unit]["MainPID"]) for unit in units)
        return MachineSeen(1, proxy, agent, listens(self._home))

    def _pid(self, unit: str) -> int:
        from fairlead.drivers.systemd import systemctl

        return int(systemctl.show([unit], _ASKED)[unit]["MainPID"])

    def shutdown(self) -> None:
        """Not here: a server's apps are not ended by one word."""
        raise Refused("a server is not shut down as a whole", "fairlead server uninstall --help")
