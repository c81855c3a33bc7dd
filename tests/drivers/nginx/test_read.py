"""nginx's configuration read back: which servers stand where, and what they take from others."""

import pytest

from fairlead.drivers._nginx import Directive, parse
from fairlead.drivers.nginx.read import Listen, Server, conflict, files_of, names_of, servers_of

DUMP = """# configuration file /etc/nginx/nginx.conf:
user www-data; # { not a block
events { }
stream { server { listen 25; } }
http {
    include mime.types;
    include conf.d/*.conf;
    server { server_name "main;{"; }
}

# configuration file /etc/nginx/mime.types:
types { text/html html; }

# configuration file /etc/nginx/conf.d/b.conf:
server { include snippets/listen.conf; location ~ "a{2}" { return 200 'x;'; } }

# configuration file /etc/nginx/snippets/listen.conf:
listen [::]:443 ssl default_server;
listen unix:/run/x.sock;
listen 443 ssl;

# configuration file /etc/nginx/conf.d/a.conf:
server { listen 127.0.0.1:8000 default; }
"""
OURS, THEIRS = "/etc/nginx/conf.d/fairlead-shop.production.conf", "/etc/nginx/sites-enabled/blog"


def test_servers_are_found_in_nginxs_own_order() -> None:
    """With what they include, and the address of one that names none; stream servers are not."""
    files = files_of(DUMP)
    assert servers_of(files) == (
        Server("/etc/nginx/conf.d/a.conf", (Listen("127.0.0.1", "8000", default=True),)),
        Server(
            "/etc/nginx/conf.d/b.conf",
            (Listen("[::]", "443", tls=True, default=True), Listen("*", "443", tls=True)),
        ),
        Server("/etc/nginx/nginx.conf", (Listen("*", "80"),)),
    )


def test_words_are_read_as_nginx_reads_them() -> None:
    """Quotes, escapes, comments, and braces that are none."""
    text = """a "b c" 'd"e' f\\ g "h\\"i"; # j;\nmap $x${y} $z { "~^{1,2}$" 1; }"""
    assert parse(text) == (
        Directive(("a", "b c", 'd"e', "f g", 'h"i')),
        Directive(("map", "$x${y}", "$z"), (Directive(("~^{1,2}$", "1")),)),
    )


def test_the_names_of_servers_are_read() -> None:
    """All servers' of a file."""
    text = "server { server_name a b; }\nserver { listen 80; server_name c; }\nupstream d { }"
    assert names_of(text) == {"a", "b", "c"}


def served(file: str, *listens: Listen) -> Server:
    return Server(file, listens)


@pytest.mark.parametrize(
    ("servers", "reason"),
    [
        ([served(THEIRS, Listen("*", "80"))], ""),
        ([served(OURS, Listen("127.0.0.1", "80"))], ""),
        ([served(OURS, Listen("*", "80")), served(THEIRS, Listen("*", "81"))], ""),
        ([served(OURS, Listen("*", "80")), served(THEIRS, Listen("[::]", "80"))], ""),
        ([served(OURS, Listen("*", "80")), served(THEIRS, Listen("*", "80", default=True))], ""),
        ([served(THEIRS, Listen("*", "80")), served(OURS, Listen("*", "80"))], ""),
        (
            [served(OURS, Listen("*", "80")), served(THEIRS, Listen("*", "80"))],
            f"requests to *:80 for unknown names would no longer get to {THEIRS}",
        ),
        (
            [served(OURS, Listen("*", "80")), served(THEIRS, Listen("1.2.3.4", "80"))],
            f"{THEIRS} listens on 1.2.3.4:80, and one of the two would get nothing",
        ),
        (
            [served(THEIRS, Listen("*", "80")), served(OURS, Listen("1.2.3.4", "80"))],
            f"{THEIRS} listens on *:80, and one of the two would get nothing",
        ),
        (
            [served(THEIRS, Listen("[::]", "80")), served(OURS, Listen("[::1]", "80"))],
            f"{THEIRS} listens on [::]:80, and one of the two would get nothing",
        ),
        (
            [served(THEIRS, Listen("*", "80")), served(OURS, Listen("*", "80", default=True))],
            f"{THEIRS} listens on *:80 too, and without names only one may",
        ),
        (
            [served(THEIRS, Listen("*", "443")), served(OURS, Listen("*", "443", tls=True))],
            f"{THEIRS} listens on *:443 too, and only one of the two with TLS",
        ),
        (
            [served(OURS, Listen("*", "80")), served(OURS + "2", Listen("*", "80", default=True))],
            f"{OURS}2 listens on *:80 too, and without names only one may",
        ),
    ],
)
def test_what_is_taken_from_somebody_is_seen(servers: list[Server], reason: str) -> None:
    """Each of these nginx itself would load without a word."""
    assert conflict([OURS, OURS + "2"], servers) == reason
