"""A server that somebody else runs, reached over SSH with a key of our own: from a hosted CI."""

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fairlead.base.errors import FairleadError, UsageError
from fairlead.base.secret import Secret
from fairlead.base.text import printable

_ADDRESS = re.compile(
    r"(?:ssh://)?(?:(?P<user>[A-Za-z_][\w.-]*)@)?(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?/?"
)
_USER = "fairlead"
_PATIENCE = 60  # seconds for an answer that is no push
_REMOTE = "remote: "


class Server:
    """Its address (``[ssh://][USER@]HOST[:PORT]``), a private key that it knows (OpenSSH form),
    and its own public keys as known_hosts(5) has them. Raises UsageError."""

    def __init__(self, address: str, key: Secret, known_hosts: str) -> None:
        found = _ADDRESS.fullmatch(address.strip())
        if found is None:
            raise UsageError(f"not the address of a server: {printable(address)}", "USER@HOST")
        self._target = f"{found['user'] or _USER}@{found['host']}"
        self._port = found["port"] or "22"
        self._key = key
        self._known_hosts = known_hosts

    def push(
        self, repository: Path, app: str, commit: str, branch: str, say: Callable[[str], None]
    ) -> bool:
        """Push the commit to the branch of the app; ``say`` gets what the server says, line by
        line. Whether it took it. Raises FairleadError when it was not reached."""
        url = f"ssh://{self._target}:{self._port}/{app}.git"
        refs = f"{commit}:refs/heads/{branch}"
        argv = ["git", "-C", str(repository), "push", "--porcelain", url, refs]
        with self._ssh() as ssh:
            environment = os.environ | {"GIT_SSH_COMMAND": shlex.join(ssh), "LC_ALL": "C"}
            with subprocess.Popen(
                argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as pushing:
                assert pushing.stderr is not None
                assert pushing.stdout is not None
                last = ""
                for line in pushing.stderr:
                    last = printable(line.decode(errors="replace").rstrip())
                    if last.startswith(_REMOTE):
                        say(last.removeprefix(_REMOTE))
                said = pushing.stdout.read().decode(errors="replace")
        # git-push(1), OUTPUT: a line for each ref, "!" for one that was refused.
        answered = [line for line in said.splitlines() if "\t" in line]
        if not answered:
            raise FairleadError(
                f"{self._target} was not reached: {last}", "try: ssh " + self._target
            )
        return not any(line.startswith("!") for line in answered)

    def ask(self, *words: str) -> bytes:
        """What the server answers to a command. Raises FairleadError."""
        with self._ssh() as ssh:
            argv = [*ssh, "-p", self._port, self._target, shlex.join(words)]
            try:
                done = subprocess.run(
                    argv,
                    capture_output=True,
                    stdin=subprocess.DEVNULL,
                    timeout=_PATIENCE,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                what = f"{self._target} did not answer within {_PATIENCE} s: {shlex.join(words)}"
                raise FairleadError(what, "ask again") from None
        if done.returncode:
            said = printable(done.stderr.decode(errors="replace").strip().partition("\n")[0])
            raise FairleadError(f"{self._target}: {shlex.join(words)}: {said}", "")
        return done.stdout

    @contextmanager
    def _ssh(self) -> Iterator[list[str]]:
        """The command that reaches it, while the key lies in a file of our own."""
        with tempfile.TemporaryDirectory(prefix="fairlead-") as room:
            key, known = Path(room, "key"), Path(room, "known_hosts")
            key.touch(mode=0o600)
            key.write_text(self._key.reveal().strip() + "\n")
            known.write_text(self._known_hosts.strip() + "\n")
            options = {
                "IdentityFile": key,
                "IdentitiesOnly": "yes",
                "IdentityAgent": "none",
                "UserKnownHostsFile": known,
                "GlobalKnownHostsFile": "/dev/null",
                "StrictHostKeyChecking": "yes",
                "BatchMode": "yes",
                "ConnectTimeout": "15",
                "ServerAliveInterval": "15",
            }
            given = (f"-o{name}={value}" for name, value in options.items())
            yield ["ssh", "-F", "none", "-T", *given]
