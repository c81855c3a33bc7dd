"""Every key of ``fairlead.toml``: the one list.

Validation, the JSON Schema for editors and the reference page are all made from it.
"""

import msgspec

from fairlead.base.ids import NAME_RULE
from fairlead.manifest import model
from fairlead.manifest.asked import QUESTION
from fairlead.manifest.kinds import (
    Command,
    Duration,
    Flag,
    ListOf,
    OneOf,
    Pairs,
    Scalars,
    Setting,
    Size,
    Text,
    Whole,
)
from fairlead.manifest.paths import BELOW, DIRECTORY, FIELD, FILE, GLOB
from fairlead.manifest.tables import NAME_PATTERN, Choice, Field, Named, Table
from fairlead.manifest.web import Domain, WordOr

NAME = Text(f"a name ({NAME_RULE})", NAME_PATTERN)
ENVIRONMENT_NAME = Text(
    "a name of letters, digits and _, not starting with a digit", "[A-Za-z_][A-Za-z0-9_]*"
)  # POSIX.1-2017, 8.1 and 3.235
SECRET_NAME = Text(
    "a name of letters, digits and _, not starting with a digit or FAIRLEAD_ (Fairlead's own)",
    "(?!FAIRLEAD_)[A-Za-z_][A-Za-z0-9_]*",
)
URL_PATH = Text('a path that starts with "/"', r"/[^\s\x00-\x1f\x7f?#]*")
REQUEST = Text('a path that starts with "/"', r"/[^\s\x00-\x1f\x7f#]*")
# git-check-ref-format(1), for a branch: the rules that a single pattern can hold.
BRANCH = Text(
    "a branch name that git allows",
    r"(?!-|/|\.)(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))(?!@$)(?!HEAD$)"
    r"[^\x00-\x20\x7f~^:?*\[\\]*[^\x00-\x20\x7f~^:?*\[\\/.]",
)
_PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
LISTEN = Text(
    'an address with its port, such as "127.0.0.1:8000"',
    rf"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)?:{_PORT}",
)

ASSETS = Table(
    "build.assets",
    model.Assets,
    "Files that the proxy serves itself, without asking a copy.",
    (
        Field("url", URL_PATH, "Where they are served.", '"/static/"'),
        Field("directory", BELOW, "Where the build leaves them, below the tree.", '"staticfiles"'),
        Field(
            "keep",
            Duration(),
            "How long the files of a release that was replaced stay reachable, "
            "so that a page loaded before the switch still finds them.",
            '"1d"',
        ),
    ),
)

BUILD = Table(
    "build",
    model.Build,
    "How the commit's tree becomes an artifact.",
    (
        Field(
            "kind",
            OneOf(("python", "node", "static", "command")),
            "python makes a locked environment with uv, node one with npm, static takes the tree "
            "as it is, and command leaves everything to `commands`.",
            '"python"',
        ),
        Field(
            "lock",
            FILE,
            "The file that locks the dependencies. Without it the first of these that is there: "
            "uv.lock, pylock.toml, requirements.txt, pyproject.toml; package-lock.json for node.",
            '"uv.lock"',
        ),
        Field(
            "commands",
            ListOf(Command(), "commands"),
            "Run one after another in the tree, in its environment, before the artifact is sealed. "
            "They see no settings.",
            '["python manage.py collectstatic --noinput"]',
        ),
        Field("limit", Duration(1), "How long the whole build may take.", '"10m"'),
        Field("assets", ASSETS, ASSETS.doc),
    ),
    expected="a table with a kind",
)

