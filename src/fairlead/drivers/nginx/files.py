"""Our files in nginx's include directory: written, tested, taken, or put back as they were."""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fairlead.base.errors import FairleadError, Refused
from fairlead.drivers._files import write_whole
from fairlead.drivers.nginx import read
from fairlead.drivers.nginx.program import Installed, Program, Tested, foreign

Texts = Mapping[str, str]
"""The files wanted by name; "" for a file that is to be gone."""


class Files:
    """The include directory of one nginx, and what of it is ours."""

    def __init__(self, installed: Installed, program: Program, lock: Path) -> None:
        self._include = installed.include
        self._program = program
        self._lock = lock

    @contextmanager
    def changing(self) -> Iterator[None]:
        """One change at a time, in all processes."""
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def text(self, name: str) -> str:
        """A file of ours as it lies there; "" for none. Raises FairleadError."""
        try:
            return (self._include / name).read_text(errors="surrogateescape")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise FairleadError(f"nginx's files cannot be read: {error}") from error

    def change(self, texts: Texts, reload: Callable[[], None]) -> None:
        """Put the files there and have nginx take them; all as before where it does not.

        Raises Refused with nginx's own line, and says whose file that is.
        """
        before = {name: self.text(name) for name in texts}
        try:
            self._write(texts)
            self._test(texts)
            reload()
        except BaseException:
            self._write(before)
            raise

    def _test(self, texts: Texts) -> None:
        try:
            tested = self._program.tested()
        except Refused as refused:
            raise self._blamed(refused.what) from refused
        files = read.files_of(tested.dump)
        unread = [path for name in texts if texts[name] and (path := self._path(name)) not in files]
        if unread:
            raise Refused(
                f"nginx does not read {unread[0]}", f"include {self._include}/*.conf in its `http`"
            )
        why = read.conflict(self._ours(), read.servers_of(files)) or _claimed(tested, texts)
        if why:
            raise Refused(
                f"nginx would take this, to somebody's loss: {why}",
                "give the site names and another site's exact address, or an address of its own",
            )

    def _path(self, name: str) -> str:
        return str(self._include / name)

    def _blamed(self, line: str) -> Refused:
        other = foreign(line, self._ours())
        if other:
            return Refused(
                f"nginx refuses a file that is not Fairlead's: {line}",
                f"mend {other}, until `nginx -t` agrees; what is served is served on",
            )
        return Refused(f"nginx refused: {line}", "what it served before it serves on")

    def _ours(self) -> list[str]:
        return [str(path) for path in sorted(self._include.glob("fairlead-*.conf"))]

    def _write(self, texts: Texts) -> None:
        try:
            for name, text in texts.items():
                if text:
                    write_whole(self._include / name, text.encode(errors="surrogateescape"))
                else:
                    (self._include / name).unlink(missing_ok=True)
        except OSError as error:
            raise FairleadError(
                f"nginx's files cannot be written: {error}", "what it served before it serves on"
            ) from error


def _claimed(tested: Tested, texts: Texts) -> str:
    """Which name of ours another server has; pairs of other people's are their own matter."""
    ours = {name for text in texts.values() for name in read.names_of(text)}
    for name, address in tested.claimed_twice:
        if name in ours:
            return f"another server on {address} is named {name} too"
    return ""
