"""Parts that are made when they are first asked for: few commands need all of them.

    @dataclass(frozen=True)
    class Tools:
        shop: Part[Workshop] = Part()

    Tools(shop=Later(make_shop)).shop  # a Workshop, made now and once

A field whose default is a descriptor is docs.python.org/3/library/dataclasses.html, section
Descriptor-typed fields.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Later(Generic[T]):
    """Something to be made by a call, once, in whichever thread asks first."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = Lock()
        self._made: list[T] = []

    def get(self) -> T:
        """It. What making it raises is raised here, and the next call tries again."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]


class Part(Generic[T]):
    """A field of a dataclass that may be given as ``Later``."""

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember which field it is."""
        self._name = name

    def __get__(self, whole: Any, owner: type | None = None) -> T:
        """The value; made now if it was to be made later."""
        if whole is None:
            raise AttributeError(self._name)  # so that dataclasses see no default
        given = vars(whole)[self._name]
        if isinstance(given, Later):
            given = vars(whole)[self._name] = given.get()
        made: T = given
        return made

    def __set__(self, whole: Any, given: T | Later[T]) -> None:
        """Take a value, or a way to make it."""
        vars(whole)[self._name] = given
