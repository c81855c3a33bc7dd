"""Runs copies and tasks as systemd units of this machine: the server form's runtime."""

from fairlead.drivers.systemd.runtime import SystemdRuntime
from fairlead.drivers.systemd.units import Limits

__all__ = ["Limits", "SystemdRuntime"]
