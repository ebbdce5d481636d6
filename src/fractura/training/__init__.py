"""Training: settings in, a trained-model folder out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractura.training.settings import TrainSettings
    from fractura.training.store import stored_settings
    from fractura.training.summary import TrainResult
    from fractura.training.trainer import train

__all__ = ["TrainResult", "TrainSettings", "stored_settings", "train"]
_MODULES = {"TrainResult": "summary", "TrainSettings": "settings", "stored_settings": "store"}


def __getattr__(name: str) -> Any:
    # Processes that prepare images import this package for its loader; they must not wait for the whole trainer.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'trainer')}"), name)
