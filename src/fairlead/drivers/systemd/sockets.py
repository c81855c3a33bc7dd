"""Sockets that stay while a role's copies come and go: a unit each, which copies are handed."""

from fairlead.base.ids import Place
from fairlead.drivers.systemd import names, places, systemctl, units
from fairlead.drivers.systemd.files import UNITS, renew
from fairlead.rollout.ports import Launch


def make(launch: Launch, proxy: str) -> None:
    """The unit of the socket that a copy is handed: systemd makes the socket before it starts the
    copy. Raises Refused when the proxy's group is not there."""
    places.group(proxy)
    path, role = units.socket_of(launch.address), launch.copy.role
    renew(UNITS / names.HOLDER, units.HOLDER)
    text = units.socket_text(launch.place, role, path, proxy)
    renew(UNITS / names.socket_unit(launch.place, role), text)


def drop_unused(place: Place, role: str) -> None:
    """Close the role's socket, if it has one that no copy of it is handed any more."""
    unit = names.socket_unit(place, role)
    if not (UNITS / unit).exists():
        return
    copies = UNITS.glob(f"{names.prefix(place)}*.service")
    if all(units.about(copy.read_text()).socket != unit for copy in copies):
        drop(unit)


def drop(unit: str) -> None:
    """Close a socket; whoever waits in it is sent away."""
    systemctl.stop(unit)
    (UNITS / unit).unlink(missing_ok=True)
