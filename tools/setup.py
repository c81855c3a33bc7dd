#!/usr/bin/env python3
"""Make this clone's `.venv/` what the locks say, from a bare machine and without root.

    python3 tools/setup.py run   what `make demo` needs
    python3 tools/setup.py dev   the same, and what `make test` and `make check` need

Standard library only. `python3 -m venv --without-pip` works wherever python3 does; what a bare
Debian lacks is pip. So pip is found, in this order: python's own ensurepip, a pip of the system, a
uv of the system, Debian's pip wheel fetched by `apt-get download` (which needs no root). It
installs one thing, our locked uv, and uv brings `.venv` to exactly the lock, hashes checked.

Nothing happens (some 30 ms) while the locks, pyproject.toml, the Python and the place of the clone
are those of the last run. Why so: docs/decisions/0009-set-up-without-root.md.

Exit codes: 0 done, 1 failed (the message says what, why, and the next command), 2 usage.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OLDEST = (3, 11)
LEVELS = ("run", "dev")  # each includes the one before
ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"
UV = VENV / "bin/uv"
STAMP = VENV / ".fairlead-setup"
FROM_DEBIAN = VENV / "pip-from-debian"
BASE = os.path.realpath(getattr(sys, "_base_executable", sys.executable))  # of no active venv
NEEDED_MB = 300  # .venv with the test tools: 213 MB on amd64, and what is unpacked on the way
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

# Settings that would send an install somewhere else than into our .venv.
MISLEADING = (
    "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "PIP_USER", "PYTHONHOME", "PYTHONPATH",
    "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_SYSTEM_PYTHON", "VIRTUAL_ENV",
)  # fmt: skip

# What pip was told about where packages are, in uv's words.
FROM_PIP = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}


class SetupError(Exception):
    """What stopped the set-up; `hint` is the next command or the way out."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


class NotThisWay(Exception):
    """One way to pip is closed on this machine; the text says why."""


# -- what is wanted, what is there --------------------------------------------------------------


def home() -> str:
    """What the venv itself stands on: this Python and the place of the clone, as one digest."""
    return digest_of([str(ROOT).encode(), BASE.encode(), sys.version.encode()])


def wanted(level: str) -> list[str]:
    """The stamp of a finished `level`: all that decides what .venv holds."""
    locks = [LOCKS / f"{level}.txt", LOCKS / "bootstrap.txt", Path(__file__)]
    return [level, home(), digest_of([*(path.read_bytes() for path in locks), package_facts()])]


def package_facts() -> bytes:
    """The tables of pyproject.toml that the installed package depends on: not the linters'."""
    import tomllib  # not at the top: an old Python must come as far as saying that it is old

    facts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return repr((facts["build-system"], facts["project"], facts["tool"]["hatch"])).encode()


def present() -> list[str]:
    """The stamp of the last finished run; empty when .venv is absent, cut short, without Python."""
    if not (STAMP.exists() and PYTHON.exists() and UV.exists()):
        return []
    stamp = STAMP.read_text(encoding="ascii").split()
    return stamp if len(stamp) == 3 and stamp[0] in LEVELS else []


def level_to_reach(asked: str) -> str:
    """`asked`, or what is there when that is more: `make demo` takes no test tool away."""
    return max(asked, *present()[:1], key=LEVELS.index) if present() else asked


