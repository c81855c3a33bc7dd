"""Fairlead as a program of the machine: a directory of its own that nothing is added to later.

Without a wheel it is a copy of the very packages that run this command, each file compared with
the digest that its installer wrote down (PyPA, "Recording installed projects"). So it needs no
network, and what is installed is what was tried. With a wheel, uv installs the packages of the
lock inside it, by their hashes.
"""

import hashlib
import importlib.metadata
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath
from pathlib import Path

from fairlead.base.errors import FairleadError, NotFound, Refused, UsageError
from fairlead.drivers._files import flush_directory
from fairlead.server.model import Program

NAME = "fairlead"
DIRECTORY = "/opt/fairlead"
LOCK = "fairlead/_requirements/run.txt"
"""Where a wheel of ours has the lock of its packages."""

NEEDED = 400 << 20
"""Bytes that must be free for another version."""

SCRIPTS = {
    "fairlead": "fairlead.cli.main",
    "fairlead-shell": "fairlead.cli.shell",
    # Not through "current": a process must not find another version half way through its life.
    "fairlead-agent": "fairlead.agent.__main__",
}
_LIMIT = 600.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_WHEEL = re.compile(r"fairlead-([0-9][A-Za-z0-9.+!]*)-py3-none-any\.whl")
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


class InstalledPrograms:
    """See ``fairlead.server.ports.Programs``. ``prefix`` stands before where they lie; the
    Fairlead that runs this is of ``version``, and its package lies at ``package``."""

    def __init__(self, prefix: Path, package: Path, version: str) -> None:
        self._all = prefix / DIRECTORY.lstrip("/")
        self._package = package
        self._version = version

    def own(self) -> Program:
        """See ``fairlead.server.ports.Programs``."""
        here = Path(sys.prefix)
        if here.parent == self._all:
            return Program(f"{DIRECTORY}/{here.name}", self._version)
        told = "".join(f"{path} {digest}\n" for path, digest in sorted(self._content()))
        tail = hashlib.sha256(told.encode()).hexdigest()[:8]
        return Program(f"{DIRECTORY}/{self._version}-{tail}", self._version)

    def make(self, program: Program) -> None:
        """Copy this very Fairlead to where a program lies. Raises Refused, FairleadError."""
        with _Making(self._all, program.directory.rpartition("/")[2]) as making:
            packages = making.venv(base_python())
            for source, target in self._files():
                _copied(source, (packages / target).resolve())
            making.finish(f"{DIRECTORY}/{making.name}")

    def of_wheel(self, wheel: Path) -> Program:
        """See ``fairlead.server.ports.Programs``."""
        named = _WHEEL.fullmatch(wheel.name)
        if not named or not wheel.is_file():
            what = f"not a wheel of Fairlead: {wheel}"
            raise UsageError(what, "it is called fairlead-VERSION-py3-none-any.whl")
        name = f"{named[1]}-{hashlib.sha256(wheel.read_bytes()).hexdigest()[:8]}"
        if not (self._all / name).is_dir():
            with _Making(self._all, name) as making:
                making.venv(base_python())
                making.install(wheel)
                making.finish(f"{DIRECTORY}/{name}")
        return Program(f"{DIRECTORY}/{name}", named[1])

    def _content(self) -> Iterator[tuple[str, str]]:
        """What names this Fairlead: every file's place and digest."""
        for found in distributions():
            if found.name != NAME:
                yield from ((str(one), _digest(one)) for one in _recorded(found) if _says(one))
        for source, target in _package(self._package):
            yield target, hashlib.sha256(source.read_bytes()).hexdigest()

    def _files(self) -> Iterator[tuple[Path, str]]:
        """Every file to copy, and where it goes below the directory of packages. Raises Refused
        for one that is not as it was installed."""
        for found in distributions():
            if found.name != NAME:
                yield from _unaltered(found)
        yield from _package(self._package)
        information = f"{NAME}-{self._version}.dist-info"
        top = Path(str(importlib.metadata.distribution(NAME).locate_file("")))
        for name in ("METADATA", "WHEEL", "entry_points.txt"):
            if (top / information / name).is_file():
                yield top / information / name, f"{information}/{name}"

    def prune(self, kept: tuple[str, ...]) -> None:
        """See ``fairlead.server.ports.Programs``."""
        names = {one.rpartition("/")[2] for one in kept} | {"current"}
        for path in self._all.iterdir() if self._all.is_dir() else ():
            if path.is_dir() and not path.is_symlink() and path.name not in names:
                shutil.rmtree(path)


