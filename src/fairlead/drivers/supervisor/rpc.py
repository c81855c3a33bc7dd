"""The supervisor's XML-RPC, over its unix socket, on one connection.

Only what its interface uses of XML-RPC (xmlrpc.com/spec): strings, whole numbers, booleans,
arrays and structs. Written out here because importing ``xmlrpc.client`` costs 30 ms at the
start of every command.
"""

import socket
import threading
from collections.abc import Mapping, Sequence
from html import escape  # xml.sax's own brings urllib.request along, 10 ms
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml  # nosec: what it reads comes from our own supervisor

from fairlead.base.errors import Unknown

BAD_NAME = 10
NO_FILE = 20
SPAWN_ERROR = 50
ALREADY_STARTED = 60
NOT_RUNNING = 70
ALREADY_ADDED = 90
STILL_RUNNING = 91

_HEAD = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n"

Call = tuple[str, tuple[Any, ...]]


class Fault(Exception):
    """The supervisor refused a call; ``code`` as in supervisor's xmlrpc.Faults."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Rpc:
    """A connection that is opened when it is needed and opened again when it was lost."""

    def __init__(self, path: Path, limit: float = 5.0) -> None:
        self._path = path
        self._limit = limit
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def call(self, method: str, *params: Any) -> Any:
        """One call. Raises Fault when it was refused, Unknown when no answer came."""
        with self._lock:
            body = self._exchange(_request(method, params))
        return _answer(body)

    def several(self, calls: Sequence[Call]) -> list[Any]:
        """Several calls in one exchange; a refused one is a Fault among the answers."""
        packed = [{"methodName": name, "params": list(params)} for name, params in calls]
        return [_part(part) for part in self.call("system.multicall", packed)]

    def close(self) -> None:
        """Drop the connection; the next call opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __del__(self) -> None:
        """A connection nobody can use any more is closed."""
        self.close()

    def _exchange(self, body: bytes) -> bytes:
        """Send and receive; once more on a new connection if the kept one had gone stale."""
        kept = self._socket is not None
        try:
            return self._once(body)
        except OSError as error:
            self.close()
            if not kept or isinstance(error, TimeoutError):
                raise Unknown(*_no_answer(self._path, error)) from error
        try:
            return self._once(body)
        except OSError as error:
            self.close()
            raise Unknown(*_no_answer(self._path, error)) from error

    def _once(self, body: bytes) -> bytes:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(self._limit)
            self._socket.connect(str(self._path))
        self._socket.sendall(_HEAD.format(len(body)).encode() + body)
        return _receive(self._socket)


def _no_answer(path: Path, error: OSError) -> tuple[str, str]:
    reason = error.strerror or str(error) or type(error).__name__
    return f"the supervisor does not answer: {path}: {reason}", "fairlead up starts it again"


def _receive(connection: socket.socket) -> bytes:
    """One HTTP answer's body. Raises OSError when it is cut short or is no success."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    if b" 200 " not in status:
        raise OSError(0, status.decode("latin-1"))
    length = next(int(x.split(b":")[1]) for x in lines if x.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += _more(connection)
    return body


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionResetError(0, "the connection was closed")
    return data


def _request(method: str, params: Sequence[Any]) -> bytes:
    inside = "".join(f"<param>{_value(param)}</param>" for param in params)
    return (
        f"<methodCall><methodName>{method}</methodName><params>{inside}</params></methodCall>"
    ).encode()


def _value(item: Any) -> str:
    if isinstance(item, bool):
        return f"<value><boolean>{int(item)}</boolean></value>"
    if isinstance(item, int):
        return f"<value><int>{item}</int></value>"
    if isinstance(item, str):
        return f"<value><string>{escape(item, quote=False)}</string></value>"
    if isinstance(item, Mapping):
        inside = "".join(f"<member><name>{k}</name>{_value(v)}</member>" for k, v in item.items())
        return f"<value><struct>{inside}</struct></value>"
    return f"<value><array><data>{''.join(map(_value, item))}</data></array></value>"


def _answer(body: bytes) -> Any:
    root = Xml.fromstring(body)  # noqa: S314  it is our own supervisor's, on a private socket
    fault = root.find("fault/value")
    if fault is not None:
        raise _fault(_parsed(fault))
    return _parsed(root.find("params/param/value"))


def _fault(struct: Mapping[str, Any]) -> Fault:
    return Fault(struct["faultCode"], struct["faultString"])


def _part(part: Any) -> Any:
    return _fault(part) if isinstance(part, dict) and "faultCode" in part else part


def _parsed(value: Xml.Element | None) -> Any:
    if value is None or len(value) == 0:
        return "" if value is None else value.text or ""
    kind = value[0]
    if kind.tag in ("int", "i4"):
        return int(kind.text or "0")
    if kind.tag == "boolean":
        return kind.text == "1"
    if kind.tag == "array":
        return [_parsed(item) for item in kind.iterfind("data/value")]
    if kind.tag == "struct":
        pairs = ((m.findtext("name", ""), m.find("value")) for m in kind.iterfind("member"))
        return {name: _parsed(item) for name, item in pairs}
    return kind.text or ""
