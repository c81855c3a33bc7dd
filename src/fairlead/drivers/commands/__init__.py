"""Commands of an app, run to their end by a keeper (``drivers/_keeper``) that leaves nothing behind."""

from fairlead.drivers.commands.identity import Identity, identity_of
from fairlead.drivers.commands.run import Commands, stand_in

__all__ = ["Commands", "Identity", "identity_of", "stand_in"]
