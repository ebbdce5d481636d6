"""The releases of the programs that took part in a measurement."""

from __future__ import annotations

import importlib.metadata
import platform

from fractura._version import __version__

_PACKAGES = ("numpy", "pillow", "onnxruntime", "torch", "matplotlib")


def versions() -> dict[str, str]:
    """Releases by name; what is not installed is left out."""
    found = {"fractura": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
