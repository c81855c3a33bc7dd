"""Which tests failed, read from what unittest and pytest say; others only by their exit code.

unittest writes ``FAIL: name (where)``, a traceback and ``Ran N tests`` (docs.python.org/3/library/
unittest); pytest writes ``FAILED node - why`` in its short summary, given ``-rfE``, and a last line
that counts (docs.pytest.org).
"""

import re

_UNITTEST = re.compile(r"^(?:FAIL|ERROR): (.+?)\s*$", re.MULTILINE)
_SECTION = re.compile(r"^={70}$", re.MULTILINE)
_RULE = re.compile(r"^-{70}$", re.MULTILINE)
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:: .*)?$", re.MULTILINE)
_RAN = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
_PYTEST = re.compile(r"^(?:FAILED|ERROR) (\S+?::.+?|\S+)(?: - (.*))?$", re.MULTILINE)
_COUNTS = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s(?: \([\d:]+\))? ?=*$", re.MULTILINE)
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|xfailed|xpassed)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MOST_SAID = 200


def failing(said: str) -> dict[str, str] | None:
    """The names of failing tests, and the error of each; None where neither tool wrote it."""
    text = _COLOUR.sub("", said)
    if _RAN.search(text):
        return dict(_unittest(text))
    if _COUNTS.search(text):
        return {name: why[:_MOST_SAID] for name, why in _PYTEST.findall(text)}
    return None


def _unittest(text: str) -> list[tuple[str, str]]:
    found = []
    for section in _SECTION.split(text)[1:]:
        parts = _RULE.split(section)
        names = _UNITTEST.findall(parts[0])
        raised = _RAISED.findall(parts[1]) if len(parts) > 1 else []
        found += [(name, raised[-1][:_MOST_SAID] if raised else "") for name in names[:1]]
    return found


def count(said: str) -> int | None:
    """How many tests ran; None where the output does not say."""
    text = _COLOUR.sub("", said)
    ran = [int(number) for number in _RAN.findall(text)]
    counts = _COUNTS.findall(text)
    ran += [sum(int(number) for number, _ in _COUNT.findall(line)) for line in counts]
    return sum(ran) if ran else None
