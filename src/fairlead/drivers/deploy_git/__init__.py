"""The deploy repo as a plain git work tree, through the git command line.

A person may clone, edit, revert and push it with plain git; what Fairlead reads is always what
is committed, and it writes by ordinary commits.
"""

from fairlead.drivers.deploy_git.repo import GitDeployRepo

__all__ = ["GitDeployRepo"]
