"""Access to the library ``transformers``: the classes of each family, and quiet while the library works."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

from fractura.core.errors import ModelError, require

FamilyName = Literal["d_fine", "rt_detr_v2", "rf_detr", "deimv2"]
"""``model_type`` in the library's ``config.json``."""
FAMILY_NAMES: tuple[str, ...] = get_args(FamilyName)

_CLASSES = {"d_fine": "DFine", "rt_detr_v2": "RTDetrV2", "rf_detr": "RfDetr", "deimv2": "Deimv2"}
_LOGGERS = ("transformers", "huggingface_hub")


def library_classes(family: str) -> tuple[Any, Any]:
    """The library's configuration class and its model class for ``family``.

    Raises:
        MissingDependencyError: The library is not installed.
        ModelError: The installed release is too old for the family.
    """
    require("transformers", "train")
    require("scipy", "train")  # the library's losses match boxes with it
    with quiet():
        import transformers

        try:
            config = getattr(transformers, f"{_CLASSES[family]}Config")
            model = getattr(transformers, f"{_CLASSES[family]}ForObjectDetection")
        except AttributeError as error:
            raise ModelError(
                f"transformers {transformers.__version__} does not support '{family}'",
                hint="pip install --upgrade transformers",
            ) from error
    return config, model


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the library's warnings, reports and progress bars off the terminal; errors are still raised."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read once, when the library is first imported
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
        from transformers.utils import logging as library_logging

        hub_bars, library_bars = not are_progress_bars_disabled(), library_logging.is_progress_bar_enabled()
        disable_progress_bars()
        library_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            if hub_bars:
                enable_progress_bars()
            if library_bars:
                library_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
