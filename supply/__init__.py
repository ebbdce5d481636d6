"""What the project is made of and how it is shipped: oldest versions, hashes, licences.

Each module is a command, such as ``python -m supply.licences``; the Makefile has a target for each.
"""
