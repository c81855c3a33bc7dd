"""nginx's servers, and where in their files it stands."""

from fairlead.drivers.living import sites

MAIN = "/etc/nginx/nginx.conf"
FILES = {
    MAIN: (
        "http { proxy_set_header Host $host; include sites/*;\n"
        "upstream u { server unix:/a.sock; server 10.0.0.1; } }"
    ),
    "/etc/nginx/sites/a": (
        "# a proxy_pass http://no; in a comment\n"
        "server {\n  server_name a.example _;\n  listen 443 ssl;\n  include snippets/tls;\n"
        "  location ^~ /api { proxy_pass 'http://u/v1'; }\n"
        "  location / { proxy_set_header X 1; proxy_pass http://localhost:81; }\n"
        "  location /s/ { alias /srv/s/; try_files $uri =404; }\n}\n"
    ),
    "/etc/nginx/snippets/tls": "ssl_certificate /c.pem;",
}  # fmt: skip


def test_a_server_is_read_with_what_it_includes() -> None:
    """Names, addresses, certificate; upstreams by their name; each with file and line."""
    (found,) = sites.servers(FILES)
    assert (found.names, found.listens, found.certificate) == (
        ("a.example",),
        ("443 ssl",),
        "/c.pem",
    )
    api, rest = found.passes
    assert (api.location, api.addresses) == ("^~ /api", ("unix//a.sock", "10.0.0.1:80"))
    assert (rest.addresses, str(rest.at)) == (("127.0.0.1:81",), "/etc/nginx/sites/a:7")


def test_a_word_is_where_its_position_says() -> None:
    """With its quotes: that is what a switch replaces."""
    (found,) = sites.servers(FILES)
    text = FILES["/etc/nginx/sites/a"]
    words = [text[one.start : one.end] for one in found.passes]
    assert words == ["'http://u/v1'", "http://localhost:81"]
    assert [text[one.start : one.end] for one in found.files] == ["alias /srv/s/"]
    assert found.files[0].tries


def test_a_header_is_inherited_unless_one_is_set() -> None:
    """nginx takes those of the block above only where a block has none of its own."""
    (found,) = sites.servers(FILES)
    assert [one.host_header for one in found.passes] == [True, False]
