"""The file system of a bare Debian 12 server, built once by debootstrap and kept in a cache.

It lies outside the repository, under the digest of what goes into it. Tests boot copies of it
(``host.machine``); nothing ever writes to it again.

    python tests/host/root.py    builds it now, and prints where it is
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUITE = "bookworm"
PACKAGES = (
    "acme-tiny",
    "ca-certificates",
    "dbus",
    "git",
    "iproute2",
    "nginx-light",
    "openssh-server",
    "postgresql",
    "procps",
    "python3",
    "systemd",
    "systemd-sysv",
)
RECIPE = 1
"""Counts what is done beside installing them."""
LEFT_OFF = ("nginx", "postgresql", "ssh")
"""Installed and not enabled: a test starts what it needs (postgresql alone takes 2 s)."""
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# Read at import: no test sees the person's own HOME.
CACHE = Path(
    os.environ.get("FAIRLEAD_TEST_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fairlead-tests"
)


class NoMirror(Exception):
    """apt knows no mirror of Debian to build from."""


def built() -> Path:
    """The root; built now when it is not there (one or two minutes). Two at once: one builds.

    Raises NoMirror, CalledProcessError with debootstrap's last lines as its output.
    """
    made = _key()
    root = CACHE / f"{SUITE}-{made}"
    if root.is_dir():
        return root
    CACHE.mkdir(parents=True, exist_ok=True)
    with _locked():
        if not root.is_dir():
            _build(root)
    return root


def _key() -> str:
    parts = (SUITE, str(RECIPE), *PACKAGES, "-", *LEFT_OFF)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@contextmanager
def _locked() -> Iterator[None]:
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(root: Path) -> None:
    for left in CACHE.glob(".building-*"):  # we hold the lock: nobody is at work on it
        shutil.rmtree(left)
    building = CACHE / f".building-{root.name}"
    _debootstrap(building)
    for service in LEFT_OFF:
        _quiet(["chroot", str(building), "systemctl", "disable", service])
    for package in (building / "var/cache/apt/archives").glob("*.deb"):
        package.unlink()
    (building / "etc/hostname").write_text("server\n")
    (building / "etc/hosts").write_text("127.0.0.1 localhost server\n::1 localhost\n")
    (building / "etc/resolv.conf").write_text("")
    building.rename(root)


def _debootstrap(building: Path) -> None:
    """By the machine's own apt: its mirror, its proxy."""
    proxies = {f"{kind}_proxy": _proxy(kind) for kind in ("http", "https")}
    environment = {**os.environ, **{key: value for key, value in proxies.items() if value}}
    keyring = [f"--keyring={KEYRING}", "--force-check-gpg"] if KEYRING.exists() else []
    include = f"--include={','.join(PACKAGES)}"
    argv = ["debootstrap", "--variant=minbase", *keyring, include, SUITE, str(building), mirror()]
    _quiet(argv, environment)


def mirror() -> str:
    """The mirror of Debian that this machine's apt uses. Raises NoMirror."""
    fields = "$(REPO_URI) $(ORIGIN) $(COMPONENT) $(CODENAME)"
    argv = ["apt-get", "indextargets", "--format", fields, "Created-By: Packages"]
    lines = _said(argv).splitlines()
    for uri, *rest in (line.split() for line in lines):
        # Those of updates and security have a dash in their codename.
        if rest[:2] == ["Debian", "main"] and "-" not in rest[2]:
            return uri
    raise NoMirror("apt names no mirror of Debian: `apt-get update` on a Debian machine")


def _proxy(kind: str) -> str:
    said = _said(["apt-config", "shell", "proxy", f"Acquire::{kind}::Proxy"])
    value = said.strip().removeprefix("proxy=").strip("'")
    return "" if value.upper() == "DIRECT" else value


def _said(argv: list[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _quiet(argv: list[str], environment: dict[str, str] | None = None) -> None:
    ran = subprocess.run(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if ran.returncode:
        last = "\n".join(ran.stdout.splitlines()[-10:])
        print(last, file=sys.stderr)
        raise subprocess.CalledProcessError(ran.returncode, argv, last)


if __name__ == "__main__":
    print(built())
