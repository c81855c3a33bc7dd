"""Fairlead takes a commit to production along one line, and writes down every step."""

__version__ = "0.1.0"
