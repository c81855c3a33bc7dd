"""One HTTP/1.1 answer, however it arrives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.errors import UsageError
from fairlead.demo.http1 import Answer, Broken, Target, _Parser

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX: y\r\n\r\nhello world"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"6\r\nhello \r\n5;x=y\r\nworld\r\n0\r\nTrailer: 1\r\n\r\n"
)
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + PLAIN
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
WHOLE = {PLAIN: 200, CHUNKED: 200, INTERIM: 200, EMPTY: 204}


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({cut % len(data) for cut in cuts} | {len(data)})
    return [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False) if end > begin]


@given(st.sampled_from(sorted(WHOLE)), st.lists(st.integers(0, 500)))
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(data: bytes, cuts: list[int]):
    """The answer comes with its last byte, not before, and whole."""
    parser = _Parser(keep_body=True)
    *early, last = [parser.feed(piece) for piece in pieces(data, cuts)]
    assert early == [None] * len(early)
    body = b"" if data == EMPTY else b"hello world"
    assert last == Answer(WHOLE[data], len(body), body)
    assert parser.persists


@given(st.sampled_from([PLAIN, CHUNKED]), st.data())
def test_an_answer_cut_anywhere_is_never_whole(data: bytes, drawn: st.DataObject):
    """Wherever the connection ends before the last byte, there is no answer."""
    cut = drawn.draw(st.integers(0, len(data) - 1))
    parser = _Parser(keep_body=False)
    assert parser.feed(data[:cut]) is None
    assert parser.end() is None
    assert parser.lost(None).untouched is False


def test_a_body_without_a_length_ends_with_the_connection():
    """RFC 9112 §6.3, 8: only the end of the connection says that it is whole."""
    parser = _Parser(keep_body=True)
    assert parser.feed(b"HTTP/1.1 200 OK\r\n\r\nhello") is None
    assert parser.end() == Answer(200, 5, b"hello")
    assert not parser.persists


@pytest.mark.parametrize(
    "data",
    [
        b"220 mail.example ESMTP\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
        b"x" * 70_000,
    ],
)
def test_nonsense_is_called_so(data: bytes):
    """What is not HTTP is a failure, not an endless wait."""
    with pytest.raises(Broken, match="nonsense"):
        _Parser(keep_body=False).feed(data)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"]
)
def test_a_server_that_will_close_is_not_asked_again(answer: bytes):
    """`Connection: close`, or HTTP/1.0, ends the connection with the answer."""
    parser = _Parser(keep_body=False)
    assert parser.feed(answer + b"Content-Length: 0\r\n\r\n") is not None
    assert not parser.persists


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://127.0.0.1/",
        "http://10.0.0.1:8000",
        "http://localhost.example.org",
        "http://127.0.0.1@example.org/",
        "http://0.0.0.0:8000",
        "localhost:8000",
        "",
    ],
)
def test_no_other_machine(url: str):
    """Traffic can only go to this machine."""
    with pytest.raises(UsageError, match="this machine only"):
        Target.parse(url)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://localhost:8000", Target("127.0.0.1", 8000, "localhost:8000")),
        ("http://127.3.2.1", Target("127.3.2.1", 80, "127.3.2.1")),
        ("http://[::1]:81/x", Target("::1", 81, "[::1]:81")),
    ],
)
def test_loopback_in_each_form(url: str, target: Target):
    """A name, any address of 127/8, and IPv6's."""
    assert Target.parse(url) == target
