"""Asking a repository elsewhere, and fetching from it into a quarantine.

What is fetched lies in a directory of its own below the repository's objects, as what a push
brings does (git-receive-pack(1), quarantine), so that the same gate can look at it; no ref is
moved here. Git reaches out by one protocol only, and by SSH with one key and pinned host keys
only. Both lie in files while it runs, in a directory that only it can read.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from fairlead.base.door import QUARANTINE
from fairlead.base.errors import FairleadError, Refused, Unknown
from fairlead.base.ids import CommitId, commit_id
from fairlead.base.paths import app_of
from fairlead.base.text import printable
from fairlead.base.trees import remove_tree
from fairlead.drivers.git.run import (
    NOWHERE,
    as_owner,
    git,
    hermetic,
    missing,
    owned_directory,
    tried,
)
from fairlead.drivers.git.take import copy
from fairlead.source.model import Address, Reach

ASK_WITHIN = 45.0
"""Seconds for a look at branches."""

FETCH_WITHIN = 900.0
"""Seconds for a fetch."""

MOST = 2 << 30
"""Bytes that one fetch may bring."""

_LOOK_EVERY = 0.2
_HEADS = "refs/heads/"
_PULLED = "tmp_objdir-pull-"  # git prune(1) removes what is left of such a name, too
_LEFT_OUT = "zeroPaddedFilemode", "missingSpaceBeforeDate", "badTimezone"
_SETTINGS = (
    "protocol.ext.allow=never",
    "credential.helper=",
    "core.hooksPath=/dev/null",
    "gc.auto=0",
    "http.lowSpeedLimit=1000",  # bytes a second, for so many seconds: it hangs
    "http.lowSpeedTime=30",
    # As for a push: see ``repository``.
    "fetch.fsckObjects=true",
    *(f"fetch.fsck.{name}=ignore" for name in _LEFT_OUT),
)
_PLAIN = tuple(word for setting in _SETTINGS for word in ("-c", setting))
_SSH = (
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "ConnectTimeout=15",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
    "UpdateHostKeys=no",
    "HashKnownHosts=no",
    "GlobalKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
)


class GitUpstream:
    """See ``fairlead.source.ports.Upstream``. Keys lie below ``run`` while git runs."""

    def __init__(self, run: Path, most: int = MOST) -> None:
        self._run = run
        self._most = most

    def host_keys(self, repository: Path, address: Address) -> tuple[str, ...]:
        """See ``Upstream``: by a login that offers no key, so that nobody is let in."""
        with self._directory(repository) as directory:
            known = directory / "known_hosts"
            options = ("StrictHostKeyChecking=accept-new", "PreferredAuthentications=none")
            words = [*_ssh(known, *options), *_port(address), "-l", address.user]
            with contextlib.suppress(Unknown):
                words += ["--", address.host, "true"]
                _ended(repository, words, hermetic(repository), ASK_WITHIN)
            lines = _plain_text(known).splitlines()
        return tuple(line for line in lines if line and not line.startswith("#"))

    def heads(
        self, repository: Path, reach: Reach, branches: Sequence[str]
    ) -> Mapping[str, CommitId]:
        """See ``Upstream``."""
        refs = [f"{_HEADS}{branch}" for branch in branches]
        said = self._asked(repository, reach, ASK_WITHIN, "ls-remote", "--", reach.address.url,
                           *refs)  # fmt: skip
        rows = (line.partition("\t") for line in said.decode(errors="replace").splitlines())
        found = {ref: commit for commit, _, ref in rows if ref in refs}
        return {ref.removeprefix(_HEADS): commit_id(commit) for ref, commit in found.items()}

    @contextmanager
    def fetched(
        self, repository: Path, reach: Reach, branches: Sequence[str]
    ) -> Iterator[Mapping[str, str]]:
        """See ``Upstream``."""
        _sweep(repository)
        made = repository / "objects" / f"{_PULLED}{uuid4().hex[:12]}"
        paths = (made, made, repository / "objects")
        quarantine = dict(zip(QUARANTINE, map(str, paths), strict=True))
        try:
            _owners(repository, "mkdir", "--mode=700", str(made))
            self._asked(
                repository, reach, FETCH_WITHIN, "fetch", "--quiet", "--no-tags", "--refmap=",
                "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance", "--",
                reach.address.url, *(f"{_HEADS}{branch}" for branch in branches),
                quarantine=quarantine,
            )  # fmt: skip
            yield quarantine
        finally:
            _sweep(repository)

    def take_in(self, repository: Path, quarantine: Mapping[str, str], commit: CommitId) -> None:
        """See ``Upstream``: git packs what the repository lacks, and git takes that up."""
        words = ("rev-list", "--quiet", "--objects", commit, "--not", "--all")
        if tried(repository, *words).returncode == 0:
            return
        tried(repository, "gc", "--auto", "--quiet")  # as after a push: each pull adds a pack
        refs = git(repository, "for-each-ref", "--format=^%(objectname)").decode().split()
        copy(repository, repository, (commit, *dict.fromkeys(refs)), quarantine)

    def _asked(
        self,
        repository: Path,
        reach: Reach,
        limit: float,
        *words: str,
        quarantine: Mapping[str, str] = NOWHERE,
    ) -> bytes:
        """What git says after reaching out. Raises Unknown, or Refused."""
        try:
            with self._directory(repository) as directory:
                _put(repository, directory, reach)
                environment = {**hermetic(repository, quarantine), **_way(directory, reach)}
                argv = ["git", f"--git-dir={repository}", *_PLAIN, *words]
                return _ended(repository, argv, environment, limit, quarantine, self._most)
        except Unknown as error:
            self._same_host(repository, reach)
            hint = "is it reachable from here, and may its deploy key read there?"
            raise Unknown(f"{reach.address.url} was not read: {error.what}", hint) from None

    def _same_host(self, repository: Path, reach: Reach) -> None:
        """Raise Refused where the host shows another key than the pinned ones."""
        if reach.address.scheme != "ssh":
            return
        now = self.host_keys(repository, reach.address)
        if now and not set(now) & set(reach.host_keys):
            what = f"{reach.address.host} shows another key than it did: it may be another machine"
            hint = "compare it with what the forge says; to trust it: fairlead source set with "
            raise Refused(what, f"{hint}--trust-anew")

    @contextmanager
    def _directory(self, repository: Path) -> Iterator[Path]:
        """Where keys lie meanwhile. What a killed one left goes first: there is one at a time."""
        prefix = f"source.{app_of(repository)}."
        for left in self._run.glob(f"{prefix}*"):
            remove_tree(left)
        with owned_directory(repository, prefix, self._run) as made:
            yield made


def _put(repository: Path, directory: Path, reach: Reach) -> None:
    """The keys, as files that only git's user reads."""
    files = {"known_hosts": "".join(f"{line}\n" for line in reach.host_keys)}
    if reach.key:
        files["key"] = reach.key.reveal()
    for name, text in files.items():
        handle = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            owner = as_owner(repository)
            if owner:
                os.fchown(handle, owner["user"], owner["group"])


