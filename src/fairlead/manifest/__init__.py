"""text → App. What a repository says of itself in ``fairlead.toml``."""
