"""Artifact → Release per environment: the deploy repo."""
