"""An app's source: a git repository elsewhere that it is pulled from."""
