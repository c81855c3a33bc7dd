"""Keys that code and documents name, by pattern: what a call says in plain quotes.

Covered: gettext's functions in Python and JavaScript, Django's template tags, NSLocalizedString
and String(localized:), Android's R.… and @…, `t('…')`, `$t`, `i18n.t`, `<Trans i18nKey>`,
`formatMessage({id})` and `<FormattedMessage id>`, Flutter's `AppLocalizations.of(…).key`. A key
that is put together while the code runs cannot be seen.
"""

import ast
import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from fairlead.localization.gettext import CONTEXT
from fairlead.localization.model import Format

APPLE = frozenset({Format.STRINGS, Format.STRINGSDICT, Format.XCSTRINGS})
GETTEXT = frozenset({Format.PO})
WEB = frozenset({Format.JSON})
ANDROID = frozenset({Format.ANDROID})
FLUTTER = frozenset({Format.ARB})
EVERY = frozenset(Format)


class Mention(msgspec.Struct, frozen=True):
    """A key that a line names, and the formats whose catalogs it may be in."""

    key: str
    line: int
    formats: frozenset[Format]


_TEXT = r"""(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')"""
_SINGULARS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
_CONTEXTS = {"pgettext", "pgettext_lazy", "npgettext", "npgettext_lazy"}

_JAVASCRIPT = (
    (re.compile(rf"(?<![\w.$])(?:gettext|ngettext|_)\(\s*{_TEXT}\s*[,)]"), GETTEXT),
    (re.compile(rf"(?<![\w$])(?:\$?tc?|i18n\.t|i18next\.t|\$t)\(\s*{_TEXT}\s*[,)]"), WEB),
    (re.compile(rf"\bi18nKey\s*=\s*\{{?\s*{_TEXT}"), WEB),
    (re.compile(rf"\bformatMessage\(\s*\{{\s*id:\s*{_TEXT}"), WEB),
    (re.compile(rf"<FormattedMessage\s+id\s*=\s*\{{?\s*{_TEXT}"), WEB),
)
_SWIFT = (
    (re.compile(rf"\bNSLocalizedString\(\s*@?{_TEXT}\s*,"), APPLE),
    (re.compile(rf"\bString\(\s*localized:\s*{_TEXT}\s*[,)]"), APPLE),
    (re.compile(rf"\bLocalizedStringKey\(\s*{_TEXT}\s*\)"), APPLE),
)
_JAVA = re.compile(r"(?<![\w.])R\.(string|plurals|array)\.(\w+)")
_RESOURCE = re.compile(r"@(string|plurals|array)/([\w.]+)")
_DART = re.compile(r"\bAppLocalizations\.of\([^()]*\)[!?]?\.(\w+)")
_TEMPLATE = re.compile(
    rf"\{{%-?\s*(?:trans|translate)\s+{_TEXT}(?:\s+context\s+{_TEXT})?[^%]*%\}}"
    rf"|\{{\{{\s*_\(\s*{_TEXT}\s*\)\s*\}}\}}"
)
_LONGEST_LINE = 500
_SCRIPTS = (".js", ".jsx", ".mjs", ".ts", ".tsx", ".vue", ".svelte")
_TEMPLATES = (".html", ".htm", ".djhtml", ".jinja", ".j2", ".txt", ".xml")


def in_code(path: str, text: str) -> tuple[Mention, ...]:
    """The keys that a file of code names, by the ending of its path; none for another file."""
    ending = path[path.rfind(".") :].lower()
    found: list[Mention] = []
    if ending == ".py":
        found += _python(text)
    if ending in _SCRIPTS:
        found += _patterns(text, _JAVASCRIPT)
    if ending in (".swift", ".m", ".mm"):
        found += _patterns(text, _SWIFT)
    if ending in (".kt", ".java", ".xml"):
        found += _android(text)
    if ending == ".dart":
        found += [Mention(match[1], _line(text, match), FLUTTER) for match in _DART.finditer(text)]
    if ending in _TEMPLATES:
        found += _template(text)
    return tuple(found)


@lru_cache(maxsize=2)
def _ends(text: str) -> list[int]:
    """Where the lines of a text end."""
    return [found.start() for found in re.finditer("\n", text)]


def _line(text: str, match: re.Match[str]) -> int:
    return bisect_left(_ends(text), match.start()) + 1


