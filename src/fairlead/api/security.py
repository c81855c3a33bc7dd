"""What a client must prove to use an operation.

A client of the old contract satisfies one of its alternatives; it is served as long as the new
contract has an alternative that asks for no more.
"""

from collections.abc import Iterator

from fairlead.api.document import Document
from fairlead.api.levels import LEVELS
from fairlead.api.model import Break
from fairlead.api.operations import Alternative, Operation

_HINT = "leave the old way in as an alternative while clients use it"


def breaks(old: Operation, new: Operation, document: Document) -> Iterator[Break]:
    """The old alternatives that no longer suffice."""
    lost = [one for one in old.security if not _served(one, new.security)]
    if not lost:
        return
    place = document.place(new.raw, "security")
    if "security" not in new.raw:
        place = document.place(document.root, "security")
    rule, what = _rule(lost, new)
    yield Break(rule, LEVELS[rule], f"{new.name} security", f"{new.name} {what}", place, _HINT)


def _rule(lost: list[Alternative], new: Operation) -> tuple[str, str]:
    asked = " or ".join(sorted(map(_named, new.security)))
    if frozenset() in lost:
        return "api-security-added", f"asks for {asked} now; it asked for nothing"
    if any(_schemes(one) == _schemes(other) for one in lost for other in new.security):
        return "api-security-scope-added", f"asks for more scopes now: {asked}"
    before = " or ".join(sorted(map(_named, lost)))
    if any(_schemes(one) < _schemes(other) for one in lost for other in new.security):
        return "api-security-added", f"asks for {asked} now; {before} was enough"
    return "api-security-removed", f"asks for {asked} now; {before} no longer serves"


def _served(one: Alternative, offered: tuple[Alternative, ...]) -> bool:
    scopes = dict(one)
    return any(
        all(name in scopes and needed <= scopes[name] for name, needed in other)
        for other in offered
    )


def _schemes(one: Alternative) -> frozenset[str]:
    return frozenset(name for name, _ in one)


def _named(one: Alternative) -> str:
    said = (f"{name} ({', '.join(sorted(scopes))})" if scopes else name for name, scopes in one)
    return " and ".join(sorted(said)) or "nothing"
