"""How a living server does: asked of systemd, sshd, the proxy and the kernel."""

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path

from fairlead.base.errors import FairleadError, Unknown
from fairlead.drivers.host.look import LIMIT, told, units

AGENT = "fairlead-agent.service"
_UNITS = (Path("/etc/systemd/system"), Path("/run/systemd/system"))
_CERTIFICATE = re.compile(r"^\s*ssl_certificate\s+([^;]+);", re.MULTILINE)
_REFUSED = re.compile(r"\[emerg\] (?:\d+#\d+: )?(.*)")


def ours(state: str) -> tuple[str, ...]:
    """Units of ours in a state, by name. Raises Unknown."""
    argv = ("systemctl", "list-units", "--all", "--plain", "--no-legend", f"--state={state}")
    return tuple(line.split()[0] for line in told(*argv, "fairlead*").splitlines() if line.split())


def masked() -> tuple[str, ...]:
    """Units of ours that somebody masked, for now or for good (systemctl(1))."""
    links = [link for place in _UNITS for link in place.glob("fairlead*") if link.is_symlink()]
    return tuple(sorted(link.name for link in links if link.readlink() == Path(os.devnull)))


def runs(unit: str) -> bool:
    """Whether a unit is active. Raises Unknown."""
    return units([unit])[unit].active


def refusal(proxy: str) -> str:
    """Why the proxy of that unit would not take its configuration; "" when it would, or cannot be asked."""
    if proxy != "nginx.service":
        return ""
    try:
        argv = ["/usr/sbin/nginx", "-t"]
        ran = subprocess.run(argv, check=False, capture_output=True, timeout=LIMIT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = ran.stderr.decode(errors="replace")
    return ((_REFUSED.findall(said) or [said.strip()])[-1]) if ran.returncode else ""


def disk(directory: Path) -> tuple[int, int]:
    """Bytes that are free for us, and all, where a directory lies."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


def memory() -> tuple[int, int]:
    """Bytes that could be had without swapping, and all (proc(5), meminfo)."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.split()[1:]}
    return found.get("MemAvailable", 0), found.get("MemTotal", 0)


def synchronised() -> bool | None:
    """Whether the clock follows another; None when nobody says."""
    try:
        said = told("timedatectl", "show", "--property=NTPSynchronized", "--value").strip()
    except Unknown:
        return None
    return {"yes": True, "no": False}.get(said)


def sshd(user: str) -> dict[str, str]:
    """What sshd would do for a user, by setting in small letters; empty when it does not say."""
    try:
        said = told("/usr/sbin/sshd", "-T", "-C", f"user={user},host=localhost,addr=127.0.0.1")
    except FairleadError:
        return {}
    found: dict[str, str] = {}
    for line in said.splitlines():
        name, _, value = line.partition(" ")
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


def certificates(prefix: Path) -> tuple[tuple[str, float], ...]:
    """The certificates that nginx serves, and until when each holds, in seconds since 1970."""
    from cryptography import x509  # few commands need it

    found = {}
    for file in (prefix / "etc/nginx").glob("*/*"):
        with suppress(OSError, UnicodeDecodeError):
            for named in _CERTIFICATE.findall(file.read_text() if file.is_file() else ""):
                path = named.strip().strip("\"'")
                with suppress(OSError, ValueError):
                    read = x509.load_pem_x509_certificate(Path(path).read_bytes())
                    found[path] = read.not_valid_after_utc.timestamp()
    return tuple(sorted(found.items()))


def reboot_pending() -> bool:
    """Whether Debian or Ubuntu ask for one."""
    return Path("/run/reboot-required").exists() or Path("/var/run/reboot-required").exists()