ROLE = Table(
    "role.NAME",
    model.Role,
    "One kind of process: web, worker, clock. With a `health` path it takes traffic. "
    "At least one is needed.",
    (
        Field(
            "command",
            Command(),
            "What one copy runs: words, and no shell. Where it takes traffic, `{socket}` is the "
            "unix socket it must listen on, or `{port}` the port on 127.0.0.1; with `socket`, `{fd}` "
            "is the descriptor it is handed. `{data}` is the app's own directory, which outlives "
            "releases.",
            '"gunicorn --bind unix:{socket} shop.wsgi"',
        ),
        Field("copies", Whole(1), "How many run side by side.", "2"),
        Field(
            "health",
            URL_PATH,
            "A copy is ready when this path answers with success, and only then gets traffic.",
            '"/health"',
        ),
        Field("route", URL_PATH, "Which paths it answers: this one and all below it.", '"/"'),
        Field(
            "singleton",
            Flag(),
            "The old copy ends before the new one starts, so that two never run at once: "
            "for a scheduler.",
            "true",
        ),
        Field(
            "wave",
            Whole(0, 9),
            "Orders the roles that take traffic among themselves, and likewise the others: "
            "lower first, equal ones together.",
            "1",
        ),
        Field(
            "ready_limit",
            Duration(1),
            "How long a copy may take to become ready.",
            '"60s"',
            "ready",
        ),
        Field(
            "stop_limit",
            Duration(),
            "How long a copy may take to end its work once asked (SIGTERM); then it is killed.",
            '"30s"',
            "stop",
        ),
        Field(
            "settle",
            Duration(),
            "How long a copy that takes no traffic must have run before it is believed.",
            '"2s"',
        ),
        Field(
            "memory",
            Size(),
            "How much memory one copy may use (on a server; past it the kernel ends a process of "
            "the copy). It is also what a copy is taken to need while none was measured here.",
            '"200M"',
        ),
        Field(
            "tasks",
            Whole(0),
            "How many processes and threads one copy may have at once (on a server). 0: no limit.",
            "100",
        ),
        Field(
            "body_limit",
            Size(),
            "How large the body of a request may be; the proxy answers a larger one with 413.",
            '"25M"',
        ),
        Field(
            "socket",
            Flag(),
            "For one copy on a small machine: it is handed a unix socket that listens already, as "
            "systemd does (`LISTEN_FDS`, and `{fd}` in the command). On a server the socket stays "
            "while the old copy ends and the new one starts, and requests wait in it, so none fails "
            "though two copies never run at once. Elsewhere the maintenance page is shown meanwhile.",
            "true",
        ),
        Field(
            "notify",
            Flag(),
            "It tells systemd when it has started (READY=1, sd_notify). Traffic still waits for its "
            "health path.",
            "true",
        ),
        Field(
            "watchdog",
            Duration(),
            "With `notify`, on a server: it says at least this often that it lives (WATCHDOG=1), or "
            "is ended and started again.",
            '"30s"',
        ),
    ),
)

MIGRATE = Table(
    "migrate",
    model.Migrate,
    "The command that changes the database's schema. It runs once per release and environment, "
    "with the new code, before the new code gets traffic, and after a backup.",
    (
        Field("command", Command(), "What is run.", '"python manage.py migrate --noinput"'),
        Field(
            "files",
            ListOf(GLOB, "globs", least=1),
            "The files that the schema is made of. Two releases in which they are the same need no "
            'migration between them; `["**"]` migrates at every release.',
            '["**/migrations/*.py"]',
            default=msgspec.NODEFAULT,  # without it, a new migration would go unseen
        ),
        Field(
            "contract",
            ListOf(GLOB, "globs"),
            "Those of them after which older releases cannot run: going back past one is refused.",
            '["**/migrations/*_contract_*.py"]',
        ),
        Field(
            "database",
            ENVIRONMENT_NAME,
            "The setting or secret that holds the database's URL: what is backed up first. With a "
            "`[database]`, it is that one's.",
            '"DATABASE_URL"',
        ),
        Field(
            "backup",
            Flag(),
            "false, in the place of `database`: no backup is taken, and going back may lose data.",
            "false",
            to="-",
            default=True,
        ),
        Field("limit", Duration(1), "How long it may take.", '"10m"'),
        Field(
            "lock_limit",
            Duration(),
            "How long it may wait for a lock that somebody else holds in PostgreSQL (lock_timeout); "
            'whoever comes after it waits as long. "0s": as long as it takes.',
            '"5s"',
            "lock",
        ),
    ),
)

DATABASE = Table(
    "database",
    model.Database,
    "A database of its own for every environment, whose URL each copy gets as a setting.",
    (
        Field(
            "kind",
            OneOf(("postgres", "sqlite")),
            "sqlite: the file db.sqlite3 in `{data}`. postgres: `fairlead database create` makes it "
            "and seals its URL; nothing is released before that, or `fairlead secret set`, was done.",
            '"postgres"',
        ),
        Field(
            "setting",
            SECRET_NAME,
            "What the URL is handed over as. An environment that has a setting or secret of that "
            "name keeps its own.",
            '"DATABASE_URL"',
        ),
    ),
)

