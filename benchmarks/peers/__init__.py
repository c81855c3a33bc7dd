"""What people do now, written again by us: shell scripts a person would have, and around them
a service manager and a proxy as they would have them."""
