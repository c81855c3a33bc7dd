"""Where things lie in the deploy repo: pure. Every name in a path is a checked name."""

import re

from fairlead.base.ids import Place, is_name, name

DEPLOY = "deploy.toml"
ATTRIBUTES = ".gitattributes"
RELEASES = "releases"
HEAD = "record/head.json"
_WANTED = re.compile(r"apps/([^/]+)/([^/]+)/release\.json")
_PROPOSED = re.compile(r"apps/([^/]+)/([^/]+)/proposed\.json")
_SEALED = re.compile(r"apps/([^/]+)/([^/]+)/secrets\.sealed")
_OVERLAY = re.compile(r"apps/([^/]+)/([^/]+)/overlay/base")
_RELEASE = re.compile(r"releases/[^/]+/([1-9][0-9]*)\.json")


def wanted(place: Place) -> str:
    """The release desired now."""
    return f"{_directory(place)}/release.json"


def proposed(place: Place) -> str:
    """The release held for approval."""
    return f"{_directory(place)}/proposed.json"


def settings(place: Place) -> str:
    """The plain settings."""
    return f"{_directory(place)}/settings.toml"


def sealed(place: Place) -> str:
    """The secrets: names readable, values sealed."""
    return f"{_directory(place)}/secrets.sealed"


def overlay(place: Place) -> tuple[str, str]:
    """What is laid over the code there: the commit it was made against, and the patch."""
    directory = f"{_directory(place)}/overlay"
    return f"{directory}/base", f"{directory}/changes.patch"


def overlaid(path: str) -> Place | None:
    """The place that has the overlay a file belongs to; None for another file."""
    found = _OVERLAY.fullmatch(path)
    named = found is not None and is_name(found.group(1)) and is_name(found.group(2))
    return Place(found.group(1), found.group(2)) if found and named else None


def releases(app: str) -> str:
    """The directory of an app's releases."""
    return f"{RELEASES}/{name(app, 'an app')}"


def release(app: str, number: int) -> str:
    """An immutable release."""
    return f"{releases(app)}/{number}.json"


def approval(place: Place, number: int) -> str:
    """The newest approval of a release in an environment."""
    environment = name(place.environment, "an environment")
    return f"approvals/{name(place.app, 'an app')}/{number}-{environment}.json"


def waivers(app: str) -> str:
    """The checks of an app that need not hold for a while."""
    return f"waivers/{name(app, 'an app')}.json"


def clients(app: str) -> str:
    """The clients of an app's API that are still supported."""
    return f"clients/{name(app, 'an app')}.json"


def signature(path: str) -> str:
    """The signature beside a file."""
    return f"{path}.sig"


def number_of(path: str) -> int:
    """The number in a release's path; 0 for another file."""
    found = _RELEASE.fullmatch(path)
    return int(found.group(1)) if found else 0


def place_of(path: str) -> Place | None:
    """The place a ``release.json`` or ``proposed.json`` belongs to; None for another file."""
    found = _WANTED.fullmatch(path) or _PROPOSED.fullmatch(path)
    if found and is_name(found.group(1)) and is_name(found.group(2)):
        return Place(found.group(1), found.group(2))
    return None


def sealed_place(path: str) -> Place | None:
    """The place a ``secrets.sealed`` belongs to; None for another file."""
    found = _SEALED.fullmatch(path)
    named = found is not None and is_name(found.group(1)) and is_name(found.group(2))
    return Place(found.group(1), found.group(2)) if found and named else None


def _directory(place: Place) -> str:
    return f"apps/{name(place.app, 'an app')}/{name(place.environment, 'an environment')}"
