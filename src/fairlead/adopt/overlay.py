"""What production has over the commit, as files of an overlay without a secret in them: pure.

The overlay lies readable in the deploy repo. So a secret that stands in it is read from the
environment instead where that is plain to see, and the file is held back where it is not.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fairlead.adopt import literals
from fairlead.adopt.literals import Change, Literal
from fairlead.adopt.model import At, ChangedFile, Clone, Held, Rewrite, Sealed
from fairlead.adopt.secretlike import form_of, why_secret
from fairlead.base.secret import Secret
from fairlead.manifest.guess.repository import parsed

LARGEST = 256 * 1024
"""Bytes of a new file that is still taken for code."""
_DOTENV = re.compile(r"(?:^|/)\.env[\w.-]*$")
_SETTINGS = re.compile(r"(?:^|/)[\w-]*(?:settings?|local|conf(?:ig)?|prod(?:uction)?|secrets?)\b"
                       r"[\w/-]*\.py$")  # fmt: skip
_DATABASE = re.compile(r"\.(?:sqlite3?|db)(?:-wal|-shm|-journal)?$")
_PAIR = re.compile(
    r"""["']?([A-Za-z_][\w.-]*)["']?\s*(?:=>|:=|[:=])\s*(?:"([^"]+)"|'([^']+)'|([^\s"',;#{}\[\]()]+))"""
)
_READ = re.compile(r"environ|getenv|process\.env|\$\{|^\$|^<|^%")


@dataclass
class Taken:
    """The overlay in the making."""

    files: dict[str, ChangedFile] = field(default_factory=dict)
    secrets: dict[str, Sealed] = field(default_factory=dict)
    rewrites: list[Rewrite] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self, path: str) -> str | None:
        """A file's text in the overlay; None where it is not in it, or is no text."""
        file = self.files.get(path)
        return text_of(file.after) if file else None

    def name_for(self, wanted: str, value: str) -> str:
        """A variable's name that has this value, or none yet."""
        name, number = wanted, 2
        while name in self.secrets and self.secrets[name].value.reveal() != value:
            name, number = f"{wanted}_{number}", number + 1
        return name


def text_of(data: bytes | None) -> str | None:
    """Bytes as text; None for none, or for what is no text."""
    try:
        text = data.decode() if data is not None else None
    except UnicodeDecodeError:
        return None
    return None if text is not None and "\0" in text else text


def taken(
    clone: Clone, texts: Mapping[str, str], known: Mapping[str, str], *, plain: bool
) -> Taken:
    """Every changed file, sealed or held. ``texts`` are those of the work tree; ``known`` are
    values of the environment by name; ``plain``: what cannot be mended is taken as it is."""
    found = Taken()
    # A name of the environment keeps its value: a literal of another one gets another name.
    for name, value in known.items():
        found.secrets[name] = Sealed(name, Secret(value), "", At(""))
    for file in clone.changed:
        _take(found, clone, file, texts, plain=plain)
    for name in known:
        if not found.secrets[name].at.file:
            del found.secrets[name]
    return found


def _take(
    found: Taken, clone: Clone, file: ChangedFile, texts: Mapping[str, str], *, plain: bool
) -> None:
    where = At(posixpath.join(clone.path, file.path))
    reason = _left_out(file, texts)
    if reason:
        found.notes.append(f"{file.path} is not laid over the code: {reason}")
        return
    text = text_of(file.after)
    if text is None or file.mode == "120000":
        found.files[file.path] = file
        return
    if file.path.endswith(".py") and parsed(text) is not None:
        text = _python(found, file, text, where, plain=plain)
    else:
        _hold_pairs(found, file, text, where, plain=plain)
    if not any(held.at.file == where.file for held in found.held):
        found.files[file.path] = _with(file, text)


def _with(file: ChangedFile, text: str) -> ChangedFile:
    return ChangedFile(file.path, file.before, text.encode(), file.mode, file.ignored)


def _left_out(file: ChangedFile, texts: Mapping[str, str]) -> str:
    """Why a file is none of the overlay's; "" where it is."""
    if _DOTENV.search(file.path):
        return "its values became settings and secrets"
    if _DATABASE.search(file.path):
        return "it is a database, which stays where it is"
    if file.before is None and file.after is not None and len(file.after) > LARGEST:
        return f"it is new and has {len(file.after) // 1024} KiB; commit it where it is code"
    if file.ignored and not _imported(file.path, texts):
        return "git ignores it, and nothing imports it"
    return ""


def _imported(path: str, texts: Mapping[str, str]) -> bool:
    stem = re.escape(posixpath.basename(path).removesuffix(".py"))
    pattern = re.compile(rf"^\s*(?:from\s+[\w.]*\b{stem}\s+import|(?:from\s+[\w.]+\s+)?import\s.*\b{stem}\b)",
                         re.MULTILINE)  # fmt: skip
    named = re.compile(rf"""["'][\w./]*\b{stem}(?:\.py)?["']""")
    others = (text for name, text in texts.items() if name != path and name.endswith(".py"))
    return any(pattern.search(text) or named.search(text) for text in others)


def _python(found: Taken, file: ChangedFile, text: str, where: At, *, plain: bool) -> str:
    """The text with what is plainly a secret read from the environment."""
    before = {literal.value for literal in literals.secret_literals(text_of(file.before) or "")}
    fresh = [x for x in literals.secret_literals(text) if x.value not in before]
    mendable = bool(_SETTINGS.search(file.path))
    changes: list[Change] = []
    for literal in fresh:
        at = At(where.file, literal.line)
        change = _sealed(found, literal, at) if mendable else None
        if change:
            changes.append(change)
        elif not plain:
            what = literal.name.rpartition(".")[2] or form_of(literal.value) or "a value"
            found.held.append(Held(at, f'{what} stands in plain text, not as NAME = "…"'))
    return literals.applied(text, changes) if changes else text


def _sealed(found: Taken, literal: Literal, at: At) -> Change | None:
    if not literal.simple:
        return None
    name = found.name_for(literal.variable, literal.value)
    why = why_secret(literal.name.rpartition(".")[2], literal.value)
    found.secrets[name] = Sealed(name, Secret(literal.value), why, at)
    found.rewrites.append(Rewrite(at, f'{literal.name} is read from os.environ["{name}"]'))
    return literals.span(literal.node, f'os.environ["{name}"]')


def _hold_pairs(found: Taken, file: ChangedFile, text: str, where: At, *, plain: bool) -> None:
    """Hold a file of another language back that has a secret the commit has not."""
    before = text_of(file.before) or ""
    for number, line in enumerate(text.split("\n"), 1):
        what = next(_secrets_in(line, before), "")
        if what and not plain:
            found.held.append(Held(At(where.file, number), f"{what} stands in plain text"))


def _secrets_in(line: str, before: str) -> Iterator[str]:
    form = form_of(line)
    if form and line not in before:
        yield form
    for name, *values in _PAIR.findall(line):
        value = next(filter(None, values), "")
        if value not in before and not _READ.search(value) and why_secret(name, value):
            yield name
