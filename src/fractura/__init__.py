"""From a folder of bone radiographs to a working fracture detector."""

__version__ = "0.1.0"
