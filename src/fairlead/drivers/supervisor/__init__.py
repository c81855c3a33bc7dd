"""Runs copies, tasks and Fairlead's own services as processes of this machine."""

from fairlead.drivers.supervisor.runtime import Service, ServiceSeen, SupervisorRuntime

__all__ = ["Service", "ServiceSeen", "SupervisorRuntime"]
