"""Databases in PostgreSQL, each with a role of its own that may do nothing besides.

The server never hears the role's password: it is told what it needs to check one (SCRAM-SHA-256,
RFC 5802 and 7677; PostgreSQL stores exactly that), so that no log of its statements has it.
"""

import base64
import hashlib
import hmac
import os
import secrets
import urllib.parse
from pathlib import Path

from fairlead.base.errors import FairleadError, NotFound, Refused, UsageError
from fairlead.base.secret import Secret
from fairlead.database.model import Asked, DatabaseSeen
from fairlead.drivers._postgres import Client, is_url, plain_environment, variables

SOCKETS = Path("/var/run/postgresql")
"""Where Debian's clusters have their sockets."""
SUPERUSER = "postgres"
_ROUNDS = 4096  # RFC 7677's least, and PostgreSQL's own
_LEAST_CONNECTIONS = 10
_LOCAL = {"*", "localhost", "127.0.0.1", "0.0.0.0"}  # noqa: S104  compared with, not listened on


class PostgresDatabases:
    """The Databases port. ``sockets`` is where this machine's own server is reached."""

    def __init__(self, sockets: Path = SOCKETS) -> None:
        self._sockets = sockets

    def here(self) -> bool:
        """See ``Databases``. Only root may become the superuser of a local server."""
        return os.getuid() == 0 and bool(self._ports())

    def make(self, asked: Asked, admin: Secret | None) -> Secret:
        """See ``Databases``."""
        client = self._admin(admin)
        facts = _Facts(client)
        there = _there(client, asked)
        password = secrets.token_urlsafe(32)
        client.query(_role(asked, _verifier(password), facts, new=not there[0]))
        if not there[1]:
            client.query(_database(asked, facts))
        client.query(f"""
            COMMENT ON DATABASE {_name(asked.database)} IS {_text(asked.note)};
            REVOKE ALL ON DATABASE {_name(asked.database)} FROM PUBLIC;
        """)
        client.within(asked.database).query(f"""
            REVOKE ALL ON SCHEMA public FROM PUBLIC;
            GRANT ALL ON SCHEMA public TO {_name(asked.role)};
        """)
        url = self._url(asked, password, admin, facts)
        _try_out(url, asked)
        return url

    def seen(self, url: Secret) -> DatabaseSeen:
        """See ``Databases``."""
        text = url.reveal()
        if text.startswith("sqlite:"):
            path = Path("/" + urllib.parse.unquote(urllib.parse.urlsplit(text).path).lstrip("/"))
            size = path.stat().st_size if path.is_file() else 0
            return DatabaseSeen("sqlite", path.name, str(path), size)
        if not is_url(text):
            raise UsageError("not the URL of a database that is known here", "postgres or sqlite")
        client = Client(variables(text))
        ((name, role, bytes_, count, most, version),) = client.query(_SEEN)
        at = ":".join(client.environment.get(key, "") for key in ("PGHOST", "PGPORT")).strip(":")
        kind = "postgres"
        return DatabaseSeen(kind, name, at, int(bytes_), role, version, int(count), int(most))

    def _ports(self) -> list[int]:
        found = (path.name.rpartition(".")[2] for path in self._sockets.glob(".s.PGSQL.*"))
        return sorted(int(port) for port in found if port.isdigit())

    def _admin(self, admin: Secret | None) -> Client:
        if admin is not None:
            if not is_url(admin.reveal()):
                raise UsageError("not the URL of a PostgreSQL server", "postgres://admin@host/db")
            return Client(variables(admin.reveal()))
        if not self.here():
            what = f"there is no PostgreSQL here that we may make a database in: {self._sockets}"
            hint = "apt install postgresql, as root; or give the URL of one with --admin"
            raise NotFound(what, hint)
        here = {"PGHOST": str(self._sockets), "PGPORT": str(self._ports()[0])}
        named = {"PGUSER": SUPERUSER, "PGDATABASE": SUPERUSER}
        return Client({**plain_environment(), **here, **named}, user=SUPERUSER)

    def _url(self, asked: Asked, password: str, admin: Secret | None, facts: "_Facts") -> Secret:
        """As the admin reached the server; of our own machine's by loopback where it listens."""
        who = f"{asked.role}:{password}"
        if admin is not None:
            parts = urllib.parse.urlsplit(admin.reveal())
            where = parts.netloc.rpartition("@")[2]
            query = urllib.parse.urlencode(
                [(k, v) for k, v in urllib.parse.parse_qsl(parts.query) if k in _KEPT]
            )
            return Secret(
                f"postgres://{who}@{where}/{asked.database}" + (f"?{query}" * bool(query))
            )
        if facts.listens:
            return Secret(f"postgres://{who}@127.0.0.1:{facts.port}/{asked.database}")
        query = urllib.parse.urlencode({"host": str(self._sockets), "port": facts.port})
        return Secret(f"postgres://{who}@/{asked.database}?{query}")


