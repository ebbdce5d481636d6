"""One function for each command: what the command line, the page and programs call. ``fractura`` exports them."""
