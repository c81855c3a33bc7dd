"""Whether files are valid objects of Kubernetes, and its kustomizations build."""

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from fairlead.base.globs import matching
from fairlead.checks.model import Answer, Asked, Finding, Level, Reply
from fairlead.documents.model import Document, Place, Unreadable
from fairlead.documents.read import MAX_CHARACTERS, decoded, documents
from fairlead.manifest.questions import Objects
from fairlead.objects import kustomization, rules
from fairlead.objects.model import Thing
from fairlead.objects.schemas import known_versions, schemas
from fairlead.questions._kustomize import built
from fairlead.questions._tree import files, start_of

EVERY = ("**/*.yaml", "**/*.yml")
_OBJECT = re.compile(rb"^(?:apiVersion|kind)[ \t]*:", re.MULTILINE)
_UNKNOWN = frozenset(f"objects.{rule}" for rule in (*rules.NOT_KNOWN, "template", "not-built"))


class _Seen:
    """What was read so far: the objects, and what stood in their way."""

    def __init__(self, tree: str) -> None:
        self.tree = tree
        self.paths = files(tree)
        self.kustomizations = _kustomizations(tree, self.paths)
        self.things: list[Thing] = []
        self.findings: list[Finding] = []
        self.files = 0


def answer(asked: Asked) -> Reply:
    """Reads the files and builds the kustomizations, and judges all their objects together."""
    question = asked.question
    assert isinstance(question, Objects)
    lines = resources.files("fairlead.objects").joinpath("kubernetes.jsonl").read_bytes()
    versions = known_versions(lines)
    if question.version not in versions:
        known = f"those of {versions[0]} to {versions[-1]} are"
        return Reply(
            Answer.NOT_KNOWN,
            f"the schemas of Kubernetes {question.version} are not here; {known}",
        )
    seen = _Seen(asked.tree)
    _read(question, seen)
    if not seen.files:
        return Reply(Answer.NOT_APPLICABLE, _no_file(question))
    findings = (*seen.findings, *rules.judge(seen.things, schemas(lines, question.version)))
    return _reply(seen, findings, question.version)


def _no_file(question: Objects) -> str:
    if question.files:
        return f"no file of the tree matches its files = {list(question.files)}"
    return f"no file of the tree that matches {list(EVERY)} has an apiVersion and a kind"


def _reply(seen: _Seen, findings: tuple[Finding, ...], version: str) -> Reply:
    whole = f"{len(seen.things)} objects of {seen.files} files, for Kubernetes {version}"
    errors = sum(one.level is Level.ERROR for one in findings)
    unknown = sum(one.rule in _UNKNOWN for one in findings)
    if errors:
        return Reply(Answer.FAILED, f"{errors} mistakes in {whole}", findings)
    if unknown:
        return Reply(Answer.NOT_KNOWN, f"{unknown} things nobody could look at: {whole}", findings)
    return Reply(Answer.PASSED, whole, findings)


def _read(question: Objects, seen: _Seen) -> None:
    wanted = question.kustomize
    if question.files:
        for path in matching(question.files, seen.paths):
            _file(path, seen, named=True)
    elif not wanted:
        for path in matching(EVERY, seen.paths):
            if not kustomization.covered(path, seen.kustomizations):
                _file(path, seen, named=False)
        wanted = kustomization.roots(seen.kustomizations)
    for directory in wanted:
        _kustomized("" if directory == "." else directory, seen)


def _file(path: str, seen: _Seen, *, named: bool) -> None:
    """One file; of one that nobody named only what is meant to be an object."""
    if PurePosixPath(path).name in kustomization.NAMES:
        return
    try:
        found = documents(_text(seen.tree, path), old=True)
    except Unreadable as error:
        unreadable = tuple(_unreadable(path, error, seen.tree, named))
        seen.files += bool(unreadable)
        seen.findings += unreadable
        return
    if not named:
        found = tuple(one for one in found if rules.is_object(one.data))
    if found:
        seen.files += 1
        seen.findings += rules.mistakes(path, found)
        seen.things += rules.things(path, found, str(PurePosixPath(path).parent))


def _text(tree: str, path: str) -> str:
    data, size = start_of(tree, path, 4 * MAX_CHARACTERS)
    if size > len(data):
        raise Unreadable(f"it has {size:,} bytes; {len(data):,} are the most")
    return decoded(data)


def _unreadable(path: str, error: Unreadable, tree: str, named: bool) -> Iterator[Finding]:
    """A template is not known, an object's file is wrong; one that is no object's is not ours."""
    text = start_of(tree, path, MAX_CHARACTERS)[0]
    if _in_chart(tree, path) or (named and b"{{" in text):
        yield Finding(
            "objects.template",
            f"{path} is a template, which nobody here renders.",
            Level.WARNING,
            path,
            error.line,
            path,
            "name the files that it renders to in `files`",
        )
    elif named or _OBJECT.search(text):
        yield Finding("objects.yaml", f"{path}: {error.what}.", Level.ERROR, path, error.line, path)


def _in_chart(tree: str, path: str) -> bool:
    """Whether a file is a template of a Helm chart (https://helm.sh/docs/topics/charts/)."""
    return any(
        above.name == "templates" and Path(tree, above.parent, "Chart.yaml").is_file()
        for above in PurePosixPath(path).parents
    )


def _kustomizations(tree: str, paths: tuple[str, ...]) -> dict[str, Any]:
    """Directory ("" for the top) → what its kustomization says; None where it cannot be read."""
    found: dict[str, Any] = {}
    for path in paths:
        directory, _, name = path.rpartition("/")
        if name in kustomization.NAMES:
            try:
                read = documents(_text(tree, path), old=True)
            except Unreadable:
                read = ()
            found[directory] = read[0].data if len(read) == 1 else None
    return found


def _kustomized(directory: str, seen: _Seen) -> None:
    """Build one directory, and take in what comes out."""
    seen.files += 1
    path = directory or "."
    elsewhere = kustomization.fetched(directory, seen.kustomizations)
    if elsewhere:
        what = f"needs {', '.join(elsewhere[:3])}, and a check has no network"
        seen.findings.append(_not_built(path, what, "keep a copy of it in the tree"))
        return
    made = built(Path(seen.tree, directory))
    if made.missing:
        seen.findings.append(_not_built(path, made.missing, made.hint))
        return
    found, wrong = _taken(made.text, made.wrong)
    if wrong:
        seen.findings.append(
            Finding("objects.kustomize", f"{path} {wrong}.", path=path, subject=path)
        )
    seen.things += rules.things(path, found, f"kustomize {path}")


def _taken(text: bytes, wrong: str) -> tuple[tuple[Document, ...], str]:
    """What was built. Its lines are of no file of the tree: none is better than a wrong one."""
    if wrong:
        return (), wrong
    try:
        found = documents(decoded(text), old=True)
    except Unreadable as error:
        return (), f"is built, but {error.what}"
    return tuple(Document(one.data, one.mistakes, lambda: Place(0)) for one in found), ""


def _not_built(path: str, what: str, hint: str) -> Finding:
    message = f"{path} is not built: it {what}."
    return Finding("objects.not-built", message, Level.WARNING, path, 0, path, hint)
