"""Fairlead's own questions, each asked in a process of its own: as a command of the app's is.

What they read comes from whoever wrote the commit, so they have no rights, no network and limits,
and what they import never weighs on the agent. ``python -m fairlead.questions ASKED REPLY``.
"""
