"""Text → Findings: keys, tokens and passwords that stand in a tree."""