CHECK = Table(
    "check.NAME",
    model.Check,
    "One question asked of a change: by a `command` of yours, or by Fairlead (`question`). It runs "
    "in a clean tree of exactly that commit, without production settings, rights or network. Exit 0 "
    "passes; a time-out is not known, which opens no gate.",
    (
        Field("command", Command(), "What is run.", '"pytest -q"'),
        Field(
            "question",
            QUESTION,
            "What Fairlead itself asks: one word, or a table with `kind` and the keys below.",
            '{ kind = "api", contract = "openapi.yaml" }',
        ),
        Field("needs", ListOf(NAME, "check names"), "Checks that must pass first.", '["lint"]'),
        Field(
            "only",
            ListOf(GLOB, "globs"),
            "Where no file matches any of these globs, the check is not applicable. `*` stops at a "
            "slash and `**` does not; a glob without a slash names a file in any directory.",
            '["web/**", "package.json"]',
        ),
        Field(
            "reads",
            ListOf(GLOB, "globs"),
            "The files it depends on: its tree holds no others, and while they stay the same it is "
            "not asked again. Left out: all.",
            '["src/**", "tests/**", "pyproject.toml"]',
        ),
        Field(
            "services",
            ListOf(OneOf(("postgres", "redis", "rabbitmq", "mariadb")), "services"),
            "What is started for it, empty, on private sockets. It is told where by DATABASE_URL, "
            "REDIS_URL, AMQP_URL and MARIADB_URL.",
            '["postgres", "redis"]',
        ),
        Field("network", Flag(), "It may reach the machine's network.", "true"),
        Field("memory", Size(), "The most that all its processes may use together.", '"2G"'),
        Field(
            "settings",
            Pairs(ENVIRONMENT_NAME, Setting(), "settings", refused="FAIRLEAD_"),
            "Variables of its own. Not for secrets.",
            '{ DJANGO_SETTINGS_MODULE = "shop.settings.test" }',
        ),
        Field(
            "retries",
            Whole(0, 5),
            "How often it is asked again when it failed. Passed then is written down as flaky.",
            "1",
        ),
        Field(
            "max_age",
            Duration(),
            "How old an earlier answer may be that is used again; 0s: however old.",
            '"1d"',
        ),
        Field("limit", Duration(1), "How long it may take.", '"10m"'),
        Field(
            "not_known_exits",
            ListOf(Whole(1, 255), "exit codes"),
            'Exit codes that mean "I could not find out" rather than "it is wrong".',
            "[5]",
        ),
    ),
)

FRESH = Table(
    "smoke.NAME.fresh",
    model.Fresh,
    "A time stamp in the answer that must not be old.",
    (
        Field("field", FIELD, "The JSON field that holds it (RFC 3339).", '"observed_at"'),
        Field("within", Duration(1), "How old it may be.", '"5m"'),
    ),
)

SMOKE = Table(
    "smoke.NAME",
    model.Smoke,
    "One question asked of a running release: of the new copies before they get traffic, where "
    "the strategy allows, and through the proxy after. Either `path` or `command`.",
    (
        Field("role", NAME, "Which role is asked. Needed where several take traffic.", '"web"'),
        Field("path", REQUEST, "What is requested (GET).", '"/api/levels"'),
        Field("status", Whole(100, 599), "The status the answer must have.", "200"),
        Field(
            "json",
            Pairs(FIELD, Scalars(), "JSON fields and what they must equal"),
            "Fields of the JSON answer and what they must equal.",
            '{ status = "ok" }',
        ),
        Field(
            "version",
            FIELD,
            "The JSON field that must equal the release's number or commit.",
            '"release"',
        ),
        Field("fresh", FRESH, FRESH.doc, '{ field = "observed_at", within = "5m" }'),
        Field("command", Command(), "A program that asks: exit 0 passes.", '"python smoke.py"'),
        Field("limit", Duration(1), "How long it may take.", '"5s"'),
    ),
)

_HOLD = "How long the old side is kept running after the switch, so that going back is a switch."
STRATEGY = Choice(
    {
        "rolling": Table(
            'strategy kind = "rolling"',
            model.Rolling,
            "Copies are replaced one after another.",
            (Field("surge", Whole(1), "How many more copies than wanted may run meanwhile.", "1"),),
        ),
        "blue-green": Table(
            'strategy kind = "blue-green"',
            model.BlueGreen,
            "All new copies are started first, then one switch.",
            (Field("hold", Duration(), _HOLD, '"5m"'),),
        ),
        "canary": Table(
            'strategy kind = "canary"',
            model.Canary,
            "The new copies get a growing share of the traffic, and are judged at each. "
            "Not known never advances.",
            (
                Field(
                    "weights",
                    ListOf(Whole(1, 99), "whole numbers from 1 to 99", least=1, rising=True),
                    "The shares, in percent; the whole follows after the last.",
                    "[10, 50]",
                ),
                Field(
                    "bake",
                    Duration(),
                    "How long each share is watched before it is judged.",
                    '"60s"',
                ),
                Field(
                    "verdict",
                    Command(),
                    "A program that judges: exit 0 healthy, 1 unhealthy, anything else not known. "
                    "Without it the smoke checks judge.",
                    '"python canary.py"',
                ),
                Field(
                    "patience",
                    Duration(1),
                    "How long it may stay not known before the rollout goes back.",
                    '"5m"',
                ),
                Field("hold", Duration(), _HOLD, '"0s"'),
            ),
        ),
        "recreate": Table(
            'strategy kind = "recreate"',
            model.Recreate,
            "Old copies stop before new ones start: a gap, for an app that cannot run twice.",
            (),
        ),
    }
)

