"""A fracture detector from two hospitals' public data: FracAtlas and the children's wrists of GRAZPEDWRI-DX.

    fractura fetch fracatlas --output data              # 0.3 GB
    fractura fetch grazpedwri-dx --output data          # 15 GB
    python recipes/fracatlas_and_grazpedwri.py data --output two_hospitals

Needs the extra `train`, a network for the two fetches, and in practice a GPU: 20,000 steps of 16 images. Stopped and
run again, it resumes. What it does:

1. `two_hospitals/data/{train,val,test}`: both data sets as one class, `Fractura`; links to the images, Pascal VOC.
   - GRAZPEDWRI-DX is divided by patient (8 : 1 : 1). Its boxes of class `fracture` are kept; its other eight (text,
     metal, periosteal reaction …) are not fractures.
   - FracAtlas has no patients, but neighbouring numbers are views of one, so it is divided by numbers, as its authors
     did with the fractured images: up to 3294 train, 3297 to 3713 test, from 3733 val. Five numbers next to each
     border are left out, and all from 4024: they repeat images of train, in part with the other label. The
     built-in model learnt from the same train part.
2. `two_hospitals/model`: trained on from the built-in detector, with domain randomisation.
3. `two_hospitals/evaluation`: measured on both test parts together and each by itself, with intervals that keep a
   patient's images together.
"""

import argparse
import csv
import random
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import fractura
from fractura.core.boxes import Boxes
from fractura.core.dataset import SPLITS, Dataset, Record
from fractura.core.errors import DataError
from fractura.formats import read_dataset, write_parts
from fractura.imaging.reader import radiograph_size

CLASS = "Fractura"
NUMBERS = {"train": range(3290), "test": range(3302, 3709), "val": range(3738, 4024)}
"""Of FracAtlas's images, by split."""
GRAZ_SHARES = {"val": 0.1, "test": 0.1}


def fractures(dataset: Dataset, names: Iterable[str]) -> dict[str, Record]:
    """The records by file name, with the boxes of these classes only, as label 0."""
    wanted = {dataset.class_names.index(name) for name in names if name in dataset.class_names}
    if not wanted:
        raise DataError(f"has no class {' or '.join(names)}, but {', '.join(dataset.class_names)}", file=dataset.root)
    found = {}
    for record in dataset:
        kept = [number for number, label in enumerate(record.boxes.labels) if int(label) in wanted]
        boxes = Boxes(record.boxes.xyxy[kept], [0] * len(kept))
        flags = tuple(record.flags[number] for number in kept)
        found[record.name] = replace(record, boxes=boxes, flags=flags, decided_normal=not kept)
    return found


def fracatlas(folder: Path) -> list[Record]:
    """FracAtlas as it is fetched: images of two folders, boxes of the fractured ones."""
    annotations, images = _one(folder, "Annotations/PASCAL VOC"), _one(folder, "images")
    records = fractures(read_dataset(annotations, image_dir=images, on_error="skip"), ["fractured"])
    for path in sorted((images / "Non_fractured").glob("*.jpg")):
        if path.name not in records:
            width, height = radiograph_size(path)
            records[path.name] = Record(path, width, height, Boxes.empty(), name=path.name, decided_normal=True)
    return [
        replace(record, split=split)
        for name, record in sorted(records.items())
        for split, numbers in NUMBERS.items()
        if int(re.sub(r"\D", "", name)) in numbers
    ]


def grazpedwri(folder: Path, seed: int) -> list[Record]:
    """GRAZPEDWRI-DX as it is fetched: four folders of images, Pascal VOC, and a table with the patients."""
    table = _one(folder, "dataset.csv")
    with table.open(encoding="utf-8-sig", newline="") as stream:
        patients = {row["filestem"]: row["patient_id"] for row in csv.DictReader(stream)}
    annotations = _one(folder, "pascalvoc")
    records = fractures(read_dataset(annotations, image_dir=folder, on_error="skip"), ["fracture"])
    order = sorted(set(patients.values()))
    random.Random(seed).shuffle(order)
    split_of, start = {}, 0
    for split, share in GRAZ_SHARES.items():
        end = start + max(1, round(share * len(order)))
        split_of |= dict.fromkeys(order[start:end], split)
        start = end
    found = []
    for name, record in sorted(records.items()):
        patient = patients.get(Path(name).stem)
        if patient is None:
            raise DataError(f"has no row for {name}", file=table, hint="fetch the data set again")
        split = split_of.get(patient, "train")
        found.append(replace(record, patient=f"graz-{patient}", split=split, body_part="WRIST"))
    return found


def _one(folder: Path, ending: str) -> Path:
    """The first path below the folder that ends so; archives differ in how deep they pack it."""
    found = sorted(path for path in folder.rglob(Path(ending).name) if path.as_posix().endswith("/" + ending))
    if not found:
        raise DataError(
            f"holds no {ending}", file=folder, hint=f"fractura fetch {folder.name} --output {folder.parent}"
        )
    return found[0]


def main() -> None:
    """Prepare, train, evaluate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder that both data sets were fetched into")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0, help="of the division of patients")
    arguments = parser.parse_args()
    output: Path = arguments.output

    if not (output / "data" / "split.json").is_file():
        prepare(arguments.data, output, arguments.seed)
    model = output / "model"
    if not (model / "card.json").is_file() or (model / "last").is_dir():
        settings = {
            "data": output / "data" / "train",
            "val": output / "data" / "val",
            "output": model,
            "fine_tune_checkpoint": "built-in",
            "data_augmentation_options": "randomised",
            "num_steps": arguments.steps,
            "batch_size": arguments.batch_size,
        }
        fractura.train_model(settings, resume=(model / "last").is_dir())
    test, groups = output / "data" / "test", output / "images.csv"
    done = fractura.evaluate_model(model, test, output / "evaluation", groups=groups, overwrite=True)
    columns, rows = done.subgroup_table()
    for row in (columns, *rows):
        print("  ".join(f"{cell:>24}" for cell in row))


def prepare(data: Path, output: Path, seed: int) -> None:
    """Both data sets as one, in three parts, and a table that says which image is whose."""
    sources = {"FracAtlas": fracatlas(data / "fracatlas"), "GRAZPEDWRI-DX": grazpedwri(data / "grazpedwri-dx", seed)}
    for name, records in sources.items():
        counts = ", ".join(f"{split} {sum(each.split == split for each in records)}" for split in SPLITS)
        print(f"{name}: {counts}; {sum(len(each.boxes) for each in records)} fractures")
    output.mkdir(parents=True, exist_ok=True)
    with (output / "images.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["image", "source"])
        table.writerows([each.name, name] for name, records in sources.items() for each in records)
    joint = Dataset((CLASS,), tuple(each for records in sources.values() for each in records), data)
    write_parts(joint, output / "data", "voc", made={"seed": seed}, source=data, images="link")


if __name__ == "__main__":
    main()
