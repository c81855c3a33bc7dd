"""ICU MessageFormat, version 1: the arguments of a text, and the forms it has for each.

"Formatting Messages" (ICU User Guide) for the grammar and for how apostrophes quote.
"""

import re

import msgspec

DEEPEST = 20
_ARGUMENT = re.compile(r"\{\s*([\w.-]+)\s*(?:([},])|$)")
_TYPE = re.compile(r"\s*(\w+)\s*([},])")
_OPTION = re.compile(r"\s*(?:offset:\s*\d+\s*)?(=\d+|[^\s{}]+)\s*\{")
_END = re.compile(r"\s*\}")
_WITH_OPTIONS = ("plural", "select", "selectordinal")


class Wrong(Exception):
    """The text is no ICU message: why. Never shown as it is; becomes a finding."""


class Message(msgspec.Struct):
    """Per argument its type ("" for none), and per argument the options of each of its uses."""

    arguments: dict[str, str] = msgspec.field(default_factory=dict)
    options: list[tuple[str, str, tuple[str, ...]]] = msgspec.field(default_factory=list)


def message(text: str) -> Message:
    """What the text holds. Raises Wrong."""
    found = Message()
    end = _said(text, 0, found, 0, inside=False)
    if end != len(text):
        raise Wrong("a } has no { before it")
    return found


def _said(text: str, place: int, found: Message, depth: int, *, inside: bool) -> int:
    """Where the message that begins at ``place`` ends: at its closing brace, or the text's end."""
    if depth > DEEPEST:
        raise Wrong(f"it is nested more than {DEEPEST} deep")
    while place < len(text):
        one = text[place]
        if one == "'":
            place = _quoted(text, place)
        elif one == "{":
            place = _argument(text, place, found, depth)
        elif one == "}":
            return place
        else:
            place += 1
    if inside:
        raise Wrong("a { is not closed")
    return place


def _quoted(text: str, place: int) -> int:
    """After an apostrophe: it quotes before a brace, else it is one (two together are one)."""
    following = text[place + 1 : place + 2]
    if following == "'":
        return place + 2
    if following and following in "{}":
        end = text.find("'", place + 1)
        while end != -1 and text[end + 1 : end + 2] == "'":
            end = text.find("'", end + 2)
        return len(text) if end == -1 else end + 1
    return place + 1


def _argument(text: str, place: int, found: Message, depth: int) -> int:
    head = _ARGUMENT.match(text, place)
    if not head or not head[2]:
        raise Wrong(f"no argument: {text[place : place + 20]!r}")
    name, place = head[1], head.end()
    if head[2] == "}":
        found.arguments.setdefault(name, "")
        return place
    type_ = _TYPE.match(text, place)
    if not type_:
        raise Wrong(f"the argument {name!r} has no type after its comma")
    kind = type_[1]
    found.arguments[name] = kind
    if type_[2] == "}":
        if kind in _WITH_OPTIONS:
            raise Wrong(f"the {kind} of {name!r} has no forms")
        return type_.end()
    if kind in _WITH_OPTIONS:
        return _options(text, type_.end(), found, depth, (name, kind))
    end = text.find("}", type_.end())
    if end == -1:
        raise Wrong("a { is not closed")
    return end + 1


def _options(text: str, place: int, found: Message, depth: int, of: tuple[str, str]) -> int:
    """The forms of a plural or a select, to after its brace."""
    forms: list[str] = []
    while option := _OPTION.match(text, place):
        if option[1] in forms:
            raise Wrong(f"the {of[1]} of {of[0]!r} has the form {option[1]!r} twice")
        forms.append(option[1])
        place = _said(text, option.end(), found, depth + 1, inside=True) + 1
    end = _END.match(text, place)
    if not end:
        raise Wrong(f"the {of[1]} of {of[0]!r} is not of the form `name {{text}}`")
    if "other" not in forms:
        raise Wrong(f"the {of[1]} of {of[0]!r} has no form `other`")
    found.options.append((*of, tuple(forms)))
    return end.end()
