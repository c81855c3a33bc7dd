"""Real services for tests, on unix sockets of their own, from the programs that the system has."""

from fairlead.drivers.services.services import LocalServices

__all__ = ["LocalServices"]
