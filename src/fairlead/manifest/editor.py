"""The JSON Schema of ``fairlead.toml``, for editors (2020-12; TOML tools read the same)."""

import json

from fairlead.manifest.schema import APP

URI = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> str:
    """The schema as published: pretty, stable, with a last newline."""
    head = {"$schema": URI, "title": "fairlead.toml"}
    return json.dumps(head | APP.schema(), indent=2, ensure_ascii=False) + "\n"
