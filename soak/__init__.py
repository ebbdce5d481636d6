"""Campaigns that try to break what fractura promises: ``make soak``, or ``python -m soak NAME``."""
