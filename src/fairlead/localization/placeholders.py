"""What is put into a text: each placeholder's name or position, and its type.

Where each form is from: printf(3) and its kin in Objective-C ("String Format Specifiers", Apple)
and Java (java.util.Formatter); Python's printf-style formatting and format strings; i18next's
interpolation; Qt's QString::arg. Two types are one where the same argument fits both: ``%d`` and
``%i``, ``%ld`` and ``%lld``.
"""

import re

import msgspec

from fairlead.localization.model import Syntax

Placeholders = dict[str, str]
"""What each name or position takes; the type is "" where the form has none."""

_LENGTHS = {"l": "long ", "ll": "long ", "q": "long ", "z": "long ", "t": "long ", "j": "long "}
_KINDS = {
    **dict.fromkeys("di", "integer"),
    **dict.fromkeys("uxXoO", "unsigned"),
    **dict.fromkeys("fFeEgGaA", "number"),
    **dict.fromkeys("sS", "text"),
    **dict.fromkeys("cC", "character"),
    "@": "object",
    "p": "pointer",
}
_SPEC = r"(?P<flags>{flags}{{0,6}})(?P<width>\*|\d{{1,6}})?(?:\.(?P<precision>\*|\d{{1,6}})?)?"
_LENGTH = r"(?P<length>hh|h|ll|l|q|L|z|t|j)?"
_POSITION = r"%(?:(?P<position>\d{1,3})\$)?"
_APPLE = re.compile(
    rf"%%|%(?:\d{{1,3}}\$)?#@(?P<variable>[^@\s]+)@|%arg\b"
    rf"|{_POSITION}{_SPEC.format(flags='[-+#0' + chr(39) + ']')}{_LENGTH}(?P<kind>[@diuxXoOfFeEgGaAsScCp])"
)
_C = re.compile(
    rf"%%|{_POSITION}{_SPEC.format(flags='[-+ #0I' + chr(39) + ']')}{_LENGTH}"
    r"(?:(?P<kind>[diuxXoOfFeEgGaAsScCpj])|<(?P<macro>PRI\w+)>)"
)
_JAVA = re.compile(
    rf"%%|%n|{_POSITION}{_SPEC.format(flags='[-+#0,(]')}(?P<length>)(?P<kind>[bBhHsScCdoxXeEfgGaA]|[tT]\w)"
)
_PYTHON = re.compile(
    r"%%|%(?:\((?P<name>[^()]*)\))?[-+ #0]{0,6}(?:\*|\d{1,6})?(?:\.(?:\*|\d{1,6})?)?[hlL]?"
    r"(?P<kind>[diouxXeEfFgGcrsa])"
)
_BRACE = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}!:]*)(?:![rsa])?(?::(?:[^{}]|\{[^{}]*\})*)?\}")
_RUBY = re.compile(
    r"%%|%\{(?P<name>\w+)\}|%<(?P<typed>\w+)>[-+ #0-9.]*(?P<kind>[a-zA-Z])|%(?P<plain>[ds])"
)
_QT = re.compile(r"%L?(?P<name>\d{1,2}|n)")
_NAMED = r"%\((?P<python>\w+)\)[-+#0]{0,6}\d{0,6}(?:\.\d{1,6})?(?P<kind>[diouxXeEfFgGcrsa])"
_GUESSED = re.compile(
    rf"{_NAMED}|\{{\{{\s*(?P<double>[A-Za-z_][\w.]*)\s*\}}\}}|\{{(?P<name>[A-Za-z_]\w*|\d)\}}"
)
_JSON = re.compile(
    r"\{\{-?\s*(?P<double>[^{},\s]+)\s*(?:,[^{}]*)?\}\}|\$t\((?P<nested>[^(),{}]+)[^()]*\)"
    rf"|\$\{{(?P<dollar>[\w.]+)\}}|%\{{(?P<percent>\w+)\}}|(?<!\{{)\{{\s*(?P<name>[\w.-]+)\s*\}}(?!\}})|{_NAMED}"
    r"|%(?P<position>\d)\$(?P<of>[sdif])|(?<![\d%])%(?P<plain>[sdif])\b"
)

_PYTHON_KINDS = {
    **dict.fromkeys("diu", "integer"),
    **dict.fromkeys("oxX", "unsigned"),
    **dict.fromkeys("eEfFgG", "number"),
    **dict.fromkeys("rsa", "text"),
    "c": "character",
}


class Found(msgspec.Struct, frozen=True):
    """The placeholders of one text; ``mixed``: some have a position and some have none."""

    known: Placeholders
    mixed: bool = False


