"""What a test needs from the machine, and what to do when it is not there.

A test that needs a program of the system says so, and says what it would add:

    needs("ssh-keygen", package="openssh-client", adds="verify our signatures with OpenSSH itself")

Without the program the test is skipped with that sentence, so that `make test` passes on a bare
machine and names what to install. With FAIRLEAD_TEST_ALL=1, as in .ci/run, the test fails instead:
"could not check" never counts as "passed" where it matters.
"""

import os
import shutil
from glob import glob
from typing import NoReturn

import pytest

ALL = "FAIRLEAD_TEST_ALL"
# Where Debian keeps programs that are not on PATH.
BESIDE_PATH = ("/usr/lib/postgresql/*/bin", "/usr/sbin", "/sbin")


def needs(program: str, *, package: str, adds: str) -> str:
    """The path of `program`; skips the test without it, or fails it when FAIRLEAD_TEST_ALL is set.

    `package` is the Debian package that has it, `adds` what the test would show ("verify ...").
    """
    beside = [place for pattern in BESIDE_PATH for place in sorted(glob(pattern), reverse=True)]
    found = shutil.which(program) or shutil.which(program, path=os.pathsep.join(beside))
    if found is None:
        missing(f"no {program} on PATH: `apt install {package}` would {adds}")
    return found


def missing(reason: str) -> NoReturn:
    """Skip the running test for `reason`, or fail it when FAIRLEAD_TEST_ALL is set."""
    if os.environ.get(ALL, "") not in ("", "0"):
        pytest.fail(f"{reason} (and {ALL} lets nothing be skipped)", pytrace=False)
    pytest.skip(reason)
