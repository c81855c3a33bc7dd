"""What the keys of a manifest mean together.

Each rule is one function; its docstring is the rule as the reference page states it. A rule sees
the manifest as read: a value that could not be read is Wrong, and a rule keeps silent about it,
so that one slip is not reported twice.
"""

import graphlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fairlead.manifest.commands import DESCRIPTOR, placeholders
from fairlead.manifest.kinds import Wrong
from fairlead.manifest.mistakes import key_text, no_such, shown
from fairlead.manifest.tables import Plain
from fairlead.manifest.web import wire_name

Found = Iterator[tuple[str, str]]
"""Keys, and what is wrong with each."""


def tables(app: Plain, name: str) -> dict[str, Plain]:
    """The readable tables of one kind, by name."""
    found = app.get(name)
    if not isinstance(found, Mapping):
        return {}
    return {key: table for key, table in found.items() if isinstance(table, dict)}


def serves(role: Plain) -> bool | None:
    """Whether a role takes traffic; None when its health path could not be read."""
    return None if isinstance(role.get("health"), Wrong) else bool(role.get("health"))


def serving(app: Plain) -> tuple[str, ...]:
    """The names of the roles that take traffic, or may."""
    return tuple(name for name, role in tables(app, "role").items() if serves(role) is not False)


def _key(*parts: str) -> str:
    key = ""
    for part in parts:
        key = key_text(key, part)
    return key


def address(app: Plain) -> Found:
    """A role with `health` names exactly one of `{socket}` and `{port}` in its command; a role
    without it names neither."""
    for name, role in tables(app, "role").items():
        command, takes = role.get("command"), serves(role)
        if not isinstance(command, str) or takes is None or _handed(role):
            continue
        named = placeholders(command)
        if takes and len(named) != 1:
            wanted = "one of {socket} and {port}" if named else "{socket} or {port}"
            yield (
                _key("role", name, "command"),
                f"expected {wanted} in it, for the role has a health path, got {shown(command)}",
            )
        if not takes and named:
            yield (
                _key("role", name, "health"),
                f"expected a path, for the command names {named[0]}, got nothing",
            )


def routes(app: Plain) -> Found:
    """A `route` needs a `health` path, and no two roles have the same one."""
    taken: dict[str, str] = {}
    for name, role in tables(app, "role").items():
        route, takes = role.get("route", "/"), serves(role)
        if isinstance(route, Wrong) or takes is None:
            continue
        if takes:
            first = taken.setdefault(route.rstrip("/"), name)
            if first != name:
                yield (
                    _key("role", name, "route"),
                    f"expected a route of its own, got {shown(route)}, which is role {first}'s",
                )
        elif "route" in role:
            yield (
                _key("role", name, "route"),
                "expected none, for the role has no health path and takes no traffic, "
                f"got {shown(route)}",
            )


def _handed(role: Plain) -> bool:
    """Whether a role is handed a socket."""
    return role.get("socket") is True


def sockets(app: Plain) -> Found:
    """A role with a `socket` has a `health` path and one copy, and names neither `{socket}` nor
    `{port}`; no other names `{fd}`."""
    for name, role in tables(app, "role").items():
        command, copies = role.get("command"), role.get("copies", 1)
        if not _handed(role):
            if isinstance(command, str) and DESCRIPTOR in command:
                wanted = f"expected true, for the command names {DESCRIPTOR}, got nothing"
                yield _key("role", name, "socket"), wanted
            continue
        if isinstance(copies, int) and copies > 1:
            yield _key("role", name, "copies"), f"expected 1, for it has a socket, got {copies}"
        if serves(role) is False:
            yield _key("role", name, "health"), "expected a path, for it has a socket, got nothing"
        if isinstance(command, str) and placeholders(command):
            wanted = f"expected {DESCRIPTOR} at the most, for it is handed its socket"
            yield _key("role", name, "command"), f"{wanted}, got {shown(command)}"


def watchdogs(app: Plain) -> Found:
    """A `watchdog` needs `notify`: it begins once the copy says that it has started."""
    for name, role in tables(app, "role").items():
        if _given(role.get("watchdog")) and role.get("notify", False) is False:
            yield _key("role", name, "notify"), "expected true beside a watchdog, got false"


def singletons(app: Plain) -> Found:
    """A `singleton` has one copy and no `health` path: what takes traffic overlaps while it is
    replaced. (An app that cannot run twice takes `strategy = "recreate"`.)"""
    for name, role in tables(app, "role").items():
        if role.get("singleton") is not True:
            continue
        copies = role.get("copies", 1)
        if isinstance(copies, int) and copies > 1:
            yield _key("role", name, "copies"), f"expected 1, for it is a singleton, got {copies}"
        if serves(role):
            yield (
                _key("role", name, "singleton"),
                'expected false for a role that takes traffic (strategy = "recreate" never '
                "overlaps), got true",
            )


