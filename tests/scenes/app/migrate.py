"""Applies migrations/*.sql, each once. behave.json: migrate_exit, migrate_seconds."""

import json
import os
import sqlite3
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BEHAVE = json.loads((HERE / "behave.json").read_text())

with (Path(os.environ["FAIRLEAD_DATA"]) / "migrations.log").open("a") as log:
    log.write(f"{os.environ['FAIRLEAD_RELEASE']}\n")
with sqlite3.connect(os.environ["DATABASE_URL"].removeprefix("sqlite:///"), timeout=10) as db:
    db.execute("create table if not exists applied (name text primary key)")
    done = {name for (name,) in db.execute("select name from applied")}
    for path in sorted((HERE / "migrations").glob("*.sql")):
        if path.name not in done:
            db.executescript(path.read_text())
            db.execute("insert into applied values (?)", (path.name,))
time.sleep(BEHAVE.get("migrate_seconds", 0))
sys.exit(BEHAVE.get("migrate_exit", 0))
