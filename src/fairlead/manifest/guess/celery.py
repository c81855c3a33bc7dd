"""Celery's processes: a worker, and a beat that must never run twice."""

import re
from collections.abc import Mapping

from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.repository import Repository
from fairlead.manifest.guess.servers import below

_APP = re.compile(r"^(\w+)\s*(?::\s*\w+\s*)?=\s*Celery\(", re.MULTILINE)
_SCHEDULE = re.compile(r"beat_schedule|CELERY_BEAT_SCHEDULE|django_celery_beat|add_periodic_task")


def roles(draft: Draft, repository: Repository, named: Mapping[str, str], base: str = "") -> None:
    """The roles of the Celery application, when there is one."""
    if "celery" not in named:
        return
    path = next((path for path, _ in repository.python() if _APP.search(repository.text(path))), "")
    if not path:
        return
    module, root = repository.module(path)
    start = below(base or root, f"celery -A {module}")
    draft.add(
        "role.worker", "command", f"{start} worker --loglevel info", f"{path} makes a Celery app"
    )
    draft.add("role.worker", "stop_limit", "5m", "on SIGTERM Celery ends the jobs it has")
    if any(_SCHEDULE.search(text) for text in repository.texts.values()):
        draft.add("role.clock", "command", f"{start} beat --loglevel info", "there is a schedule")
        draft.add("role.clock", "singleton", True, "two would do everything twice")
