"""What a Django app's settings say of its state, and what must change for releases: pure.

A release lies in a directory of its own, which nobody writes to and which is another each time.
So what the settings place beside the code (an SQLite file, collected static files) is placed
where it is now, or in the release; nothing else of the settings is touched.
"""

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from fairlead.adopt import literals
from fairlead.adopt.literals import Change
from fairlead.adopt.model import At, Kept, Plain, Rewrite, Sealed, Unread
from fairlead.adopt.secretlike import has_password
from fairlead.base.secret import Secret
from fairlead.manifest.guess.repository import parsed, text_of
from fairlead.manifest.guess.settings import parts_of

_MODULE = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")
_BESIDE = ("base", "common", "defaults", "local", "local_settings", "settings_local", "production")
_URL = re.compile(r"dj_database_url|\benv\.db\(|DATABASE_UR[IL]")
SQLITE = "SQLITE_PATH"
"""The variable that says where the SQLite file is, where the settings place it by the code."""
_ENGINES = {"postgresql": "postgres", "postgresql_psycopg2": "postgres", "postgis": "postgres"}


@dataclass
class Settled:
    """What was found, and the files with their changes."""

    changes: dict[str, list[Change]] = field(default_factory=dict)
    rewrites: list[Rewrite] = field(default_factory=list)
    secrets: list[Sealed] = field(default_factory=list)
    settings: list[Plain] = field(default_factory=list)
    state: list[Kept] = field(default_factory=list)
    unclear: list[Unread] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    static: str = ""
    database: str = ""


