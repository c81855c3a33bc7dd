"""What acme-tiny said when it failed, as a sentence. Pure.

It ends with a Python error whose text holds what the authority answered, printed as a Python
value: of a challenge, ``Challenge did not pass for NAME: {…}``; of any other request, its
``Response: {…}`` or why there was none (RFC 8555, 6.7 and 8; RFC 7807 for the problem).
"""

import ast
import re

_CHALLENGE = re.compile(r"^\w+: Challenge did not pass for (\S+): (\{.*\})$", re.M)
_RESPONSE = re.compile(
    r"^(?:\w+: )?([^\n]*?):?\nUrl: [^\n]*\nData: [^\n]*\nResponse Code: [^\n]*\nResponse: (.*)",
    re.M,
)
_OPEN = re.compile(r"<urlopen error (?:\[[^\]]*\] )?(.*?)>")
_FETCHED = re.compile(
    r'^(?:\S+: )?(?:Invalid response from|Fetching|Get) "?(http://[^/\s"]+)[^\s"]*"?:? ?'
)
CHECK_DNS = "look where its DNS leads (A and AAAA), and that port 80 gets through from outside"
AGAIN = "it is tried again by itself; what is served is served on"


def sentence(text: str) -> tuple[str, str]:
    """What happened, and what to do."""
    challenge = _CHALLENGE.search(text)
    if challenge:
        return _challenged(challenge[1], challenge[2])
    response = list(_RESPONSE.finditer(text))
    if response:
        return _answered(response[-1][1], response[-1][2].strip())
    last = (text.strip().splitlines() or ["it said nothing"])[-1]
    return f"the ACME client failed: {_short(last)}", AGAIN


def _challenged(name: str, printed: str) -> tuple[str, str]:
    found = _value(printed)
    tried = found.get("challenges", []) if isinstance(found, dict) else []
    problems = [one["error"] for one in tried if isinstance(one, dict) and "error" in one]
    detail = str(problems[0].get("detail", "")) if problems else "it did not say why"
    fetched = _FETCHED.match(detail)
    if fetched:
        detail = f"{fetched[1]} gave {_short(detail[fetched.end() :])}"
    return f"the authority could not verify {name}: {_short(detail)}", CHECK_DNS


def _answered(doing: str, printed: str) -> tuple[str, str]:
    silent = _OPEN.search(printed)
    if silent:
        return f"the authority does not answer: {_short(silent[1])}", AGAIN
    found = _value(printed)
    detail = found.get("detail", "") if isinstance(found, dict) else printed
    return f"the authority refused ({doing.lower()}): {_short(str(detail))}", AGAIN


def _value(printed: str) -> object:
    try:
        return ast.literal_eval(printed)
    except (ValueError, SyntaxError):
        return printed


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= 300 else plain[:299] + "…"