def needs(app: Plain) -> Found:
    """`needs` names checks that are there, and never comes back to where it started."""
    checks = tables(app, "check")
    graph: dict[str, list[str]] = {}
    for name, check in checks.items():
        wanted = check.get("needs", [])
        graph[name] = [] if isinstance(wanted, Wrong) else [w for w in wanted if w in checks]
        for n, other in enumerate([] if isinstance(wanted, Wrong) else wanted):
            if other not in checks:
                yield f"{_key('check', name, 'needs')}[{n}]", no_such("check", other, checks)
    yield from _cycle(graph)


def asked_by_one(app: Plain) -> Found:
    """A check has either `command` or `question`; `not_known_exits` belongs to a `command`."""
    for name, check in tables(app, "check").items():
        if ("command" in check) == ("question" in check):
            got = "both" if "command" in check else "neither"
            yield _key("check", name), f"expected either command or question, got {got}"
        elif "question" in check and "not_known_exits" in check:
            key = _key("check", name, "not_known_exits")
            yield key, "expected none beside a question (it belongs to a command), got one"
        if check.get("question") is not None and not isinstance(check["question"], Wrong):
            yield from _question(name, check["question"])


def _question(name: str, question: Plain) -> Found:
    if question["kind"] == "api" and ("contract" in question) == ("command" in question):
        got = "both" if "contract" in question else "neither"
        key = _key("check", name, "question")
        yield key, f"expected either contract or command, got {got}"


def required(app: Plain) -> Found:
    """`requires` names checks that are there."""
    checks = tables(app, "check")
    for name, environment in tables(app, "environment").items():
        wanted = environment.get("requires", [])
        for n, other in enumerate([] if isinstance(wanted, Wrong) else wanted):
            if other not in checks:
                key = f"{_key('environment', name, 'requires')}[{n}]"
                yield key, no_such("check", other, checks)


def _cycle(graph: Mapping[str, list[str]]) -> Found:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        # graphlib lists each before the one that needs it; read from the other end.
        ring = list(reversed(error.args[1]))
        yield _key("check", ring[0], "needs"), f"expected no circle, got {' → '.join(ring)}"


def smoke_question(app: Plain) -> Found:
    """A smoke check has either `path` or `command`; `status`, `json`, `version` and `fresh`
    belong to a `path`."""
    for name, smoke in tables(app, "smoke").items():
        if ("path" in smoke) == ("command" in smoke):
            got = "both" if "path" in smoke else "neither"
            yield _key("smoke", name), f"expected either path or command, got {got}"
        elif "command" in smoke:
            for key in ("status", "json", "version", "fresh"):
                if key in smoke:
                    yield (
                        _key("smoke", name, key),
                        "expected none beside a command (it belongs to a path), got one",
                    )


def smoke_role(app: Plain) -> Found:
    """`smoke.NAME.role` is a role that takes traffic. It may be left out where only one does."""
    takers = serving(app)
    for name, smoke in tables(app, "smoke").items():
        role = smoke.get("role", "")
        if isinstance(role, Wrong):
            continue
        if role and role not in takers:
            yield (
                _key("smoke", name, "role"),
                no_such("role that takes traffic", role, takers),
            )
        elif not role and "path" in smoke and len(takers) != 1:
            some = ", ".join(takers)
            wanted = f"one of {some}" if takers else "a role with a health path to ask"
            yield _key("smoke", name, "role"), f"expected {wanted}, got nothing"


def backed_up(app: Plain) -> Found:
    """A migration names its `database`, which is backed up first, or says `backup = false`.
    Where the app has a `[database]`, it is that one."""
    migrate = app.get("migrate")
    if not isinstance(migrate, Mapping) or isinstance(migrate.get("backup"), Wrong):
        return
    named, backup = "database" in migrate, migrate.get("backup", True)
    if not named and backup and "database" not in app:
        yield (
            "migrate.database",
            "expected the setting that holds the database's URL, which is backed up first "
            "(or backup = false), got nothing",
        )
    if named and not backup:
        yield "migrate.backup", "expected true beside a database, got false"


