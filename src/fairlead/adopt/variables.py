"""The variables a hand-made app runs with: which are secrets, which settings, which neither: pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from fairlead.adopt.model import Living, Plain, Sealed, Variable
from fairlead.adopt.secretlike import why_secret
from fairlead.desired.settings_text import NAME

_OWN = re.compile(
    r"PATH|PYTHONPATH|PYTHONHOME|VIRTUAL_ENV|HOME|USER|LOGNAME|SHELL|PORT|LANG|LC_\w+|PWD"
    r"|PYTHONUNBUFFERED|PYTHONDONTWRITEBYTECODE|WEB_CONCURRENCY|FAIRLEAD_\w+"
)
_HOSTS = re.compile(r"(?:\w+_)?ALLOWED_HOSTS")


class Sorted(NamedTuple):
    """What the variables become, and sentences about those left out."""

    secrets: tuple[Sealed, ...]
    settings: tuple[Plain, ...]
    notes: tuple[str, ...]


def in_effect(living: Living) -> dict[str, Variable]:
    """Each variable as the app sees it: an environment file over ``Environment=``
    (systemd.exec(5)), and both over a ``.env`` that the app reads itself."""
    named = {f.words[0] for unit in living.units for f in unit.environment_files}
    own = [v for v in living.variables if v.at.file not in named]
    told = [v for unit in living.units for v in unit.variables]
    filed = [v for v in living.variables if v.at.file in named]
    return {v.name: v for v in (*own, *told, *filed)}


def sort_out(living: Living) -> Sorted:
    """Secrets, settings, and what neither is."""
    secrets: list[Sealed] = []
    settings: list[Plain] = []
    notes = list(_several(living))
    for name, found in sorted(in_effect(living).items()):
        value = found.value.reveal()
        if not NAME.fullmatch(name) or _OWN.fullmatch(name):
            notes.append(f"{name} ({found.at}) is left out: a release has its own")
        elif why := why_secret(name, value):
            secrets.append(Sealed(name, found.value, why, found.at))
        else:
            settings.append(Plain(name, _reachable(name, value), str(found.at)))
    return Sorted(tuple(secrets), tuple(settings), tuple(notes))


def _reachable(name: str, value: str) -> str:
    """The hosts that are answered to, and localhost: the health path is asked as that."""
    hosts = [host.strip() for host in value.split(",")]
    if not _HOSTS.fullmatch(name) or not value or {"*", "localhost"} & set(hosts):
        return value
    return f"{value},localhost"


def _several(living: Living) -> Iterator[str]:
    """Variables that units give different values; the names only."""
    found: dict[str, set[str]] = {}
    for unit in living.units:
        for variable in unit.variables:
            found.setdefault(variable.name, set()).add(variable.value.reveal())
    for name, values in sorted(found.items()):
        if len(values) > 1 and not _OWN.fullmatch(name):
            yield f"{name} has several values in units; one is taken: look at settings.toml"
