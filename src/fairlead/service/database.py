"""The database of a place: made once, its URL sealed; looked at, never with its password."""

from collections.abc import Iterable

import msgspec

from fairlead.base.errors import NotFound, Refused
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.database import flow as databases
from fairlead.database.model import DatabaseSeen
from fairlead.database.rules import asked_for
from fairlead.desired import read
from fairlead.manifest.model import App, Database, Environment
from fairlead.secrets import flow as sealed
from fairlead.service.sealed import file_of
from fairlead.service.secrets import newest, refuse_plain, set_secrets
from fairlead.service.tools import Tools


class DatabaseMade(msgspec.Struct, frozen=True):
    """What ``database create`` did. ``made`` is False where it was there, sealed, already; its
    URL is the secret ``setting``. ``release`` and ``revision`` are as in ``SecretsSet``."""

    place: str
    database: str
    role: str
    setting: str
    made: bool
    release: int = 0
    revision: str = ""


class DatabaseShown(msgspec.Struct, frozen=True):
    """The database that a place's setting names."""

    place: str
    setting: str
    database: DatabaseSeen


def create(
    tools: Tools,
    place: Place,
    admin: Secret | None,
    why: str,
    *,
    setting: str = "",
    instead: bool = False,
) -> DatabaseMade:
    """Make the place's own role and database in PostgreSQL, and seal the URL as a secret.

    ``admin``, ``instead`` as in ``Databases.make`` and ``set_secrets``. Killed anywhere, it may
    be called again. Raises Refused where the setting holds another URL.
    """
    name, asked = setting or _setting(tools, place), asked_for(place)
    known = _sealed(tools, place, name)
    if known is not None:
        if f"/{asked.database}" not in known.reveal():
            what = f"{name} of {place} has a value already, which is not this database's URL"
            raise Refused(what, f"fairlead secret unset {place} {name}, if nothing needs it")
        return DatabaseMade(str(place), asked.database, asked.role, name, made=False)
    if not instead:
        refuse_plain(tools, place, tools.desired(place), (name,))
    url = databases.make(tools.databases, tools.record, place, tools.me, admin)
    done = set_secrets(tools, place, {name: url}, why or f"a database for {place}", instead=instead)
    told = DatabaseMade(str(place), asked.database, asked.role, name, made=True)
    return msgspec.structs.replace(told, release=done.release, revision=done.revision)


def to_be_made(tools: Tools, manifest: App) -> tuple[str, ...]:
    """The secrets that ``make_missing`` gives a value where they have none: a push need not be
    refused for them."""
    database = manifest.database
    wanted = database is not None and database.kind == "postgres" and tools.databases.here()
    return (database.setting,) if database and wanted else ()


def make_missing(
    tools: Tools, manifest: App, environments: Iterable[Environment]
) -> tuple[Place, ...]:
    """Make the databases that these environments ask for and have no URL of, in this machine's
    own PostgreSQL; the places that got one. Before a release is numbered: it names the secret."""
    made = []
    for setting in to_be_made(tools, manifest):
        for environment in environments:
            place = Place(manifest.name, environment.name)
            lacking = setting in environment.secrets and _sealed(tools, place, setting) is None
            if lacking:
                create(tools, place, None, "", setting=setting)
                made.append(place)
    return tuple(made)


def shown(tools: Tools, place: Place, setting: str = "") -> DatabaseShown:
    """A place's database as its own role sees it. Raises NotFound where no setting names one."""
    name = setting or _setting(tools, place)
    url = _sealed(tools, place, name) or _plain(tools, place, name)
    if url is None:
        what = f"{place} has no database: {name} has no value there"
        raise NotFound(what, f"fairlead database create {place}")
    return DatabaseShown(str(place), name, tools.databases.seen(url))


def _setting(tools: Tools, place: Place) -> str:
    """What the URL is handed over as: what the app's manifest says, else what is usual."""
    wanted = tools.desired(place)
    release = wanted.release if wanted else newest(tools, place.app)
    database = release.manifest.database if release else None
    if database is None and release and release.manifest.migrate:
        return release.manifest.migrate.database or Database("").setting
    return database.setting if database else Database("").setting


def _sealed(tools: Tools, place: Place, name: str) -> Secret | None:
    file = file_of(tools.deploy.repo.look(), place)
    version = dict(file.current()).get(name)
    if version is None:
        return None
    return sealed.values(tools.sealed.cabinet(place), file, [(name, version)])[name]


def _plain(tools: Tools, place: Place, name: str) -> Secret | None:
    wanted = tools.desired(place)
    plain = dict(wanted.release.settings_in(place.environment)) if wanted else {}
    plain |= read.settings(tools.deploy.repo.look(), place)
    text = plain.get(name, "").replace("{data}", str(tools.home.data(place)))
    return Secret(text) if text else None
