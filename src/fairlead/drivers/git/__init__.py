"""The git repositories that users push their apps to: facts, trees, hooks."""

from fairlead.drivers.git.repository import CommitFacts, GitRepositories

__all__ = ["CommitFacts", "GitRepositories"]
