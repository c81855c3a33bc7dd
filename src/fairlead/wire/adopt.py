"""What adopting a hand-made server works with."""

from pathlib import Path

from fairlead.service.adopt import Reading, Yard
from fairlead.service.tools import Tools


def reading(root: Path, *, ask: bool = False) -> Reading:
    """What reads a living server; ``root`` is ``/``, or where its tree lies."""
    from fairlead.drivers.git.living import LivingClone
    from fairlead.drivers.living import LivingServer

    return Reading(LivingClone(), LivingServer(root, ask=ask))


def yard_of(tools: Tools) -> Yard:
    """What carries an adoption out. In an embedded home nginx and systemd are out of reach."""
    from fairlead.drivers.git.living import LivingClone
    from fairlead.drivers.living.keep import Links
    from fairlead.drivers.living.shelf import AdoptionFiles

    home = tools.home
    yard = Yard(LivingClone(), AdoptionFiles(home.root / "adoptions"), Links(home.data))
    if not home.server:
        return yard
    from fairlead.drivers.living.manager import HandMade
    from fairlead.drivers.living.mounts import Mounts
    from fairlead.drivers.nginx.program import Installed
    from fairlead.drivers.nginx.takeover import Takeover
    from fairlead.drivers.systemd.places import make_user
    from fairlead.wire.server import ServerMachine

    nginx = ServerMachine(home).settings.proxy == "nginx"
    fronts = Takeover(Installed(), home.proxy) if nginx else None
    keeps = Mounts(home.data, lambda place: make_user(place).pw_uid)
    return yard._replace(fronts=fronts, units=HandMade(), keeps=keeps)
