"""Text → Document: YAML and JSON that somebody else wrote, with its lines, within limits."""
