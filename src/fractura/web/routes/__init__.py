"""The addresses of the API, one file for each; what they do is done one folder up."""
