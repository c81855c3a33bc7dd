"""Which place is meant, when a person says little or nothing."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from fairlead.base.errors import FairleadError, NotFound, UsageError
from fairlead.base.ids import Place, is_name
from fairlead.service.tools import Tools


class Meant(msgspec.Struct, frozen=True):
    """The place that is meant; ``why`` says so when nobody named it in full."""

    place: Place
    why: str = ""


def place_meant(tools: Tools, text: str, directory: Path) -> Meant:
    """``app/environment``, or the one place that ``text`` leaves, standing in ``directory``.

    ``text`` may be an app, an environment or "". Raises NotFound for a place that is not
    there, UsageError where several may be meant.
    """
    places = tools.places()
    if "/" in text:
        return Meant(_named(places, text))
    found = [p for p in places if not text or text in p]
    if len(found) > 1 and (app := app_here(directory)):
        found = [p for p in found if p.app == app] or found
        here = f"the one this repository ({app}) has"
    else:
        here = "the only one there is" if not text else f"the only one of {text}"
    if len(found) == 1:
        return Meant(found[0], here)
    raise _unclear(places, found, text)


def app_meant(tools: Tools, text: str, directory: Path) -> str:
    """An app: the one named, or the only one, or this repository's. Raises as above."""
    apps = sorted({*tools.apps(), *(place.app for place in tools.places())})
    if text:
        if text in apps:
            return text
        raise NotFound(f"there is no app {text!r} here", _known("apps", apps))
    here = app_here(directory)
    if here in apps:
        return here
    if len(apps) == 1:
        return apps[0]
    if not apps:
        raise NotFound("there is no app here yet", "fairlead up, in its repository, brings one")
    raise UsageError("several apps may be meant", f"name one: {', '.join(apps)}")


def app_here(directory: Path) -> str:
    """The app whose repository ``directory`` lies in; "" for none."""
    from fairlead.manifest.rules import FILE  # 2 ms, and a place named in full needs none of it

    for at in (directory, *directory.parents):
        if (at / FILE).is_file():
            return _app_of(at / FILE)
        if (at / ".git").exists():
            break
    return ""


def _app_of(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            app = tomllib.load(stream).get("app", "")
    except (OSError, ValueError):
        return ""
    return app if isinstance(app, str) and is_name(app) else ""


def _named(places: tuple[Place, ...], text: str) -> Place:
    app, _, environment = text.partition("/")
    if Place(app, environment) in places:
        return Place(app, environment)
    raise NotFound(f"there is no place {text!r} here", _known("places", map(str, places)))


def _unclear(places: tuple[Place, ...], found: list[Place], text: str) -> FairleadError:
    if not places:
        return NotFound("there is no place here yet", "fairlead up, in a repository, makes one")
    if not found:
        return NotFound(f"there is no place of {text!r} here", _known("places", map(str, places)))
    names = ", ".join(map(str, found))
    return UsageError("several places may be meant", f"name one: {names}")


def _known(what: str, names: Iterable[str]) -> str:
    return f"the {what} there are: {', '.join(names) or 'none'}"
