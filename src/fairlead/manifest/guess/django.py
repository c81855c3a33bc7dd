"""Django: found by ``manage.py``, read from its settings."""

import ast
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from posixpath import dirname

from fairlead.manifest.guess import celery, health, packages, tests
from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.repository import (
    Repository,
    best_health,
    is_health,
    parsed,
    text_of,
)
from fairlead.manifest.guess.servers import Application, quoted, serve
from fairlead.manifest.guess.settings import Settings, settings
from fairlead.manifest.guess.urls import routes

_MODULE = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")
_SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|KEY|DSN|CREDENTIAL")
_ENDLESS = re.compile(r"while\s+(?:True|1|not\b)|\.sleep\(|\.wait\(")
_URL = "sqlite:///{data}/db.sqlite3"


@dataclass(frozen=True, slots=True)
class Project:
    """A Django project: where ``manage.py`` is, and what its settings module is called."""

    manage: str
    module: str
    stand_ins: str = ""  # assignments before a command that sees no settings

    @property
    def base(self) -> str:
        """The directory that modules are imported from."""
        return dirname(self.manage)

    def command(self, words: str) -> str:
        """A management command, where there are settings."""
        return f"python {quoted(self.manage)} {words}"

    def bare(self, words: str) -> str:
        """A management command, where there are none: in the build and in checks."""
        return self.standing(self.command(words))

    def standing(self, command: str) -> str:
        """A command with stand-ins for what the settings do not load without."""
        return f"env {self.stand_ins} {command}" if self.stand_ins else command


def look(repository: Repository) -> Draft | None:
    """The draft for a Django project; None when this is none."""
    for manage in repository.named("manage.py"):
        text = repository.text(manage)
        match = _MODULE.search(text)
        if match:
            return _draft(repository, Project(manage, match[1]))
        chosen = _chosen(repository, manage, text)
        if chosen:
            draft = _draft(repository, Project(manage, chosen))
            draft.todo.append(f"{manage} picks its settings as it runs; this takes {chosen}")
            return draft
    return None


def _chosen(repository: Repository, manage: str, text: str) -> str:
    """The settings module of a ``manage.py`` that works it out as it runs; "" for none.

    Of the module names it holds that are files here, one called settings, else the first.
    """
    if "DJANGO_SETTINGS_MODULE" not in text:
        return ""
    base = dirname(manage)
    paths = {name: posixpath.join(base, f"{name.replace('.', '/')}.py") for name in _names(text)}
    found = [name for name, path in paths.items() if repository.has(path)]
    return next((name for name in found if name.endswith(".settings")), (found or [""])[0])


def _names(text: str) -> list[str]:
    """The texts in a Python source that are dotted names, in order; none when it does not parse."""
    tree = parsed(text)
    values = [text_of(node) for node in ast.walk(tree)] if tree else []
    return [v for v in values if v and re.fullmatch(r"\w+(\.\w+)+", v)]


def _draft(repository: Repository, project: Project) -> Draft:
    draft = Draft(f"a Django project ({project.manage})")
    named = packages.packages(repository)
    server = _application(repository, project, named)
    said = settings(repository, project.base, _module(repository, project, server.path))
    project = replace(project, stand_ins=_stand_ins(said))
    packages.build(draft, repository)
    serve(draft, server, named, repository)
    _health(draft, repository, project, said)
    celery.roles(draft, repository, named, project.base)
    _checks(draft, repository, project, named)
    if said is None:
        draft.todo.append(f"the settings module {project.module} is not where it is imported from")
    else:
        _from_settings(draft, project, said)
    _one_module(draft, repository, project, server.path)
    _endless(draft, repository)
    return draft


def _stand_ins(said: Settings | None) -> str:
    """``NAME=value`` for each variable that the settings do not load without."""
    needed = said.must_have if said else ()
    url = said.database if said else ""
    return " ".join(f"{n}={'sqlite://:memory:' if n == url else 'stand-in'}" for n in needed)


def _endless(draft: Draft, repository: Repository) -> None:
    found = [
        path.rsplit("/", 1)[-1].removesuffix(".py")
        for path, text in sorted(repository.texts.items())
        if "/management/commands/" in path and _ENDLESS.search(text)
    ]
    if found and draft.value("role.worker", "command") is None:
        draft.todo.append(
            f"{', '.join(found)}: management commands that seem to run on and on; one that should "
            "always run wants a [role.NAME]"
        )


def _from_settings(draft: Draft, project: Project, said: Settings) -> None:
    _assets(draft, project, said)
    _migrate(draft, project, said)
    _environment(draft, said)
    _pitfalls(draft, said)


def _application(repository: Repository, project: Project, named: Mapping[str, str]) -> Application:
    wanted = _interface(named)
    interface = wanted if repository.named(f"{wanted}.py") else _other(repository, wanted)
    package = project.module.partition(".")[0]
    places = repository.named(f"{interface}.py")
    own = "/".join(filter(None, [project.base, package, f"{interface}.py"]))
    path = own if own in places or not places else places[0]
    inside = path.removeprefix(f"{project.base}/" if project.base else "")
    module = inside.removesuffix(".py").replace("/", ".")
    return Application(interface, module, "application", project.base, path)


def _interface(named: Mapping[str, str]) -> str:
    speaks = {"daphne", "uvicorn", "hypercorn"} & named.keys()
    wanted = "channels" in named or not {"gunicorn", "waitress", "uwsgi"} & named.keys()
    return "asgi" if speaks and wanted else "wsgi"


