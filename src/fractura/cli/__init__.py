"""The terminal's face of fractura: each command parses, calls the public API and prints."""
