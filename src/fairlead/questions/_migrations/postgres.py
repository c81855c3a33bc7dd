"""A throw-away PostgreSQL: databases made, copied, traced and looked at by psql."""

import contextlib
import glob
import shutil
import subprocess
import urllib.parse
from collections.abc import Sequence

import msgspec

from fairlead.base.errors import Unknown
from fairlead.migrations.model import Shape, Touch, Trace
from fairlead.questions._migrations import catalog

_LIMIT = 60.0
_MOST_SAID = 300


class Postgres:
    """The server of one question. Whatever goes wrong with it is Unknown: it says nothing of the
    migrations."""

    def __init__(self, url: str, environment: dict[str, str]) -> None:
        self._parts = urllib.parse.urlsplit(url)
        self._environment = environment | {"PGCONNECT_TIMEOUT": "10", "LC_ALL": "C.UTF-8"}
        self._psql = _program(self._environment.get("PATH"))
        self._began, version = self._ask("", _BEGAN).split("|")
        self.version = int(version)

    def url(self, database: str) -> str:
        """Where a database is, as apps are told."""
        query = dict(urllib.parse.parse_qsl(self._parts.query))
        user = query.pop("user", "")  # not every reader of such URLs looks for it there
        where = self._parts.netloc if not user else f"{user}@{self._parts.netloc}"
        words = urllib.parse.urlencode(query, safe="/")
        return f"postgresql://{where}/{database}?{words}".rstrip("?")

    def create(self, databases: Sequence[str], template: str = "") -> dict[str, int]:
        """Databases, empty or as copies of another one that nobody is connected to; then what
        ``names`` answers."""
        copy = f'TEMPLATE "{template}"' if template else "TEMPLATE template0 ENCODING 'UTF8'"
        made = "".join(f'CREATE DATABASE "{one}" {copy};\n' for one in databases)
        return self._names(made)

    def shape(self, database: str) -> Shape:
        """What its catalogs hold."""
        return msgspec.json.decode(self._ask(database, catalog.SHAPE), type=Shape)

    def touches(self, database: str) -> tuple[Touch, ...]:
        """How often its relations were read and written since it was made."""
        wait = "" if self.version >= 150000 else "SELECT '' FROM pg_sleep(1.2);"
        text = self._ask(database, wait + catalog.TOUCHES)
        return msgspec.json.decode(text, type=tuple[Touch, ...])

    def trace(self, database: str) -> None:
        """From now on, write down what statements hold on what is there now."""
        self._ask(database, catalog.TRACE)

    def traced(self, database: str) -> tuple[Trace, Shape]:
        """What was written down, and what the catalogs hold. The database is then as if it had not
        been traced."""
        text = self._ask(database, catalog.TRACED + catalog.UNTRACE + catalog.SHAPE)
        trace, _, shape = text.partition("\n")
        return msgspec.json.decode(trace, type=Trace), msgspec.json.decode(shape, type=Shape)

    def names(self) -> dict[str, int]:
        """Every database of the server, with what tells it from one made again. Raises Unknown
        unless it is the server it was."""
        return self._names("")

    def _names(self, first: str) -> dict[str, int]:
        began, _, names = self._ask("", f"{first}{_NAMES}").partition("|")
        if began != self._began:
            raise Unknown("the throw-away PostgreSQL was restarted meanwhile")
        return msgspec.json.decode(names, type=dict[str, int])

    def query(self, database: str, sql: str) -> str:
        """What SQL of ours gives, as text."""
        return self._ask(database, sql)

    def clean(self, prefix: str) -> None:
        """Remove the databases with ``prefix`` in their name. A server that is gone has none."""
        with contextlib.suppress(Unknown):
            self._ask("", _DROP.format(prefix))

    def _ask(self, database: str, sql: str) -> str:
        url = self.url(database or self._parts.path.lstrip("/") or "postgres")
        argv = (self._psql, "-XAtqw", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-")
        try:
            ran = subprocess.run(
                argv,
                input=sql.encode(),
                capture_output=True,
                env=self._environment,
                timeout=_LIMIT,
                check=False,
            )
        except OSError as error:
            raise Unknown(f"psql cannot be run: {error}") from None
        except subprocess.TimeoutExpired:
            raise Unknown(f"the throw-away PostgreSQL gave no answer in {_LIMIT:g} s") from None
        if ran.returncode:
            words = " ".join(ran.stderr.decode("utf-8", "replace").split())[-_MOST_SAID:]
            raise Unknown(f"the throw-away PostgreSQL said no: {words}")
        return ran.stdout.decode("utf-8", "replace").strip()


def _program(path: str | None) -> str:
    """psql itself. Debian's on PATH is a script around it that takes five times as long."""
    debian = sorted(glob.glob("/usr/lib/postgresql/*/bin/psql"), key=_version)
    found = debian[-1] if debian else shutil.which("psql", path=path)
    if found is None:
        raise Unknown("PostgreSQL needs psql: apt install postgresql-client")
    return found


def _version(path: str) -> int:
    number = path.split("/")[-3]
    return int(number) if number.isdecimal() else 0


_BEGAN = (
    "SELECT extract(epoch FROM pg_postmaster_start_time())::text || '|' || "
    "current_setting('server_version_num');"
)
_NAMES = (
    "SELECT extract(epoch FROM pg_postmaster_start_time())::text || '|' || "
    "json_object_agg(datname, oid::bigint) FROM pg_database;"
)
_DROP = (
    "SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database "
    "WHERE strpos(datname, '{}') > 0 \\gexec\n"
)
