"""Questions that Fairlead itself can ask of a change, as frozen values. Times are seconds.

A check has a command of the team's, or one of these.
"""

import msgspec


class Localization(msgspec.Struct, frozen=True, tag="localization"):
    """Whether the catalogs say in every language what the source says.

    ``files`` are globs of catalogs (empty: every one that is found), ``source`` the language
    the others are compared with, ``languages`` those that must be whole (empty: those found),
    ``code`` and ``documents`` globs of files whose keys must exist in the source.
    """

    files: tuple[str, ...] = ()
    source: str = "en"
    languages: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()


class Api(msgspec.Struct, frozen=True, tag="api"):
    """Whether the API still serves every client that is in use.

    ``contract`` is the document's path in the tree, or ``command`` prints it. ``fresh`` are
    (operation, fields) pairs: what the answers of an operation must say of their own age.
    """

    contract: str = ""
    command: str = ""
    fresh: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Migrations(msgspec.Struct, frozen=True, tag="migrations"):
    """Whether old code works on the new schema, and new code where it must on the old.

    ``tool`` is django, alembic or sql (empty: the one that is found), ``files`` are globs of
    migrations (empty: the manifest's ``migrate.files``). ``tests`` is the command that tries the
    code on a database: of the release before on the new schema, and with ``lags`` also of the
    change on the old one. ``setting`` names the variable with the database's URL.
    """

    tool: str = ""
    files: tuple[str, ...] = ()
    tests: str = ""
    lags: bool = False
    setting: str = "DATABASE_URL"


class Objects(msgspec.Struct, frozen=True, tag="objects"):
    """Whether files are valid objects of Kubernetes ``version``. ``files`` are globs,
    ``kustomize`` directories that are built first."""

    files: tuple[str, ...] = ()
    kustomize: tuple[str, ...] = ()
    version: str = "1.31"


class Secrets(msgspec.Struct, frozen=True, tag="secrets"):
    """Whether the tree holds keys, tokens or passwords. ``except_`` are globs of files where what
    looks like one is none."""

    except_: tuple[str, ...] = ()


class Size(msgspec.Struct, frozen=True, tag="size"):
    """Whether what was built is at most ``artifact`` bytes. (Whether its copies fit where they go
    is the planner's to say: ``Plans``.)"""

    artifact: int = 0


class Overlays(msgspec.Struct, frozen=True, tag="overlays"):
    """Whether each environment's overlay still applies."""


class Plans(msgspec.Struct, frozen=True, tag="plans"):
    """What would happen in each environment. It fails where the planner refuses: for want of memory
    or disk, say."""


Question = Localization | Api | Migrations | Objects | Secrets | Size | Overlays | Plans
