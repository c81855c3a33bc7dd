"""What every test runs under: a known environment, and how hard Hypothesis looks.

FAIRLEAD_HYPOTHESIS picks the profile: `default` (seconds for a whole room, the same examples on
every run in CI) or `thorough` (`make soak`).
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SLOW_MACHINE = [HealthCheck.too_slow]  # a shared 2-core machine is no fault of the property

settings.register_profile(
    "default",
    max_examples=100,
    deadline=None,
    suppress_health_check=SLOW_MACHINE,
    derandomize=bool(os.environ.get("CI")),
)
settings.register_profile(
    "thorough", max_examples=5000, deadline=None, suppress_health_check=SLOW_MACHINE
)
settings.load_profile(os.environ.get("FAIRLEAD_HYPOTHESIS", "default"))


# What a test may still know of the person's own environment.
KEPT = ("FAIRLEAD_TEST_ALL", "FAIRLEAD_HYPOTHESIS", "GIT_SSL_CAINFO")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@pytest.fixture(autouse=True)
def _environment_of_our_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test reads or writes the person's home, git settings, time zone or Fairlead directory."""
    home = tmp_path_factory.mktemp("home")
    for name in os.environ:
        if name.startswith(("GIT_", "FAIRLEAD_")) and name not in KEPT:
            monkeypatch.delenv(name)
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_AUTHOR_NAME": "Ada Example",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada Example",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }.items():
        monkeypatch.setenv(name, value)
    if "UV_CACHE_DIR" not in os.environ:  # downloads are the same for every home
        monkeypatch.setenv("UV_CACHE_DIR", str(CACHE / "uv"))


HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What boots machines takes longest: begun first, so that no worker waits for it at the end."""
    items.sort(key=lambda item: item.path.is_relative_to(HERE / "host"), reverse=True)
