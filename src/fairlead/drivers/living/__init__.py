"""A server that was set up by hand, read: units, nginx, environment files, crontabs."""

from fairlead.drivers.living.reader import LivingServer

__all__ = ["LivingServer"]
