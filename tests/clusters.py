"""A PostgreSQL of a test's own, as an ordinary user, on a unix socket and at most on loopback."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from needs import needs

PROGRAMS = ("initdb", "pg_ctl", "psql", "pg_dump", "pg_restore")
PASSWORD = "hush;'%"


class Cluster:
    """``user`` is its superuser; it lets people in by their password, and where ``peer`` is set by
    their name on this system, as Debian's does. ``port`` 0: only on its socket."""

    def __init__(self, user: str = "ada", peer: bool = False, port: int = 0, **initdb: str) -> None:
        adds = "try a real PostgreSQL"
        self.programs = {p: needs(p, package="postgresql", adds=adds) for p in PROGRAMS}
        self.system_user = "postgres" if os.getuid() == 0 else None  # it does not run as root
        self.user, self.port = user, port
        self.root = Path(tempfile.mkdtemp(prefix="fl-pg-"))
        if self.system_user:
            shutil.chown(self.root, self.system_user)
            self.root.chmod(0o755)
        given = self.root / "password"
        given.write_text(PASSWORD)
        given.chmod(0o644)
        local = "peer" if peer else "scram-sha-256"
        more = [f"--{name.replace('_', '-')}={value}" for name, value in initdb.items()]
        self.run("initdb", "-D", self.data, "-U", user, f"--auth-local={local}", *more,
                 "--auth-host=scram-sha-256", "--no-sync", f"--pwfile={given}")  # fmt: skip
        self.start()

    @property
    def data(self) -> str:
        return f"{self.root}/data"

    def start(self) -> None:
        listen = "127.0.0.1" if self.port else ""
        options = f"-c listen_addresses={listen} -c unix_socket_directories={self.root}"
        options += f" -c fsync=off -c log_statement=all -p {self.port or 5432}"
        self.run("pg_ctl", "-D", self.data, "-l", f"{self.root}/log", "-o", options, "-w", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")

    def run(self, program: str, *words: str, given: str = "", **environment: str) -> str:
        """One of PostgreSQL's programs, as the user it runs as."""
        kept = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PGPASSWORD": PASSWORD}
        run = subprocess.run(
            [self.programs[program], *words],
            input=given,
            user=self.system_user,
            env={**kept, **environment},
            cwd=self.root,
            text=True,
            stdout=None if program == "pg_ctl" else subprocess.PIPE,
            check=True,
        )
        return run.stdout or ""

    def url(self, database: str, password: str = "hush%3B%27%25") -> str:
        port = f"&port={self.port}" * bool(self.port)
        return f"postgres://{self.user}:{password}@/{database}?host={self.root}{port}"

    def sql(self, database: str, text: str) -> str:
        at = ("-U", self.user, "-h", str(self.root), "-p", str(self.port or 5432))
        return self.run("psql", "-XAtq", *at, "-d", database, given=text)

    def log(self) -> str:
        return (self.root / "log").read_text()

    def close(self) -> None:
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.root)
