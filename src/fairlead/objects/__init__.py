"""Documents → Findings: whether they are valid objects of Kubernetes."""
