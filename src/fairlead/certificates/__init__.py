"""Certificates for the domains of places: which are due, getting them, what became of it."""
