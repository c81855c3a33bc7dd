"""What Kubernetes asks of objects beyond their schema: names, and that a selector selects.

https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and, for selectors,
https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#selector.
"""

import re
from collections.abc import Iterator
from typing import Any

from fairlead.objects.model import Issue, Thing

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_SERVICE = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")  # RFC 1035
_DOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_SEGMENT = re.compile(r"(?!\.{1,2}$)[^/%]+")
_PLAIN = "of a-z, 0-9 and -, with a letter or digit at both ends"
_DOMAIN_LIMIT = 253
_SELECTING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})


def named(thing: Thing) -> Iterator[Issue]:
    """Whether it has a name, of the form its kind asks for."""
    at = ("metadata", "name")
    name = thing.metadata.get("name")
    if not thing.name:
        if not isinstance(name, str | None):
            return  # its schema says what it must be
        yield Issue("name", ("metadata",), "it has no name", "give it a metadata.name")
    elif isinstance(name, str) and (wanted := _wanted(thing, name)):
        yield Issue("name", at, f"its name is not {wanted}")
    if thing.namespace and not _LABEL.fullmatch(thing.namespace):
        what = f"its namespace is not at most 63 characters {_PLAIN}"
        yield Issue("name", ("metadata", "namespace"), what)


def _wanted(thing: Thing, name: str) -> str:
    """The form that a name should have and has not, "" where all is well."""
    if thing.group == "rbac.authorization.k8s.io":
        return "" if _SEGMENT.fullmatch(name) else "free of / and %"
    if thing.kind == "Service" and not thing.group:
        return "" if _SERVICE.fullmatch(name) else f"at most 63 {_PLAIN}, beginning with a letter"
    if thing.kind == "Namespace" and not thing.group:
        return "" if _LABEL.fullmatch(name) else f"at most 63 characters {_PLAIN}"
    if len(name) <= _DOMAIN_LIMIT and _DOMAIN.fullmatch(name):
        return ""
    return f"at most {_DOMAIN_LIMIT} characters {_PLAIN}, in parts divided by dots"


def selecting(thing: Thing) -> Iterator[Issue]:
    """Whether the selector of a workload selects the copies that it makes."""
    if thing.group != "apps" or thing.kind not in _SELECTING:
        return
    wanted = _at(thing.data, "spec", "selector", "matchLabels")
    labels = _at(thing.data, "spec", "template", "metadata", "labels")
    for key, value in wanted.items():
        if labels.get(key) != value:
            yield Issue(
                "selector",
                ("spec", "selector", "matchLabels", key),
                f"its own template has not the label {key[:80]} that it selects by",
                "say the same in spec.selector.matchLabels and spec.template.metadata.labels",
            )


def _at(value: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
