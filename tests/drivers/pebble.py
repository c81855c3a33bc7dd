"""A real ACME authority on loopback: Pebble, and a DNS of its own that leads where we say.

It asks for proofs at ``plain``, and issues for ``holds`` seconds.
"""

import json
import os
import ssl
import subprocess
import tempfile
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from contracts.proxy import until
from fairlead.certificates.model import Authority
from fairlead.drivers._listen import free_listen
from needs import needs

ADDS = "get certificates from a real ACME authority"
DAYS_90 = 90 * 86_400
FIRST = 8800 + os.getpid() % 19 * 10  # not where another run of these tests looks


def signed(directory: Path, name: str, names: list[str]) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, SHA256())
    )
    files = directory / f"{name}.pem", directory / f"{name}.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files[1].write_bytes(private)
    return files


class Pebble:
    """Runs from ``start`` to ``stop``."""

    def __init__(self, plain: str, taken: list[str], holds: int = DAYS_90) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="fl-pebble-")
        self.root = Path(self._directory.name)
        self.root.chmod(0o755)
        ports = []
        for _ in range(5):
            ports.append(free_listen([*taken, *ports], first=FIRST))
        self._acme, self._management, self._dns, self._told, self._unused = ports
        certificate, key = signed(self.root, "pebble", ["localhost"])
        self.root.joinpath("pebble.json").write_text(
            json.dumps(
                {
                    "pebble": {
                        "listenAddress": self._acme,
                        "managementListenAddress": self._management,
                        "certificate": str(certificate),
                        "privateKey": str(key),
                        "httpPort": int(plain.rpartition(":")[2]),
                        "tlsPort": int(self._unused.rpartition(":")[2]),
                        "certificateValidityPeriod": holds,
                    }
                }
            )
        )
        self.authority = Authority(
            f"https://localhost:{self._acme.rpartition(':')[2]}/dir", root=str(certificate)
        )
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        dns = needs("pebble-challtestsrv", package="pebble", adds=ADDS)
        off = [part for name in ("http01", "https01", "tlsalpn01") for part in (f"-{name}", "")]
        listen = ["-dns01", self._dns, "-management", self._told, "-defaultIPv6", ""]
        self._run([dns, *off, *listen])
        self._start_authority()

    def _start_authority(self) -> None:
        program = needs("pebble", package="pebble", adds=ADDS)
        self._run([program, "-config", str(self.root / "pebble.json"), "-dnsserver", self._dns])
        until(self._answers)
        (self.root / "root.pem").write_bytes(self._get(self._management, "/roots/0"))

    def _run(self, argv: list[str]) -> None:
        environment = {
            "PEBBLE_VA_ALWAYS_VALID": "0",
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_AUTHZREUSE": "0",  # every certificate is proven anew
        }
        with (self.root / "log").open("ab") as log:
            ran = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
        self._processes.append(ran)

    def down(self) -> None:
        """The authority stops; its DNS goes on."""
        ended = self._processes.pop()
        ended.kill()
        ended.wait(10)

    def stop(self) -> None:
        """End all of it."""
        while self._processes:
            self.down()
        self._directory.cleanup()

    def leads(self, name: str, address: str) -> None:
        """From now on DNS says that a name is there."""
        said = json.dumps({"host": name, "addresses": [address]}).encode()
        for command in ("clear-a", "add-a"):
            urllib.request.urlopen(f"http://{self._told}/{command}", said).close()

    def trust(self) -> ssl.SSLContext:
        """What a browser that trusts this authority checks with."""
        return ssl.create_default_context(cafile=str(self.root / "root.pem"))

    def _get(self, address: str, path: str) -> bytes:
        context = ssl.create_default_context(cafile=self.authority.root)
        url = f"https://localhost:{address.rpartition(':')[2]}{path}"
        with urllib.request.urlopen(url, context=context, timeout=5) as answer:
            return bytes(answer.read())

    def _answers(self) -> bool:
        try:
            return bool(self._get(self._management, "/roots/0") and self._get(self._acme, "/dir"))
        except OSError:
            return False
