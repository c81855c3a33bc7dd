"""Change + Verdict → Artifact. What a change was built into, named by its digest."""
