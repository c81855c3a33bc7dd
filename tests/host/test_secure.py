"""From an installed Debian to HTTPS: one command, a key, one push; certificates by a real ACME."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from host.machine import CLONE, Machine, booted, ours, timed
from host.test_server import Person, install, put
from host.test_serving import MANIFEST, Site, until
from needs import needs

pytestmark = timed
DOMAIN = "shop.example.test"
AUTHORITY = """
import json, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from drivers.pebble import Pebble

pebble = Pebble("127.0.0.1:80", [])
pebble.start()
pebble.leads({domain!r}, "127.0.0.1")
root = Path(pebble.authority.root).read_text()
said = dict(url=pebble.authority.directory, root=root, chain=str(pebble.root / "root.pem"))
print(json.dumps(said), flush=True)
sys.stdin.read()
pebble.stop()
"""
ASKED = """
import http.client, socket, ssl, sys
context = ssl.create_default_context(cafile={chain!r})
line = http.client.HTTPSConnection({domain!r}, context=context, timeout=5)
line.sock = context.wrap_socket(
    socket.create_connection(("127.0.0.1", 443), 5), server_hostname={domain!r})
line.request("GET", "/version")
answer = line.getresponse()
print(answer.status, answer.read().decode())
"""


@contextmanager
def authority(server: Machine) -> Iterator[dict[str, Any]]:
    """A certificate authority in the server's network, whose DNS leads to the server."""
    program = AUTHORITY.format(tests=str(CLONE / "tests"), domain=DOMAIN)
    argv = ["nsenter", f"--target={server.leader}", "--net", sys.executable, "-c", program]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.communicate()


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_one_push_brings_a_site_under_https(
    proxy: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """HTTP at once, HTTPS as soon as the certificate is there, and then HTTP leads to it."""
    needs("ssh", package="openssh-client", adds="push over SSH")
    place = tmp_path_factory.mktemp("code")
    with booted(size="3G", binds=ours()) as server, authority(server) as given:
        put(server, "0.1.0", lambda code: None, place)
        server.run("systemctl", "enable", "--now", "ssh")
        server.run("rm", "-f", "/etc/nginx/sites-enabled/default")
        server.write("/etc/fairlead/authority.pem", given["root"])
        server.write(
            "/etc/fairlead/server.toml",
            f'proxy = "{proxy}"\nacme_directory = "{given["url"]}"\n'
            'acme_root = "/etc/fairlead/authority.pem"\n',
        )
        if proxy == "nginx":
            server.run("systemctl", "enable", "--now", "nginx")
        began = time.monotonic()
        install(server, "--proxy", proxy, "--force")
        person = Person(server, "ada", place / "ada").allowed("push:shop")
        site = Site(person, "shop", 8080)
        manifest = MANIFEST.format(app="shop", port=8080)
        named = manifest.replace('strategy = "rolling"', f'domains = ["{DOMAIN}"]')
        (site.clone / "fairlead.toml").write_text(named)
        site.change("secure")
        site.released()
        ask = ASKED.format(chain=given["chain"], domain=DOMAIN)
        asked = (sys.executable, "-c", ask)
        said = until(lambda: server.beside(*asked, check=False).stdout, "HTTPS answers", 90)
        print(f"{proxy}: {time.monotonic() - began:.1f} s from install to HTTPS")
        assert said.startswith("200 ")
        assert '"word": "secure"' in said
        status = server.run("/usr/local/bin/fairlead", "status").stdout
        assert f"https://{DOMAIN}/" in status
