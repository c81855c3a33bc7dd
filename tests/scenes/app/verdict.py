"""The verdict on a canary: the exit code in the place's file `verdict`, 0 without one."""

import os
import sys
from pathlib import Path

said = Path(os.environ["FAIRLEAD_DATA"], "verdict")
sys.exit(int(said.read_text()) if said.exists() else 0)
