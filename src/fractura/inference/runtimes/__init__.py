"""One runtime per module behind the same interface."""
