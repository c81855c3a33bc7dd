"""A database of a place's own: its names, its role, what is seen of it."""