class Django:
    """The settings of one app: ``texts`` by path, as they will be in the overlay."""

    def __init__(self, clone: str, texts: Mapping[str, str], variables: Mapping[str, str]) -> None:
        self._clone = clone
        self._texts = texts
        self._variables = variables
        self._manage = min(
            (p for p in texts if posixpath.basename(p) == "manage.py"), key=len, default=""
        )
        self.base = posixpath.dirname(self._manage)
        self.files = tuple(self._files())

    def _files(self) -> Iterator[str]:
        """The files that make the settings, the one that counts last at the end."""
        module = self._variables.get("DJANGO_SETTINGS_MODULE", "")
        for name in ("wsgi.py", "asgi.py", "manage.py"):
            for path in sorted(self._texts, key=len):
                found = _MODULE.search(self._texts[path])
                if not module and posixpath.basename(path) == name and found:
                    module = found[1]
        stem = posixpath.join(self.base, *module.split(".")) if module and self._manage else ""
        main = next((p for p in (f"{stem}.py", f"{stem}/__init__.py") if p in self._texts), "")
        if not main:
            return
        beside = [f"{posixpath.dirname(main)}/{name}.py".lstrip("/") for name in _BESIDE]
        first = [p for p in beside[:3] if p in self._texts and p != main]
        last = [p for p in beside[3:] if p in self._texts and p != main and self._reads(main, p)]
        yield from (*first, main, *last)

    def _reads(self, main: str, other: str) -> bool:
        stem = posixpath.basename(other).removesuffix(".py")
        return (
            re.search(rf"\bimport\b.*\b{stem}\b|\b{stem}\b\s+import", self._texts[main]) is not None
        )

    def leaves(self) -> dict[str, tuple[str, ast.expr]]:
        """``DATABASES.default.NAME`` and the like: the file, and the value that counts."""
        found: dict[str, tuple[str, ast.expr]] = {}
        for path in self.files:
            tree = parsed(self._texts[path])
            for target, value in literals.assigned(tree) if tree else ():
                if isinstance(value, ast.Dict):  # it takes the place of what was there
                    found = {k: v for k, v in found.items() if not k.startswith(f"{target}.")}
                for name, leaf in literals.leaves(target, value):
                    found[name] = (path, leaf)
        return found

    def settled(self, asked: Mapping[str, str]) -> Settled:
        """What the settings come to. ``asked`` is what the app's own Python said of them."""
        done, leaves = Settled(), self.leaves()
        for path in self.files:
            if parsed(self._texts[path]) is None:
                done.unclear.append(Unread(path, "it is not Python that can be read"))
        if not self.files:
            return done
        if _URL.search("\n".join(self._texts[path] for path in self.files)):
            done.database = "url"
        else:
            self._database(done, leaves, asked)
        self._media(done, leaves)
        self._static(done, leaves)
        self._hosts(done, leaves)
        return done

    def _at(self, path: str, node: ast.expr) -> At:
        return At(posixpath.join(self._clone, path), node.lineno)

    def _place(self, node: ast.expr) -> str:
        """The absolute path that a value is, taking BASE_DIR for the directory of manage.py."""
        said = literals.value_of(node, self._variables)
        parts = [said] if said is not None else parts_of(node)
        # os.path.join(BASE_DIR, …) and BASE_DIR / …: what is not plain to see adds no part.
        return posixpath.normpath(posixpath.join(self._clone, self.base, *parts)) if parts else ""

    def _database(
        self, done: Settled, leaves: Mapping[str, tuple[str, ast.expr]], asked: Mapping[str, str]
    ) -> None:
        known = {
            key: found
            for key in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
            if (found := self._said(f"DATABASES.default.{key}", leaves, asked)) is not None
        }
        engine = known.get("ENGINE", "").rpartition(".")[2]
        if engine == "sqlite3":
            self._sqlite(done, leaves, asked)
        elif engine in _ENGINES and known.get("NAME"):
            self._postgres(done, leaves, known)
        elif "DATABASES.default.ENGINE" in leaves or engine:
            what = f"the database ({engine or 'its engine is not plain to see'})"
            why = "give DATABASE_URL in secrets.env, or say backup = false in [migrate]"
            done.unclear.append(Unread(what, why))

    def _said(
        self, name: str, leaves: Mapping[str, tuple[str, ast.expr]], asked: Mapping[str, str]
    ) -> str | None:
        if name in asked:
            return asked[name]
        return literals.value_of(leaves[name][1], self._variables) if name in leaves else None

    def _sqlite(
        self, done: Settled, leaves: Mapping[str, tuple[str, ast.expr]], asked: Mapping[str, str]
    ) -> None:
        path, node = leaves.get("DATABASES.default.NAME", ("", None))
        place = asked.get("DATABASES.default.NAME") or (self._place(node) if node else "")
        if not place or node is None:
            done.unclear.append(Unread("the SQLite file", "its place is not plain to see"))
            return
        done.database = "sqlite"
        at, why = self._at(path, node), f"{path}:{node.lineno}: it stays where it is"
        directory, file = posixpath.split(place)
        kept = self._kept("the SQLite database", directory, at)
        if kept.name:
            done.state.append(kept)
            url = f"sqlite:///{{data}}/{kept.name}/{file}"
            done.settings.append(Plain("DATABASE_URL", url, why))
            return
        done.state.append(Kept("the SQLite database", place, at))
        done.settings.append(Plain("DATABASE_URL", f"sqlite:///{place}", why))
        if text_of(node) != place and f"{self._clone}/" in f"{place}/":
            done.settings.append(Plain(SQLITE, place, why))
            self._default(done, path, node, SQLITE, "the SQLite file's place")

    def _kept(self, what: str, directory: str, at: At) -> Kept:
        """A directory; by a name of its own where it is in the clone and holds no code."""
        tree = directory.removeprefix(f"{self._clone}/")
        code = any(path.startswith(f"{tree}/") for path in self._texts)
        if tree == directory or tree == self.base or code:
            return Kept(what, directory, at)
        return Kept(what, directory, at, re.sub(r"[^a-z0-9]+", "-", tree.lower()).strip("-"), tree)

    def _default(self, done: Settled, path: str, node: ast.expr, name: str, what: str) -> None:
        """The value is read from a variable, and stays the default."""
        now = ast.get_source_segment(self._texts[path], node) or ast.unparse(node)
        text = f'os.environ.get("{name}", {now})'
        done.changes.setdefault(path, []).append(literals.span(node, text))
        said = f'{what} is read from os.environ["{name}"], else as before'
        done.rewrites.append(Rewrite(self._at(path, node), said))

    def _postgres(
        self, done: Settled, leaves: Mapping[str, tuple[str, ast.expr]], known: Mapping[str, str]
    ) -> None:
        done.database = "postgres"
        where = leaves.get("DATABASES.default.NAME")
        at = self._at(*where) if where else At("what the app's own Python said")
        url = _url(known)
        why = "made of DATABASES, for the backup before a migration"
        if has_password(url):
            done.secrets.append(Sealed("DATABASE_URL", Secret(url), why, at))
        else:
            done.settings.append(Plain("DATABASE_URL", url, f"{at}: {why}"))
        if not known.get("PASSWORD"):
            user = f" {known['USER']}" if known.get("USER") else ""
            done.by_hand.append(
                f"the database is reached without a password ({at}): on a server the copies run "
                f"as a user of their own, whom PostgreSQL must let in as{user or ' that role'} "
                "(pg_hba.conf, pg_ident.conf), or give the role a password"
            )

    def _media(self, done: Settled, leaves: Mapping[str, tuple[str, ast.expr]]) -> None:
        if "MEDIA_ROOT" not in leaves:
            return
        path, node = leaves["MEDIA_ROOT"]
        place = self._place(node)
        if not place:
            done.unclear.append(Unread("MEDIA_ROOT", f"{path}:{node.lineno}: not plain to see"))
            return
        done.state.append(self._kept("uploaded media", place, self._at(path, node)))

    def _static(self, done: Settled, leaves: Mapping[str, tuple[str, ast.expr]]) -> None:
        if "STATIC_ROOT" not in leaves:
            return
        path, node = leaves["STATIC_ROOT"]
        done.static = place = self._place(node)
        if place.startswith(f"{self._clone}/") or not place:
            return
        where = leaves["BASE_DIR"][0] if "BASE_DIR" in leaves else ""
        if not where or (where != path and "import *" not in self._texts[path]):
            why = f"{path}:{node.lineno}: it lies outside the code, where a build cannot collect"
            done.unclear.append(Unread("STATIC_ROOT", why))
            return
        text = 'os.path.join(str(BASE_DIR), "staticfiles")'
        done.changes.setdefault(path, []).append(literals.span(node, text))
        what = "STATIC_ROOT is staticfiles beside the code, so that each release has its own"
        done.rewrites.append(Rewrite(self._at(path, node), what))

    def _hosts(self, done: Settled, leaves: Mapping[str, tuple[str, ast.expr]]) -> None:
        """The health path is asked as localhost."""
        path, node = leaves.get("ALLOWED_HOSTS", ("", None))
        if not isinstance(node, ast.List) or not node.elts:
            return
        said = [text_of(element) for element in node.elts]
        if None in said or {"*", "localhost", ".localhost"} & set(said):
            return
        change = literals.after(node.elts[-1], ', "localhost"')
        done.changes.setdefault(path, []).append(change)
        what = 'ALLOWED_HOSTS has "localhost" too: the health path is asked as that'
        done.rewrites.append(Rewrite(self._at(path, node), what))


def _url(known: Mapping[str, str]) -> str:
    """A database's URL as libpq reads it; a directory of sockets is a parameter."""
    user, password = known.get("USER", ""), known.get("PASSWORD", "")
    who = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    host, port = known.get("HOST", ""), known.get("PORT", "")
    name = quote(known.get("NAME", ""), safe="")
    at = f"{who}@" if who else ""
    if host.startswith("/"):
        return f"postgres://{at}/{name}?host={quote(host, safe='')}"
    return f"postgres://{at}{host}{f':{port}' if port and host else ''}/{name}"
