"""The verbs: a room's flow after another, each starting from what the one before stored.

Doors call these and show the views they return; nothing here knows a door.
"""
