"""Riverside, the example: the whole story with Django, as `fairlead demo --json` tells it."""

import json
import os
import subprocess
import sys

import pytest

from fairlead.wire import home_of, tools_of
from scenes.house import environment


@pytest.mark.timeout(300)
def test_the_demo_tells_its_story_and_leaves_nothing_behind(tmp_path):
    """Two releases, three broken ones, one way back, with users throughout and a record that
    holds. Afterwards no process of it runs."""
    environ = environment() | {"TMPDIR": str(tmp_path)}
    if "XDG_CACHE_HOME" in os.environ:
        environ["XDG_CACHE_HOME"] = os.environ["XDG_CACHE_HOME"]
    argv = [sys.executable, "-m", "fairlead", "demo", "--json"]
    try:
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=240)
    finally:
        for left in tmp_path.glob("fairlead-demo-*/home"):  # only when it did not end itself
            tools_of(home_of(str(left))).machine.shutdown()
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    outcomes = [made["outcome"] for made in told["releases"]]
    assert outcomes == ["done", "done", "refused", "returned", "returned"]
    assert told["requests"]["sent"] > 500
    assert told["requests"]["failed"] == 0
    assert told["requests"]["asset_404"] == 0
    assert {told[name]["serving"] for name in ("broken", "crashed", "half")} == {2}
    assert told["rollback"]["serving"] == 1
    assert "riverside release 2: commit " in told["trace"]
    assert told["record"]["verified"]
    assert told["record"]["entries"] > 50
    assert list(tmp_path.iterdir()) == []
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True)
    assert left.stdout == ""
