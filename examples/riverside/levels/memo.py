"""A value that is made once and then shared for a moment by all who ask.

A river does not change between two requests of the same second, so the database need not be
asked for each. Kept per process and per key; whoever comes while it is being made waits for it.
"""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from asgiref.sync import sync_to_async

Value = TypeVar("Value")


class Memo(Generic[Value]):
    """``await memo.get(*key)`` is ``make(*key)``, at most ``seconds`` old."""

    def __init__(self, make: Callable[..., Value], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._kept: dict[tuple[Hashable, ...], tuple[float, Value]] = {}
        self._making = asyncio.Lock()

    async def get(self, *key: Hashable) -> Value:
        """The value for this key; what ``make`` raises goes to the one who asked."""
        kept = self._fresh(key)
        if kept is None:
            async with self._making:
                kept = self._fresh(key)
                if kept is None:
                    kept = (time.monotonic() + self._seconds, await sync_to_async(self._make)(*key))
                    self._kept[key] = kept
        return kept[1]

    def _fresh(self, key: tuple[Hashable, ...]) -> tuple[float, Value] | None:
        kept = self._kept.get(key)
        return kept if kept and time.monotonic() < kept[0] else None

    def clear(self) -> None:
        """Forget everything (for tests)."""
        self._kept.clear()
