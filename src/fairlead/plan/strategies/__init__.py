"""How the copies of a role that takes traffic are replaced: one file per strategy.

Each strategy is a function of (view, role) that answers with the next decision for
that role, or None when the role is as wanted.
"""
