"""Every 50 ms a line that says who does it: two of them at once would be one too many."""

import os
import signal
import sys
import time

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    with open("uploads/clock.txt", "a") as file:
        file.write(f"{os.environ.get('FAIRLEAD_RELEASE', 'hand')}\n")
    time.sleep(0.05)
