"""The loop every worker runs: one item after another, until asked to stop.

SIGTERM and SIGINT ask. The item in hand is finished, the end is noted, and the process leaves
with exit code 0: nothing is left half done, and nothing is begun after the question.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.conf import settings
from django.db import OperationalError, close_old_connections
from django.utils import timezone

from .models import WorkerRun

RUNS_KEPT = 50
ROUNDS_THAT_MAY_FAIL = 5  # in a row, for want of the database; then the supervisor should know

Item = TypeVar("Item")
log = logging.getLogger(__name__)


def stop_on_signal() -> threading.Event:
    """An event that SIGTERM or SIGINT sets."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def run(
    name: str,
    items: Callable[[], Iterable[Item]],
    handle: Callable[[Item], None],
    every: float,
    stop: threading.Event,
) -> int:
    """Handle all items every ``every`` seconds until ``stop``; return how many were handled.

    Raises OperationalError when the database stays away for ``ROUNDS_THAT_MAY_FAIL`` rounds.
    """
    me = _begin(name)
    handled = failures = 0
    due = time.monotonic()
    while not stop.is_set():
        try:
            for item in items():
                handle(item)
                handled += 1
                if stop.is_set():
                    break
            me.beat(handled)
            failures = 0
        except OperationalError as error:
            failures += 1
            log.warning(
                "%s: round failed (%s of %s): %s", name, failures, ROUNDS_THAT_MAY_FAIL, error
            )
            if failures >= ROUNDS_THAT_MAY_FAIL:
                raise
        close_old_connections()
        due = max(due + every, time.monotonic())
        stop.wait(due - time.monotonic())
    me.beat(handled, ended_at=timezone.now())
    log.info("%s: stopped after %s items", name, handled)
    return handled


def _begin(name: str) -> WorkerRun:
    """Note that this process runs; forget the runs of long ago."""
    log.info("%s: started", name)
    me = WorkerRun.objects.create(worker=name, pid=os.getpid(), release=settings.RELEASE)
    kept = WorkerRun.objects.filter(worker=name).values_list("pk", flat=True)[:RUNS_KEPT]
    WorkerRun.objects.filter(worker=name).exclude(pk__in=list(kept)).delete()
    return me
