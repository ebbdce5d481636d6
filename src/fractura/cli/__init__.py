"""The command line: each command parses, calls one function of ``fractura`` and prints."""
