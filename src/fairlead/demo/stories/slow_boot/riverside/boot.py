"""How long it takes to start."""

SECONDS = 8.0
