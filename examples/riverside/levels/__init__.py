"""Levels: gauges on a river, what they said, and what they will say."""
