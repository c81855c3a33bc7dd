"""Commands of an app, run to their end by a keeper (``keeper.py``) that leaves nothing behind."""

from fairlead.drivers.commands.identity import Identity, identity_of
from fairlead.drivers.commands.run import Commands

__all__ = ["Commands", "Identity", "identity_of"]
