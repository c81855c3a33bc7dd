"""A command's raw output in a file, with a limit."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

LOG_LIMIT = 20_000_000
"""Bytes kept of one command's output."""


class Log:
    """Appends to ``path`` ("" keeps nothing) up to ``limit`` bytes; ``cut`` says it kept less.

    A disk that is full costs output, not the command: the file ends early and ``cut`` is set.
    """

    def __init__(self, path: str, limit: int = LOG_LIMIT) -> None:
        self.cut = False
        self._room = limit
        self._limit = limit
        self._file = _opened(path)

    def write(self, data: bytes) -> None:
        """Keep ``data``, or what of it there is room for."""
        if self._file is None or self.cut:
            return
        kept, self._room = data[: self._room], self._room - len(data)
        self._put(kept)
        if self._room < 0:
            self.cut = True
            self._put(f"\n… fairlead keeps {self._limit} bytes of output; cut here\n".encode())

    def _put(self, data: bytes) -> None:
        try:
            os.write(self._file or 0, data)
        except OSError:
            self.cut = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            os.close(self._file)


def _opened(path: str) -> int | None:
    if not path:
        return None
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
