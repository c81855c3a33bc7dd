"""A worker whose work can be seen: begin, alive every 20 ms and end, each with a time, in the
place's data. behave.json: finish, the seconds its job takes to end once it is asked to."""

import json
import os
import signal
import time
from pathlib import Path

BEHAVE = json.loads((Path(__file__).resolve().parent / "behave.json").read_text())
LOG = Path(os.environ["FAIRLEAD_DATA"], "worked")
asked: list[float] = []


def say(what: str) -> None:
    with LOG.open("a") as log:
        log.write(f"{os.getpid()} {what} {time.monotonic()}\n")


signal.signal(signal.SIGTERM, lambda *_: asked.append(time.monotonic()))
say("begin")
while not asked or time.monotonic() < asked[0] + BEHAVE.get("finish", 0):
    say("alive")
    time.sleep(0.02)
say("end")
