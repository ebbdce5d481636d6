"""A detector from a folder saved by ``transformers``: its weights, with new class heads if the classes differ.

Only data is read, JSON and safetensors. Code that comes with a model is never run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fractura.core.errors import ModelError
from fractura.core.json_text import parse_json
from fractura.models.detr.detector import DetectionTransformer
from fractura.models.detr.hub import CONFIG_FILE, PREPROCESSOR_FILE, WEIGHTS_FILE
from fractura.models.detr.library import FAMILY_NAMES, library_classes, quiet
from fractura.models.detr.settings import DetectionTransformerSettings
from fractura.models.resizer import FixedShapeResizer
from fractura.models.weights import LoadedWeights, load_matching_weights

_CLASS_HEADS = ("class_embed", "enc_score_head")
"""Parts of the names of all weights with one row per class: scores of layers and encoder, denoising queries."""
_NOT_THE_NETWORK = {
    "_name_or_path",  # a path of this machine
    "architectures",
    "auto_map",
    "dtype",
    "id2label",
    "label2id",
    "transformers_version",
}
_IMAGENET = {"image_mean": (0.485, 0.456, 0.406), "image_std": (0.229, 0.224, 0.225)}
_USUAL_SIDE = 640
_PRIOR, _RARE = "initializer_bias_prior_prob", 0.01
"""Score that new class heads start from. The library would take 1 / (classes + 1), which is 0.5 for one class; the
networks' authors start from 0.01 (D-FINE src/zoo/dfine/dfine_decoder.py)."""


def load_pretrained(
    folder: Path, name: str, num_classes: int, class_names: Sequence[str] | None
) -> DetectionTransformer:
    """Build the detector in ``folder`` for other classes.

    All weights are kept bit for bit. Class heads are new unless the folder's classes are ``class_names``, in this
    order.

    Args:
        folder: Holds ``config.json``, ``model.safetensors`` and optionally ``preprocessor_config.json``.
        name: Of the detector, for its card.
        num_classes: Number of classes, not counting the background.
        class_names: Their names, if known.

    Raises:
        ModelError: The folder holds no model of a supported family, or one that cannot be read or does not fit.
        MissingDependencyError: The library is not installed.
    """
    document = _read_json(folder / CONFIG_FILE)
    family = document.get("model_type")
    if family not in FAMILY_NAMES:
        raise ModelError(
            f"models of type '{family}' are not supported",
            file=folder / CONFIG_FILE,
            place="model_type",
            hint=f"supported types: {', '.join(FAMILY_NAMES)}",
        )
    if not (folder / WEIGHTS_FILE).is_file():
        raise ModelError(
            f"there is no {WEIGHTS_FILE} in this folder",
            file=folder,
            hint="only safetensors weights are read: a .bin or .pth file can run code when it is opened",
        )
    source, missing = _load(folder, family)
    config = _network(json.loads(source.config.to_json_string(use_diff=False)))
    if config.get(_PRIOR, 0.0) is None:
        config[_PRIOR] = _RARE
    try:
        settings = DetectionTransformerSettings(
            name=name,
            family=family,
            num_classes=num_classes,
            config=config,
            **_preprocessing(folder, family, config),
        )
    except ValidationError as error:
        raise ModelError(f"does not fit: {error.errors()[0]['msg']}", file=folder / PREPROCESSOR_FILE) from error
    detector = DetectionTransformer(settings)
    same_classes = class_names is not None and list(class_names) == _class_names(source.config)
    loaded = _fill(detector, source, missing, same_classes=same_classes, folder=folder)
    detector.origin = f"weights of {name}: {loaded}"
    return detector


def _load(folder: Path, family: str) -> tuple[Any, set[str]]:
    """The library's model with its own classes, and the names of weights that the folder lacks."""
    _, model_class = library_classes(family)
    with quiet():
        try:
            source, report = model_class.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype="float32", output_loading_info=True
            )
        except Exception as error:  # the library has no common class for what damaged models raise
            first = " ".join(str(error).split())[:300]
            raise ModelError(
                f"cannot be read as a model ({type(error).__name__}: {first})",
                file=folder,
                hint="download the model again from its source",
            ) from error
    return source, set(report["missing_keys"]) | {entry[0] for entry in report["mismatched_keys"]}


def _fill(
    detector: DetectionTransformer, source: Any, missing: set[str], *, same_classes: bool, folder: Path
) -> LoadedWeights:
    """Copy the weights of ``source`` that the folder had; class heads only if the classes are the same."""
    given, own = source.state_dict(), detector.model.state_dict()
    known = {given[name].data_ptr() for name in own if name in given}
    return load_matching_weights(
        detector.model,
        # The library lists a tensor that two layers share under both names; it counts once, under ours.
        {
            name: value
            for name, value in given.items()
            if name not in missing and (name in own or value.data_ptr() not in known)
        },
        wanted=[name for name in own if same_classes or not any(part in name for part in _CLASS_HEADS)],
        file=folder / WEIGHTS_FILE,
        hint="config.json and model.safetensors must belong to the same model",
    )


def _network(config: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a configuration, and of those nested in it, that define the network."""
    return {
        key: _network(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if key not in _NOT_THE_NETWORK
    }


def _class_names(config: Any) -> list[str]:
    return [config.id2label[index] for index in sorted(config.id2label)]


def _preprocessing(folder: Path, family: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """How the pretrained model wants its input: fields of the settings."""
    file = folder / PREPROCESSOR_FILE
    document = _read_json(file) if file.is_file() else {}
    size = document.get("size") or {}
    side = _side(family, config)
    height, width = size.get("height", side), size.get("width", side)
    resizer = FixedShapeResizer(height=height, width=width, antialias=True)
    backbone = (config.get("backbone_config") or {}).get("model_type", "")
    # Families with a DINO backbone use ImageNet's normalisation, those with a convolutional one take 0..1.
    if not document.get("do_normalize", "dino" in backbone):
        return {"image_resizer": resizer}
    return {
        "image_resizer": resizer,
        "image_mean": document.get("image_mean", _IMAGENET["image_mean"]),
        "image_std": document.get("image_std", _IMAGENET["image_std"]),
    }


def _side(family: str, config: Mapping[str, Any]) -> int:
    """The side of the canvas if there is no ``preprocessor_config.json``."""
    known = (config.get("backbone_config") or {}).get("image_size") if family == "rf_detr" else config.get("eval_size")
    side = (known[0] if isinstance(known, list | tuple) else known) or _USUAL_SIDE
    return int(side)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        document = parse_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            "there is no such file", file=file, hint=f"a model is a folder with {CONFIG_FILE} and {WEIGHTS_FILE}"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read as JSON ({error})", file=file, hint="download the model again") from error
    if not isinstance(document, dict):
        raise ModelError("must be a JSON object", file=file, hint="download the model again")
    return document
