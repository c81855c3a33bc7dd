"""The append-only, hash-chained history; ``trace`` and ``changed`` are questions asked of it."""
