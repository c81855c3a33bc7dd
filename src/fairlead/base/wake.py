"""The one message between processes of a home: look now."""

import socket

from fairlead.base.paths import Home

LOOK = b"look"


def wake(home: Home, message: bytes = LOOK) -> bool:
    """Tell the home's agent; False when none listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
        try:
            to.sendto(message, str(home.agent_socket))
        except OSError:
            return False
    return True


def listens(home: Home) -> bool:
    """Whether an agent of the home can be told, without telling it anything."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
        return to.connect_ex(str(home.agent_socket)) == 0
