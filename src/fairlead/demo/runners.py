"""Traffic for code that is not asynchronous: in a thread, or in a process of its own."""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self, Unpack

from fairlead.base.errors import FairleadError, UsageError
from fairlead.demo.generator import Traffic
from fairlead.demo.load import Load, Options, argv
from fairlead.demo.report import Report, Snapshot


class TrafficThread:
    """Traffic in a thread of this process, for code that is not asynchronous.

    with TrafficThread("http://127.0.0.1:8000", 100) as traffic: ...
    """

    def __init__(self, url: str, rate: float, **options: Unpack[Options]) -> None:
        self._traffic = Traffic(url, rate, **options)
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._report: Report | None = None
        self._error: BaseException | None = None

    def start(self) -> Self:
        """Begin to send."""
        self._thread.start()
        self._started.wait()
        return self

    @property
    def snapshot(self) -> Snapshot:
        """How it goes; at most a tenth of a second old."""
        return self._traffic.snapshot

    def stop(self, *, wait_long: bool = False) -> Report:
        """End it (see Traffic.stop) and report; again and again the same. Raises what it met."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it ended by itself
                self._loop.call_soon_threadsafe(lambda: self._traffic.stop(wait_long=wait_long))
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            self._report = asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 (handed on by stop)
            self._error = error
        finally:
            self._started.set()

    async def _main(self) -> Report:
        self._loop = asyncio.get_running_loop()
        self._started.set()
        return await self._traffic.run()


_GENERATOR = (sys.executable, "-m", "fairlead.demo.traffic", "--attached")


class TrafficProcess:
    """Traffic in a process of its own, with the same manners as TrafficThread.

    It ends when told to, when its time is over, and when this process dies. ``prefix`` are words
    that start it elsewhere: in another network, say (nsenter(1)).
    """

    def __init__(
        self, url: str, rate: float, *, prefix: Sequence[str] = (), **options: Unpack[Options]
    ) -> None:
        self.load = Load(url, rate, **options)
        self.snapshot = Snapshot(at=time.time())
        self._prefix = prefix
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread(target=self._read, name="traffic", daemon=True)
        self._report: Report | None = None

    def start(self) -> Self:
        """Begin to send; returns when the process is ready to. Raises FairleadError if it is not."""
        self._process = subprocess.Popen(
            [*self._prefix, *_GENERATOR, *argv(self.load)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the caller, who then stops it
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            code = self._process.wait()
            raise FairleadError(f"the traffic generator did not start (exit code {code})")
        self._reader.start()
        return self

    def stop(self, *, wait_long: bool = False) -> Report:
        """End it (see Traffic.stop) and report; again and again the same.

        Raises FairleadError when the process died without a report.
        """
        process = self._process
        if process is None:
            raise UsageError("traffic: stop before start")
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            process.stdin.write("wait\n" if wait_long else "stop\n")
            process.stdin.close()
        self._reader.join()
        code = process.wait()
        assert process.stdout is not None
        process.stdout.close()
        if self._report is None:
            raise FairleadError(f"the traffic generator ended without a report (exit code {code})")
        return self._report

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            data = json.loads(line)
            if "samples" in data:
                self._report = Report.from_json(line)
            else:
                self.snapshot = Snapshot(**data)
