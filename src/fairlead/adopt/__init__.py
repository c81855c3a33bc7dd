"""Taking over a server that was set up by hand: read, proposed, agreed, switched, undone."""
