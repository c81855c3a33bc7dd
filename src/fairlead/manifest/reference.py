"""The reference page of ``fairlead.toml``, as Markdown."""

from collections.abc import Iterator

from fairlead.manifest.kinds import Kind
from fairlead.manifest.schema import APP
from fairlead.manifest.sense import RULES
from fairlead.manifest.tables import Choice, Field, Named, Table
from fairlead.manifest.web import WordOr

HEAD = """\
# fairlead.toml

Made from `fairlead.manifest.schema` by `python -m fairlead.manifest reference`; not written by
hand. The annotated example is `fairlead/manifest/example.toml`, the schema for editors
`fairlead/manifest/schema.json`.

A mistake names the file, the key, what was expected and what was found, and all mistakes come at
once:

    fairlead.toml: role.web.copies: expected a whole number from 1, got "two"

Commands are split into words as a POSIX shell splits them, and no shell runs them: `&&`, `|`, `>`,
`$NAME` and the like outside quotes are mistakes. Write `sh -c '…'` where you want a shell.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_tables(APP), *_rules()]) + "\n"


def _tables(table: Table) -> Iterator[str]:
    yield f"## {f'`{table.at}`' if table.at else 'At the top'}\n"
    yield f"{table.doc}\n"
    if table.fields:
        yield "| key | value | default | meaning | example |\n|---|---|---|---|---|"
        yield from (_row(table, field) for field in table.fields)
        yield ""
    for field in table.fields:
        for below in _below(field.kind):
            yield from _tables(below)


def _below(kind: Kind) -> Iterator[Table]:
    if isinstance(kind, Table):
        yield kind
    elif isinstance(kind, Named | WordOr):
        yield kind.table
    elif isinstance(kind, Choice):
        yield from kind.variants.values()


def _row(table: Table, field: Field) -> str:
    example = f"`{field.example}`" if field.example else ""
    cells = (f"`{field.name}`", _value(field.kind), _default(table, field), field.doc, example)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _value(kind: Kind) -> str:
    return "a table" if isinstance(kind, Table) else kind.expected


def _default(table: Table, field: Field) -> str:
    if table.required(field):
        return "**must be given**"
    shown = field.kind.show(table.default(field))
    return (
        f"`{shown}`" if shown and shown != "[]" and not shown.startswith("`") else shown.strip("[]")
    )


def _rules() -> Iterator[str]:
    yield "## What keys mean together\n"
    yield from (f"- {' '.join((rule.__doc__ or '').split())}" for rule in RULES)
