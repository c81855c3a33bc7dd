"""One home for the scenes of a file, with a supervisor, a proxy and an agent of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scenes.house import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    root = tmp_path_factory.mktemp("house")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(root))
        patch.setenv("XDG_STATE_HOME", str(root / "state"))
        patch.setenv("FAIRLEAD_WHO", "ada")
        made = House(root)
        try:
            yield made
        finally:
            made.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is a scene."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.scene)
