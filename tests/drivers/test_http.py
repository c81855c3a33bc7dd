"""Asking copies: real servers that answer, hang, drip, lie and close."""

import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fairlead.drivers._listen import free_listen
from fairlead.drivers.http import BODY_LIMIT, HttpClient

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Answer = Callable[[socket.socket], None]


@contextmanager
def server(
    family: int, place: str | tuple[str, int], answer: Answer
) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers one connection; its address and what it was asked."""
    asked: list[bytes] = []
    with socket.socket(family) as listener:
        listener.bind(place)
        listener.listen()
        listener.settimeout(10)

        def serve() -> None:
            with suppress(OSError):  # whoever asked may hang up first
                connection, _ = listener.accept()
                with connection:
                    asked.append(connection.recv(4000))
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        name = listener.getsockname()
        yield (f"unix/{name}" if family == socket.AF_UNIX else f"{name[0]}:{name[1]}"), asked
        thread.join(10)


@contextmanager
def local(answer: Answer) -> Iterator[tuple[str, list[bytes]]]:
    with server(socket.AF_INET, ("127.0.0.1", 0), answer) as made:
        yield made


def sends(data: bytes) -> Answer:
    return lambda connection: connection.sendall(data)


def hangs(connection: socket.socket) -> None:
    connection.recv(1)  # until the client hangs up


def drips(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.05)


def drips_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.fixture
def short() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="fl-http-"))
    yield directory
    shutil.rmtree(directory)


def test_a_copy_on_a_unix_socket_is_asked(short: Path) -> None:
    """The path and host reach it, the status and body come back."""
    with server(socket.AF_UNIX, str(short / "a.sock"), sends(OK)) as (address, asked):
        answer = HttpClient().get(address, "/health?x=1", 5.0, host="shop.example")
    assert (answer.status, answer.body, answer.detail) == (200, b"ok", "")
    assert asked[0].startswith(b"GET /health?x=1 HTTP/1.1\r\n")
    assert b"Host: shop.example\r\n" in asked[0]


def test_a_copy_on_a_port_is_asked() -> None:
    """An answer of any status is an answer."""
    with local(sends(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")) as (address, _):
        assert HttpClient().get(address, "/", 5.0).status == 503


def test_ipv6_is_asked() -> None:
    """An address in brackets."""
    try:
        made = server(socket.AF_INET6, ("::1", 0), sends(OK))
        with made as (address, _):
            answer = HttpClient().get(address.replace("::1:", "[::1]:"), "/", 5.0)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    assert answer.status == 200


@pytest.mark.parametrize("answer", [hangs, drips, drips_headers])
def test_the_limit_is_over_the_whole_exchange(answer: Answer) -> None:
    """A server that sends a byte now and then does not stretch it."""
    with local(answer) as (address, _):
        begun = time.monotonic()
        found = HttpClient().get(address, "/", 0.3)
        took = time.monotonic() - begun
    assert (found.status, found.detail) == (0, "no answer within 0.3 s")
    assert 0.25 < took < 1.5


def test_a_full_backlog_meets_the_limit_too(short: Path) -> None:
    """A copy that does not accept connections."""
    path = str(short / "full.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        assert HttpClient().get(f"unix/{path}", "/", 0.2).status == 0


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", "it closed the connection without an answer"),
        (b"hello\r\n\r\n", "hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "header line"),
    ],
)
def test_nonsense_is_no_answer(data: bytes, detail: str) -> None:
    """And says what was wrong with it."""
    with local(sends(data)) as (address, _):
        answer = HttpClient().get(address, "/", 5.0)
    assert answer.status == 0
    assert detail in answer.detail


def test_nobody_there_is_no_answer(short: Path) -> None:
    """Neither a path without a server nor a free port."""
    assert "No such file" in HttpClient().get(f"unix/{short}/none.sock", "/", 1.0).detail
    assert "refused" in HttpClient().get(free_listen(), "/", 1.0).detail


@pytest.mark.parametrize(
    ("address", "path", "host"),
    [
        ("nonsense", "/", "x"),
        ("127.0.0.1:99999999", "/", "x"),
        ("unix/" + "x" * 200, "/", "x"),
        ("127.0.0.1:1", "/a b", "x"),
        ("127.0.0.1:1", "/a\r\nX: y", "x"),
        ("127.0.0.1:1", "/ü", "x"),
        ("127.0.0.1:1", "/", "x\r\nX: y"),
    ],
)
def test_a_hostile_question_is_not_asked(address: str, path: str, host: str) -> None:
    """It is an answer of status 0 that says why."""
    answer = HttpClient().get(address, path, 1.0, host)
    assert answer.status == 0
    assert answer.detail


@pytest.mark.parametrize("length", [b"Content-Length: 9000000\r\n", b""])
def test_a_body_is_read_up_to_its_limit(length: bytes) -> None:
    """With or without a length, and says that there was more."""
    body = b"x" * (BODY_LIMIT + 100_000)
    with local(sends(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + body)) as (address, _):
        answer = HttpClient().get(address, "/", 10.0)
    assert (answer.status, len(answer.body)) == (200, BODY_LIMIT)
    assert "cut off" in answer.detail


def test_a_free_port_is_picked_once_for_each() -> None:
    """Not one that is taken by name, nor one that somebody listens on."""
    first = free_listen()
    second = free_listen([first])
    assert first != second
    with socket.socket() as holder:
        host, _, port = first.partition(":")
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, int(port)))
        holder.listen()
        assert free_listen() != first
