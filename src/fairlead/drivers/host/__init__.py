"""A Debian machine: what it has, and the steps that change it."""

from fairlead.drivers.host.machine import DebianHost
from fairlead.drivers.host.program import InstalledPrograms

__all__ = ["DebianHost", "InstalledPrograms"]
