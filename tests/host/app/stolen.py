"""What a process of an app that was broken into tries. Prints what it could do, a line each.

python stolen.py PID... SOCKET...: those of others.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HOME = "/var/lib/fairlead"
READ = (
    f"{HOME}/apps/shop/production/data", f"{HOME}/backups",
    f"{HOME}/build", f"{HOME}/deploy", f"{HOME}/keys", f"{HOME}/logs", f"{HOME}/notes.json",
    f"{HOME}/people.json", f"{HOME}/record.sqlite", f"{HOME}/repositories", f"{HOME}/server.json",
    f"{HOME}/state.sqlite", f"{HOME}/systemd", f"{HOME}/verdicts", f"{HOME}/work",
    f"{HOME}/store/environments", f"{HOME}/store/staging", "/etc/shadow", "/var/log/nginx/access.log",
    "/var/log/nginx/error.log", "/var/lib/nginx/body", "/root",
)  # fmt: skip
WRITE = (
    f"{HOME}/x", f"{HOME}/hooks/pre-receive", f"{HOME}/store/x", f"{HOME}/store/artifacts/x",
    f"{HOME}/authorized_keys", f"{HOME}/proxy/x", "/run/fairlead/x", "/opt/fairlead/x",
    "/opt/fairlead/current", "/usr/local/bin/fairlead", "/etc/fairlead/server.toml",
    "/etc/nginx/conf.d/x.conf", "/etc/tmpfiles.d/x.conf", "/etc/cron.d/x", "/run/systemd/system/x",
    "/etc/systemd/system/x.service", "/etc/systemd/system/fairlead-other.production.web.1.1.service",
    "behave.json", "x",
)  # fmt: skip
RUN = (
    "sudo -n true", "su -c true", "pkexec true", "systemctl stop fairlead-agent",
    "systemctl restart fairlead-other.production.web.1.1.service", "systemctl mask nginx",
    "systemctl kill -s KILL fairlead-agent", "systemctl daemon-reload", "systemctl reboot",
    "systemctl set-environment A=b", "systemd-run --wait true", "systemd-run --user true",
    "loginctl enable-linger", "nginx -s reload", "fairlead status", "fairlead record show",
    "/usr/local/bin/fairlead-shell ada", "mount -t tmpfs x /tmp",
)  # fmt: skip
SOCKETS = (
    "/run/fairlead/door.sock", "/run/fairlead/agent.sock", "/run/systemd/private",
    "/run/udev/control", "/run/systemd/journal/io.systemd.journal", "/run/systemd/notify-no",
)  # fmt: skip
KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)
PTRACE_ATTACH = 16


def look(path: str) -> None:
    if Path(path).is_dir():
        os.listdir(path)
    else:
        Path(path).read_bytes()


def write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT))


def run(command: str) -> None:
    done = subprocess.run(command.split(), capture_output=True, timeout=5, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise PermissionError


def connect(path: str) -> None:
    for kind in KINDS:
        with socket.socket(socket.AF_UNIX, kind) as line:
            try:
                line.connect(path)
            except OSError:
                continue
            return
    raise PermissionError


def attach(pid: int) -> None:
    if ctypes.CDLL(None).ptrace(PTRACE_ATTACH, pid, 0, 0):
        raise PermissionError


def tried(what: str, do: Callable[[], object]) -> None:
    try:
        do()
    except (OSError, subprocess.TimeoutExpired):
        return
    print(what)


def main(words: list[str]) -> None:
    pids = [int(word) for word in words if word.isdigit()]
    for path in READ:
        tried(f"read {path}", lambda path=path: look(path))
    tried("list artifacts", others_artifacts)
    for path in WRITE:
        tried(f"write {path}", lambda path=path: write(path))
    for command in RUN:
        tried(f"run {command}", lambda command=command: run(command))
    for path in (*SOCKETS, *(word for word in words if not word.isdigit())):
        tried(f"connect {path}", lambda path=path: connect(path))
    for pid in pids:
        tried(f"environ {pid}", lambda pid=pid: look(f"/proc/{pid}/environ"))
        tried(f"files {pid}", lambda pid=pid: look(f"/proc/{pid}/fd"))
        tried(f"root {pid}", lambda pid=pid: os.listdir(f"/proc/{pid}/root"))
        tried(f"attach {pid}", lambda pid=pid: attach(pid))
        tried(f"signal {pid}", lambda pid=pid: os.kill(pid, signal.SIGKILL))
    journal = subprocess.run(["journalctl", "-q", "-n", "5"], capture_output=True, text=True)
    if journal.stdout.strip():
        print("journal")


def others_artifacts() -> None:
    """Another app's code: more than the one tree that a copy is given."""
    if len(os.listdir(f"{HOME}/store/artifacts")) < 2:
        raise PermissionError


if __name__ == "__main__":
    main(sys.argv[1:])
    print("tried everything")
