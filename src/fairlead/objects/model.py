"""Objects of Kubernetes as files hold them, and what is wrong with one."""

from typing import Any

import msgspec

from fairlead.documents.model import Document

Where = tuple[str | int, ...]
"""The keys and item numbers that lead to a part of an object."""


class Issue(msgspec.Struct, frozen=True):
    """One thing that is wrong, at one part. ``rule`` is without its ``objects.``."""

    rule: str
    at: Where
    what: str
    hint: str = ""


class Thing(msgspec.Struct, frozen=True):
    """One object, and where it stands: ``document`` of ``file``, at ``at`` in it.

    ``together`` is what it is applied together with (the file's directory,
    or what kustomize built), where the same object may not stand twice.
    """

    file: str
    document: Document
    at: Where
    data: dict[str, Any]
    together: str = ""

    @property
    def api(self) -> str:
        """Its apiVersion, "" for none."""
        return _text(self.data.get("apiVersion"))

    @property
    def kind(self) -> str:
        """Its kind, "" for none."""
        return _text(self.data.get("kind"))

    @property
    def group(self) -> str:
        """The group of its apiVersion; the oldest group has no name."""
        return self.api.rpartition("/")[0]

    @property
    def version(self) -> str:
        """The version of its apiVersion."""
        return self.api.rpartition("/")[2]

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata; empty where that is no mapping."""
        found = self.data.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        """Its name, or what the server makes one of; "" for none."""
        return _text(self.metadata.get("name")) or _text(self.metadata.get("generateName"))

    @property
    def namespace(self) -> str:
        """Its namespace; "" where whoever applies it says which."""
        return _text(self.metadata.get("namespace"))

    @property
    def title(self) -> str:
        """Names it: ``Deployment shop/web``."""
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind or 'object'} {name or '(no name)'}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
