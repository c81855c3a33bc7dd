"""Unit files: where they lie, and how they come there."""

from pathlib import Path

from fairlead.drivers._files import write_whole

UNITS = Path("/etc/systemd/system")


def write(path: Path, text: str) -> None:
    """Write a file whole, for everybody to read."""
    write_whole(path, text.encode())
    path.chmod(0o644)


def renew(path: Path, text: str) -> bool:
    """Write a file that has another text, or is not there; whether it was so."""
    if path.exists() and path.read_text() == text:
        return False
    write(path, text)
    return True


def point(link: Path, target: Path) -> None:
    """Have a symbolic link there."""
    link.parent.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(target)
