"""``python -m fairlead.agent HOME``: how the supervisor starts the agent, and systemd."""

import sys

from fairlead.agent.loop import Agent
from fairlead.wire import home_of, tools_of


def main() -> int:
    """Work until SIGTERM."""
    Agent(tools_of(home_of(sys.argv[1]), "agent")).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
