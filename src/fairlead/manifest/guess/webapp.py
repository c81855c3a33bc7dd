"""Python web applications found by their code: Flask, FastAPI, Starlette, any WSGI or ASGI app."""

import ast
import re
from collections.abc import Iterator, Mapping
from posixpath import basename

from fairlead.manifest.guess import celery, health, packages, tests
from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.repository import (
    Repository,
    best_health,
    called,
    is_health,
    text_of,
)
from fairlead.manifest.guess.servers import Application, below, serve

_CLASSES = {
    "Flask": "wsgi",
    "Bottle": "wsgi",
    "make_wsgi_app": "wsgi",
    "get_wsgi_application": "wsgi",
    "FastAPI": "asgi",
    "Starlette": "asgi",
    "Litestar": "asgi",
    "Quart": "asgi",
    "BlackSheep": "asgi",
    "get_asgi_application": "asgi",
}
_ARGUMENTS = {("environ", "start_response"): "wsgi", ("scope", "receive", "send"): "asgi"}
_FILES = ("wsgi.py", "asgi.py", "main.py", "app.py", "application.py", "server.py", "__init__.py")
_FACTORY = re.compile(r"(?:create|make|build|get)_(?:\w+_)?app(?:lication)?")


def look(repository: Repository) -> Draft | None:
    """The draft for the application that is most likely the one to serve; None without any."""
    found = sorted(_found(repository), key=_rank)
    if not found:
        return None
    kind, application = found[0]
    draft = Draft(f"{kind} ({application.path})")
    named = packages.packages(repository)
    packages.build(draft, repository)
    serve(draft, application, named, repository)
    _health(draft, repository)
    celery.roles(draft, repository, named)
    _migrate(draft, repository, named, application)
    tests.pytest(draft, repository, named, application.root)
    others = sorted({application.path for _, application in found[1:]} - {application.path})
    if others:
        draft.todo.append(f"there are other applications, in {', '.join(others[:5])}")
    return draft


def _found(repository: Repository) -> Iterator[tuple[str, Application]]:
    for path, tree in repository.python():
        for kind, interface, name, factory in _in(tree):
            module, root = repository.module(path)
            yield kind, Application(interface, module, name, root, path, factory)


def _in(tree: ast.Module) -> Iterator[tuple[str, str, str, bool]]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            kind = _made(node.value)
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if kind and isinstance(target, ast.Name):
                yield *kind, target.id, False
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function(node)


def _made(value: ast.expr) -> tuple[str, str] | None:
    name = called(value)
    if name == "App" and isinstance(value, ast.Call):
        return _falcon(ast.unparse(value.func))
    interface = _CLASSES.get(name)
    return (_article(name), interface) if interface else None


def _falcon(called_as: str) -> tuple[str, str] | None:
    if not called_as.startswith("falcon."):
        return None
    return "a Falcon app", "asgi" if ".asgi." in called_as else "wsgi"


def _article(name: str) -> str:
    plain = {
        "make_wsgi_app": "Pyramid",
        "get_wsgi_application": "WSGI",
        "get_asgi_application": "ASGI",
    }
    return f"{'an' if plain.get(name, name)[0] in 'A' else 'a'} {plain.get(name, name)} app"


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, str, str, bool]]:
    arguments = tuple(argument.arg for argument in node.args.args)
    interface = _ARGUMENTS.get(arguments)
    if interface and isinstance(node, ast.AsyncFunctionDef) == (interface == "asgi"):
        yield f"{'an ASGI' if interface == 'asgi' else 'a WSGI'} app", interface, node.name, False
    required = len(arguments) - len(node.args.defaults)
    if isinstance(node, ast.FunctionDef) and _FACTORY.fullmatch(node.name) and required == 0:
        kinds = (
            _made(x.value)
            for x in ast.walk(node)
            if isinstance(x, ast.Assign | ast.Return) and x.value
        )
        kind = next(filter(None, kinds), None)
        yield from [(*kind, node.name, True)] if kind else []


def _rank(found: tuple[str, Application]) -> tuple[bool, int, int, bool, str]:
    application = found[1]
    name = basename(application.path)
    place = _FILES.index(name) if name in _FILES else len(_FILES)
    usual = application.name in ("app", "application", "api")
    depth = application.path.removeprefix("src/").count("/")
    return application.factory, depth, place, not usual, application.path


def _health(draft: Draft, repository: Repository) -> None:
    found = {path: file for file, path in _routes(repository) if is_health(path)}
    best = best_health(list(found))
    if best:
        health.found(draft, best, f"{found[best]} answers it")
    else:
        health.stand_in(draft)


def _routes(repository: Repository) -> Iterator[tuple[str, str]]:
    for path, tree in repository.python():
        prefixes = dict(_prefixes(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args:
                route = text_of(node.args[0])
                if route and route.startswith("/") and called(node) in _ROUTES:
                    yield path, prefixes.get(_owner(node), "") + route


_ROUTES = ("route", "get", "api_route", "add_url_rule", "Route", "add_route", "add_api_route")


def _owner(node: ast.Call) -> str:
    holder = node.func.value if isinstance(node.func, ast.Attribute) else None
    return holder.id if isinstance(holder, ast.Name) else ""


def _prefixes(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """``router = APIRouter(prefix="/api")``: the prefix that a file's own routers have."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            for keyword in node.value.keywords:
                prefix = text_of(keyword.value)
                if keyword.arg in ("prefix", "url_prefix") and prefix:
                    yield from ((t.id, prefix) for t in node.targets if isinstance(t, ast.Name))


def _migrate(
    draft: Draft, repository: Repository, named: Mapping[str, str], application: Application
) -> None:
    if "flask-migrate" in named and repository.named("env.py"):
        command = below(application.root, f"flask --app {application.module} db upgrade")
        draft.add("migrate", "command", command, f"{named['flask-migrate']} names Flask-Migrate")
        draft.add("migrate", "files", ["**/versions/*.py"], "where Alembic keeps revisions")
    elif repository.has("alembic.ini"):
        command = below(application.root, "alembic upgrade head")
        draft.add("migrate", "command", command, "alembic.ini is there")
        draft.add("migrate", "files", ["**/versions/*.py"], "where Alembic keeps revisions")
    else:
        return
    name = _database(repository)
    draft.add("migrate", "database", name or "DATABASE_URL", "the code reads it" if name else "")
    draft.add(
        "environment.local.settings",
        name or "DATABASE_URL",
        "sqlite:///{data}/db.sqlite3",
        "{data} is a directory of this app's own that outlives releases",
    )
    if not name:
        draft.todo.append(
            "nothing here reads DATABASE_URL: [migrate] needs it to know what to back up"
        )


def _database(repository: Repository) -> str:
    pattern = re.compile(r"\b((?:\w+_)?(?:DATABASE|DB)_UR[IL])\b")
    texts = (text for path, text in sorted(repository.texts.items()) if path.endswith(".py"))
    found = (match[1] for text in texts for match in pattern.finditer(text))
    return next(
        (name for name in found if name != "SQLALCHEMY_DATABASE_URI" and name.isupper()), ""
    )
