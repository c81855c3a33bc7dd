"""Change → Verdict. Every question that stands before a release, and the answers together."""
