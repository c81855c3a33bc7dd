"""What people ask: the views, and the verbs that make them. Nothing here changes anything."""
