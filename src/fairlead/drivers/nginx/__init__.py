"""nginx as the proxy: the driver of the port ``rollout.ports.Proxy``."""
