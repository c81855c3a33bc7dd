"""What is decided in a rollout without asking the world: pure."""

import json
import re
from collections.abc import Mapping
from datetime import datetime

from fairlead.base.errors import UsageError
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.desired.model import Release
from fairlead.manifest.commands import DESCRIPTOR, words
from fairlead.manifest.model import Role, Smoke
from fairlead.plan.model import CopyId, Job, JobKind, JobState
from fairlead.rollout.ports import HttpAnswer, Laid, Launch

AHEAD = 60.0
"""Seconds a time stamp may lie in the future before it is nonsense rather than skew."""


def role_of(release: Release, name: str) -> Role | None:
    """The release's role of that name."""
    return next((role for role in release.manifest.roles if role.name == name), None)


def environment_of(place: Place, release: Release, laid: Laid) -> dict[str, str]:
    """The environment of every process of a release: its settings, and who and where it is.

    A setting may name ``{data}``, the place's own directory.
    """
    settings = release.settings_in(place.environment)
    own = {key: value.replace("{data}", laid.data) for key, value in settings.items()}
    return {
        "HOME": laid.data,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **dict(laid.variables),
        **own,
        "FAIRLEAD_APP": place.app,
        "FAIRLEAD_ENVIRONMENT": place.environment,
        "FAIRLEAD_RELEASE": str(release.number),
        "FAIRLEAD_COMMIT": release.artifact.commit,
        "FAIRLEAD_DATA": laid.data,
    }


def database_url(
    release: Release, environment: Mapping[str, str], secrets: Mapping[str, Secret]
) -> str:
    """The URL of the database that the release's migration may touch; "" where none is named, or
    what is named is empty."""
    migrate = release.manifest.migrate
    setting = migrate.database if migrate else ""
    sealed = secrets.get(setting)
    return sealed.reveal() if sealed else environment.get(setting, "")


POSTGRES = ("postgres:", "postgresql:", "postgis:")
"""What the URL of a PostgreSQL database begins with."""


def migrating_environment(
    release: Release, environment: Mapping[str, str], secrets: Mapping[str, Secret]
) -> dict[str, str]:
    """A migration's environment: in PostgreSQL it waits for a lock no longer than the manifest
    says, since whoever wants the table after it waits behind it.

    PGOPTIONS is read by libpq, and so by most drivers, unless the URL has ``options`` of its own.
    """
    migrate, own = release.manifest.migrate, environment.get("PGOPTIONS", "")
    url = database_url(release, environment, secrets)
    if migrate is None or not migrate.lock or not url.startswith(POSTGRES):
        return dict(environment)
    options = f"{own} -c lock_timeout={migrate.lock}s".strip()
    return {**environment, "PGOPTIONS": options}


_REASONS = (
    (
        re.compile(r"canceling statement due to lock timeout|LockNotAvailable|\b55P03\b"),
        "it waited {lock} s (lock_limit) for a lock that somebody else held",
    ),
    (
        re.compile(
            r"terminating connection due to administrator command|server closed the connection"
            r"|the database system is (?:shutting down|starting up)|SSL SYSCALL error: EOF"
            r"|connection to server .{0,200} failed|Connection refused"
        ),
        "its database could not be reached, or went away",
    ),
)
"""What PostgreSQL and libpq say in English, whatever language the app was written in."""


def why_it_failed(said: str, lock: int) -> str:
    """What the end of a failed migration's log tells of its reason; "" for anything else.

    Of the log itself nothing is passed on: it may hold people's data.
    """
    found = (words for pattern, words in _REASONS if pattern.search(said))
    return next(found, "").format(lock=lock)


FIRST_HANDED = 3
"""The descriptor of the first socket that a process is handed: SD_LISTEN_FDS_START
(sd_listen_fds(3))."""


def argv_of(command: str, address: str, laid: Laid) -> tuple[str, ...]:
    """A manifest's command as words, with ``{socket}``, ``{port}``, ``{fd}`` and ``{data}`` filled in.

    No shell reads it (POSIX word splitting only). Raises UsageError on an open quote.
    """
    try:
        split = words(command)
    except ValueError as error:
        hint = "close the quotes in fairlead.toml"
        raise UsageError(f"not a command: {command!r} ({error})", hint) from error
    host, _, port = address.rpartition(":")
    fill = {
        "{socket}": address.removeprefix("unix/"),
        "{port}": port if host and not address.startswith("unix/") else "",
        DESCRIPTOR: str(FIRST_HANDED),
        "{data}": laid.data,
    }
    return tuple(_filled(word, fill) for word in split)


