"""The API question's figures: a 500-operation contract against one in use, and against twenty.

    python -m benchmarks.api [--operations N] [--releases N] [--json]

The documents are made here: YAML of about 50 lines for each operation, 121 components that hold each
other. Each release's contract differs from the new one in operations and in a field of a
component that most answers hold. Times are CPU seconds of the question in this process, after its
imports, the median of 3; ``import`` and ``process`` are of a process of its own, by the clock.
"""

import argparse
import json
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import yaml

from fairlead.checks.model import Asked
from fairlead.manifest.questions import Api
from fairlead.questions.api import KEPT, answer

LIMITS = {"one": 0.5, "all": 3.0}
TODAY = "2026-11-21"
FIELDS: list[dict[str, Any]] = [
    {"type": "string", "maxLength": 80, "description": "A field of the thing."},
    {"type": "integer", "format": "int64", "minimum": 0},
    {"type": "string", "format": "date-time"},
    {"type": "string", "enum": ["open", "closed", "unknown"]},
    {"type": "number"},
    {"type": "boolean", "default": False},
    {"type": "array", "items": {"type": "string"}},
]


def component(number: int, chance: random.Random) -> dict[str, Any]:
    fields = {f"field_{n}": dict(chance.choice(FIELDS)) for n in range(12)}
    if number:
        fields["nested"] = {"$ref": f"#/components/schemas/Thing{chance.randrange(number)}"}
    return {"type": "object", "required": list(fields)[:5], "properties": fields}


def content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def path(number: int, components: int) -> dict[str, Any]:
    thing = {"$ref": f"#/components/schemas/Thing{number % components}"}
    error = {"description": "Error", **content({"$ref": "#/components/schemas/Error"})}
    key = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}}
    listed = {"type": "object", "properties": {"items": {"type": "array", "items": thing}}}
    got = {"200": {"description": "ok", **content(listed)}, "404": error, "500": error}
    made = {"201": {"description": "made", **content(thing)}, "400": error}
    return {
        "get": {"summary": f"Read {number}", "parameters": [key, limit], "responses": got},
        "post": {
            "parameters": [key],
            "requestBody": {"required": True, **content(thing)},
            "responses": made,
        },
    }


def document(operations: int, components: int = 120) -> dict[str, Any]:
    chance = random.Random(1)
    schemas = {f"Thing{n}": component(n, chance) for n in range(components)}
    schemas["Error"] = {"type": "object", "properties": {"code": {"type": "string"}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Things", "version": "1"},
        "paths": {f"/things{n}/{{id}}": path(n, components) for n in range(operations // 2)},
        "components": {"schemas": schemas},
    }


def older(number: int, operations: int) -> dict[str, Any]:
    made = document(operations)
    for name in list(made["paths"])[: number * 3]:
        del made["paths"][name]
    made["components"]["schemas"][f"Thing{number}"]["properties"]["extra"] = {"type": "string"}
    return made


def asked(tree: Path, out: Path, contracts: list[dict[str, Any]]) -> Asked:
    given = {"today": TODAY, "contracts": contracts}
    return Asked(Api(contract="openapi.yaml"), str(tree), str(out), given)


def kept(room: Path, number: int, operations: int) -> dict[str, Any]:
    """The contract of an earlier release, as its verdict kept it."""
    out = room / str(number)
    out.mkdir()
    (room / "openapi.yaml").write_bytes(msgspec.json.encode(older(number, operations)))
    answer(asked(room, out, []))
    clients = [{"name": "ios", "version": f"3.{number}", "until": "2027-03-01"}]
    return {"release": number + 1, "path": str(out / KEPT), "clients": clients}


def seconds(question: Asked) -> float:
    taken = []
    for _ in range(3):
        start = time.process_time()
        answer(question)
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def process(room: Path, question: Asked) -> float:
    (room / "asked.json").write_bytes(msgspec.json.encode(question))
    argv = [sys.executable, "-I", "-m", "fairlead.questions", "asked.json", "reply.json"]
    start = time.monotonic()
    subprocess.run(argv, cwd=room, check=True)
    return time.monotonic() - start


def measured(operations: int, releases: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        room = Path(directory)
        contracts = [kept(room, number, operations) for number in range(releases)]
        text = yaml.dump(document(operations), sort_keys=False, Dumper=yaml.CSafeDumper)
        (room / "openapi.yaml").write_text(text, encoding="utf-8")
        one, every = asked(room, room, contracts[:1]), asked(room, room, contracts)
        return {
            "lines": text.count("\n"),
            "one": round(seconds(one), 3),
            "all": round(seconds(every), 3),
            "process": round(process(room, every), 3),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--operations", type=int, default=500)
    parser.add_argument("--releases", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measured(options.operations, options.releases)
    reached = all(found[name] <= limit for name, limit in LIMITS.items())
    print(json.dumps({"python": platform.python_version(), **found, "reached": reached}))
    if not options.json:
        print(f"{options.operations} operations, {found['lines']:,} lines; CPU seconds")
        print(f"against one contract     {found['one']:6.2f}   (at most {LIMITS['one']})")
        print(f"against all of them      {found['all']:6.2f}   (at most {LIMITS['all']})")
        print(f"the same, whole process  {found['process']:6.2f}   (by the clock)")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
