"""The contracts that are still in use, and whom a break of them breaks until when.

A release that is served has users now; a client in a store keeps the contract that it was shipped
with until its support ends (Pact Broker tells the two apart in the same way: a deployment replaces
what was there, a release adds to it).
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fairlead.api.model import Break, Client, InUse
from fairlead.checks.model import Finding

_MOST = 500


class Given(msgspec.Struct, frozen=True):
    """What the question is told: the day, and the contracts that releases were shipped with.

    A command that prints the contract runs in ``environment`` (None: the question's own) and for
    at most ``seconds``.
    """

    today: str
    contracts: tuple[InUse, ...] = ()
    environment: dict[str, str] | None = None
    seconds: float = 120.0


def given(values: Mapping[str, Any]) -> Given:
    """Reads it. Raises msgspec.ValidationError for another form."""
    return msgspec.convert(dict(values), Given)


def in_use(contracts: Sequence[InUse], today: dt.date) -> list[InUse]:
    """The contracts somebody may still use today, with only those clients."""
    kept = []
    for one in contracts:
        clients = tuple(client for client in one.clients if _supported(client, today))
        if clients or one.served:
            kept.append(InUse(one.release, one.path, clients, one.served))
    return kept


def _supported(client: Client, today: dt.date) -> bool:
    # A date that cannot be read ends nothing.
    try:
        return not client.until or dt.date.fromisoformat(client.until[:10]) >= today
    except ValueError:
        return True


def whom(contracts: Sequence[InUse]) -> str:
    """Whom a break of these contracts breaks, and until when."""
    said = []
    for one in sorted(contracts, key=lambda one: -one.release):
        users = [str(client) for client in one.clients]
        if one.served:
            users.insert(0, "served now")
        said.append(f"release {one.release} ({', '.join(users)})")
    return ", ".join(said)


def findings(found: Iterable[tuple[Break, InUse]]) -> tuple[Finding, ...]:
    """One finding for each break, however many releases it breaks; errors first."""
    gathered: dict[tuple[str, str], tuple[Break, dict[int, InUse]]] = {}
    for one, contract in found:
        _, broken = gathered.setdefault((one.rule, one.subject), (one, {}))
        broken[contract.release] = contract
    made = [_finding(one, list(broken.values())) for one, broken in gathered.values()]
    made.sort(key=lambda one: ("error", "warning", "note").index(one.level))
    return tuple(made[:_MOST]) + _rest(made[_MOST:])


def _finding(one: Break, broken: Sequence[InUse]) -> Finding:
    made = finding(one)
    message = f"{one.message}; this breaks {whom(broken)}"
    return msgspec.structs.replace(made, message=message)


def finding(one: Break) -> Finding:
    """A break as a check shows it."""
    return Finding(
        rule=f"api.{one.rule}",
        message=one.message,
        level=one.level,
        path=one.place.path,
        line=one.place.line,
        subject=one.subject,
        hint=one.hint,
    )


def _rest(left: Sequence[Finding]) -> tuple[Finding, ...]:
    if not left:
        return ()
    message = f"{len(left)} more findings are not listed"
    return (Finding("api.more", message, left[0].level, subject="more", hint="mend those above"),)
