"""The deploy repo in memory keeps the contract."""

import pytest

from contracts.deploy_repo import DeployRepoContract
from fairlead.drivers.memory_deploy import MemoryDeployRepo


class TestMemoryDeployRepo(DeployRepoContract):
    """The contract, on the memory driver."""

    @pytest.fixture
    def repo(self) -> MemoryDeployRepo:
        """One that is not made yet."""
        return MemoryDeployRepo()
