"""Asking a forge: JSON over HTTPS, with limits, and with the patience that it asks for.

What is tried again: no answer, 500, 502, 503, 504; and what says to come later, 429 or GitHub's
403 (RFC 9110, 10.2.3, Retry-After; RFC 6585, 4; GitHub's "Rate limits for the REST API"; GitLab's
"Rate limits"). Redirects are not followed: the token is for one address.
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import msgspec

from fairlead.base.clock import Clock
from fairlead.base.errors import Busy, FairleadError, NotAllowed, NotFound, Unknown
from fairlead.base.secret import Secret
from fairlead.base.text import printable

WITHIN = 10.0
"""Seconds for one answer."""
PATIENCE = 45.0
"""Seconds for all tries together, waiting included."""
_TRIES = 4
_MOST = 8 * 1024 * 1024  # bytes of one answer
_MOST_PAGES = 20
_LATER = frozenset({0, 500, 502, 503, 504})


class Header(NamedTuple):
    """The header that carries a token: its name, and the value with the token in it."""

    name: str
    value: Secret


class Answered(msgspec.Struct, frozen=True):
    """What came back. ``status`` 0: nothing, and ``detail`` says why. ``body`` is decoded JSON,
    None where it is none."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}
    detail: str = ""


class Api:
    """One forge's API below one address."""

    def __init__(self, address: str, header: Header, clock: Clock) -> None:
        self._address = address
        self._header = header
        self._clock = clock
        self._opener = urllib.request.build_opener(_Stay)

    def ask(self, method: str, path: str, body: Any = None, again: bool = True) -> Any:
        """What is answered to a request, decoded.

        ``again`` is False where asking twice would do it twice. Raises NotAllowed, NotFound,
        Busy (come later), Unknown (no answer: it may have been done), FairleadError.
        """
        answer = self._patiently(method, self._address + path, body, again)
        if 200 <= answer.status < 300:
            return answer.body
        raise self._fault(answer)

    def pages(self, path: str) -> Iterator[Any]:
        """Every item of a list, page by page: by Link (RFC 8288), or by ``next`` in the body.

        Raises as ``ask`` does; a next page elsewhere than here is not gone to.
        """
        url = self._address + path
        for _ in range(_MOST_PAGES):
            answer = self._patiently("GET", url, None, again=True)
            if not 200 <= answer.status < 300:
                raise self._fault(answer)
            yield from _items(answer.body)
            further = _next(answer)
            if not further or not self._here(urljoin(url, further)):
                return
            url = urljoin(url, further)

    def _here(self, url: str) -> bool:
        mine, its = urlsplit(self._address), urlsplit(url)
        return (mine.scheme, mine.netloc) == (its.scheme, its.netloc)

    def _patiently(self, method: str, url: str, body: Any, again: bool) -> Answered:
        until = self._clock.now() + PATIENCE
        answer, pause = self._once(method, url, body), 1.0
        for _ in range(_TRIES - 1):
            wait = _wait(answer, pause, self._clock.now())
            maybe_done = answer.status in _LATER and not again
            if wait is None or maybe_done or self._clock.now() + wait > until:
                break
            self._clock.sleep(wait)
            answer, pause = self._once(method, url, body), pause * 2
        return answer

    def _once(self, method: str, url: str, body: Any) -> Answered:
        data = None if body is None else json.dumps(body).encode()
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "fairlead",  # GitHub answers nobody who names none
            self._header.name: self._header.value.reveal(),
        }
        try:
            asked = urllib.request.Request(url, data, headers, method=method)  # noqa: S310  # see forge()
            with self._opener.open(asked, timeout=WITHIN) as answer:
                return self._read(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return self._read(answer)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            return Answered(0, detail=str(reason) or type(error).__name__)
        except ValueError:  # its text would hold the header
            return Answered(400, detail="the token, or the name, is not of a form that can be sent")

    def _read(self, answer: http.client.HTTPResponse | urllib.error.HTTPError) -> Answered:
        """The whole answer, as far as the limits go."""
        status, headers = answer.status or 0, {k.lower(): v for k, v in answer.headers.items()}
        until, found = self._clock.now() + WITHIN, bytearray()
        try:
            while piece := answer.read1(65536):
                found += piece
                if len(found) > _MOST or self._clock.now() > until:
                    return Answered(0, headers=headers, detail="the answer had no end")
        except (OSError, http.client.HTTPException) as error:
            return Answered(0, headers=headers, detail=str(error) or type(error).__name__)
        try:
            return Answered(status, json.loads(found) if found else None, headers)
        except (ValueError, RecursionError):
            ok = 200 <= status < 300  # a page of somebody between us and the forge is no answer
            return Answered(0 if ok else status, None, headers, "the answer is not JSON")

    def _fault(self, answer: Answered) -> FairleadError:
        said = self._said(answer)
        if not answer.status:
            return Unknown(f"no answer: {said}", "look at the network, then say it again")
        if answer.status in (401, 403, 429) and _later(answer):
            wait = answer.headers.get("retry-after", "")
            return Busy(f"it asks to come later{f', in {wait} s' if wait else ''}: {said}", "wait")
        if answer.status in (401, 403):
            return NotAllowed(f"{answer.status}: {said}", "give it a token that may do that")
        if answer.status == 404:
            return NotFound(f"404: {said}", "look at the repository's name and the token's rights")
        if 300 <= answer.status < 400:
            return NotFound(f"{answer.status}: it is elsewhere now", "give its new name")
        if answer.status >= 500:
            return Unknown(f"{answer.status}: {said}", "say it again later")
        return FairleadError(f"{answer.status}: {said}")

    def _said(self, answer: Answered) -> str:
        """What the forge says went wrong, in one line, without the token."""
        body = answer.body if isinstance(answer.body, dict) else {}
        error = body.get("error")
        of_error = error.get("message") if isinstance(error, dict) else error
        said = next((one for one in (body.get("message"), of_error) if one), answer.detail)
        text = said if isinstance(said, str) else json.dumps(said)
        token = self._header.value.reveal()
        for secret in (token, token.rpartition(" ")[2]):
            text = text.replace(secret, "<token>") if secret else text
        return printable(text.replace("\n", " "))[:200] or "no reason given"


class _Stay(urllib.request.HTTPRedirectHandler):
    """Goes nowhere: the answer that leads elsewhere is the answer."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """See ``HTTPRedirectHandler``."""


def _later(answer: Answered) -> bool:
    """Whether it is refused for now only."""
    if answer.status == 429:
        return True
    spent = answer.headers.get("x-ratelimit-remaining") == "0"
    return answer.status == 403 and (spent or "retry-after" in answer.headers)


def _wait(answer: Answered, pause: float, now: float) -> float | None:
    """Seconds to wait before it is asked again; None where that makes no difference."""
    if answer.status not in _LATER and not _later(answer):
        return None
    given = answer.headers.get("retry-after", "")
    if given.isascii() and given.isdigit():
        return float(given[:9])
    if given:
        try:
            return max(pause, parsedate_to_datetime(given).timestamp() - now)
        except (ValueError, TypeError, OverflowError):
            return pause
    reset = answer.headers.get("x-ratelimit-reset") or answer.headers.get("ratelimit-reset", "")
    if _later(answer) and reset.isascii() and reset.isdigit():
        return max(pause, float(reset[:12]) - now)
    return pause


def _items(body: Any) -> list[Any]:
    found = body.get("values") if isinstance(body, dict) else body
    return found if isinstance(found, list) else []


def _next(answer: Answered) -> str:
    if isinstance(answer.body, dict) and isinstance(answer.body.get("next"), str):
        return str(answer.body["next"])
    for link in answer.headers.get("link", "").split(","):
        target, _, parameters = link.partition(";")
        if 'rel="next"' in parameters.replace("rel=next", 'rel="next"'):
            return target.strip().strip("<>")
    return ""
