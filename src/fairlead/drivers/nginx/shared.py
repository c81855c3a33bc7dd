"""What all places' files use: one file of ours that stands in nginx's ``http``."""

from fairlead.drivers import _answers as answers
from fairlead.drivers._live import FILES
from fairlead.drivers._slots import SLOTS
from fairlead.drivers.nginx.render import AT
from fairlead.drivers.nginx.text import Lines, block, quoted

SHARED = "fairlead-0-shared.conf"
"""Before every place's file in nginx's order, since an app's name begins with a letter."""


def shared_file() -> str:
    """What all places' files use: it stands in nginx's ``http``, so each name is ours."""
    lines = [
        "# By Fairlead, for the fairlead-*.conf beside it: docs/decisions/0103-nginx.md.",
        "# One byte for each request: a count that is read by asking for a file's size.",
        "log_format fairlead_count '';",
        *_map("$status", "failed", {"default": "0", '"~^5"': "1"}),
        *_map("$http_accept", "answer", {"default": "held", '"~text/event-stream"': "direct"}),
        *_map("$request_method", "files", {"default": "none", '"~^(?:GET|HEAD)$"': FILES}),
        *_map(
            "$uri",
            "caching",
            {
                "default": quoted(answers.SHORT),
                f'"~{answers.DIGITS}"'.replace("\\", "\\\\"): quoted(answers.SHORT),
                f'"~{answers.HASHED}"'.replace("\\", "\\\\"): quoted(answers.FOREVER),
            },
        ),
        # To a WebSocket and nothing else: by h2c a client would speak past the proxy.
        *_map("$http_upgrade", "upgrade", {"default": '""', '"~*^websocket$"': "websocket"}),
        *_map("$fairlead_upgrade", "connection", {"default": "upgrade", '""': "close"}),
        # The name a request was sorted by, with the port its sender wrote, and no other name.
        *_map(
            '"$host|$http_host"',
            "host",
            {"default": "$host", r'"~*^([^|]*)\\|\\1(?::[0-9]+)?$"': "$http_host"},
        ),
        # At which port, by which name: what a condition can compare at once.
        *_map('""', "asked", {"default": '"$server_port $host"'}),
        *block("split_clients $request_id $fairlead_slot", _tenths()),
        *_map(
            "$fairlead_slot",
            "slot_after",
            {f"{slot:02}": f"{(slot + 1) % SLOTS:02}" for slot in range(SLOTS)},
        ),
        *_map("$realpath_root", "address", _addresses("a")),
        *_map("$realpath_root", "address_after", _addresses("b")),
    ]
    return "\n".join(lines) + "\n"


def _map(source: str, name: str, cases: dict[str, str]) -> Lines:
    return block(
        f"map {source} $fairlead_{name}", (f"{key} {value};" for key, value in cases.items())
    )


def _tenths() -> Lines:
    return [*(f"1% {slot:02};" for slot in range(SLOTS - 1)), f"* {SLOTS - 1};"]


def _addresses(letter: str) -> dict[str, str]:
    """``…/set-00000007/at/127.0.0.1:9000``, or ``…/at/s42`` for the socket in slot 42."""
    named = f"fairlead_{letter}"
    return {
        rf'"~^(?<{named}s>.*)/{AT}/s(?<{named}n>[0-9][0-9])$"': f'"unix:${named}s/${named}n:"',
        rf'"~/{AT}/(?<{named}>[^/]+)$"': f"${named}",
    }
