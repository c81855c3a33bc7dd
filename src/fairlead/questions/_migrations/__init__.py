"""What asking about migrations runs: the app's commands, its tool, PostgreSQL, squawk."""
