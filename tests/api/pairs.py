"""Pairs of contracts, as ``tests/cases/api`` has them and as tests write them."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from fairlead.api.compare import compare
from fairlead.api.document import kept, load
from fairlead.api.model import Break
from fairlead.api.operations import Fingerprints
from fairlead.base.errors import Unknown

CASES = Path(__file__).parent.parent / "cases" / "api"
TODAY = dt.date(2026, 11, 21)


def read(path: Path) -> Fingerprints:
    return Fingerprints(load(path.name, lambda name: (path.parent / name).read_bytes()))


def from_texts(files: Mapping[str, str], name: str = "openapi.yaml") -> Fingerprints:
    def reader(path: str) -> bytes:
        if path not in files:
            raise Unknown(f"there is no file {path}")
        return files[path].encode()

    return Fingerprints(load(name, reader))


def again(one: Fingerprints) -> Fingerprints:
    """As a later commit meets it: from the text that was kept."""
    return Fingerprints(kept(one.text), one.text)


def broken(old: Fingerprints, new: Fingerprints) -> list[Break]:
    return compare(again(old), new, TODAY)


def written(value: Any) -> Fingerprints:
    return from_texts({"openapi.json": msgspec.json.encode(value).decode()}, "openapi.json")
