"""The routes of the API, one module per path; the work is done in ``fractura.web``."""