def _way(directory: Path, reach: Reach) -> dict[str, str]:
    """The environment by which git reaches out: by one protocol, asking nobody."""
    key = directory / "key"
    ssh = _ssh(directory / "known_hosts", "StrictHostKeyChecking=yes", "PasswordAuthentication=no")
    identity = ("-i", str(key)) if reach.key else ("-o", "PubkeyAuthentication=no")
    return {
        "GIT_ALLOW_PROTOCOL": reach.address.scheme,
        "GIT_SSH_COMMAND": shlex.join([*ssh, *identity]),
        "GIT_SSH_VARIANT": "ssh",
        "GIT_ASKPASS": "",
    }


def _ssh(known: Path, *options: str) -> list[str]:
    pairs = [*_SSH, *options, f"UserKnownHostsFile={known}"]
    return ["ssh", "-F", "none", "-T", *(word for pair in pairs for word in ("-o", pair))]


def _port(address: Address) -> tuple[str, ...]:
    return ("-p", str(address.port)) if address.port else ()


def _plain_text(path: Path) -> str:
    """What a file of git's user holds, "" for none; a link there is not followed."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(handle) as file:
        return file.read()


def _owners(repository: Path, *words: str) -> None:
    """A small command as the repository's owner: root follows no link of theirs."""
    try:
        subprocess.run(words, check=True, capture_output=True, **as_owner(repository))
    except (OSError, subprocess.CalledProcessError) as error:
        raise FairleadError(f"{words[0]} failed in {repository}", "df -h; ls -ld there") from error


def _sweep(repository: Path) -> None:
    """Remove every quarantine there: one app is pulled by one at a time."""
    left = sorted((repository / "objects").glob(f"{_PULLED}*"))
    if left:
        _owners(repository, "rm", "-rf", "--", *map(str, left))


def _ended(
    repository: Path,
    argv: Sequence[str],
    environment: Mapping[str, str],
    limit: float,
    quarantine: Mapping[str, str] = NOWHERE,
    most: int = MOST,
) -> bytes:
    """What a program prints that reaches out. It is ended, with what it started, past ``limit``
    seconds or ``most`` bytes in quarantine."""
    deadline = time.monotonic() + limit
    try:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            argv,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **as_owner(repository),
        )
    except FileNotFoundError:
        raise missing() from None
    with process:
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    said, told = process.communicate(timeout=_LOOK_EVERY)
                    break
                _within(deadline, limit, quarantine, most)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    _within(deadline, limit, quarantine, most)  # it may be over before the first look
    if process.returncode:
        raise Unknown(_last(told) or "git ended without a word")
    return said


def _within(deadline: float, limit: float, quarantine: Mapping[str, str], most: int) -> None:
    if time.monotonic() > deadline:
        raise Unknown(f"no end within {limit:.0f} s")
    there = quarantine.get("GIT_QUARANTINE_PATH")
    if there and _size(Path(there)) > most:
        what = f"what is new is larger than {most >> 20} MB, as much as one pull may bring"
        raise Refused(what, "push it once: git push; what is pulled then is the difference")


def _size(directory: Path) -> int:
    """Bytes of the files below; one that goes away meanwhile has none."""
    found = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(OSError):
            found += path.lstat().st_size
    return found


def _last(told: bytes) -> str:
    """What git and ssh say of a failure, as one line; the first says what, the last what to do."""
    lines = [printable(line).strip() for line in told.decode(errors="replace").splitlines()]
    return "; ".join([line for line in lines if line][:3])
