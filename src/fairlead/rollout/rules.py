"""What is decided in a rollout without asking the world: pure."""

import json
from datetime import datetime

from fairlead.base.errors import UsageError
from fairlead.base.ids import Place
from fairlead.desired.model import Release
from fairlead.manifest.commands import words
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


def argv_of(command: str, address: str, laid: Laid) -> tuple[str, ...]:
    """A manifest's command as words, with ``{socket}``, ``{port}`` and ``{data}`` filled in.

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
        "{data}": laid.data,
    }
    return tuple(_filled(word, fill) for word in split)


def _filled(word: str, fill: dict[str, str]) -> str:
    for name, value in fill.items():
        word = word.replace(name, value)
    return word


def launch_of(
    place: Place, release: Release, role: Role, copy: CopyId, address: str, laid: Laid, log: str
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