_KEPT = ("host", "port", "sslmode", "sslrootcert")


class _Facts:
    """What is asked of a server first."""

    def __init__(self, client: Client) -> None:
        ((superuser, most, listening, port, encoding),) = client.query(_FACTS)
        self.superuser = superuser == "t"
        self.most = max(_LEAST_CONNECTIONS, int(most) // 2)
        self.listens = bool({one.strip() for one in listening.split(",")} & _LOCAL)
        self.port = int(port)
        self.unicode = encoding == "UTF8"


_FACTS = """
SELECT rolsuper, current_setting('max_connections')::int
 - current_setting('superuser_reserved_connections')::int,
 current_setting('listen_addresses'), current_setting('port'),
 (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'template1')
FROM pg_roles WHERE rolname = current_user;
"""

_SEEN = """
SELECT current_database(), current_user, pg_database_size(current_database()),
 (SELECT count(*) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()),
 rolconnlimit, current_setting('server_version')
FROM pg_roles WHERE rolname = current_user;
"""


def _there(client: Client, asked: Asked) -> tuple[bool, bool]:
    """Whether the role and the database are there. Raises Refused for those that are not ours."""
    roles = client.query(
        f"SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles "  # noqa: S608
        f"WHERE rolname = {_text(asked.role)};"
    )
    databases = client.query(
        f"SELECT coalesce(shobj_description(oid, 'pg_database'), ''), pg_get_userbyid(datdba) "  # noqa: S608
        f"FROM pg_database WHERE datname = {_text(asked.database)};"
    )
    if roles and roles[0][0] != asked.note:
        _refuse("role", asked.role)
    # Killed between the two, it is owned by our role and has no comment yet.
    if databases and asked.note != databases[0][0] and asked.role != databases[0][1]:
        _refuse("database", asked.database)
    return bool(roles), bool(databases)


def _refuse(kind: str, name: str) -> None:
    what = f"a {kind} of that name is there that Fairlead did not make for this place: {name}"
    raise Refused(what, "rename it, or give its URL: fairlead secret set PLACE DATABASE_URL")


def _role(asked: Asked, verifier: str, facts: _Facts, *, new: bool) -> str:
    """It may log in. It may make neither databases nor roles, and is nobody's master."""
    name = _name(asked.role)
    what = "CREATE" if new else "ALTER"
    least = "NOSUPERUSER NOCREATEDB NOCREATEROLE" if new or facts.superuser else ""
    # Who is not the superuser gives a database only to a role that he is a member of.
    member = "" if facts.superuser else f"GRANT {name} TO CURRENT_USER;"
    return f"""
        BEGIN;
        {what} ROLE {name} LOGIN {least} CONNECTION LIMIT {facts.most} PASSWORD {_text(verifier)};
        COMMENT ON ROLE {name} IS {_text(asked.note)};
        {member}
        COMMIT;
    """


def _database(asked: Asked, facts: _Facts) -> str:
    """In UTF-8, also where the server was set up without a locale (as in many containers)."""
    text = "" if facts.unicode else "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
    return f"CREATE DATABASE {_name(asked.database)} OWNER {_name(asked.role)} {text};"


def _try_out(url: Secret, asked: Asked) -> None:
    try:
        Client(variables(url.reveal())).query("SELECT 1;")
    except FairleadError as error:
        what = f"{asked.role} was made and cannot use its database: {error.what}"
        hint = "let it in with its password (scram-sha-256) in pg_hba.conf, and try again"
        raise FairleadError(what, hint) from None


def _verifier(password: str) -> str:
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = (salt, hashlib.sha256(client).digest(), server)
    salt_text, stored, served = (base64.b64encode(part).decode() for part in parts)
    return f"SCRAM-SHA-256${_ROUNDS}:{salt_text}${stored}:{served}"


def _name(name: str) -> str:
    """An identifier (sql-syntax-lexical)."""
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    """A string; a backslash in it is itself (standard_conforming_strings)."""
    return "'" + text.replace("'", "''") + "'"
