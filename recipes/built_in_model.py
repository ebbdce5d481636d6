"""The built-in model, from labelled images to the file that `fractura detect` opens: one command, resumable.

    python recipes/built_in_model.py FracAtlas/train FracAtlas/val --output built_in

Needs the extra `train`; a CPU with two cores takes about four hours, a GPU a few minutes. Stopped and run again, it
goes on where it was. Its steps, with what each buys (docs/developers/model-log.md has the metrics):

1. `train.tfrecord`: every image in one file, those over 512 px shrunk to 640 px. It is all that another machine needs.
2. `crops`: the network learns on cuts of about half an image, at 256 px. Fractures are tiny (0.4 % of an image), so a
   cut shows one at full detail for a quarter of the time that a whole image takes.
3. `images`: it goes on with whole images at 448 px, and learns what whole normal images look like.
4. `detail`: and with whole images at 512 px, for longer, with more normal images among them.
5. `fracture_detector.onnx`: those weights, looking at images at 448 px, which is quicker and found more; threshold
   chosen on the validation images, metrics with intervals on the card, weights in half precision.
"""

import argparse
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from PIL import Image

from fractura import TrainSettings, read_dataset, train
from fractura.core.dataset import Dataset, Record
from fractura.core.model_card import ModelCard, read_card, write_card
from fractura.formats.tfrecord import write_tfrecord

LARGEST, SHRUNK = 512, 640
CROPS = {
    "model": "faster_rcnn_efficientnet_lite0_fine_256x256",
    "num_steps": 3400,
    "learning_rate_base": 8e-4,
    "ema_decay": 0.998,
    "checkpoint_every_n": 200,
    "data_augmentation_options": [
        {"name": "random_horizontal_flip"},
        {"name": "random_vertical_flip"},
        {
            "name": "random_affine",
            "scale": (0.85, 1.2),
            "rotation_degrees": 20.0,
            "aspect_ratio": 1.15,
            "translation": 0.0,
        },
        {"name": "random_crop_around_box", "probability": 1.0, "size": (0.45, 0.7)},
        {"name": "random_exposure", "brightness": 0.15, "contrast": 1.4, "gamma": 1.4},
        {"name": "random_noise"},
    ],
}
IMAGES = {
    "model": "faster_rcnn_efficientnet_lite0_fine_448x448",
    "num_steps": 480,
    "learning_rate_base": 3e-4,
    "ema_decay": 0.995,
    "eval_every": 240,
    "data_augmentation_options": [
        {"name": "random_horizontal_flip"},
        {"name": "random_affine", "scale": (0.85, 1.2), "rotation_degrees": 10.0, "translation": 0.03},
        {"name": "random_exposure", "brightness": 0.15, "contrast": 1.4, "gamma": 1.4},
        {"name": "random_noise"},
    ],
}
DETAIL = {
    "model": "faster_rcnn_efficientnet_lite0_fine_512x512",
    "num_steps": 1300,
    "learning_rate_base": 4e-4,
    "ema_decay": 0.998,
    "eval_every": 300,
    "checkpoint_every_n": 100,
    "negatives_per_positive": 1.3,
    "data_augmentation_options": [
        {"name": "random_horizontal_flip"},
        {
            "name": "random_affine",
            "scale": (0.8, 1.25),
            "rotation_degrees": 15.0,
            "aspect_ratio": 1.1,
            "translation": 0.03,
        },
        {"name": "random_exposure", "brightness": 0.15, "contrast": 1.4, "gamma": 1.4},
        {"name": "random_noise"},
    ],
}
AIM = "fp_per_image=0.5"
VIEWS = ("whole", "flipped")
NAME = "fractura-fracatlas-2"
LICENCE = (
    "Apache-2.0. Trained on FracAtlas (Abedeen et al. 2023, CC BY 4.0: https://doi.org/10.6084/m9.figshare.22363012) "
    "from ImageNet weights of EfficientNet-Lite0 (Apache-2.0). A research tool, not a medical device."
)
CITATION = (
    "Abedeen I, Rahman MA, Prottyasha FZ, Ahmed T, Chowdhury TM, Shatabda S. FracAtlas: A Dataset for Fracture "
    "Classification, Localization and Segmentation of Musculoskeletal Radiographs. Scientific Data 10, 521 (2023). "
    "https://doi.org/10.1038/s41597-023-02432-4"
)
COMMON = {"batch_size": 8, "optimizer": "adamw", "weight_decay": 0.02, "negatives_per_positive": 1.0, "seed": 0}


def shrink(record: Record, folder: Path) -> Record:
    """The image as it is, or a copy of at most ``SHRUNK`` pixels if it is over ``LARGEST``."""
    if max(record.width, record.height) <= LARGEST:
        return record
    scale = SHRUNK / max(record.width, record.height)
    width, height = round(record.width * scale), round(record.height * scale)
    pixels = Image.open(io.BytesIO(record.read_bytes())).convert("L").resize((width, height), Image.Resampling.LANCZOS)
    path = folder / f"{Path(record.name).stem}.jpg"
    pixels.save(path, quality=90)
    boxes = record.boxes.scale(width / record.width, height / record.height)
    return replace(record, image=path, name=path.name, width=width, height=height, boxes=boxes, annotation=None)


def pack(data: Dataset, output: Path) -> None:
    """Write step 1, unless it is there."""
    if output.exists():
        return
    folder = output.with_suffix(".images")
    folder.mkdir(parents=True, exist_ok=True)
    write_tfrecord(replace(data, records=tuple(shrink(record, folder) for record in data)), output)
    print(f"{output}: {output.stat().st_size / 1e6:.0f} MB", flush=True)


def learn(output: Path, **settings: object) -> None:
    """Train, or go on with a training that was stopped; nothing if it is complete."""
    wanted = TrainSettings.create({**COMMON, **settings, "output": output})
    state = output / "training.json"
    done = json.loads(state.read_text(encoding="utf-8"))["step"] if state.exists() else 0
    if done < wanted.num_steps:
        train(wanted, resume=(output / "last").exists())


def run(*words: str | Path) -> None:
    """Show a command and run it; stop with its exit code if it fails."""
    print(f"\n$ fractura {' '.join(str(word) for word in words)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "fractura", *map(str, words)], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def main() -> None:
    """Every step that is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, help="labelled images to learn from")
    parser.add_argument("val", type=Path, help="labelled images to choose the threshold and measure on")
    parser.add_argument("--output", type=Path, default=Path("built_in"))
    chosen = parser.parse_args()
    record = chosen.output / "train.tfrecord"
    data = read_dataset(chosen.train)
    pack(data, record)
    crops, images, detail = (chosen.output / name for name in ("crops", "images", "detail"))
    learn(crops, data=record, **CROPS)
    learn(images, data=record, val=chosen.val, fine_tune_checkpoint=crops, **IMAGES)
    learn(detail, data=record, val=chosen.val, fine_tune_checkpoint=images, **DETAIL)
    # The images as others have them, not as they were packed: their digests tell who measures on them again.
    described = {"train": data.describe(), "val": read_dataset(chosen.val).describe()}
    known = {"name": NAME, "views": VIEWS, "licence": LICENCE, "citation": CITATION, "data": described}
    known["architecture"] = read_card(images).architecture
    write_card(ModelCard.model_validate({**read_card(detail).model_dump(), **known}), detail)
    file = chosen.output / "fracture_detector.onnx"
    run("export", detail, "--half", "--images", chosen.val, "--output", file)
    run("calibrate", file, chosen.val, "--aim", AIM)


if __name__ == "__main__":
    main()