# No variable or placeholder of a proxy's, and no way up.
PEM = Text(
    'the path of a file outside the release, such as "/etc/ssl/shop.pem"',
    r"(?:/(?!\.\.?(?:/|$))[^/\\$:{}*?\[\]\x00-\x1f\x7f]+)+",
)

CERTIFICATE = Table(
    "environment.NAME.https",
    model.Certificate,
    "A certificate of your own, in the place of a word. The files lie on the server, and are read "
    "again when they change.",
    (
        Field("certificate", PEM, "The certificate and its chain (PEM).", '"/etc/ssl/shop.pem"'),
        Field("key", PEM, "Its private key (PEM).", '"/etc/ssl/shop.key"'),
    ),
)

ENVIRONMENT = Table(
    "environment.NAME",
    model.Environment,
    "A named place that the app runs in. With no such table there is one, `local`, for the "
    "branch `main`. Several may name one branch: each then gets every push to it, or holds it "
    "for approval.",
    (
        Field(
            "branch",
            BRANCH,
            "A push to it is released here. Without one, only a promotion is.",
            '"main"',
        ),
        Field("approval", Flag(), "A person must approve the plan first.", "true"),
        Field(
            "requires",
            ListOf(NAME, "check names", least=1),
            "The checks that must pass before anything is released here. Left out: every one.",
            '["tests", "migrations"]',
        ),
        Field(
            "listen",
            LISTEN,
            "Where the proxy takes requests. Without it, a free port on 127.0.0.1, kept from then on.",
            '"127.0.0.1:8000"',
        ),
        Field(
            "strategy",
            STRATEGY,
            "How new copies take over: one word, or a table with `kind` and the keys below.",
            '{ kind = "canary", weights = [10, 50], bake = "60s" }',
        ),
        Field(
            "settings",
            Pairs(ENVIRONMENT_NAME, Setting(), "settings", refused="FAIRLEAD_"),
            "Environment variables of every copy here. Text; a whole number is written as its "
            "digits, true and false as `true` and `false`. In a value, `{data}` is the directory "
            "of the app's own that outlives releases (FAIRLEAD_DATA names it too). Not for secrets.",
            '{ DATABASE_URL = "sqlite:///{data}/db.sqlite3" }',
        ),
        Field(
            "secrets",
            ListOf(SECRET_NAME, "names of secrets"),
            "Secrets that every copy here gets in its environment, and that must have a value "
            "before anything is released here. The values are given with `fairlead secret set`.",
            '["DJANGO_SECRET_KEY"]',
        ),
        Field(
            "domains",
            ListOf(Domain(), "domains"),
            "The names it is reached by. On a server it then answers on ports 80 and 443, for these "
            "names only; an embedded home keeps its own port.",
            '["example.org", "www.example.org"]',
        ),
        Field(
            "https",
            WordOr(OneOf(("auto", "off")), CERTIFICATE),
            "On a server, for its domains: auto gets a certificate by ACME and renews it; until it is "
            "there, requests are answered without. off is for a machine that stands behind another "
            "proxy.",
            '{ certificate = "/etc/ssl/shop.pem", key = "/etc/ssl/shop.key" }',
        ),
        Field(
            "hsts",
            Duration(),
            "For how long a browser, once it came by HTTPS, comes by nothing else "
            "(Strict-Transport-Security). There is no way back before that is over.",
            '"180d"',
        ),
        Field("redirect", Flag(), "Plain requests are sent on to HTTPS.", "false"),
        Field(
            "canonical",
            Domain(),
            "The one of its domains that requests for the others are sent on to.",
            '"example.org"',
        ),
    ),
)

APP = Table(
    "",
    model.App,
    "What a repository says of itself.",
    (
        Field("app", NAME, "The app's name.", '"riverside"', "name"),
        Field(
            "keep",
            Whole(1),
            "How many good releases are kept to go back to, beside the one that serves.",
            "5",
        ),
        Field("build", BUILD, BUILD.doc),
        Field("role", Named(ROLE, "role", least=1), ROLE.doc, to="roles"),
        Field("migrate", MIGRATE, MIGRATE.doc),
        Field("database", DATABASE, DATABASE.doc),
        Field(
            "state",
            Pairs(NAME, DIRECTORY, "names and directories"),
            "Directories that outlive releases: of each, what is at this path of the tree is the "
            "directory of that name in `{data}`. It begins empty, so the repository may hold "
            "nothing there but a .gitkeep, .keep or .gitignore.",
            '{ media = "media" }',
        ),
        Field("check", Named(CHECK, "check"), CHECK.doc, to="checks"),
        Field("smoke", Named(SMOKE, "smoke"), SMOKE.doc, to="smokes"),
        Field(
            "environment",
            Named(ENVIRONMENT, "environment"),
            ENVIRONMENT.doc,
            to="environments",
            default=(model.Environment("local", branch="main"),),
        ),
    ),
)
