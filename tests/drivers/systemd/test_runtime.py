"""The server's runtime keeps the port's contract on a real, booted Debian, and survives reboots."""

import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping

import pytest

from drivers.systemd import inside
from host.machine import CLONE, Machine, booted, ours, timed

pytestmark = timed

INSIDE = [
    *(name for name in dir(inside.TestSystemdRuntime) if name.startswith("test_")),
    *(name for name in dir(inside) if name.startswith("test_")),
]
ENVIRONMENT = {
    "PYTHONDONTWRITEBYTECODE": "1",  # the clone is read-only there
    "PYTHONPATH": str(CLONE / "tests"),
    "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis",
}


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with booted(binds=ours()) as made:
        yield made


@pytest.fixture(scope="module")
def report(machine: Machine) -> Mapping[str, str]:
    """What failed of each test inside, "" for one that passed. They run once, all of them."""
    argv = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    where = ("-c", str(CLONE / "pyproject.toml"), "--rootdir", str(CLONE), str(inside.__file__))
    machine.run(
        *argv,
        "--junit-xml=/tmp/report.xml",
        *where,
        check=False,
        environment=ENVIRONMENT,
        limit=600,
    )
    found: dict[str, str] = {}
    for case in ET.fromstring(machine.read("/tmp/report.xml")).iter("testcase"):
        name = case.attrib["name"].partition("[")[0]
        found[name] = found.get(name, "") + "\n".join(part.text or "" for part in case)
        assert case.find("skipped") is None, f"skipped inside: {name}"
    return found


@pytest.mark.parametrize("name", INSIDE)
def test_on_a_server(report: Mapping[str, str], name: str) -> None:
    """Each fact that ``inside.py`` states holds on a booted server."""
    assert name in report, "it did not run"
    if report[name]:
        pytest.fail(report[name], pytrace=False)


HEAD = """
from contracts.runtime import COPY, PLACE, TWIN, until
from drivers.systemd.world import ServerWorld
from fairlead.rollout.ports import TaskState
world = ServerWorld()
"""
BEFORE = """
world.reset()
newer = COPY._replace(release=8)
for copy in (COPY, TWIN, newer):
    world.runtime.start(world.lasting(copy=copy))
world.runtime.stop(PLACE, TWIN)
until(lambda: len(world.runtime.processes(PLACE)) == 2)
world.runtime.run(world.task("done"))
world.runtime.run(world.script("long", "echo begun; sleep 600"))
until(lambda: "begun" in open(world.task("long").log).read())
until(lambda: world.runtime.task(PLACE, "done").state is TaskState.EXITED)
"""
AFTER = """
import os, stat
until(lambda: all(p.pid for p in world.runtime.processes(PLACE)))
found = os.stat("/run/fairlead/shop.production")
print([str(p.copy) for p in world.runtime.processes(PLACE)])
print([str(p.state) for p in world.runtime.processes(PLACE)])
print(world.runtime.strays(PLACE), oct(stat.S_IMODE(found.st_mode)), found.st_gid)
print(world.runtime.task(PLACE, "done").exit, sorted(open(world.task("done").log).read().split()))
print(world.runtime.task(PLACE, "long").state)
"""


@pytest.mark.parametrize(("how", "long"), [("reboot", "exited"), ("cut", "lost")])
def test_a_boot_brings_back_exactly_the_copies(machine: Machine, how: str, long: str) -> None:
    """Those that ran, in the same way; none that was stopped, and no task a second time.

    Also after its power was cut; then a task that ran is lost, not done.
    """

    def python(code: str) -> list[str]:
        argv = (sys.executable, "-c", HEAD + code)
        return machine.run(*argv, environment=ENVIRONMENT).stdout.splitlines()

    python(BEFORE)
    getattr(machine, how)()
    assert python(AFTER) == [
        "['web.1 of release 7', 'web.1 of release 8']",
        "['running', 'running']",
        "() 0o2750 33",  # www-data, on every Debian
        "0 ['begun', 'done']",  # both tasks wrote there, side by side
        long,
    ]
