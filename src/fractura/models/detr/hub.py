"""From ``hf:NAME`` to a folder with ``config.json`` and ``model.safetensors``: a local one, or the Hub's cache."""

from __future__ import annotations

import re
from pathlib import Path

from fractura.core.errors import MissingDependencyError, ModelError
from fractura.models.detr.library import quiet

PREFIX = "hf:"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
CONFIG_FILE, PREPROCESSOR_FILE, WEIGHTS_FILE = "config.json", "preprocessor_config.json", "model.safetensors"
_NEEDED = (CONFIG_FILE, WEIGHTS_FILE)
_SECONDS = 10.0


def find_folder(source: str) -> Path:
    """The folder that ``source`` (the text after ``hf:``) refers to.

    Args:
        source: A folder, or a model's id on the Hugging Face Hub, such as ``ustc-community/dfine-small-coco``.

    Raises:
        ModelError: It is neither.
        MissingDependencyError: It is an id, the model is not cached, and the Hub does not answer.
    """
    folder = Path(source).expanduser()
    if source and folder.is_dir():  # an empty string would be the current folder
        return folder
    if source and folder.exists():
        raise ModelError(
            "is not a folder", file=folder, hint="give the folder that holds config.json and model.safetensors"
        )
    if _HUB_ID.fullmatch(source) is None:
        raise ModelError(
            f"'{source}' is neither a folder here nor the id of a model",
            hint=f"give {PREFIX}FOLDER with config.json and model.safetensors, or {PREFIX}OWNER/NAME on the "
            "Hugging Face Hub",
        )
    return _from_hub(source)


def public_name(source: str) -> str:
    """``hf:source`` as it appears on a card, which is shared: only the last part of a local folder's path."""
    folder = Path(source).expanduser()
    return f"{PREFIX}{folder.resolve().name if folder.is_dir() else source}"


def _from_hub(hub_id: str) -> Path:
    with quiet():
        from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache
        from huggingface_hub.errors import RepositoryNotFoundError

        cached = [try_to_load_from_cache(hub_id, name) for name in _NEEDED]
        if all(isinstance(path, str) for path in cached):
            return Path(str(cached[0])).parent
        try:
            # Asked first, once, with a short timeout: downloads retry for long when nobody answers.
            info = HfApi().model_info(hub_id, timeout=_SECONDS)
            offered = {entry.rfilename for entry in info.siblings or ()}
            if offered.issuperset(_NEEDED):
                wanted = [name for name in (*_NEEDED, PREPROCESSOR_FILE) if name in offered]
                paths = [hf_hub_download(hub_id, name) for name in wanted]
                return Path(paths[0]).parent
        except RepositoryNotFoundError as error:
            raise ModelError(
                f"the Hugging Face Hub has no model '{hub_id}' that you can read",
                hint="check the name; for a private model, log in first: hf auth login",
            ) from error
        except Exception as error:  # every release of the Hub's client raises other classes
            raise MissingDependencyError(
                f"'{hub_id}' is not on this machine, and the Hugging Face Hub cannot be reached "
                f"({type(error).__name__})",
                hint=f"on a machine with a network: hf download {hub_id} --local-dir {hub_id.split('/')[1]}; copy that "
                f"folder here and use --model {PREFIX}FOLDER",
            ) from error
    raise ModelError(
        f"'{hub_id}' on the Hugging Face Hub lacks {' or '.join(sorted(set(_NEEDED) - offered))}",
        hint="only models in the format of transformers, with safetensors weights, can be used",
    )
