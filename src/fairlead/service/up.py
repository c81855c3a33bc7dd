"""Setting an app up in a home, so that it can be pushed to."""

import sys
from collections.abc import Mapping
from pathlib import Path

from fairlead.base.ids import name
from fairlead.service.tools import Tools


def set_up(tools: Tools, app: str, around: Mapping[str, str]) -> tuple[Path, bool]:
    """The app's repository to push to, with everything that serves it running.

    ``around`` is the caller's environment, for what the hooks must know of it. True when
    something was started now. Safe to repeat.
    """
    repository = tools.home.repository(name(app, "an app"))
    if not (repository / "hooks" / "post-receive").exists():
        tools.repositories.ensure_repository(repository)
    write_hooks(tools, repository, around)
    started = tools.machine.ensure()
    return repository, tools.machine.ensure_agent() or started


def write_hooks(tools: Tools, repository: Path, around: Mapping[str, str]) -> None:
    """Hooks that know their home, whatever the pusher's environment says."""
    argv = [sys.executable, "-m", "fairlead", "--home", str(tools.home.root)]
    tools.repositories.install_hooks(repository, argv)
