"""``examine_installation``: versions, devices, disk, and what is missing for which command."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from fractura._version import __version__
from fractura.core.errors import ModelError
from fractura.inference.built_in import built_in_model

PURPOSES = {
    "": "label, serve, check, convert, split, fetch, configure, detect, evaluate, compare, agree, calibrate",
    "train": "train, export, import-tf, model_main_tf2.py; detect with a model folder that was not exported",
    "tensorflow": "exporter_main_v2.py, export --to saved_model; detect with a SavedModel",
    "node": "node",
    "heic": "HEIC photographs, wherever images are read",
    "word": "tables of reports as Word files",
}
"""What each extra is for; ``""`` is the base install."""


@dataclass(frozen=True, kw_only=True)
class PackageGroup:
    """The packages of the base install or of one extra.

    Attributes:
        extra: Name of the extra; ``""`` for the base install.
        purpose: Commands that need it.
        installed: Version of each package that is there and recent enough.
        missing: What pip must install, such as ``torch>=2.9``; with the version that is there if it is too old.
    """

    extra: str
    purpose: str
    installed: dict[str, str]
    missing: tuple[str, ...]

    @property
    def command(self) -> str:
        """The line that installs what is missing."""
        return 'pip install "fractura[' + self.extra + ']"' if self.extra else "pip install fractura"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What this copy of fractura finds on this machine.

    Attributes:
        version: Of fractura.
        python: Version of Python.
        system: Operating system and processor.
        cores: Processor cores that this process may use.
        memory: Bytes of main memory; None where the system does not tell.
        disk_free: Free bytes where ``folder`` lies.
        folder: The folder that was asked about.
        devices: Where networks can run, such as ``PyTorch 2.13.0: cpu (AVX512)``.
        groups: The packages of the base install and of each extra.
        remarks: What is wrong, and what to do about it.
    """

    version: str
    python: str
    system: str
    cores: int
    memory: int | None
    disk_free: int
    folder: Path
    devices: tuple[str, ...]
    groups: tuple[PackageGroup, ...]
    remarks: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether the base install misses nothing; extras are the user's choice."""
        return not any(group.missing for group in self.groups if not group.extra)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "folder": str(self.folder), "is_complete": self.is_complete}


def examine_installation(folder: Path | str = ".") -> Installation:
    """Examine versions, devices and disk, and find what is missing for which command.

    Args:
        folder: Where to measure the free disk space.

    Examples:
        >>> examine_installation().is_complete
        True
    """
    devices, remarks = [], []
    for find in (_torch_devices, _onnx_devices):
        names, faults = find()
        devices += names
        remarks += faults
    try:
        built_in_model()
    except ModelError as error:
        remarks.append(str(error))
    return Installation(
        version=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        cores=_cores(),
        memory=_memory(),
        disk_free=shutil.disk_usage(folder).free,
        folder=Path(folder).resolve(),
        devices=tuple(devices),
        groups=tuple(_group(extra, purpose) for extra, purpose in PURPOSES.items()),
        remarks=tuple(remarks),
    )


def _group(extra: str, purpose: str) -> PackageGroup:
    installed, missing = {}, []
    for line in metadata.requires("fractura") or ():
        wanted = Requirement(line)
        of_the_base = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        if not (of_the_base if not extra else not of_the_base and _applies(wanted, extra)):
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            missing.append(f"{wanted.name}{wanted.specifier}")
            continue
        if wanted.specifier.contains(version, prereleases=True):
            installed[wanted.name] = version
        else:
            missing.append(f"{wanted.name}{wanted.specifier} (here: {version})")
    return PackageGroup(extra=extra, purpose=purpose, installed=installed, missing=tuple(missing))


def _applies(wanted: Requirement, extra: str) -> bool:
    return wanted.marker is not None and wanted.marker.evaluate({"extra": extra})


def _torch_devices() -> tuple[list[str], list[str]]:
    try:
        import torch
    except ImportError:
        return [], []
    name, faults = f"PyTorch {torch.__version__}", []
    devices = [f"{name}: cpu ({torch.backends.cpu.get_cpu_capability()})"]
    devices += [f"{name}: cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append(f"{name}: mps")
    if shutil.which("nvidia-smi") and not torch.cuda.is_available():
        faults.append(f"there is an NVIDIA driver, but {name} finds no GPU: install its CUDA build (pytorch.org)")
    return devices, faults


def _onnx_devices() -> tuple[list[str], list[str]]:
    try:
        import onnxruntime
    except ImportError as error:  # on Windows its libraries may be missing, too
        return [], [f"ONNX Runtime cannot be loaded: {error}"]
    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    return [f"ONNX Runtime {onnxruntime.__version__}: {providers}"], []


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return None
