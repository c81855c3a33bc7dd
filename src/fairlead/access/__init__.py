"""Who may do what on a server, over SSH."""
