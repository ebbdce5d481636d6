"""Images divided into train, validation and test so that no patient and no picture is in two of them.

Images of one patient stay together where patients are known, and near-duplicates always do: they are most likely
one exposure, or one limb a moment later. These groups are dealt out so that every split has its share of each class, of
negative images, body parts, image and box sizes: largest and rarest groups first, each to the split that it takes
nearest to its share (the idea of Sechidis et al., On the stratification of multi-label data, 2011, with chi-squared as
the distance). Time grows with the number of images, not with its square.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fractura.core.dataset import SPLITS, Dataset, Progress, Record
from fractura.core.errors import DataError, UsageError
from fractura.imaging.reader import read_record
from fractura.quality.perceptual_hash import Fingerprint, connected_groups, fingerprint, near_duplicate_pairs

_THREADS = 8
_IMAGE_SIDES = (512, 1024, 2048)
_BOX_SHARES = (0.002, 0.01)
"""Borders of the classes of box size, as shares of the image: about the thirds of FracAtlas."""
_FAR_OFF = 0.05


@dataclass(frozen=True)
class Split:
    """A data set divided.

    Attributes:
        dataset: All images, each with its split.
        seed: Of the dealing.
        shares: Wanted share of each split.
        by: What kept images together, in words.
        groups: Number of groups.
        largest_group: Images in the largest.
        notes: What people should know.
    """

    dataset: Dataset
    seed: int
    shares: Mapping[str, float]
    by: str
    groups: int
    largest_group: int
    notes: tuple[str, ...]

    def part(self, split: str) -> Dataset:
        """The images of one split."""
        return replace(self.dataset, records=tuple(each for each in self.dataset if each.split == split))

    def made(self) -> dict[str, Any]:
        """How it was made, for ``split.json``."""
        return {"seed": self.seed, "shares": dict(self.shares), "by": self.by, "groups": self.groups}

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        parts = {split: self.part(split) for split in self.shares}
        counts = {
            split: {"images": len(part), "negatives": part.negatives, "boxes": part.boxes_by_class}
            for split, part in parts.items()
        }
        return {**self.made(), "largest_group": self.largest_group, "splits": counts, "notes": list(self.notes)}


def split_dataset(
    dataset: Dataset,
    *,
    val: float = 0.2,
    test: float = 0.1,
    seed: int = 0,
    again: bool = False,
    fingerprints: Sequence[Fingerprint] | None = None,
    progress: Progress | None = None,
) -> Split:
    """Divide a data set.

    Args:
        dataset: What to divide.
        val: Share of the images for validation, 0 for none.
        test: Share of the images for the final measurement, 0 for none.
        seed: Another seed gives another division, the same one the same.
        again: Divide a data set that is divided already; its splits are forgotten.
        fingerprints: One an image, instead of reading the images.
        progress: Called after each image read.

    Raises:
        UsageError: The shares leave nothing to train on, or all of it.
        DataError: The data set is divided already, an image cannot be read, or it has fewer groups than splits.
    """
    if val == test == 0:
        raise UsageError("nothing is divided off: val and test are both 0", hint="try 0.2 and 0.1")
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise UsageError(f"val {val:g} and test {test:g} must leave some images to train on", hint="try 0.2 and 0.1")
    recorded = Counter(record.split for record in dataset if record.split is not None)
    if recorded and not again:
        counts = ", ".join(f"{split} {recorded[split]}" for split in SPLITS if recorded[split])
        raise DataError(
            f"these images are divided already: {counts}",
            file=dataset.root,
            hint="use them as they are, or forget that division with --again",
        )
    prints = fingerprints_of(dataset, progress) if fingerprints is None else fingerprints
    groups, by = _groups(dataset, prints)
    wanted = (round(1 - val - test, 9), val, test)
    shares = {split: share for split, share in zip(SPLITS, wanted, strict=True) if share > 0}
    if len(groups) < len(shares):
        raise DataError(
            f"the {len(dataset)} images are {len(groups)} groups (by {by}), too few for {len(shares)} splits",
            file=dataset.root,
            hint="collect images of more patients",
        )
    chosen = _deal(dataset, groups, shares, seed)
    records = tuple(replace(record, split=split) for record, split in zip(dataset, chosen, strict=True))
    divided = replace(dataset, records=records)
    largest = max(len(group) for group in groups)
    return Split(divided, seed, shares, by, len(groups), largest, _notes(divided, shares, groups, by))


def fingerprints_of(dataset: Dataset, progress: Progress | None = None) -> list[Fingerprint]:
    """Read every image and take its fingerprint, in the order of the records.

    Raises:
        DataError: An image cannot be read.
    """

    def take(record: Record) -> Fingerprint:
        return fingerprint(read_record(record).pixels)

    prints = []
    # Pillow lets other threads run while it decodes.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS)) as pool:
        for each in pool.map(take, dataset.records):
            prints.append(each)
            if progress is not None:
                progress(len(prints), len(dataset))
    return prints


def _groups(dataset: Dataset, prints: Sequence[Fingerprint]) -> tuple[list[tuple[int, ...]], str]:
    if len(prints) != len(dataset):
        raise ValueError(f"{len(prints)} fingerprints for {len(dataset)} images")
    links = [(pair.first, pair.second) for pair in near_duplicate_pairs(prints)]
    first_of: dict[str, int] = {}
    patients = 0
    for place, record in enumerate(dataset):
        if record.patient is not None:
            patients += 1
            links.append((first_of.setdefault(record.patient, place), place))
    groups = connected_groups(len(dataset), links)
    if not patients:
        return groups, "near-duplicate images"
    known = "patient" if patients == len(dataset) else f"patient ({patients} of {len(dataset)} images)"
    return groups, f"{known} and near-duplicate images"


def _deal(dataset: Dataset, groups: Sequence[tuple[int, ...]], shares: Mapping[str, float], seed: int) -> list[str]:
    """The split of each image."""
    traits = [_traits(record) for record in dataset]
    brought = [Counter(trait for place in group for trait in traits[place]) for group in groups]
    totals: Counter[tuple[str, object]] = Counter()
    for counts in brought:
        totals.update(counts)
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(groups)).tolist()
    rarest = [min(totals[trait] for trait in counts) for counts in brought]
    order = sorted(shuffled, key=lambda number: (-len(groups[number]), rarest[number]))
    splits = list(shares)
    wanted = {split: {trait: share * totals[trait] for trait in totals} for split, share in shares.items()}
    dealt = {split: dict.fromkeys(totals, 0) for split in splits}
    chosen = [""] * len(dataset)
    for number in order:
        counts = brought[number]

        def cost(split: str, counts: Counter[tuple[str, object]] = counts) -> float:
            """By how much the chi-squared distance to what is wanted grows, up to a constant."""
            has, wants = dealt[split], wanted[split]
            return sum(count * (2 * has[trait] + count) / wants[trait] for trait, count in counts.items())

        best = min(splits, key=cost)
        for trait, count in counts.items():
            dealt[best][trait] += count
        for place in groups[number]:
            chosen[place] = best
    _fill_empty(chosen, groups, splits)
    return chosen


def _fill_empty(chosen: list[str], groups: Sequence[tuple[int, ...]], splits: Sequence[str]) -> None:
    """Give a split that got nothing the smallest group of the one that has most groups."""
    for split in splits:
        if split in chosen:
            continue
        owners = Counter(chosen[group[0]] for group in groups)
        richest = max(splits, key=lambda each: owners[each])
        smallest = min((group for group in groups if chosen[group[0]] == richest), key=len)
        for place in smallest:
            chosen[place] = split


def _traits(record: Record) -> set[tuple[str, object]]:
    """What every split should have its share of."""
    side = max(record.width, record.height)
    traits: set[tuple[str, object]] = {("images", ""), ("image size", sum(side > limit for limit in _IMAGE_SIDES))}
    if record.body_part is not None:
        traits.add(("body part", record.body_part))
    if record.is_negative:
        traits.add(("negative", ""))
        return traits
    traits.update(("class", int(label)) for label in record.boxes.labels)
    shares = record.boxes.area / (record.width * record.height)
    traits.update(("box size", sum(float(share) > limit for limit in _BOX_SHARES)) for share in shares)
    return traits


def _notes(
    dataset: Dataset, shares: Mapping[str, float], groups: Sequence[tuple[int, ...]], by: str
) -> tuple[str, ...]:
    notes = []
    images = Counter(record.split for record in dataset)
    for split, share in shares.items():
        got = images[split] / len(dataset)
        if abs(got - share) > _FAR_OFF:
            largest = max(len(group) for group in groups)
            notes.append(f"{split} has {got:.0%} of the images, not {share:.0%}: one group alone has {largest} images")
    for split in shares:
        used = {int(label) for record in dataset if record.split == split for label in record.boxes.labels}
        missing = [name for label, name in enumerate(dataset.class_names) if label not in used]
        if missing:
            notes.append(f"{split} has no box of {', '.join(missing)}")
    if not by.startswith("patient"):
        notes.append("no patient is known: images of one patient that are not near-duplicates may be in two splits")
    return tuple(notes)


Purpose = Literal["train", "validate", "evaluate"]
_ALLOWED: dict[Purpose, tuple[str, ...]] = {"train": ("train",), "validate": ("val",), "evaluate": ("val", "test")}
_WORDS: dict[Purpose, str] = {"train": "train on", "validate": "validate on", "evaluate": "measure on"}


def refuse_wrong_split(dataset: Dataset, purpose: Purpose, source: Path | None = None) -> None:
    """See that images are used for what the division recorded with them says. Images without a split may be used at
    will.

    Args:
        dataset: Images about to be used.
        purpose: For what.
        source: Where they are from, for the error; by default the data set's root.

    Raises:
        DataError: Some belong to another split.
    """
    allowed = _ALLOWED[purpose]
    wrong = [record for record in dataset if record.split is not None and record.split not in allowed]
    if not wrong:
        return
    counts = Counter(record.split for record in wrong)
    said = " and ".join(f"{counts[split]} of {split}" for split in SPLITS if counts[split])
    raise DataError(
        f"{said} are among the images to {_WORDS[purpose]}, such as {wrong[0].name}",
        file=source or dataset.root,
        hint=f"give the folder of {' or '.join(allowed)}; where all splits are in one place, take one out with: "
        f"fractura convert … --split {allowed[0]}",
    )


def refuse_shared_patients(train: Dataset, val: Dataset) -> None:
    """See that no patient has images in both.

    Raises:
        DataError: Some have; says how many, and names images of one.
    """
    owners = {record.patient: record for record in train if record.patient is not None}
    shared: dict[str, Record] = {}
    for record in val:
        if record.patient is not None and record.patient in owners:
            shared.setdefault(record.patient, record)
    if shared:
        patient, image = next(iter(shared.items()))
        raise DataError(
            f"{len(shared)} patients have images both to train on and to validate on, such as {owners[patient].name} "
            f"and {image.name}",
            file=val.root,
            hint="divide all images anew, by patient: fractura split",
        )
