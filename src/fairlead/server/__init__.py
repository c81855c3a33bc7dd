"""A machine that runs Fairlead: what it should have, what it has, and the difference."""