def _other(repository: Repository, wanted: str) -> str:
    other = "asgi" if wanted == "wsgi" else "wsgi"
    return other if repository.named(f"{other}.py") else wanted


def _module(repository: Repository, project: Project, server: str) -> str:
    match = _MODULE.search(repository.text(server))
    return match[1] if match else project.module


def _one_module(draft: Draft, repository: Repository, project: Project, server: str) -> None:
    module = _module(repository, project, server)
    if module != project.module:
        why = f"{server} takes these settings and {project.manage} takes {project.module}: one for both"
        draft.add("environment.local.settings", "DJANGO_SETTINGS_MODULE", module, why)


def _health(draft: Draft, repository: Repository, project: Project, said: Settings | None) -> None:
    conf = said.literal("ROOT_URLCONF") if said else ""
    paths = (
        [path for path in routes(repository, project.base, conf) if is_health(path)] if conf else []
    )
    best = best_health(paths)
    if best:
        health.found(draft, f"/{best.lstrip('/')}", f"{conf} answers it")
    else:
        health.stand_in(draft)


def _assets(draft: Draft, project: Project, said: Settings) -> None:
    directory = said.directory("STATIC_ROOT")
    url = said.literal("STATIC_URL") or "/static/"
    if directory and not url.startswith(("http:", "https:", "//")):
        command = project.bare("collectstatic --noinput")
        draft.add("build", "commands", [command], f"{said.path} sets STATIC_ROOT")
        draft.add("build.assets", "url", f"/{url.strip('/')}/", f"{said.path}: STATIC_URL")
        draft.add("build.assets", "directory", directory, f"{said.path}: STATIC_ROOT")
    elif "django.contrib.staticfiles" in said.text:
        draft.todo.append(
            f"static files are not served: {said.path} sets no STATIC_ROOT below the repository; "
            "set it, collect in build.commands, and name it in [build.assets]"
        )


def _migrate(draft: Draft, project: Project, said: Settings) -> None:
    if "DATABASES" not in said.values and not said.database:
        return
    draft.add("migrate", "command", project.command("migrate --noinput"), "Django's own")
    where = f"{project.base}/**/migrations/*.py" if project.base else "**/migrations/*.py"
    draft.add("migrate", "files", [where], "where Django keeps migrations")
    name = said.database or "DATABASE_URL"
    why = f"{said.path} reads the database's URL from it" if said.database else ""
    draft.add("migrate", "database", name, why)
    draft.add(
        "environment.local.settings",
        name,
        _URL,
        "{data} is a directory of this app's own that outlives releases",
    )
    if not said.database:
        draft.todo.append(_no_url(said))


def _no_url(said: Settings) -> str:
    if said.sqlite_inside:
        return (
            f"{said.path} keeps SQLite inside the repository: every release would start with an "
            "empty database. Read its place from DATABASE_URL (dj-database-url does)"
        )
    return (
        f"{said.path} does not read DATABASE_URL: [migrate] needs it to know what to back up; "
        "set it to the database that the settings name"
    )


def _environment(draft: Draft, said: Settings) -> None:
    given = {said.database}
    needed = [name for name in said.must_have if name not in given]
    if needed:
        draft.todo.append(
            f"{said.path} does not load without {', '.join(needed)}: the environment's settings "
            "must give a value (the build and the checks see none, so they get stand-ins)"
        )
    secret = [name for name in said.reads if _SECRET.search(name) and name not in given]
    if secret:
        draft.todo.append(f"{', '.join(secret)}: may be secret, so not in this file")
    other = [n for n in said.reads if n not in {*given, *needed, *secret}]
    if other:
        draft.todo.append(f"{said.path} also reads {', '.join(other)}")


def _pitfalls(draft: Draft, said: Settings) -> None:
    debug = said.values.get("DEBUG")
    if isinstance(debug, ast.Constant) and debug.value is True:
        draft.todo.append(f"{said.path} sets DEBUG = True: never for users")
    hosts = said.values.get("ALLOWED_HOSTS")
    if isinstance(hosts, ast.List) and hosts.elts and not _local(hosts):
        draft.todo.append(
            f"{said.path}: ALLOWED_HOSTS lacks localhost, which the health path is asked as"
        )
    redirect = said.values.get("SECURE_SSL_REDIRECT")
    if isinstance(redirect, ast.Constant) and redirect.value is True:
        draft.todo.append(
            f"{said.path}: SECURE_SSL_REDIRECT answers the health path with a redirect; "
            "exempt it with SECURE_REDIRECT_EXEMPT"
        )


def _local(hosts: ast.List) -> bool:
    literal = [e.value for e in hosts.elts if isinstance(e, ast.Constant)]
    return len(literal) < len(hosts.elts) or bool({"*", "localhost", ".localhost"} & set(literal))


def _checks(
    draft: Draft, repository: Repository, project: Project, named: Mapping[str, str]
) -> None:
    draft.add("check.django", "command", project.bare("check"), "Django's own questions")
    draft.add(
        "check.migrations",
        "command",
        project.bare("makemigrations --check --dry-run"),
        "fails when a model changed and no migration says so",
    )
    if "pytest" in named:
        tests.pytest(draft, repository, named, project.base, project.stand_ins)
    elif repository.tested():
        draft.add("check.tests", "command", project.bare("test"), "it has tests")
