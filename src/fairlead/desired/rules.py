"""What the deploy repo's history means: pure."""

import re
from collections.abc import Sequence

from fairlead.base.ids import Place
from fairlead.desired.model import Release
from fairlead.desired.ports import Commit

_HOW = "Fairlead-How: "
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNPRINTABLE = re.compile(r"[\ud800-\udfff]")


def message(place: Place, act: str, how: str, why: str) -> str:
    """A commit's message: what, why, and how as a trailer that ``story`` reads back."""
    paragraphs = [f"{place}: {act}", one_line(why), f"{_HOW}{how}"]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def story(commit: Commit, number: int, previous: int) -> tuple[str, str]:
    """How and why a commit made ``number`` the release desired, after ``previous``.

    A commit of Fairlead's says how itself. One by hand is a rollback when the number
    fell, and its subject is the why.
    """
    paragraphs = commit.message.split("\n\n")
    if commit.ours and paragraphs[-1].startswith(_HOW):
        return paragraphs[-1].removeprefix(_HOW), "\n\n".join(paragraphs[1:-1])
    return "rollback" if number < previous else "release", one_line(paragraphs[0])


def one_line(text: str) -> str:
    """The text on one line, without control characters."""
    return _UNPRINTABLE.sub("�", _CONTROL.sub(" ", text)).strip()


def previous(numbers: Sequence[int]) -> int:
    """The release desired before the present one; 0 for none. ``numbers`` newest first."""
    return next((number for number in numbers if number and number != numbers[0]), 0)


def rollback_target(numbers: Sequence[int], proven: frozenset[int]) -> int:
    """Where a person goes back to: the good release below the present one; 0 for none.

    Going back again goes further back: a release that was left by going back is not one
    to return to. ``numbers`` are those desired, newest first.
    """
    stack: list[int] = []
    for number in reversed(numbers):
        del stack[stack.index(number) if number in stack else len(stack) :]
        stack.append(number)
    return next((number for number in reversed(stack[:-1]) if number in proven), 0)


def return_target(numbers: Sequence[int], proven: frozenset[int]) -> int:
    """What served before the present release failed: the newest other good one; 0 for none."""
    others = (number for number in numbers if number != numbers[0])
    return next((number for number in others if number in proven), 0)


def settings_changed(before: Release | None, after: Release, environment: str) -> tuple[str, ...]:
    """The names of the settings that differ between two releases, sorted; never the values."""
    old = before.settings_in(environment) if before else {}
    new = after.settings_in(environment)
    return tuple(sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)))


def secrets_changed(before: Release | None, after: Release, environment: str) -> tuple[str, ...]:
    """The secrets that differ between two releases, sorted, each with its version now."""
    old = before.secrets_in(environment) if before else {}
    new = after.secrets_in(environment)
    names = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return tuple(secret_text(name, new.get(name, 0)) for name in names)


def secret_text(name: str, version: int) -> str:
    """A secret as facts name it: ``NAME 3``, or ``NAME unset`` for version 0."""
    return f"{name} {version or 'unset'}"


def secret_hint(place: Place, names: Sequence[str]) -> str:
    """What a person does about secrets that have no value."""
    return "; ".join(f"fairlead secret set {place} {name}" for name in names)


def secrets_missing(release: Release, environment: str) -> tuple[str, ...]:
    """The secrets that the manifest asks for in an environment and the release has no value of."""
    found = release.manifest.environment(environment)
    asked = found.secrets if found else ()
    return tuple(name for name in asked if name not in release.secrets_in(environment))
