"""One command a file; ``fractura.cli.registry`` lists them."""