def listeners(app: Plain) -> Found:
    """No two environments have the same `listen`."""
    taken: dict[str, str] = {}
    for name, environment in tables(app, "environment").items():
        listen = environment.get("listen", "")
        first = taken.setdefault(listen, name) if isinstance(listen, str) and listen else name
        if first != name:
            yield (
                _key("environment", name, "listen"),
                f"expected an address of its own, got {shown(listen)}, which is {first}'s",
            )


def _domains(environment: Plain) -> list[str] | None:
    """Its domains as the wire has them; None where they could not be read."""
    named = environment.get("domains", [])
    return [wire_name(name) for name in named] if isinstance(named, list) else None


def domains(app: Plain) -> Found:
    """A domain belongs to one environment, and stands there once."""
    taken: dict[str, str] = {}
    for name, environment in tables(app, "environment").items():
        for n, domain in enumerate(_domains(environment) or ()):
            if domain in taken:
                yield (
                    f"{_key('environment', name, 'domains')}[{n}]",
                    f"expected a domain of its own, got {shown(domain)}, "
                    f"which is {taken[domain]}'s already",
                )
            taken.setdefault(domain, name)


def _given(value: object) -> bool:
    return bool(value) and not isinstance(value, Wrong)


def reached(app: Plain) -> Found:
    """`https`, `hsts`, `redirect` and `canonical` need `domains`; `canonical` is one of them; with
    `https = "off"` there is neither `hsts` nor `redirect`."""
    for name, environment in tables(app, "environment").items():
        named, off = _domains(environment), environment.get("https") == "off"
        for key in ("https", "hsts", "redirect", "canonical"):
            if named == [] and key in environment:
                yield _key("environment", name, key), "expected domains beside it, got none"
            elif off and key in ("hsts", "redirect") and _given(environment.get(key)):
                yield _key("environment", name, key), 'expected none beside https = "off", got one'
        wanted = environment.get("canonical")
        if named and isinstance(wanted, str) and wire_name(wanted) not in named:
            yield _key("environment", name, "canonical"), no_such("domain of its", wanted, named)


def plain_or_secret(app: Plain) -> Found:
    """A name is a setting or a secret of an environment, not both."""
    for name, environment in tables(app, "environment").items():
        settings, secrets = environment.get("settings", {}), environment.get("secrets", [])
        if not isinstance(settings, Mapping) or not isinstance(secrets, list):
            continue
        for n, secret in enumerate(secrets):
            if secret in settings:
                yield (
                    f"{_key('environment', name, 'secrets')}[{n}]",
                    f"expected a name that is no setting too, got {shown(secret)}",
                )


def stateful(app: Plain) -> Found:
    """No path of `state` lies in another one, or in `build.assets.directory`, or around it."""
    state = app.get("state")
    if not isinstance(state, Mapping):
        return
    build = app.get("build")
    assets = _directory(build).strip("/") if isinstance(build, Mapping) else ""
    taken = {assets: "build.assets.directory"} if assets not in ("", ".") else {}
    for name, path in state.items():
        if not isinstance(path, str):
            continue
        first = next((of for one, of in taken.items() if _overlap(one, path.rstrip("/"))), "")
        if first:
            wanted = f"expected a directory of its own, got {shown(path)}, which {first} has"
            yield _key("state", name), wanted
        taken.setdefault(path.rstrip("/"), _key("state", name))


def _overlap(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def built(app: Plain) -> Found:
    """`kind = "command"` has `commands`; only python and node have a `lock`; only a static app
    serves the whole tree (`directory = "."`), which elsewhere would publish its source."""
    build = app.get("build")
    if not isinstance(build, Mapping) or not isinstance(build.get("kind"), str):
        return
    kind = build["kind"]
    if kind == "command" and "commands" not in build:
        yield "build.commands", 'expected at least one for kind = "command", got nothing'
    if kind in ("command", "static") and isinstance(build.get("lock"), str):
        yield "build.lock", f'expected none for kind = "{kind}", got {shown(build["lock"])}'
    if kind != "static" and _directory(build).rstrip("/") == ".":
        yield (
            "build.assets.directory",
            'expected a directory of its own (all of the tree is for kind = "static"), got "."',
        )


def _directory(build: Mapping[str, Any]) -> str:
    assets = build.get("assets")
    found = assets.get("directory") if isinstance(assets, Mapping) else None
    return found if isinstance(found, str) else ""


RULES: tuple[Callable[[Plain], Found], ...] = (
    address,
    routes,
    sockets,
    watchdogs,
    singletons,
    needs,
    asked_by_one,
    required,
    smoke_question,
    smoke_role,
    backed_up,
    listeners,
    domains,
    reached,
    plain_or_secret,
    stateful,
    built,
)
"""All of them, in the order of the reference page."""
