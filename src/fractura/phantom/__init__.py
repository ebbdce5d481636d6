"""Phantoms: synthetic radiographs with known fractures, to try a detector on before any patient's image is at hand."""

from fractura.phantom.draw import Phantom, make_phantom
from fractura.phantom.series import MANIFEST, make_phantom_splits, make_phantoms

__all__ = ["MANIFEST", "Phantom", "make_phantom", "make_phantom_splits", "make_phantoms"]