def _filled(word: str, fill: dict[str, str]) -> str:
    for name, value in fill.items():
        word = word.replace(name, value)
    return word


def launch_of(
    place: Place,
    release: Release,
    role: Role,
    copy: CopyId,
    address: str,
    laid: Laid,
    log: str,
    secrets: Mapping[str, Secret],
) -> Launch:
    """How a copy is started."""
    who = {"FAIRLEAD_ROLE": role.name, "FAIRLEAD_COPY": str(copy.number)}
    return Launch(
        place=place,
        copy=copy,
        argv=argv_of(role.command, address, laid),
        directory=laid.tree,
        environment={**environment_of(place, release, laid), **who},
        log=log,
        address=address,
        stop=role.stop,
        secrets=secrets,
        data=laid.data,
        memory=role.memory,
        tasks=role.tasks,
        notify=role.notify,
        watchdog=role.watchdog,
        socket=role.socket,
    )


def kept_assets(jobs: tuple[Job, ...], now: float) -> list[tuple[int, float]]:
    """Releases that passed smoke here, newest first, and for how many seconds each has been
    replaced (0: it is the newest)."""
    done = sorted(((j.since, j.release) for j in jobs if (j.kind, j.state) == _DONE), reverse=True)
    replaced = [now, *(since for since, _ in done)]
    return [(n, now - replaced[i] if i else 0.0) for i, (_, n) in enumerate(done)]


_DONE = (JobKind.DONE, JobState.SUCCEEDED)


def fault_of(smoke: Smoke, answer: HttpAnswer, release: Release, now: float) -> str:
    """What is wrong with an answer to a smoke check's request; "" when nothing is."""
    if answer.status == 0:
        return f"{smoke.path} gave no answer: {answer.detail}"
    if answer.status != smoke.status:
        return f"{smoke.path} answered {answer.status}, expected {smoke.status}"
    if not (smoke.json or smoke.version or smoke.fresh):
        return ""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return f"{smoke.path} did not answer with JSON"
    return _field_fault(smoke, body, release, now)


def _field_fault(smoke: Smoke, body: object, release: Release, now: float) -> str:
    for path, expected in smoke.json:
        found = field_of(body, path)
        # bool is an int in Python: compare kinds too, so that true is not taken for 1.
        if found != expected or isinstance(found, bool) is not isinstance(expected, bool):
            return f"{smoke.path}: {path} is {_shown(found)}, expected {_shown(expected)}"
    if smoke.version:
        found = field_of(body, smoke.version)
        if str(found) not in (str(release.number), release.artifact.commit):
            return f"{smoke.path}: {smoke.version} is {_shown(found)}, not this release"
    if smoke.fresh is None:
        return ""
    stamp = field_of(body, smoke.fresh.field)
    return _stale(f"{smoke.path}: {smoke.fresh.field}", stamp, smoke.fresh.within, now)


def _stale(what: str, stamp: object, within: int, now: float) -> str:
    """Why a time stamp is not fresh; not known is never fresh."""
    try:
        moment = datetime.fromisoformat(str(stamp))
    except ValueError:
        return f"{what} is {_shown(stamp)}, not a time"
    if moment.tzinfo is None:
        return f"{what} is {_shown(stamp)}, without a time zone"
    age = now - moment.timestamp()
    if age < -AHEAD:
        return f"{what} lies {-age:.0f} s in the future"
    return f"{what} is {age:.0f} s old, may be {within} s" if age > within else ""


def field_of(body: object, path: str) -> object:
    """The value at a dotted path (``items.0.status``); None where there is none."""
    for part in path.split("."):
        if isinstance(body, dict):
            body = body.get(part)
        elif isinstance(body, list) and part.isdigit() and int(part) < len(body):
            body = body[int(part)]
        else:
            return None
    return body


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
