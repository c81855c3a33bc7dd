"""Building a directory by kustomize, or by the one that kubectl has in it."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from fairlead.base.text import printable

LIMIT = 60.0  # seconds for one directory; a usual one takes 0.1


class Built(NamedTuple):
    """What came out, or why the directory is ``wrong``, or what is ``missing`` to know it."""

    text: bytes = b""
    wrong: str = ""
    missing: str = ""
    hint: str = ""


def built(directory: Path) -> Built:
    """Build it. kustomize by itself runs no plugin and reads nothing outside its tree."""
    command = _command()
    if command is None:
        return Built(
            missing="needs kustomize, or kubectl, and neither is on this machine",
            hint="install one: https://kubectl.docs.kubernetes.io/installation/kustomize/",
        )
    try:
        end = subprocess.run(
            [*command, str(directory)], capture_output=True, stdin=subprocess.DEVNULL,
            timeout=LIMIT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Built(missing=f"was not done after {LIMIT:g} s")
    if end.returncode < 0:
        return Built(missing=f"was ended by signal {-end.returncode}")
    if end.returncode:
        said = end.stderr.decode(errors="replace").replace(f"{directory}", directory.name)
        lines = said.strip().splitlines() or ["no word"]
        return Built(wrong=f"cannot be built: {printable(lines[-1][:500])}")
    return Built(end.stdout)


def _command() -> list[str] | None:
    if found := shutil.which("kustomize"):
        return [found, "build"]
    if found := shutil.which("kubectl"):
        return [found, "kustomize"]
    return None
