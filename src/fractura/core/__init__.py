"""Value types and services that every package shares: boxes, data sets, model cards, errors, files."""