def _patterns(
    text: str, patterns: tuple[tuple[re.Pattern[str], frozenset[Format]], ...]
) -> Iterator[Mention]:
    for pattern, formats in patterns:
        for match in pattern.finditer(text):
            key = _plain(match[1] if match[1] is not None else match[2])
            together = "\\(" in key or "${" in key  # while the code runs
            if key and not together and not _remark(text, match):
                yield Mention(key, _line(text, match), formats)


def _remark(text: str, match: re.Match[str]) -> bool:
    """Whether it stands in a comment of its line."""
    near = max(0, match.start() - _LONGEST_LINE)
    before = text[text.rfind("\n", near, match.start()) + 1 or near : match.start()].lstrip()
    return before.startswith(("//", "/*", "*", "#")) or " // " in before


def _plain(quoted: str) -> str:
    """A quoted text with its escapes undone."""
    quoted = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda found: chr(int(found[1], 16)), quoted)
    return re.sub(
        r"\\(?!\()(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), quoted
    )


def _android(text: str) -> Iterator[Mention]:
    kinds = {"array": "string-array"}
    for pattern in (_JAVA, _RESOURCE):
        for match in pattern.finditer(text):
            if text[max(0, match.start() - 8) : match.start()].endswith("android."):
                continue
            key = f"{kinds.get(match[1], match[1])}/{match[2]}"
            yield Mention(key, _line(text, match), ANDROID)


def _template(text: str) -> Iterator[Mention]:
    for match in _TEMPLATE.finditer(text):
        said = [group for group in match.groups() if group is not None]
        key = _plain(said[0])
        yield Mention(_in_context(said[1:], key), _line(text, match), GETTEXT)


def _in_context(context: list[str], key: str) -> str:
    return CONTEXT.join([*(_plain(one) for one in context), key])


def _python(text: str) -> Iterator[Mention]:
    """The calls of gettext's functions, by Python's own grammar. Nothing for a file that is not
    of it: whoever runs the code says so."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        wanted = 1 if name in _SINGULARS else 2 if name in _CONTEXTS else 0
        said = [_constant(one) for one in node.args[:wanted]]
        if wanted and len(said) == wanted and all(said):
            yield Mention(CONTEXT.join(filter(None, said)), node.lineno, GETTEXT)


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


# ---- documents

_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_KEYLIKE = re.compile(r"[A-Za-z][\w-]*(?:\.[A-Za-z0-9][\w-]*)+|[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
_TABLE_HEAD = re.compile(r"\|?\s*(?:message|translation|string|text) keys?\s*\|", re.IGNORECASE)
# fmt: off
_FILES = (
    ".arb", ".com", ".css", ".dart", ".html", ".io", ".java", ".js", ".json", ".kt", ".md", ".net",
    ".org", ".po", ".py", ".sh", ".strings", ".swift", ".toml", ".ts", ".tsx", ".txt",
    ".xcodeproj", ".xcstrings", ".xml", ".yaml", ".yml",
)
# fmt: on


def in_document(text: str, first_words: frozenset[str]) -> tuple[Mention, ...]:
    """The keys that a document names.

    The first cell of each row in a table whose first head is "Message key" (or translation,
    string, text key); any call or resource as in code; and in back-quotes what is formed as keys
    are and begins as one does (``first_words``:
    what stands before the first point or underscore of the keys there are).
    """
    found: list[Mention] = []
    tabled = False
    for number, line in enumerate(text.split("\n"), 1):
        tabled = bool(_TABLE_HEAD.match(line)) or (tabled and "|" in line)
        spans = [match[1] for match in _SPAN.finditer(line)]
        row = tabled and not _TABLE_HEAD.match(line) and spans and line.lstrip(" |").startswith("`")
        if row:
            found.append(Mention(spans.pop(0), number, EVERY))
        for span in spans:
            begins = re.split(r"[._]", span)[0]
            if _KEYLIKE.fullmatch(span) and begins in first_words and not span.endswith(_FILES):
                found.append(Mention(span, number, EVERY))
    seen = {(one.line, one.key) for one in found}
    for ending in (".js", ".swift", ".xml", ".kt"):
        found += [one for one in in_code(ending, text) if (one.line, one.key) not in seen]
    return tuple(dict.fromkeys(found))
