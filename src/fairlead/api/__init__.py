"""Whether an API still serves every client that is in use: its contract, compared with each one
that a release in use was shipped with.

Pure: texts in, findings out. ``questions/api.py`` reads the files and asks.
"""
