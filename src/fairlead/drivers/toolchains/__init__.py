"""Dependencies, installed from their lock by the tool that wrote it: uv for Python, npm for Node.

Neither takes part in keeping them: the store gives a directory and says when it is complete.
"""

from fairlead.drivers.toolchains.npm import Npm
from fairlead.drivers.toolchains.uv import Uv

__all__ = ["Npm", "Uv"]
