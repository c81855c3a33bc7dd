"""The check. behave.json: check (the exit code), check_seconds."""

import json
import sys
import time
from pathlib import Path

BEHAVE = json.loads(Path("behave.json").read_text())
print("checking", flush=True)
time.sleep(BEHAVE.get("check_seconds", 0))
sys.exit(BEHAVE.get("check", 0))
