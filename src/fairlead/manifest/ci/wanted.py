"""What a workflow has to say, whichever system it is for."""

import msgspec

from fairlead.manifest.model import App

SECRETS = ("FAIRLEAD_SERVER", "FAIRLEAD_SSH_KEY", "FAIRLEAD_KNOWN_HOSTS")
"""What ``fairlead release`` needs to come to a server: its address, a key that was made for CI
(``fairlead server key add``), and the server's own key, so that nobody else can stand in for it."""

# Debian's names, which Ubuntu has too.
_SERVICES = {
    "postgres": "postgresql",
    "redis": "redis-server",
    "rabbitmq": "rabbitmq-server",
    "mariadb": "mariadb-server",
}
_QUESTIONS = {"migrations": "postgresql"}
_BUILDS = {"node": ("nodejs", "npm")}


class Wanted(msgspec.Struct, frozen=True):
    """``fairlead`` is the requirement that is installed, ``branches`` those that release,
    ``packages`` what the checks need of the machine."""

    fairlead: str
    branches: tuple[str, ...]
    packages: tuple[str, ...]


def packages(app: App) -> tuple[str, ...]:
    """Debian packages that the build and the checks need, sorted."""
    found = set(_BUILDS.get(app.build.kind, ()))
    for check in app.checks:
        found |= {_SERVICES[name] for name in check.services if name in _SERVICES}
        kind = check.question.__struct_config__.tag if check.question else ""
        found |= {_QUESTIONS[kind]} if kind in _QUESTIONS else set()
    return tuple(sorted(found))
