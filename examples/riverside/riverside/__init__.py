"""Riverside: river levels, and what they will be tomorrow."""
