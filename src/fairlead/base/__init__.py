"""The words all rooms share; standard library only."""
