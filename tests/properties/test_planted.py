"""The properties catch faults: each planted one fails the run in the name that it must.

``planted.FAULTS`` is the list; docs/decisions/0102 tells what each run said.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings

from fairlead.plan.model import Observed
from properties import promises
from properties.planted import FAULTS, Fault
from properties.test_planner import Life, leave_alone, live_through, lives

ROOT = Path(__file__).parents[2]
QUICK = ("no-backup", "route-to-starting", "done-before-smoke")
SAID = re.compile(r"Broken: (\w+)|^FAILED \S+::(\w+)", re.MULTILINE)


def plant(fault: Fault, at: Path) -> Path:
    """A copy of the package with that fault in it; the directory to import it from."""
    shutil.copytree(
        ROOT / "src/fairlead",
        at / "fairlead",
        ignore=lambda _, names: [n for n in names if n in ("__pycache__", "demo", "drivers")],
    )
    file = at / "fairlead/plan" / fault.file
    file.write_text(file.read_text().replace(fault.old, fault.new))
    return at


def run(source: Path, only: str) -> tuple[int, set[str]]:
    """The planner's properties against that package: pytest's exit, and what they said.

    ``only`` is the name of one test, "" for all of them.
    """
    what = "tests/properties/test_planner.py" + (f"::{only}" if only else "")
    # fmt: off
    argv = [
        sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider",
        "--hypothesis-profile=planted", "--timeout=600", what,
    ]
    # fmt: on
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode, {name for pair in SAID.findall(done.stdout) for name in pair if name}


def judge(fault: Fault, at: Path) -> None:
    """Fails unless the fault is caught in its own name, or is as harmless as it is said to be."""
    code, said = run(plant(fault, at), "" if fault.harmless else fault.where)
    if fault.harmless:
        assert (code, said) == (0, set())
    else:
        assert code == 1
        assert said & set(fault.caught_by)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_be_planted(fault: Fault) -> None:
    """Its text stands in the planner exactly once, so that planting it changes just that."""
    text = (ROOT / "src/fairlead/plan" / fault.file).read_text()
    assert text.count(fault.old) == 1
    assert bool(fault.caught_by) != bool(fault.harmless)


@pytest.mark.parametrize(
    "fault", [f for f in FAULTS if f.name in QUICK], ids=lambda fault: fault.name
)
def test_some_faults_are_caught(fault: Fault, tmp_path: Path) -> None:
    """Three of them on every run, so that the way of finding them stays sound."""
    judge(fault, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_is_caught(fault: Fault, tmp_path: Path) -> None:
    """All of them."""
    judge(fault, tmp_path)


def test_every_property_is_really_asked() -> None:
    """No property is empty: in 1,500 lives each had something to say at least 10 times."""
    promises.ASKED.clear()
    _live()
    assert {p.__name__: promises.ASKED[p.__name__] for p in promises.PROPERTIES if
            promises.ASKED[p.__name__] < 10} == {}  # fmt: skip


@settings(max_examples=1500, derandomize=True, database=None)
@given(lives())
def _live(life: Life) -> None:
    seen = Observed(1_000.0)
    for wanted, fate, cuts, calm in life:
        seen = live_through(wanted, seen, fate, cuts, calm)
    leave_alone(wanted, seen)
