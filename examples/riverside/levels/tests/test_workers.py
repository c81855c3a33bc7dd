"""The workers: what a round does, and how a worker ends."""

import os
import signal
import threading

from django.db import OperationalError
from django.utils import timezone

from levels import forecasting, worker
from levels.collecting import collect
from levels.models import Forecast, Observation, Station, WorkerRun

from .scene import NOW, Scene, minutes


class CollectTest(Scene):
    """The collector's item."""

    def test_first_round_reads_the_gauge_s_memory(self) -> None:
        """A new station has its last day at once: 144 marks and the level now."""
        self.assertEqual(collect(self.station(), NOW), 145)
        newest = self.station().observations.latest("observed_at")
        self.assertEqual(newest.observed_at, NOW)
        self.assertEqual(Observation.objects.filter(on_mark=True).count(), 144)

    def test_a_round_adds_one_and_asking_twice_adds_none(self) -> None:
        """Two collectors at once do not double the history."""
        collect(self.station(), NOW)
        self.assertEqual(collect(self.station(), NOW + minutes(0.1)), 1)
        before = Observation.objects.count()
        collect(self.station(), NOW + minutes(0.1))
        self.assertEqual(Observation.objects.count(), before)

    def test_old_observations_go(self) -> None:
        """Single observations are kept for an hour, marks for a day."""
        collect(self.station(), NOW)
        collect(self.station(), NOW + minutes(90))
        single = Observation.objects.filter(on_mark=False)
        self.assertEqual([each.observed_at for each in single], [NOW + minutes(90)])
        collect(self.station(), NOW + minutes(60 * 24 * 3))
        oldest = self.station().observations.earliest("observed_at")
        self.assertGreater(oldest.observed_at, NOW + minutes(60 * 24 * 2))

    def test_a_silent_gauge_gives_nothing(self) -> None:
        """A gauge that does not answer leaves no observation: none is made up."""
        self.assertEqual(collect(self.station("saltmarsh-sluice"), NOW), 0)
        self.assertFalse(Observation.objects.exists())


class ForecastTest(Scene):
    """The forecaster's item."""

    def test_stores_one_for_each_station(self) -> None:
        """A second forecast replaces the first; none is made of nothing."""
        self.assertIsNone(forecasting.store(self.station(), NOW))
        collect(self.station(), NOW)
        forecasting.store(self.station(), NOW)
        forecasting.store(self.station(), NOW + minutes(1))
        stored = Forecast.objects.get()
        self.assertEqual(stored.generated_at, NOW + minutes(1))
        self.assertEqual(stored.observed_at, NOW)
        self.assertEqual(len(stored.points), 24)


class LoopTest(Scene):
    """The loop that every worker runs."""

    def test_sigterm_finishes_the_item_in_hand(self) -> None:
        """The signal arrives inside an item: it is finished, the next is not begun."""
        before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
        self.addCleanup(
            lambda: [signal.signal(n, b) for n, b in zip((signal.SIGTERM, signal.SIGINT), before)]
        )
        done = []

        def handle(item: int) -> None:
            if item == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            done.append(item)

        handled = worker.run("test", lambda: [1, 2, 3], handle, 60, worker.stop_on_signal())
        self.assertEqual((done, handled), ([1, 2], 2))
        run = WorkerRun.objects.get()
        self.assertEqual((run.worker, run.pid, run.handled), ("test", os.getpid(), 2))
        self.assertIsNotNone(run.ended_at)

    def test_a_busy_database_is_met_again_later_but_not_for_ever(self) -> None:
        """A failed round is tried again; five in a row end the worker, so somebody notices."""
        calls = []

        def handle(item: int) -> None:
            calls.append(item)
            raise OperationalError("database is locked")

        with self.assertRaises(OperationalError):
            worker.run("test", lambda: [1], handle, 0.001, threading.Event())
        self.assertEqual(len(calls), worker.ROUNDS_THAT_MAY_FAIL)
        self.assertIsNone(WorkerRun.objects.get().ended_at)

    def test_a_worker_remembers_only_its_last_runs(self) -> None:
        """The table of runs does not grow for ever, and one worker does not erase another's."""
        WorkerRun.objects.create(worker="other", pid=1)
        for pid in range(worker.RUNS_KEPT + 5):
            WorkerRun.objects.create(worker="test", pid=pid, started_at=timezone.now())
        stop = threading.Event()
        stop.set()
        worker.run("test", list, lambda _: None, 1, stop)
        self.assertEqual(WorkerRun.objects.filter(worker="test").count(), worker.RUNS_KEPT)
        self.assertEqual(WorkerRun.objects.filter(worker="other").count(), 1)
        self.assertEqual(Station.objects.count(), 8)
