"""The record's contract on the memory driver."""

import pytest

from contracts.record_store import RecordStoreContract
from fairlead.drivers.memory_record import MemoryRecord


class TestMemoryRecord(RecordStoreContract):
    @pytest.fixture
    def store(self) -> MemoryRecord:
        return MemoryRecord()
