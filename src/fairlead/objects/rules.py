"""All objects of a commit against one version of Kubernetes: what is wrong, what nobody knows."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from fairlead.checks.model import Finding, Level
from fairlead.documents.model import Document
from fairlead.objects.custom import Custom, custom_kinds
from fairlead.objects.model import Issue, Thing, Where
from fairlead.objects.names import named, selecting
from fairlead.objects.schemas import Kind, Schemas
from fairlead.objects.shape import issues

MOST_ISSUES = 200
"""Of one object: a list of 100,000 wrong items is one mistake."""

NOT_KNOWN = frozenset({"unknown", "pattern"})
"""Rules that say what could not be looked at; the answer is not known."""

_LEVELS = {"same-item": Level.WARNING, "rules": Level.NOTE,
           **dict.fromkeys(NOT_KNOWN, Level.WARNING)}  # fmt: skip


def things(file: str, documents: Iterable[Document], together: str) -> Iterator[Thing]:
    """Each object of a file's documents; those of a List one by one; of an empty one, none."""
    for document in documents:
        if document.data is not None:
            yield from _unpacked(file, document, together)


def _unpacked(file: str, document: Document, together: str) -> Iterator[Thing]:
    data = document.data if isinstance(document.data, dict) else {}
    kind, items = data.get("kind"), data.get("items")
    if not isinstance(items, list) or not isinstance(kind, str) or not kind.endswith("List"):
        yield Thing(file, document, (), data, together)
        return
    for number, item in enumerate(items):
        # The items of a DeploymentList need not say again what they are.
        own = {"apiVersion": data.get("apiVersion"), "kind": kind[: -len("List")]}
        whole = {**(own if kind != "List" else {}), **(item if isinstance(item, dict) else {})}
        yield Thing(file, document, ("items", number), whole, together)


def is_object(data: Any) -> bool:
    """Whether a document means to be an object of Kubernetes: it has an apiVersion and a kind.

    A kubeconfig has them too, and is none; so has a kustomization, which kustomize reads.
    """
    if not isinstance(data, dict):
        return False
    api, kind = data.get("apiVersion"), data.get("kind")
    if not isinstance(api, str) or not isinstance(kind, str):
        return False
    return (api, kind) != ("v1", "Config") and not api.startswith("kustomize.config.k8s.io/")


def judge(every: Iterable[Thing], schemas: Schemas) -> tuple[Finding, ...]:
    """All that is wrong with them, in their order, and all that could not be looked at."""
    objects = tuple(every)
    custom = custom_kinds(objects)
    found = [
        _finding(thing, issue)
        for thing in objects
        for issue in islice(_issues(thing, schemas, custom), MOST_ISSUES)
    ]
    return (*found, *(_finding(thing, issue) for thing, issue in _twice(objects)))


def mistakes(file: str, documents: Iterable[Document]) -> Iterator[Finding]:
    """What is wrong with the YAML itself: the last of two equal keys would win in silence."""
    for document in documents:
        for mistake in document.mistakes:
            what = f"{mistake.what[:1].upper()}{mistake.what[1:]}."
            subject = f"{file}: {mistake.what}"
            yield Finding("objects.yaml", what, path=file, line=mistake.line, subject=subject)


def _issues(thing: Thing, schemas: Schemas, custom: Mapping[Kind, Custom]) -> Iterator[Issue]:
    if not thing.api or not thing.kind:
        lacks = " and ".join(
            key for key in ("apiVersion", "kind") if not isinstance(thing.data.get(key), str)
        )
        yield Issue("object", (), f"it is no object of Kubernetes: it says no {lacks or 'kind'}")
        return
    kind = (thing.group, thing.version, thing.kind)
    if kind in custom:
        yield from _custom(thing, custom[kind], schemas)
    elif kind in schemas.kinds:
        yield from issues({"ref": schemas.kinds[kind]}, thing.data, schemas.defined)
    else:
        yield _not_there(thing, kind, schemas, custom)
        return
    yield from named(thing)
    yield from selecting(thing)


def _custom(thing: Thing, custom: Custom, schemas: Schemas) -> Iterator[Issue]:
    if not custom.served:
        yield Issue("removed", ("apiVersion",), f"its definition does not serve {thing.api}")
    yield from issues(custom.schema, thing.data, schemas.defined)
    if custom.rules:
        what = f"{custom.rules} rules of its definition in CEL were not evaluated"
        yield Issue("rules", (), what)


def _not_there(thing: Thing, kind: Kind, schemas: Schemas, custom: Mapping[Kind, Custom]) -> Issue:
    if thing.group in schemas.groups:
        return _not_served(thing, kind, schemas)
    versions = sorted(
        version for group, version, name in custom if (group, name) == (thing.group, thing.kind)
    )
    if versions:
        what = f"its definition has no version {thing.version}; it has {', '.join(versions)}"
        return Issue("removed", ("apiVersion",), what)
    return Issue(
        "unknown",
        ("kind",),
        f"nobody here knows the kind {thing.kind[:80]} of {thing.api[:80]}",
        "add its CustomResourceDefinition to `files`, or leave this file out",
    )


def _not_served(thing: Thing, kind: Kind, schemas: Schemas) -> Issue:
    """A kind that a group of Kubernetes' own does not have in this version."""
    last = schemas.gone.get(kind)
    other = schemas.elsewhere(thing.group, thing.kind)
    what = f"Kubernetes {schemas.version} has no {thing.kind[:80]} in {thing.api[:80]}"
    if last:
        what += f"; 1.{last} was the last that had it"
    elif last == 0:
        what += " yet"
    if other:
        return Issue("removed", ("apiVersion",), what, f"say apiVersion: {other[-1]}")
    names = {name for group, _, name in schemas.kinds if group == thing.group}
    near = get_close_matches(thing.kind[:80], names, n=1, cutoff=0.7)
    hint = f"did you mean {near[0]}?" if near else ""
    return Issue("removed" if last is not None else "kind", ("kind",), what, hint)


def _twice(objects: Iterable[Thing]) -> Iterator[tuple[Thing, Issue]]:
    seen: dict[tuple[str, ...], Thing] = {}
    for thing in objects:
        if not isinstance(thing.metadata.get("name"), str) or not thing.kind:
            continue
        key = (thing.together, thing.group, thing.kind, thing.namespace, thing.name)
        first = seen.setdefault(key, thing)
        if first is not thing:
            where = f"{first.file}, line {first.document.line(first.at)}"
            yield thing, Issue("twice", ("metadata", "name"), f"it stands at {where}, too")


def _finding(thing: Thing, issue: Issue) -> Finding:
    where = written(issue.at, thing.data)
    return Finding(
        rule=f"objects.{issue.rule}",
        message=f"{thing.title}: {where + ': ' if where else ''}{issue.what}.",
        level=_LEVELS.get(issue.rule, Level.ERROR),
        path=thing.file,
        line=thing.document.line((*thing.at, *issue.at)),
        subject=f"{thing.title}: {where or issue.rule}",
        hint=issue.hint,
    )


def written(at: Where, data: Any) -> str:
    """A part's place as a person says it: an item that has a name by its name, else by number.

    ``spec.containers[web].image``: it stays the same when an item is put before it.
    """
    text = ""
    for key in at:
        if isinstance(key, str):
            data = data.get(key) if isinstance(data, dict) else None
            text += f".{key[:80]}" if text else key[:80]
        else:
            data = data[key] if isinstance(data, list) else None
            name = data.get("name") if isinstance(data, dict) else None
            text += f"[{name[:80] if isinstance(name, str) else key}]"
    return text
