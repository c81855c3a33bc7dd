# mypy: ignore-errors
# ruff: noqa: ANN001, ANN202
"""Run by the app's own Django (``manage.py shell -c``): what its new migrations are and do.

Fairlead hands over its text and calls ``main`` there. It writes JSON to the file named in
FAIRLEAD_OUT: for each migration whose file is named in FAIRLEAD_WANTED its operations, whether they
can be undone, and their SQL. SQL is collected as sqlmigrate does, one operation at a time
(django.db.migrations.migration, Migration.apply with collect_sql).
"""

import inspect
import json
import os


def inner(operation):
    """It and the operations it holds (SeparateDatabaseAndState)."""
    yield operation
    for each in getattr(operation, "database_operations", ()):
        yield from inner(each)


def sql_of(migration, state):
    """(operation, statement) pairs. Raises whatever Django does for what it cannot say."""
    from django.db import connection

    pairs = []
    with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
        for number, operation in enumerate(migration.operations):
            before, seen = state.clone(), len(editor.collected_sql)
            operation.state_forwards(migration.app_label, state)
            if operation.reduces_to_sql:
                operation.database_forwards(migration.app_label, editor, before, state)
            pairs += [(number, text) for text in editor.collected_sql[seen:]]
        seen = len(editor.collected_sql)
    last = len(migration.operations) - 1
    return pairs + [(last, text) for text in editor.collected_sql[seen:]]


def described(loader, key, migration, path):
    """What is told of one migration."""
    every = [one for top in migration.operations for one in inner(top)]
    told = {
        "name": f"{key[0]}.{key[1]}",
        "path": path,
        "atomic": bool(migration.atomic),
        "operations": [type(one).__name__ for one in migration.operations],
        "code": any(type(one).__name__ == "RunPython" for one in every),
        "reversible": all(bool(one.reversible) for one in every),
        "sql": None,
        "why": "",
    }
    try:
        told["sql"] = sql_of(migration, loader.project_state(key, at_end=False))
    except Exception as error:  # noqa: BLE001  whatever it was, the SQL is not known
        told["why"] = f"{type(error).__name__}: {error}"[:300]
    return told


def main():
    """Every wanted migration, in the order they are run."""
    from django.db.migrations.loader import MigrationLoader

    wanted = set(json.loads(os.environ["FAIRLEAD_WANTED"]))
    loader = MigrationLoader(None, replace_migrations=False)
    order = dict.fromkeys(
        key for leaf in loader.graph.leaf_nodes() for key in loader.graph.forwards_plan(leaf)
    )
    found = []
    for key in order:
        migration = loader.disk_migrations[key]
        path = os.path.relpath(inspect.getsourcefile(type(migration)), os.environ["FAIRLEAD_TREE"])
        if path in wanted:
            found.append(described(loader, key, migration, path))
    with open(os.environ["FAIRLEAD_OUT"], "w") as out:
        json.dump({"settings": os.environ["DJANGO_SETTINGS_MODULE"], "migrations": found}, out)
