"""Fairlead's own questions, as checks, where a repository has what they are about."""

import re
from posixpath import dirname

from fairlead.manifest.guess import packages
from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.repository import Repository

# What is there to try the code with is not what it ships.
_ASIDE = re.compile(
    r"(?:^|/)(?:tests?|testing|fixtures?|testdata|examples?|samples?|node_modules|site-packages)/"
)
_LANGUAGE = r"[a-z]{2,3}(?:[-_](?:[A-Z]{2}|[A-Z][a-z]{3}))?"
_CATALOG = re.compile(
    r"(?:.*/)?(?:"
    r"[^/]+/LC_MESSAGES/[^/]+\.po"  # gettext
    rf"|(?:po|locales?|i18n|translations)/{_LANGUAGE}\.po"
    r"|[^/]+\.xcstrings|[^/]+\.lproj/[^/]+\.strings(?:dict)?"  # Apple
    r"|res/values[^/]*/strings\.xml"  # Android
    rf"|(?:locales?|i18n|lang|translations|messages)/(?:{_LANGUAGE}\.json|{_LANGUAGE}/[^/]+\.json)"
    r")"
)
_ENGLISH = re.compile(r"(?:^|/)en(?:[-_][A-Z]{2})?[./]|\.xcstrings$|/values/")
_CONTRACT = re.compile(r"(?:.*/)?(?:openapi|swagger)(?:[.-]v?\d[\w.]*)?\.(?:ya?ml|json)")
_GRAPHQL = re.compile(r"(?:.*/)?schema\.(?:graphqls?|gql)")
_OBJECTS = re.compile(r"(?:.*/)?(?:k8s|kubernetes|manifests)/(?:.*/)?[^/]+\.ya?ml")
_KUSTOMIZATION = re.compile(r"(?:.*/)?kustomization\.ya?ml")
_POSTGRES = frozenset({"psycopg", "psycopg2", "psycopg2-binary", "psycopg-binary", "asyncpg"})


def add(draft: Draft, repository: Repository) -> None:
    """Propose the questions that apply; those about every repository last."""
    paths = [path for path in repository.paths if not _ASIDE.search(path)]
    _texts(draft, paths)
    _api(draft, repository, paths)
    _schema(draft, repository)
    _objects(draft, paths)
    _ask(draft, "secrets", "secrets", "whether a key or a password was committed")
    _ask(draft, "overlays", "overlays", "whether what environments lay over it still applies")
    _ask(draft, "plans", "plans", "what would happen in each environment")


def _texts(draft: Draft, paths: list[str]) -> None:
    found = [path for path in paths if _CATALOG.fullmatch(path)]
    if not found:
        return
    _ask(draft, "texts", "localization", f"{found[0]} is a catalog")
    if not any(map(_ENGLISH.search, found)):
        draft.todo.append(
            'check.texts compares every language with English: source = "…" if that is another'
        )


def _api(draft: Draft, repository: Repository, paths: list[str]) -> None:
    kinds = (_CONTRACT, _GRAPHQL)
    found = [path for kind in kinds for path in paths if kind.fullmatch(path)]
    for number, path in enumerate(sorted(found, key=lambda path: (path.count("/"), path))[:5]):
        name = "api" if not number else f"api-{number + 1}"
        asked = {"kind": "api", "contract": path}
        _ask(draft, name, asked, f"{path} is there: does it still serve every client in use?")
    django = draft.value("check.django", "command")
    given = packages.given(repository) if draft.value("build", "kind") == "python" else {}
    if not found and django and "drf-spectacular" in given:
        command = django.removesuffix(" check") + " spectacular"
        why = f"{given['drf-spectacular']} names drf-spectacular, which prints it"
        _ask(draft, "api", {"kind": "api", "command": command}, why)


def _schema(draft: Draft, repository: Repository) -> None:
    command = draft.value("migrate", "command") or ""
    tool = next((name for name in ("django", "alembic") if _by(name, command)), "")
    given = packages.given(repository) if tool else {}
    driver = next((name for name in sorted(_POSTGRES & given.keys())), "")
    if not driver:
        return
    asked = {"kind": "migrations", "tool": tool}
    setting = draft.value("migrate", "database") or "DATABASE_URL"
    tests = draft.value("check.tests", "command")
    if tests:  # with the database that it is given, and not with a stand-in
        asked["tests"] = re.sub(rf"(?<=\s){re.escape(setting)}=\S* ", "", tests)
    if setting != "DATABASE_URL":
        asked["setting"] = setting
    why = f"{given[driver]} names {driver}: the release before must work on the new schema"
    _ask(draft, "schema", asked, why)
    draft.todo.append("check.schema runs a PostgreSQL of its own: apt install postgresql")


def _by(tool: str, command: str) -> bool:
    patterns = {
        "django": r"manage\.py\W* migrate\b",
        "alembic": r"\balembic upgrade\b|\bflask .*db ",
    }
    return re.search(patterns[tool], command) is not None


def _objects(draft: Draft, paths: list[str]) -> None:
    built = sorted({dirname(path) for path in paths if _KUSTOMIZATION.fullmatch(path)})
    plain = [
        path for path in paths if _OBJECTS.fullmatch(path) and not _KUSTOMIZATION.fullmatch(path)
    ]
    loose = [path for path in plain if not any(path.startswith(f"{one}/") for one in built)]
    asked: dict[str, object] = {"kind": "objects"}
    if loose:
        asked["files"] = sorted({f"{dirname(path)}/*.{path.rsplit('.', 1)[1]}" for path in loose})
    if any(built):
        asked["kustomize"] = [directory for directory in built if directory]
    if len(asked) > 1:
        _ask(draft, "objects", asked, f"{(loose or built)[0]}: whether Kubernetes would take them")


def _ask(draft: Draft, name: str, asked: object, why: str) -> None:
    if f"check.{name}" not in draft.tables:
        draft.add(f"check.{name}", "question", asked, why)
