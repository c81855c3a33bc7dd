"""Certificates by ACME (RFC 8555), with acme-tiny: the driver of ``certificates.ports.Source``."""
