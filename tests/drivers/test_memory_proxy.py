"""The memory proxy keeps the port's contract."""

from collections import Counter

import msgspec
import pytest

from contracts.proxy import PLACE, ProxyContract, World
from fairlead.base.ids import Place
from fairlead.drivers.memory_proxy import MemoryHttp, MemoryProxy
from fairlead.rollout.ports import HttpAnswer


class MemoryWorld:
    """Users who call the memory proxy."""

    def __init__(self) -> None:
        self.proxy = MemoryProxy()
        self._open: list[str] = []

    def address(self, copy: int) -> str:
        return f"unix//copies/{copy}"

    def listen(self, place: Place) -> str:
        return f"127.0.0.1:{8000 + len(place.environment)}"

    def ask(self, times: int = 1) -> Counter[str]:
        answers: Counter[str] = Counter()
        for _ in range(times):
            address = self.proxy.begin(PLACE, "web")
            if address:
                self.proxy.end(PLACE, address)
            answers[address.rpartition("/")[2]] += 1
        return answers

    def open(self) -> None:
        self._open.append(self.proxy.begin(PLACE, "web"))

    def close(self) -> None:
        while self._open:
            self.proxy.end(PLACE, self._open.pop())

    def meddle(self) -> None:
        (seen,) = self.proxy.sites(PLACE)
        two = tuple(u for u in seen.site.upstreams if u.copy.release == 2)
        self.proxy.edit(msgspec.structs.replace(seen.site, upstreams=two))


class TestMemoryProxy(ProxyContract):
    """The contract, in memory."""

    @pytest.fixture
    def world(self) -> World:
        return MemoryWorld()


def test_memory_http_answers_from_its_table() -> None:
    """An address nobody listens on is an answer of status 0."""
    http = MemoryHttp()
    http.servers["unix//a"] = lambda path: HttpAnswer(200, path.encode())
    assert http.get("unix//a", "/x", 1.0) == HttpAnswer(200, b"/x")
    assert http.get("unix//b", "/x", 1.0).status == 0
