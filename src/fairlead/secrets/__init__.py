"""Sealed values by name, per place; and the scrubber that keeps them out of what is shown."""
