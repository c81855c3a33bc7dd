"""The worker role of the scenes' app. behave.json: worker (the exit code it ends with at once).

It holds a lock in the place's data while it works, and counts in `overlaps` how often it found
another at work: its role is a singleton.
"""

import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path

BEHAVE = json.loads((Path(__file__).resolve().parent / "behave.json").read_text())
DATA = Path(os.environ["FAIRLEAD_DATA"])

if code := BEHAVE.get("worker"):
    sys.exit(code)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with (DATA / "worker.lock").open("a") as lock:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with (DATA / "overlaps").open("a") as found:
            found.write(f"{os.getpid()}\n")
        fcntl.flock(lock, fcntl.LOCK_EX)
    while True:
        time.sleep(60)
