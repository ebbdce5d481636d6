"""Checks for one picture that is there more than once."""

from __future__ import annotations

from collections.abc import Iterator

from fractura.quality.checked_image import CheckedImage
from fractura.quality.near_duplicates import SURE, NearIdentical
from fractura.quality.registry import Fault, Severity, check
from fractura.quality.snapshot import Snapshot


@check("duplicates.identical", Severity.WARNING, "the same picture under several names")
def identical(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a picture; those with contradictory labels are left to their own check."""
    for images in _groups(snapshot):
        if not _contradicts(snapshot, images):
            how = "the same file" if len({image.bytes_hash for image in images}) == 1 else "the same pixels"
            yield Fault(
                f"is {how} as {_names(images[1:])}",
                images[0].path,
                hint="keep one of them: copies count double and can end up in both splits",
                others=tuple(image.path for image in images[1:]),
            )


@check("duplicates.contradictory", Severity.ERROR, "the same picture with different labels")
def contradictory(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a picture."""
    for images in _groups(snapshot):
        if _contradicts(snapshot, images):
            yield Fault(
                f"is the same picture as {_names(images[1:])}, but is labelled differently: "
                f"{_labels(snapshot, images)}",
                images[0].path,
                hint="decide which label is right and keep that image only",
                others=tuple(image.path for image in images[1:]),
            )


@check("duplicates.across_splits", Severity.ERROR, "the same picture in both splits")
def across_splits(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image of this split."""
    if snapshot.against is None:
        return
    there: dict[str, list[CheckedImage]] = {}
    for image in snapshot.against.images:
        for key in {image.pixels_hash, image.bytes_hash} - {""}:
            there.setdefault(key, []).append(image)
    for image in snapshot.images:
        copies = there.get(image.pixels_hash) or there.get(image.bytes_hash)
        if copies:
            yield Fault(
                f"is in {snapshot.against.root} too, as {_names(copies)}",
                image.path,
                hint="take it out of one of the splits: an image that was learnt cannot measure",
                others=tuple(copy.path for copy in copies),
            )


@check("duplicates.near_identical", Severity.WARNING, "nearly the same picture under several names")
def near_identical(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a pair."""
    ours = {image.path for image in snapshot.images}
    for pair in snapshot.near_duplicates:
        if pair.second.path in ours:
            said = [_classes(snapshot, image) for image in (pair.first, pair.second)]
            differ = None not in said and set(said[0] or ()) != set(said[1] or ())
            yield Fault(
                f"{_how(pair)} {pair.second.path.name}"
                + (f", but is labelled differently: {_labels(snapshot, [pair.first, pair.second])}" if differ else ""),
                pair.first.path,
                hint="compare the two; keep one if they are one exposure, saved again, scaled or mirrored",
                others=(pair.second.path,),
            )


@check("duplicates.near_across_splits", Severity.ERROR, "nearly the same picture in both splits")
def near_across_splits(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a pair; a warning where the likeness leaves a doubt."""
    if snapshot.against is None:
        return
    ours = {image.path for image in snapshot.images}
    for pair in snapshot.near_duplicates:
        if pair.second.path not in ours:
            yield Fault(
                f"{_how(pair)} {pair.second.path.name} in {snapshot.against.root}",
                pair.first.path,
                hint="take it out of one split if it is one exposure: an image that was learnt cannot measure",
                others=(pair.second.path,),
                severity=None if pair.likeness >= SURE else Severity.WARNING,
            )


@check("duplicates.patient_across_splits", Severity.ERROR, "images of one patient in both splits")
def patient_across_splits(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a patient; who it is, is not said."""
    if snapshot.against is None:
        return
    there: dict[str, list[CheckedImage]] = {}
    for image in snapshot.against.images:
        if image.facts.patient is not None:
            there.setdefault(image.facts.patient, []).append(image)
    here: dict[str, list[CheckedImage]] = {}
    for image in snapshot.images:
        if image.facts.patient in there:
            here.setdefault(str(image.facts.patient), []).append(image)
    for patient, images in here.items():
        others = there[patient]
        yield Fault(
            f"{len(images)} images here ({_names(images)}) and {len(others)} in {snapshot.against.root} "
            f"({_names(others)}) are of one patient",
            images[0].path,
            hint="keep each patient in one split: bones of one person resemble each other",
            others=tuple(image.path for image in (*images[1:], *others)),
        )


def _how(pair: NearIdentical) -> str:
    return "shows the same exposure as" if pair.likeness >= SURE else "closely resembles"


def _groups(snapshot: Snapshot) -> list[list[CheckedImage]]:
    """Images with the same pixels; the same bytes where they cannot be decoded."""
    groups: dict[str, list[CheckedImage]] = {}
    for image in snapshot.images:
        key = image.pixels_hash or image.bytes_hash
        if key:
            groups.setdefault(key, []).append(image)
    return [images for images in groups.values() if len(images) > 1]


def _names(images: list[CheckedImage]) -> str:
    return ", ".join(image.path.name for image in images[:3]) + (", …" if len(images) > 3 else "")


def _classes(snapshot: Snapshot, image: CheckedImage) -> tuple[str, ...] | None:
    """Class names of an image's boxes, sorted; None if it is not labelled."""
    files = [file for file in snapshot.labelled.get(image.path, []) if file.annotation is not None and not file.faults]
    if not files:
        return None
    return tuple(sorted(each.name for file in files if file.annotation for each in file.annotation.objects))


def _contradicts(snapshot: Snapshot, images: list[CheckedImage]) -> bool:
    """True if the images do not all show the same classes; how many boxes of each, people may draw differently."""
    labels = {frozenset(classes) for image in images if (classes := _classes(snapshot, image)) is not None}
    return len(labels) > 1


def _labels(snapshot: Snapshot, images: list[CheckedImage]) -> str:
    said = []
    for image in images:
        classes = _classes(snapshot, image)
        if classes is not None:
            said.append(f"{image.path.name}: {', '.join(classes) or 'nothing'}")
    return "; ".join(said)
