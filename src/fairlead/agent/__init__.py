"""A clock that calls the same verbs as a person does."""
