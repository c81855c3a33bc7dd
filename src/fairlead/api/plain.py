"""A document without what is only for people to read: descriptions, summaries, examples.

What is left is what a client relies on. Two documents that differ in words only are one contract.
"""

from typing import Any

_WORDS = frozenset(
    {"description", "summary", "example", "examples", "externalDocs", "tags", "$comment", "xml",
     "x-enum-descriptions", "x-enumDescriptions"}
)  # fmt: skip
# Objects whose keys are names that somebody chose (OpenAPI 3.1.1, 4.8).
NAMED = frozenset(
    {"paths", "webhooks", "properties", "patternProperties", "dependentSchemas", "$defs",
     "definitions", "schemas", "responses", "parameters", "requestBodies", "headers", "links",
     "callbacks", "pathItems", "securitySchemes", "content", "encoding", "variables",
     "x-fairlead-files"}
)  # fmt: skip
# Values that are kept as they stand.
_DATA = frozenset(
    {"default", "enum", "const", "security", "required", "dependentRequired", "mapping", "scopes"}
)  # fmt: skip


def plain(value: Any, *, names: bool = False) -> Any:
    """The value without words. ``names``: its keys are names."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if names:
        return {key: plain(item) for key, item in value.items()}
    return {
        key: item if _stays(key) else plain(item, names=key in NAMED)
        for key, item in value.items()
        if key not in _WORDS
    }


def _stays(key: str) -> bool:
    return key in _DATA or (key.startswith("x-") and key not in NAMED)
