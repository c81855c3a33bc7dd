"""Which contracts are in use, and one finding for all whom a break breaks."""

import datetime as dt

from fairlead.api.model import Break, Client, InUse, Place
from fairlead.api.windows import findings, in_use, whom
from fairlead.checks.model import Level

TODAY = dt.date(2026, 11, 21)
IOS = Client("ios", "3.2", "2027-03-01")
OLD = Client("ios", "2.0", "2026-11-20")


def one(rule: str, level: Level = Level.ERROR) -> Break:
    return Break(rule, level, "GET /a", "GET /a is gone", Place("a.yaml", 3), "keep it")


def test_a_contract_whose_window_has_ended_is_not_in_use() -> None:
    """It is in use while it is served, or until the last of its clients' support ends."""
    contracts = [
        InUse(41, "a", (IOS, OLD)),
        InUse(40, "b", (OLD,)),
        InUse(39, "c", (OLD,), served=True),
        InUse(38, "d", (Client("web", "1", "2026-11-21"),)),
        InUse(37, "e", (Client("tv", "1", "soon"),)),
    ]
    found = [
        (c.release, [client.version for client in c.clients]) for c in in_use(contracts, TODAY)
    ]
    assert found == [(41, ["3.2"]), (39, []), (38, ["1"]), (37, ["1"])]


def test_one_finding_names_all_whom_it_breaks() -> None:
    """The same break of several releases is one finding, with each client and its date."""
    releases = [InUse(40, "a", served=True), InUse(41, "b", (IOS,))]
    found = findings([(one("x"), r) for r in releases] + [(one("w", Level.NOTE), releases[0])])
    assert [f.rule for f in found] == ["api.x", "api.w"]
    assert found[0].message == (
        "GET /a is gone; this breaks release 41 (ios 3.2 until 2027-03-01), release 40 (served now)"
    )
    assert (found[0].path, found[0].line, found[0].subject) == ("a.yaml", 3, "GET /a")


def test_the_rest_of_many_findings_is_counted() -> None:
    """What is not listed is said, at the level it has."""
    release = InUse(1, "a", served=True)
    found = findings((one(f"r{n}"), release) for n in range(600))
    assert len(found) == 501
    assert found[-1].message == "100 more findings are not listed"
    assert found[-1].level is Level.ERROR


def test_whom_says_who_is_served_now() -> None:
    """A release that is served and has clients in a store is said to have both."""
    assert whom([InUse(3, "a", (IOS,), served=True)]) == (
        "release 3 (served now, ios 3.2 until 2027-03-01)"
    )
