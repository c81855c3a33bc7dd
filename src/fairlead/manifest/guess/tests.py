"""The checks of a Python app that are not a framework's own."""

from collections.abc import Mapping

from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.repository import Repository
from fairlead.manifest.guess.servers import below


def pytest(
    draft: Draft,
    repository: Repository,
    named: Mapping[str, str],
    root: str = "",
    given: str = "",
) -> None:
    """pytest where it is named and there are tests; unittest where there are tests only.

    ``given`` are the variables it needs, as ``NAME=value`` words.
    """
    if not repository.tested():
        return
    before = f"env {given} " if given else ""
    if "pytest" not in named:
        command = before + below(root, "python -m unittest discover")
        draft.add("check.tests", "command", command, "it has tests, and does not name pytest")
        return
    draft.add(
        "check.tests",
        "command",
        before + below(root, "python -m pytest -q"),
        f"{named['pytest']} names pytest",
    )
    draft.add("check.tests", "not_known_exits", [5], "pytest's 5: it found no tests")
