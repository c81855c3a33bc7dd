"""``python -m fairlead.agent HOME``: how the supervisor starts the agent."""

import sys

from fairlead.agent.loop import Agent
from fairlead.wire import home_of, tools_of

if __name__ == "__main__":
    Agent(tools_of(home_of(sys.argv[1]), "agent")).run()