def digest_of(parts: list[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


# -- the ways to pip: each answers the command that runs it, or raises NotThisWay ----------------


def ensurepip() -> list[str]:
    """Python's own copy of pip; absent on Debian without python3-venv."""
    if run([PYTHON, "-c", "import ensurepip"]).returncode:
        raise NotThisWay("this python3 has none (Debian keeps it in python3-venv)")
    done = run([PYTHON, "-m", "ensurepip", "--default-pip"])
    if done.returncode:
        raise NotThisWay(complaint(done))
    return [str(PYTHON), "-m", "pip"]


def system_pip() -> list[str]:
    """A pip of the system's python3, pointed at our .venv (`--python`: pip 22.3 and later)."""
    pip = [BASE, "-m", "pip", "--python", str(PYTHON)]
    done = run([*pip, "--version"])
    if done.returncode:
        raise NotThisWay(complaint(done))
    return pip


def system_uv() -> list[str]:
    """A uv on PATH, of whatever version: it only brings ours."""
    uv = shutil.which("uv")
    if not uv or run([uv, "--version"]).returncode:
        raise NotThisWay("there is no uv on PATH")
    return [uv, "pip"]


def debian_pip() -> list[str]:
    """Debian's python3-pip-whl, fetched and unpacked as a plain user; pip runs from its wheel."""
    if not list(FROM_DEBIAN.glob("pip-*.whl")):
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            raise NotThisWay("this is neither Debian nor Ubuntu (no apt-get)")
        with tempfile.TemporaryDirectory(prefix="pip-", dir=VENV) as name:  # up to 100 MB of lists
            place = Path(name)
            download_pip_package(place)
            for package in place.glob("*.deb"):
                run(["dpkg-deb", "-x", package, place])
            FROM_DEBIAN.mkdir(exist_ok=True)
            for wheel in place.glob("usr/share/python-wheels/pip-*.whl"):
                wheel.rename(FROM_DEBIAN / wheel.name)
    wheels = sorted(FROM_DEBIAN.glob("pip-*.whl"))
    if not wheels:
        raise NotThisWay("the package python3-pip-whl held no pip wheel")
    return [str(PYTHON), str(wheels[0] / "pip")]  # Python runs a package inside a zip


def download_pip_package(place: Path) -> None:
    """apt-get download; with package lists of our own where the system's are empty or old."""
    download = ["download", "python3-pip-whl"]
    if not run(["apt-get", *download], cwd=place).returncode:
        return
    say("reading the system's package lists, as a plain user, into .venv")
    for part in ("lists/partial", "archives/partial"):
        (place / part).mkdir(parents=True)
    settings = {
        "Dir::State::lists": place / "lists",
        "Dir::Cache": place,
        "Dir::Cache::archives": place / "archives",
        "APT::Update::Error-Mode": "any",  # a source that did not answer is a failure
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",  # that is: apt stays who we are, and does not become `_apt`
        "Debug::NoLocking": "1",
    }
    own_lists = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    for command in (["update"], download):
        done = run(["apt-get", *own_lists, *command], cwd=place)
        if done.returncode:
            raise NotThisWay(f"apt-get {' '.join(command)}: {complaint(done)}")


WAYS = (ensurepip, system_pip, system_uv, debian_pip)


# -- the steps ----------------------------------------------------------------------------------


def make_venv() -> None:
    """An empty .venv of this Python; whatever stood there before goes."""
    say(f"making .venv with Python {sys.version.split()[0]}")
    done = run([BASE, "-m", "venv", "--without-pip", "--clear", VENV])
    if done.returncode:
        raise SetupError(f"python3 -m venv failed: {complaint(done)}", "apt install python3-venv")


def install_uv() -> dict[str, str]:
    """Our uv, by hash, by the first way that is open; answers pip's settings in uv's words."""
    closed = []
    for way in WAYS:
        name = way.__name__.replace("_", " ")
        try:
            pip = way()
        except NotThisWay as reason:
            closed.append(f"  {name}: {reason}")
            continue
        say(f"installing uv (by: {name})")
        target = ["--python", PYTHON] if way is system_uv else []
        lock = LOCKS / "bootstrap.txt"
        done = run([*pip, "install", *target, "--quiet", "--require-hashes", "-r", lock])
        if done.returncode:
            raise SetupError("uv could not be installed\n" + tail(done), download_hint())
        return {} if way is system_uv else uv_settings(pip)
    raise SetupError(
        "this machine has no pip, and no way to one\n" + "\n".join(closed),
        room_hint("apt install python3-venv    (it brings a pip; needs root, once)"),
    )


def uv_settings(pip: list[str]) -> dict[str, str]:
    """The mirror and certificate pip is configured with, as environment: uv reads no pip.conf."""
    settings = {}
    lines = run([*pip, "config", "list"]).stdout.splitlines()
    for line in sorted(lines, key=lambda line: line.startswith(":env:")):  # environment wins
        key, _, value = line.partition("=")
        name = FROM_PIP.get(key.rpartition(".")[2])
        if name and name not in os.environ:
            settings[name] = value.strip("'\"").replace("\\n", " ")
    return settings


def sync(level: str, settings: dict[str, str]) -> None:
    """Bring .venv to the lock exactly, then put this clone itself in, editable."""
    say(f"installing the locked packages ({level})")
    lock = LOCKS / f"{level}.txt"
    # Wheels only: building a source package would fetch its build tools without a hash.
    # Compiled now: a machine with PYTHONDONTWRITEBYTECODE would compile at every start.
    uv(["pip", "sync", "--require-hashes", "--no-build", "--compile-bytecode", lock], settings)
    # What ensurepip brought is in no lock, and `sync` leaves it alone.
    uv(["pip", "uninstall", "pip", "setuptools"], settings)
    uv(["pip", "install", "--no-deps", "--no-build-isolation", "--editable", ROOT], settings)


def uv(arguments: list[str | Path], settings: dict[str, str]) -> None:
    """Run our uv on .venv; a failure is the end, with the last lines it printed."""
    done = run([UV, *arguments, "--python", PYTHON], settings=settings)
    if done.returncode:
        raise SetupError(
            f"uv {' '.join(map(str, arguments[:2]))} failed\n{tail(done)}", download_hint()
        )


# -- small tools --------------------------------------------------------------------------------


def run(
    command: list[str | Path], cwd: Path | None = None, settings: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run and keep what it prints; a program that is not there counts as exit code 127."""
    clean = {key: value for key, value in os.environ.items() if key not in MISLEADING}
    if SYSTEM_CERTIFICATES.exists():  # a company's own certificate authority is in there
        clean.setdefault("UV_SYSTEM_CERTS", "1")
    if not can_cache():
        clean.setdefault("UV_NO_CACHE", "1")
    clean.update(settings or {}, PIP_DISABLE_PIP_VERSION_CHECK="1", LC_ALL="C.UTF-8")
    try:
        return subprocess.run(
            command,
            check=False,
            cwd=cwd,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, stdout=str(error))


def can_cache() -> bool:
    """Whether uv may keep downloads under the home directory (a CI user often has none)."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        cache.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return False
    return os.access(cache, os.W_OK)


def room_hint(otherwise: str) -> str:
    """The way out when the disk may be what failed; else `otherwise`."""
    free = shutil.disk_usage(ROOT).free // 10**6
    if free < NEEDED_MB:
        return f"make room: {free} MB are free here, and the tools take about {NEEDED_MB} MB"
    return otherwise


def download_hint() -> str:
    """The way out when a download failed."""
    if not (SYSTEM_CERTIFICATES.exists() or "SSL_CERT_FILE" in os.environ):
        return "apt install ca-certificates    (this machine can check no server's certificate)"
    return room_hint(
        "check the network; behind a proxy or a mirror set HTTPS_PROXY,\n"
        "      PIP_INDEX_URL or SSL_CERT_FILE. Then run make again."
    )


def tail(done: subprocess.CompletedProcess[str], lines: int = 8) -> str:
    """The last lines of what a program printed, indented."""
    return "\n".join(f"  {line}" for line in done.stdout.strip().splitlines()[-lines:])


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The line of a program's output that says why it failed, as far as one can tell."""
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    marked = [line for line in lines if line.startswith(("E: ", "W: ", "ERROR", "error"))]
    return next(iter(marked + lines[-1:]), f"exit code {done.returncode}")


def say(text: str) -> None:
    print(f"setup: {text}", file=sys.stderr, flush=True)


def need_a_new_enough_python() -> None:
    """Go on under a newer python3.N from PATH when this one is too old; else say so."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(20, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer and not run([newer, "-c", ""]).returncode:
            os.execv(newer, [newer, *sys.argv])  # noqa: S606  # no shell is wanted
    raise SetupError(
        f"Python {sys.version.split()[0]} is too old: Fairlead needs 3.11 or newer",
        "apt install python3.11    (Debian 12, Ubuntu 24.04 and later have 3.11+ as python3)",
    )


@contextlib.contextmanager
def alone():  # noqa: ANN201  # the type would import typing's machinery for one line
    """One set-up at a time per clone; the lock is on the directory, so nothing is left behind."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def set_up(level: str) -> None:
    """Bring .venv to `level`; the stamp goes first and comes last, so a run cut short is seen."""
    venv_stands = present()[1:2] == [home()]
    with contextlib.suppress(FileNotFoundError):
        STAMP.unlink()
    if not venv_stands:
        make_venv()
    sync(level, install_uv())
    STAMP.write_text(" ".join(wanted(level)) + "\n", encoding="ascii")
    say("ready: .venv/bin/fairlead")


def failed(what: str, hint: str) -> int:
    print(f"setup: {what}\n\nhint: {hint}", file=sys.stderr)
    return 1


def main(arguments: list[str]) -> int:
    """Set up, unless it is done; returns the exit code."""
    asked = arguments[0] if arguments else "dev"
    if asked not in LEVELS or len(arguments) > 1:
        print("usage: python3 tools/setup.py [run|dev]", file=sys.stderr)
        return 2
    try:
        need_a_new_enough_python()
        with alone():
            level = level_to_reach(asked)
            if present() != wanted(level):
                set_up(level)
    except SetupError as error:
        return failed(str(error), error.hint)
    except OSError as error:
        return failed(str(error), room_hint("make .venv yours to write, or remove it: make clean"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
