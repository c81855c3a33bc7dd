"""The keys of the questions that Fairlead itself can ask of a change: one table per kind."""

from fairlead.manifest import questions
from fairlead.manifest.kinds import Command, Flag, ListOf, OneOf, Pairs, Size, Text
from fairlead.manifest.paths import DIRECTORY, FIELD, FILE, GLOB
from fairlead.manifest.tables import Choice, Field, Table

GLOBS = ListOf(GLOB, "globs")
# BCP 47 (RFC 5646, 2.1), as file names write it too: pt_BR, zh-Hant-TW.
LANGUAGE = Text('a language, such as "de" or "pt-BR"', r"[A-Za-z]{2,3}(?:[-_@][A-Za-z0-9]{2,8})*")
VARIABLE = Text("the name of a variable", "[A-Za-z_][A-Za-z0-9_]*")
# OpenAPI 3.1.1, 4.8.9.1: the methods a path can have.
OPERATION = Text(
    'an operation, such as "GET /api/levels"',
    r"(?:GET|PUT|POST|DELETE|OPTIONS|HEAD|PATCH|TRACE) /\S*",
)


LOCALIZATION = Table(
    'check.NAME.question kind = "localization"',
    questions.Localization,
    "Whether the catalogs say in every language what the source says: gettext, Apple, Android and "
    "JSON catalogs.",
    (
        Field("files", GLOBS, "The catalogs. Left out: every one that is found.", '["locale/**"]'),
        Field("source", LANGUAGE, "The language that the others are compared with.", '"en"'),
        Field(
            "languages",
            ListOf(LANGUAGE, "languages"),
            "Languages that must be whole. Left out: those that are found.",
            '["de", "fr"]',
        ),
        Field("code", GLOBS, "Files whose keys must be in the source.", '["src/**/*.py"]'),
        Field("documents", GLOBS, "Documents whose keys must be in the source.", '["docs/*.md"]'),
    ),
)

API = Table(
    'check.NAME.question kind = "api"',
    questions.Api,
    "Whether the API still serves every client that is in use: compared with the contract of every "
    "release that is still served. Either `contract` or `command`.",
    (
        Field("contract", FILE, "OpenAPI 3.0 or 3.1, or a GraphQL schema.", '"openapi.yaml"'),
        Field("command", Command(), "Prints it.", '"python manage.py spectacular"'),
        Field(
            "fresh",
            Pairs(OPERATION, ListOf(FIELD, "JSON fields", least=1), "operations and fields"),
            "What the answers of an operation must say of their own age.",
            '{ "GET /api/levels" = ["generated_at", "observed_at", "freshness", "status"] }',
        ),
    ),
)

MIGRATIONS = Table(
    'check.NAME.question kind = "migrations"',
    questions.Migrations,
    "Whether the release before works on the new schema: the migrations are run on a throw-away "
    "PostgreSQL, and its tests after them.",
    (
        Field("tool", OneOf(("django", "alembic", "sql")), "Left out: the one that is found."),
        Field("files", GLOBS, "The migrations. Left out: `migrate.files`."),
        Field("tests", Command(), "Tries the code on a database.", '"python manage.py test"'),
        Field("lags", Flag(), "New code may run on the old schema for a while: that is tried too."),
        Field("setting", VARIABLE, "The variable with the database's URL.", '"DATABASE_URL"'),
    ),
)

OBJECTS = Table(
    'check.NAME.question kind = "objects"',
    questions.Objects,
    "Whether files are valid objects of Kubernetes.",
    (
        Field(
            "files",
            GLOBS,
            "The files. Left out, with `kustomize`: every one that holds objects.",
            '["deploy/*.yaml"]',
        ),
        Field(
            "kustomize",
            ListOf(DIRECTORY, "directories"),
            "Directories that kustomize builds first.",
            '["deploy/production"]',
        ),
        Field("version", Text("a version, such as 1.31", r"1\.[0-9]+"), "Of Kubernetes.", '"1.31"'),
    ),
)

SECRETS = Table(
    'check.NAME.question kind = "secrets"',
    questions.Secrets,
    "Whether the tree holds keys, tokens or passwords.",
    (
        Field(
            "except",
            GLOBS,
            "Files where what looks like one is none.",
            '["tests/**"]',
            to="except_",
        ),
    ),
)

SIZE = Table(
    'check.NAME.question kind = "size"',
    questions.Size,
    "Whether what was built is small enough. Whether its copies fit where they go is asked by `plans`.",
    (Field("artifact", Size(), "The most that may be built, in bytes.", '"200M"'),),
)

OVERLAYS = Table(
    'check.NAME.question kind = "overlays"',
    questions.Overlays,
    "Whether each environment's overlay still applies.",
    (),
)

PLANS = Table(
    'check.NAME.question kind = "plans"',
    questions.Plans,
    "What would happen in each environment, in sentences. It fails where that would not go: for want "
    "of memory or disk, say.",
    (),
)

QUESTION = Choice(
    {
        "localization": LOCALIZATION,
        "api": API,
        "migrations": MIGRATIONS,
        "objects": OBJECTS,
        "secrets": SECRETS,
        "size": SIZE,
        "overlays": OVERLAYS,
        "plans": PLANS,
    }
)
