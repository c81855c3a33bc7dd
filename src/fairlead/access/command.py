"""What somebody asked for over SSH, read strictly: git's two programs on an app of ours, or a
verb of the command line with arguments that are listed here. Everything else is refused. Pure.

What is not listed here cannot be reached: no option that names a file of the server
(``--home``, ``--key``, ``--signature``), nothing that reads from standard input.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fairlead.base.errors import NotAllowed, UsageError
from fairlead.base.ids import is_name

LONGEST = 4_096
"""Bytes of a command."""

PUSH = "push"
FETCH = "fetch"
_GIT = {"git-receive-pack": PUSH, "git-upload-pack": FETCH}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HINT = "ssh to this address without a command says what you may do"


class Hello(NamedTuple):
    """Nothing was asked: say who this is, and what they may do."""


class Git(NamedTuple):
    """One of git's programs. ``verb`` is "push" or "fetch"."""

    verb: str
    app: str


class Words(NamedTuple):
    """A verb of the command line. ``apps`` are those it is about, ("",) for all of them."""

    verb: str
    argv: tuple[str, ...]
    apps: tuple[str, ...]


class Form(NamedTuple):
    """What a verb may be given. ``about`` says where its apps are named: "app" or "place" in its
    first word (``least`` words are needed), "places" in both, "" by ``--app``.
    ``options`` are by how many values each takes; ``changes`` those that make it another verb."""

    about: str
    least: int = 0
    most: int = 0
    options: Mapping[str, int] = {}
    changes: Mapping[str, str] = {}


_WHY = {"--why": 1, "--no-wait": 0}
_OF = {"--app": 1, "--environment": 1}
FORMS: Mapping[str, Form] = {
    "status": Form("app", 0, 1),
    "releases": Form("app", 0, 1, {"--lines": 1}),
    "plan": Form("place", 1, 1, {"--release": 1}),
    "drift": Form(
        "place", 1, 1, {"--revert": 0, "--adopt": 0}, {"--revert": "revert", "--adopt": "adopt"}
    ),
    "logs": Form("place", 1, 2, {"--follow": 0, "-f": 0, "--lines": 1, "--check": 2, "--build": 1}),
    "trace": Form("", 1, 8, _OF),
    "changed": Form("", 0, 0, {"--since": 1, "--between": 2, **_OF}),
    "record": Form("", 1, 1, {"--since": 1, "--lines": 1, "--app": 1}),
    "rollback": Form("place", 1, 1, {"--to": 1, **_WHY}),
    "promote": Form("places", 2, 2, _WHY),
    "set": Form("place", 1, 64, {"--unset": 1, **_WHY}),
    "waive": Form("app", 2, 2, {"--until": 1, "--rule": 1, "--subject": 1, "--why": 1}),
    "waivers": Form(
        "app", 1, 1, {"--end": 1, "--rule": 1, "--subject": 1, "--why": 1}, {"--end": "waive"}
    ),
    "approve": Form("place", 1, 1, {"--plan": 1, "--document": 0, **_WHY}),
}
"""The verbs that may be asked for over SSH."""


def parse(command: str) -> Hello | Git | Words:
    """What a command asks for. Raises NotAllowed, UsageError."""
    if len(command.encode(errors="surrogateescape")) > LONGEST:
        raise NotAllowed(f"the command is longer than {LONGEST} bytes", _HINT)
    if _CONTROL.search(command) or not command.isprintable():
        raise NotAllowed("the command holds characters that no command of ours has", _HINT)
    try:
        words = shlex.split(command)
    except ValueError:
        raise NotAllowed("the command has a quote that is not closed", _HINT) from None
    if not words:
        return Hello()
    if words[0] == "git" and len(words) > 1:
        words = [f"git-{words[1]}", *words[2:]]
    if words[0] == "fairlead" and len(words) > 1:
        words = words[1:]
    if words[0].startswith("git"):
        return _git(words)
    return _words(words)


def _git(words: Sequence[str]) -> Git:
    verb = _GIT.get(words[0])
    if verb is None or len(words) != 2:
        raise NotAllowed("git is run here to push or fetch an app, and for nothing else", _HINT)
    app = words[1].removeprefix("/").removesuffix(".git")
    if not is_name(app):
        raise NotAllowed(f"not the repository of an app: {words[1]!r}", "HOST:APP.git names one")
    return Git(verb, app)


def _words(words: Sequence[str]) -> Words:
    form = FORMS.get(words[0])
    if form is None:
        known = ", ".join(FORMS)
        raise NotAllowed(f"not a command that is answered here: {words[0]!r}", f"there is: {known}")
    plain, options = _parted(words[0], words[1:], form)
    if not form.least <= len(plain) <= form.most:
        raise UsageError(f"{words[0]}: {_arity(form)}, got {len(plain)}", f"see {words[0]} --help")
    verb = next((form.changes[name] for name in options if name in form.changes), words[0])
    return Words(verb, tuple(words), _apps(words[0], form, plain, options))


def _arity(form: Form) -> str:
    many = f"{form.least} to {form.most}" if form.least != form.most else str(form.least)
    return f"{many} words were expected here"


def _parted(
    verb: str, words: Sequence[str], form: Form
) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Plain words and options. ``--``, ``--x=y`` for an unknown x, and ``-xy`` are refused."""
    known = {"--json": 0, **form.options}
    plain: list[str] = []
    options: dict[str, tuple[str, ...]] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            plain.append(word)
            continue
        name, equals, value = word.partition("=")
        takes = known.get(name)
        given = (value,) if equals else tuple(rest[: takes or 0])
        if takes is None or (equals and takes != 1) or len(given) != takes:
            raise NotAllowed(f"{verb} is not answered here with {word!r}", _HINT)
        options[name] = given
        rest = rest[0 if equals else takes :]
    return plain, options


def _apps(
    verb: str, form: Form, plain: Sequence[str], options: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The apps it is about. A place is named whole: ``production`` alone could be any app's."""
    if form.about == "app":
        return (_app(plain[0]),) if plain else ("",)
    if form.about == "place":
        return (_app_of_place(verb, plain[0]),)
    if form.about == "places":
        return tuple(_app_of_place(verb, place) for place in plain)
    return (_app(options["--app"][0]),) if "--app" in options else ("",)


def _app_of_place(verb: str, place: str) -> str:
    app, slash, environment = place.partition("/")
    if not (slash and is_name(app) and is_name(environment)):
        what = f"{verb}: not a place: {place!r}"
        raise UsageError(what, "name it whole: APP/ENVIRONMENT")
    return app


def _app(text: str) -> str:
    if not is_name(text):
        raise UsageError(f"not an app: {text!r}", _HINT)
    return text
