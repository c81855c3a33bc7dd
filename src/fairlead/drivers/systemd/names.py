"""What things are called on the server: units, slices, users. No two places share a name.

Names of apps, environments and roles hold a-z, 0-9 and "-" only, so a "." between them says
where one ends. A slice's name is a path in which "-" means "below" (systemd.slice(5)):
"fairlead-a.b.slice" would hold "fairlead-a.b-c.slice", another place's. There "-" becomes "_".
"""

import hashlib
import re

from fairlead.base.ids import Place
from fairlead.plan.model import CopyId

TARGET = "fairlead.target"
"""What starts all copies when the machine boots."""

HOLDER = "fairlead-hold@.service"
"""What a socket unit starts when somebody connects: see ``units.HOLDER``."""

_USER_BYTES = 32  # useradd(8)
_COPY = re.compile(r"([a-z][a-z0-9-]*)\.([1-9][0-9]*)\.([1-9][0-9]*)\.service")


def prefix(place: Place) -> str:
    """What the unit names of a place begin with."""
    return f"fairlead-{place.app}.{place.environment}."


def copy_unit(place: Place, copy: CopyId) -> str:
    """``fairlead-shop.production.web.7.1.service``: copy 1 of role web of release 7."""
    return f"{prefix(place)}{copy.role}.{copy.release}.{copy.number}.service"


def socket_unit(place: Place, role: str) -> str:
    """``fairlead-shop.production.web.socket``: what the copies of a role are handed in turn."""
    return f"{prefix(place)}{role}.socket"


def copy_of(place: Place, unit: str) -> CopyId | None:
    """The copy that a unit of the place runs; None when it is no copy's."""
    found = _COPY.fullmatch(unit.removeprefix(prefix(place)))
    return CopyId(int(found[2]), found[1], int(found[3])) if found else None


def task_unit(place: Place, key: str) -> str:
    """``fairlead-shop.production.task_migrate-7-….service``; no role's name holds "_"."""
    return f"{prefix(place)}task_{file_name(key)}.service"


def is_task(place: Place, unit: str) -> bool:
    """Whether a unit is one of the place's tasks."""
    return unit.startswith(f"{prefix(place)}task_")


def file_name(key: str) -> str:
    """A task's key as a file's name: readable, and no other key's."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", key)[:60]
    return f"{plain}-{_short(key)}"


def slice_of(place: Place) -> str:
    """The slice of all that runs at a place."""
    return f"fairlead-{_flat(place.app)}.{_flat(place.environment)}.slice"


def user_of(place: Place) -> str:
    """The place's own user and group: ``fl-shop-production``.

    A name that is too long, or that another place's could equal (a-b/c and a/b-c), ends in a
    digest; what comes before is then for people only.
    """
    plain = f"fl-{place.app}-{place.environment}"
    if "-" not in place.app + place.environment and len(plain) <= _USER_BYTES:
        return plain
    tail = f"-{_short(str(place))}"
    return plain[: _USER_BYTES - len(tail)].rstrip("-") + tail


def _flat(name: str) -> str:
    return name.replace("-", "_")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
