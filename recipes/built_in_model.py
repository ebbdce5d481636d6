"""The built-in model, from labelled images to the file that `fractura detect` opens: one command, resumable.

    python recipes/built_in_model.py FracAtlas/train FracAtlas/val --normals FracAtlas/more_normals --output built_in

Needs the extra `train`. Stopped and run again, it continues after the last step that is complete. It has not been run
from start to end in one go: the shipped model came from the same loop with a time limit instead of a number of steps
(the steps below are those that the time allowed), and steps 4 and 5 were run as they stand. The duration is therefore
an estimate: about eleven minutes on an H200 (eight if the two runs of step 3 share it), a day on a CPU with two cores.
Its steps (docs/developers/model-log.md has the metrics):

1. `images.npz`: every image in one file, those over 512 px shrunk to 640 px, as WebP at quality 85: 22 MB, all that
   another machine needs.
2. `base.pt`: the network learns on whole images at 448 px, always under full domain randomisation.
3. `first.pt`, `second.pt`: two runs continue from there, with a growing share of mildly changed images; they differ in
   seed, regularisation and the share of images with a fracture.
4. `model`: the mean of their weights, about as good as the better of the two without having to choose.
5. `fracture_detector.onnx`: those weights in half precision; threshold and calibration chosen on the validation
   images, metrics with intervals on the card.

The loop is `on_device/loop.py` rather than `fractura train`: all images stay in the device's memory, and augmentation
and losses are computed for a whole batch at once. One process on an H200 saw 575 images a second.
"""

import argparse
import importlib.metadata
import platform
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch
from on_device.images import pack, unpack
from on_device.loop import Plan, build, learn, use_device
from safetensors.torch import save_file

import fractura
from fractura import read_dataset
from fractura.core.dataset import Dataset
from fractura.core.model_card import WEIGHTS_FILE, ModelCard, write_card
from fractura.models.faster_rcnn.family import named_settings
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN

QUALITY = 85
BASE = Plan(steps=1415, learning_rate=8e-4, ema_decay=0.995, strength="randomised")
FIRST = Plan(steps=5030, learning_rate=6e-4, warm_up=0.04, ema_decay=0.9985, strength="mixed", seed=1)
SECOND = replace(FIRST, steps=5078, seed=2, drop_connect=0.2, positive_share=0.36)
AIM = "fp_per_image=0.5"
VIEWS = ("whole", "flipped")
NAME = "fractura-fracatlas-3"
LICENCE = (
    "Apache-2.0. Trained on FracAtlas (Abedeen et al. 2023, CC BY 4.0: https://doi.org/10.6084/m9.figshare.22363012) "
    "from ImageNet weights of EfficientNet-Lite0 (Apache-2.0). A research tool, not a medical device."
)
CITATION = (
    "Abedeen I, Rahman MA, Prottyasha FZ, Ahmed T, Chowdhury TM, Shatabda S. FracAtlas: A Dataset for Fracture "
    "Classification, Localization and Segmentation of Musculoskeletal Radiographs. Scientific Data 10, 521 (2023). "
    "https://doi.org/10.1038/s41597-023-02432-4"
)


def all_images(train: Path, normals: Path | None) -> Dataset:
    """All images to train on, the additional normal ones last."""
    data = read_dataset(train)
    return data if normals is None else replace(data, records=data.records + read_dataset(normals).records)


def train_step(images: Path, plan: Plan, file: Path, start: Path | None = None) -> None:
    """Write the weights of one step, unless they exist."""
    if file.exists():
        return
    device, layout = use_device()
    draft = file.with_suffix(".part")
    learn(build(plan, start=start), unpack(images).to(device), plan, draft, memory_format=layout)
    draft.rename(file)


def settings_of_card() -> dict[str, object]:
    """The card's account of the training, with the names of `fractura train` where they exist."""
    plans = {"base": BASE, "first": FIRST, "second": SECOND}
    return {
        "model": BASE.model,
        "num_steps": sum(plan.steps for plan in plans.values()),
        "batch_size": BASE.batch_size,
        "optimizer": "adamw",
        "learning_rate_base": BASE.learning_rate,
        "weight_decay": BASE.weight_decay,
        "fine_tune_checkpoint": None,
        "recipe": "recipes/built_in_model.py: the mean of first and second, which both continue from base",
        # JSON has no infinity.
        **{f"recipe_{name}": {k: v for k, v in asdict(plan).items() if k != "minutes"} for name, plan in plans.items()},
    }


def write_mean(files: list[Path], folder: Path, described: dict[str, object]) -> None:
    """The mean of several weights as a model folder."""
    stored = [torch.load(file, map_location="cpu", weights_only=True) for file in files]
    mean = {name: torch.stack([each[name].float() for each in stored]).mean(dim=0) for name in stored[0]}
    detector = FasterRCNN(named_settings(BASE.model, 1))
    detector.load_state_dict(mean)
    folder.mkdir(exist_ok=True)
    save_file(dict(detector.state_dict()), folder / WEIGHTS_FILE)
    versions = {"fractura": fractura.__version__, "python": platform.python_version()}
    card = ModelCard(
        name=NAME,
        architecture=detector.architecture(),
        class_names=("Fractura",),
        views=VIEWS,
        data=described,
        settings=settings_of_card(),
        versions={**versions, "torch": importlib.metadata.version("torch")},
        licence=LICENCE,
        citation=CITATION,
    )
    write_card(card, folder)


def run(*words: str | Path) -> None:
    """Show a command and run it; stop with its exit code if it fails."""
    print(f"\n$ fractura {' '.join(str(word) for word in words)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "fractura", *map(str, words)], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def main() -> None:
    """Every step that is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, help="labelled images to train on")
    parser.add_argument("val", type=Path, help="labelled images to choose the threshold and measure on")
    parser.add_argument("--normals", type=Path, help="additional images to train on, without fractures")
    parser.add_argument("--output", type=Path, default=Path("built_in"))
    chosen = parser.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    images, model = chosen.output / "images.npz", chosen.output / "model"
    base, first, second = (chosen.output / f"{name}.pt" for name in ("base", "first", "second"))
    data = all_images(chosen.train, chosen.normals)
    if not images.exists():
        pack([data], images, quality=QUALITY)
    if not (first.exists() and second.exists()):
        train_step(images, BASE, base)
    train_step(images, FIRST, first, base)
    train_step(images, SECOND, second, base)
    # The original images rather than the packed ones: their digests reveal when a model is measured on them again.
    write_mean([first, second], model, {"train": data.describe(), "val": read_dataset(chosen.val).describe()})
    file = chosen.output / "fracture_detector.onnx"
    run("export", model, "--half", "--images", chosen.val, "--output", file)
    run("calibrate", file, chosen.val, "--aim", AIM)


if __name__ == "__main__":
    main()
