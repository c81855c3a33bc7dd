"""The nouns of ``fairlead.toml``, as frozen values. Times are seconds."""

import msgspec

from fairlead.manifest.questions import Question

Scalar = str | int | bool


class Assets(msgspec.Struct, frozen=True):
    """Files the proxy serves itself: ``directory`` (below the tree) at ``url``.

    ``keep`` is how long, in seconds, a replaced release's files stay reachable.
    """

    url: str
    directory: str
    keep: int = 86_400


class Build(msgspec.Struct, frozen=True):
    """How a tree becomes an artifact. ``kind`` is python, node, static or command."""

    kind: str
    lock: str = ""
    commands: tuple[str, ...] = ()
    assets: Assets | None = None
    limit: int = 600


class Role(msgspec.Struct, frozen=True):
    """One kind of process. It takes traffic when it has a ``health`` path.

    ``command`` may name ``{socket}`` or ``{port}``, or, where it has a ``socket``, ``{fd}``.
    ``ready`` is how long a copy may take to become ready; ``stop`` how long it may take to end
    its work once asked;
    ``settle`` how long a copy that takes no traffic must run before it is believed.
    ``wave`` orders roles inside their stage. ``memory`` is how many bytes one copy may use, 0 for
    no limit; ``tasks`` how many threads and processes. ``body_limit`` is how many bytes the body
    of a request to it may have. With ``notify`` it tells when it has started (sd_notify(3)), and
    then within every ``watchdog`` seconds (0: it need not) that it lives. With ``socket`` it is
    handed a socket that listens already.
    """

    name: str
    command: str
    copies: int = 1
    health: str = ""
    route: str = "/"
    singleton: bool = False
    wave: int = 0
    ready: int = 60
    stop: int = 30
    settle: int = 2
    memory: int = 0
    tasks: int = 0
    body_limit: int = 256 << 20
    notify: bool = False
    watchdog: int = 0
    socket: bool = False

    @property
    def serves(self) -> bool:
        """Whether the proxy sends requests to it."""
        return bool(self.health)

    @property
    def alone(self) -> bool:
        """Whether its old copies end before new ones start, whatever the strategy."""
        return self.singleton or self.socket or not self.serves


class Migrate(msgspec.Struct, frozen=True):
    """The command that changes the schema, and what it may touch.

    ``files`` are globs of what the schema is made of; ``contract`` are globs of
    migrations after which older releases cannot run; ``database`` names the
    setting that holds the database's URL, backed up before the command runs. ``lock`` is how long
    it waits for what others hold in PostgreSQL, 0 for as long as it takes.
    """

    command: str
    files: tuple[str, ...] = ()
    contract: tuple[str, ...] = ()
    database: str = ""
    limit: int = 600
    lock: int = 5


class Database(msgspec.Struct, frozen=True):
    """The database that every environment has of its own: ``kind`` is postgres or sqlite, and its
    URL is handed over as ``setting``."""

    kind: str
    setting: str = "DATABASE_URL"


class Check(msgspec.Struct, frozen=True):
    """One question, asked by a ``command`` or, where that is empty, by Fairlead (``question``).

    ``only`` are globs: no such file, not applicable. ``reads`` are globs of the files its tree
    holds, empty for all: what it cannot see cannot change its answer. ``services`` are started
    for it. ``network``: it may reach the machine's network. ``memory`` is how many bytes it may
    use, ``settings`` are variables of its own. ``retries`` is how often it is asked again after
    failing; passed then is flaky. An earlier answer is used again when it is at most ``max_age``
    seconds old, 0 for however old.
    """

    name: str
    command: str = ""
    question: Question | None = None
    needs: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    network: bool = False
    memory: int = 2 << 30
    settings: tuple[tuple[str, str], ...] = ()
    retries: int = 0
    max_age: int = 0
    limit: int = 600
    not_known_exits: tuple[int, ...] = ()


class Fresh(msgspec.Struct, frozen=True):
    """A time stamp in an answer that may be at most ``within`` seconds old."""

    field: str
    within: int


class Smoke(msgspec.Struct, frozen=True):
    """One question asked of a running release: a request (``path``) or a ``command``.

    ``role`` is the serving role the request goes to. ``version`` is the JSON field
    that must equal the release's number or commit.
    """

    name: str
    role: str = ""
    path: str = ""
    status: int = 200
    json: tuple[tuple[str, Scalar], ...] = ()
    version: str = ""
    fresh: Fresh | None = None
    command: str = ""
    limit: int = 5


class Rolling(msgspec.Struct, frozen=True, tag="rolling"):
    """Copies are replaced one after another; at most ``surge`` more than wanted run."""

    surge: int = 1


class BlueGreen(msgspec.Struct, frozen=True, tag="blue-green"):
    """All new copies first, then one switch; the old side is held for ``hold`` seconds."""

    hold: int = 300


class Canary(msgspec.Struct, frozen=True, tag="canary"):
    """Shares of the traffic in percent, each baked for ``bake`` seconds and then judged.

    ``verdict`` is a command: exit 0 healthy, 1 unhealthy, anything else not known.
    Without one, the smoke checks asked of the new copies are the verdict. Not known
    never advances; after ``patience`` seconds of it the rollout halts.
    """

    weights: tuple[int, ...] = (10, 50)
    bake: int = 60
    verdict: str = ""
    patience: int = 300
    hold: int = 0


class Recreate(msgspec.Struct, frozen=True, tag="recreate"):
    """Old copies stop before new ones start: a gap, for apps that cannot run twice."""


Strategy = Rolling | BlueGreen | Canary | Recreate


class Certificate(msgspec.Struct, frozen=True):
    """PEM files of the owner's: the certificate with its chain, and its key."""

    certificate: str
    key: str


class Environment(msgspec.Struct, frozen=True):
    """A named place. A push to ``branch`` is released there; ``approval`` holds it at the plan.

    An environment with no ``branch`` is only reached by promotion. ``listen`` is the
    proxy's address for it (``127.0.0.1:8000``); empty lets Fairlead pick a free port once.
    ``secrets`` are the names of those without which nothing is released there, ``requires``
    those of the checks that must pass first (empty: all).

    ``domains`` are the names it is reached by, as DNS writes them. ``https`` is "auto" (a
    certificate by ACME), "off", or files of the owner's; ``hsts`` is for how many seconds browsers
    are told to come by HTTPS only. ``redirect``: plain requests are sent on to HTTPS.
    ``canonical`` is the one domain that requests for the others are sent on to.
    """

    name: str
    branch: str = ""
    strategy: Strategy = msgspec.field(default_factory=BlueGreen)
    approval: bool = False
    requires: tuple[str, ...] = ()
    listen: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    https: str | Certificate = "auto"
    hsts: int = 0
    redirect: bool = True
    canonical: str = ""


class App(msgspec.Struct, frozen=True):
    """One repository with a ``fairlead.toml``.

    ``state`` is sorted pairs of a directory's name in the place's own directory and the path in
    the tree that leads there.
    """

    name: str
    build: Build
    roles: tuple[Role, ...]
    environments: tuple[Environment, ...]
    migrate: Migrate | None = None
    checks: tuple[Check, ...] = ()
    smokes: tuple[Smoke, ...] = ()
    keep: int = 5
    database: Database | None = None
    state: tuple[tuple[str, str], ...] = ()

    def environment(self, name: str) -> Environment | None:
        """The environment of that name, or None."""
        return next((e for e in self.environments if e.name == name), None)