class _Making:
    """A program in the making: gone when it is not finished."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self._directory = directory
        self._made = directory / f".making-{name}"

    def __enter__(self) -> "_Making":
        self._directory.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._made, ignore_errors=True)
        found = os.statvfs(self._directory)
        free = found.f_bavail * found.f_frsize
        if free < NEEDED:
            mb = 1 << 20
            what = f"no room: {free // mb} MB are free, and {NEEDED // mb} MB are needed"
            raise Refused(f"{what}: {self._directory}", f"df -h {self._directory}")
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._made, ignore_errors=True)

    def venv(self, python: str) -> Path:
        """An empty environment on that Python; where its packages go."""
        _run(python, "-I", "-m", "venv", "--without-pip", str(self._made))
        for script in (self._made / "bin").glob("[aA]ctivate*"):
            script.unlink()  # they name a directory that will not be
        return self._made / "lib" / _PYTHON / "site-packages"

    def install(self, wheel: Path) -> None:
        """The packages of the wheel's lock, by their hashes, then the wheel."""
        lock = self._made / "requirements.txt"
        with zipfile.ZipFile(wheel) as archive:
            if LOCK not in archive.namelist():
                what = f"the wheel has no lock of its packages: {wheel}"
                raise Refused(what, "build it from a clone: uv build --wheel")
            lock.write_bytes(archive.read(LOCK))
        uv = shutil.which("uv", path=f"{sys.prefix}/bin{os.pathsep}{os.environ.get('PATH', '')}")
        if uv is None:
            raise NotFound(
                "there is no uv to install a wheel with", "apt install pipx; pipx run uv"
            )
        python = f"--python={self._made}/bin/python"
        pip = (uv, "pip", "install", "--quiet", python, "--no-build", "--link-mode=copy")
        beside = f"--find-links={wheel.parent}"
        _run(*pip, beside, "--require-hashes", "--requirement", str(lock))
        _run(*pip, "--no-deps", str(wheel))

    def finish(self, directory: str) -> None:
        """Programs to start it by, everything compiled; and it is there, whole, at once."""
        for name, module in SCRIPTS.items():
            script = self._made / "bin" / name
            script.write_text(_SCRIPT.format(python=f"{directory}/bin/python", module=module))
            script.chmod(0o755)
        python = str(self._made / "bin/python")
        packages = self._made / "lib" / _PYTHON / "site-packages"
        # Its users may not write there: what is not compiled now is compiled at each start.
        _run(python, "-I", "-m", "compileall", "-q", *_paths(self._made, directory), str(packages))
        _open(self._made)
        self._made.rename(self._directory / self.name)
        flush_directory(self._directory)


def _paths(made: Path, directory: str) -> tuple[str, ...]:
    """What a traceback calls the files: where they will lie, not where they were made."""
    return ("-s", str(made), "-p", directory)


_SCRIPT = """\
#!{python} -I
import sys
from {module} import main
sys.exit(main())
"""


def base_python() -> str:
    """A Python for everybody of the version that runs this. Raises Refused when there is none.

    What people's keys run as cannot enter somebody's own directory, /root for example.
    """
    system = Path("/usr/bin") / _PYTHON
    if system.exists():
        return str(system)
    own = Path(os.path.realpath(sys.executable))
    if all(parent.stat().st_mode & stat.S_IXOTH for parent in own.parents):
        return str(own)
    raise Refused(
        f"the Python that runs this is not for everybody: {own}",
        f"apt install {_PYTHON}; or give uv another place: UV_PYTHON_INSTALL_DIR=/opt/python",
    )


def distributions(name: str = NAME) -> list[Distribution]:
    """A package and all that it needs, as they are installed here. Raises Refused."""
    found: dict[str, Distribution] = {}
    wanted = [name]
    while wanted:
        one = wanted.pop()
        if one in found:
            continue
        found[one] = importlib.metadata.distribution(one)
        for line in found[one].requires or ():
            needed, marker = _NAME.match(line), line.partition(";")[2]
            # A marker (PEP 508) is answered by what was installed; nobody asked for extras.
            if needed and "extra" not in marker and (not marker or _installed(needed[0])):
                wanted.append(re.sub(r"[-_.]+", "-", needed[0]).lower())
    return list(found.values())


def _installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _says(file: PackagePath) -> bool:
    """An installer's own notes say nothing of what was installed."""
    return ".dist-info" not in str(file) or file.name == "METADATA"


def _digest(file: PackagePath) -> str:
    return file.hash.value if file.hash else ""


def _unaltered(found: Distribution) -> Iterator[tuple[Path, str]]:
    """A package's files and where they go. Raises Refused for one that was changed."""
    for file in _recorded(found):
        source = Path(str(file.locate()))
        if file.hash and _sha256(source) != file.hash.value:
            what = f"a file is not as it was installed: {source}"
            raise Refused(what, f"install {found.name} again")
        yield source, str(file)


def _recorded(found: Distribution) -> Iterator[PackagePath]:
    """The files of a package, without compiled ones and scripts that name another Python."""
    for file in found.files or ():
        source = Path(str(file.locate()))
        if "__pycache__" in file.parts or not source.is_file():
            continue
        if ".." in file.parts and not _program(file, source):
            continue
        yield file


def _program(file: PackagePath, source: Path) -> bool:
    """Of what lies outside the directory of packages: a program of its own, below bin."""
    if file.parts[-2] != "bin":
        return False
    with source.open("rb") as start:
        return start.read(2) != b"#!"


def _package(top: Path) -> Iterator[tuple[Path, str]]:
    """The files of this package itself, wherever it was imported from (a clone, say)."""
    for source in sorted(top.rglob("*")):
        parts = source.relative_to(top).parts
        if source.is_file() and not {"__pycache__", ".mypy_cache", ".venv"} & set(parts):
            yield source, f"{NAME}/{'/'.join(parts)}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _copied(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644)


def _open(directory: Path) -> None:
    """Everybody may read it, whatever the umask was."""
    for folder, _, names in os.walk(directory):
        os.chmod(folder, 0o755)  # noqa: S103  it is a program for everybody
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def _run(*argv: str) -> None:
    misleading = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT")
    environment = {key: value for key, value in os.environ.items() if key not in misleading}
    try:
        ran = subprocess.run(
            argv, check=False, capture_output=True, env=environment, timeout=_LIMIT, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FairleadError(f"{argv[0]} did not run: {error}", " ".join(argv)) from error
    if ran.returncode:
        said = " ".join((ran.stderr or ran.stdout).decode(errors="replace").split())[-1000:]
        raise FairleadError(f"{Path(argv[0]).name} failed: {said}", " ".join(argv))