OWN = "its number"
"""What the text of a variable (Apple's) calls the number that it varies by."""


def found(text: str, syntax: Syntax, own: bool = False) -> Found:
    """The placeholders of a text in a syntax other than ICU's. ``own``: it is the text of a
    variable, where a placeholder without a position is the variable's own number."""
    if syntax in _PRINTF:
        return _owned(text) if own else _printf(text, syntax)
    pattern = _NAMES.get(syntax)
    if pattern is None:
        return Found({})
    known: Placeholders = {}
    plain = 0
    for match in pattern.finditer(text):
        groups = match.groupdict()
        name = next((groups[key] for key in _NAME_GROUPS if groups.get(key) is not None), None)
        kind = groups.get("kind") or groups.get("of") or groups.get("plain") or ""
        if name is None and not kind and syntax is not Syntax.BRACE:
            continue  # %% and its like
        if name is None and match[0] in ("{{", "}}"):
            continue
        if not name:
            plain += 1
            name = str(plain)
        known[name] = _PYTHON_KINDS.get(kind, kind)
    return Found(known)


_NAME_GROUPS = (
    "name", "double", "python", "typed", "percent", "dollar", "nested", "position",
)  # fmt: skip


def _printf(text: str, syntax: Syntax) -> Found:
    known: Placeholders = {}
    next_, positions, plain = 1, False, False
    for match in _PRINTF[syntax].finditer(text):
        groups = match.groupdict()
        if groups.get("variable"):
            known[f"#@{groups['variable']}@"] = ""
        elif match[0] == "%arg":
            known["arg"] = ""
        elif kind := _kind(groups):
            for star in ("width", "precision"):
                if groups.get(star) == "*":
                    known[str(next_)] = "integer"
                    next_ += 1
            if position := groups["position"]:
                positions = True
                known[str(int(position))] = kind
            else:
                plain = True
                known[str(next_)] = kind
                next_ += 1
    return Found(known, positions and plain)


def _owned(text: str) -> Found:
    """A variable's text: ``%arg``, ``%lld`` and ``%d`` all are its own number."""
    known: Placeholders = {}
    for match in _APPLE.finditer(text):
        if position := match["position"]:
            known[str(int(position))] = _kind(match.groupdict())
        elif match["variable"]:
            known[f"#@{match['variable']}@"] = ""
        elif match[0] == "%arg":
            known[OWN] = "integer"
        elif match[0] != "%%":
            kind = _KINDS[match["kind"]]
            known[OWN] = "integer" if kind == "unsigned" else kind
    return Found(known)


def _kind(groups: dict[str, str | None]) -> str:
    if macro := groups.get("macro"):
        return macro
    letter = groups.get("kind") or ""
    if letter[:1] in "tT" and letter:
        return "date"
    kind = _KINDS.get(letter, letter)
    length = _LENGTHS.get(groups.get("length") or "", "")
    return f"{length}{kind}" if kind in ("integer", "unsigned") else kind


def variables(text: str) -> set[str]:
    """The ``%#@name@`` of Apple's that a text has."""
    return {match["variable"] for match in _APPLE.finditer(text) if match["variable"]}


def unnamed(known: Placeholders) -> Placeholders:
    """The same with its variables numbered: each language may name its own."""
    named = [name for name in known if name.startswith("#@")]
    numbered = {name: f"variable {number}" for number, name in enumerate(named, 1)}
    return {numbered.get(name, name): kind for name, kind in known.items()}


def doubtful(text: str, syntax: Syntax) -> bool:
    """Whether all that looks like a placeholder may be prose: a per cent sign after a number, or
    before the end of a word (Hungarian's "%-a")."""
    if syntax not in (Syntax.APPLE, Syntax.JAVA):
        return False
    matches = [one for one in _PRINTF[syntax].finditer(text) if one[0] not in ("%%", "%n")]
    return all(
        re.search(r"\d\s?$", text[max(0, one.start() - 3) : one.start()]) or one[0][1] == "-"
        for one in matches
    )


def stripped(text: str) -> str:
    """The text without anything that may be a placeholder."""
    for pattern in (_APPLE, _JSON, _PYTHON):
        text = pattern.sub("", text)
    return text


_PRINTF = {Syntax.APPLE: _APPLE, Syntax.C: _C, Syntax.JAVA: _JAVA}
_NAMES = {
    Syntax.PYTHON: _PYTHON,
    Syntax.BRACE: _BRACE,
    Syntax.RUBY: _RUBY,
    Syntax.QT: _QT,
    Syntax.GUESSED: _GUESSED,
    Syntax.JSON: _JSON,
}
