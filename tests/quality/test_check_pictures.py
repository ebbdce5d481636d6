"""Checks that look at the pictures, at splits and at shortcuts; the page; the cleaned copy. Named after the pains."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from support.dicom_images import dicom

from fractura.cli.main import main
from fractura.core.errors import UsageError
from fractura.formats import read_voc
from fractura.formats.voc import VocAnnotation, VocObject, read_voc_file
from fractura.formats.voc.serializer import voc_bytes
from fractura.phantom import make_phantoms
from fractura.quality import check_dataset
from fractura.quality.fix import write_fixed_copy
from fractura.quality.registry import all_checks
from fractura.quality.report_page import report_page

BOX = VocObject("Fractura", 60, 60, 120, 140)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """60 phantoms: about half with boxes."""
    folder = tmp_path_factory.mktemp("phantoms")
    make_phantoms(folder, images=60, seed=3)
    return folder


@pytest.fixture
def data(phantoms, tmp_path):
    """A copy of them to spoil."""
    import shutil

    shutil.copytree(phantoms, tmp_path / "data")
    return tmp_path / "data"


def images(folder: Path) -> list[Path]:
    return sorted((folder / "images").iterdir())


def ids(folder: Path, **options) -> list[tuple[str, str]]:
    return [(f.check, str(f.severity)) for f in check_dataset(folder, **options).findings if f.severity != "note"]


def of(folder: Path, check: str, **options) -> list:
    return list(check_dataset(folder, only=[check], **options).findings)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("L"))


def save(path: Path, values: np.ndarray) -> None:
    Image.fromarray(values).save(path, quality=92)


def annotation_of(folder: Path, image: Path) -> Path:
    return folder / "annotations" / f"{image.stem}.xml"


def positives(folder: Path) -> list[Path]:
    return [image for image in images(folder) if read_voc_file(annotation_of(folder, image)).objects]


def test_clean_phantoms_have_no_errors(phantoms):
    report = check_dataset(phantoms)
    assert report.is_clean, [str(finding) for finding in report.findings]
    assert not [f for f in report.findings if f.check.startswith(("images.", "duplicates.", "annotations.", "boxes."))]


def test_pain_5_size_comes_from_the_pixels(data):
    """A PNG called .jpg is no fault; 0x0 is, and the fix writes what is so."""
    image = positives(data)[0]
    with Image.open(image) as picture:
        stream = io.BytesIO()
        picture.save(stream, "PNG")
    image.write_bytes(stream.getvalue())
    xml = annotation_of(data, image)
    before = read_voc_file(xml)
    xml.write_bytes(voc_bytes(replace(before, width=0, height=0)))
    assert ids(data, only=["annotations"]) == [("annotations.size", "error")]
    copy = data.parent / "copy"
    changes = write_fixed_copy(check_dataset(data), copy)
    assert [(c.file, c.action, c.check) for c in changes] == [(xml.name, "changed", "annotations.size")]
    after = read_voc_file(copy / "annotations" / xml.name)
    assert (after.width, after.height, after.objects) == (before.width, before.height, before.objects)
    assert ids(copy, only=["annotations"]) == []


def test_the_cleaned_copy_keeps_sub_folders_and_equal_names_apart(data, tmp_path):
    first = images(data)[0]
    below = data / "images" / "patient 7"
    below.mkdir()
    with Image.open(first) as picture:
        picture.rotate(90, expand=True).save(below / first.name)
        size = picture.height, picture.width
    box = voc_bytes(VocAnnotation(first.name, *size, objects=(BOX,)))
    (below / first.with_suffix(".xml").name).write_bytes(box)
    copy = tmp_path / "copy"
    write_fixed_copy(check_dataset(data), copy)
    assert (copy / "images" / first.name).read_bytes() == first.read_bytes()
    assert (copy / "images" / "patient 7" / first.name).read_bytes() == (below / first.name).read_bytes()
    assert (copy / "images" / "patient 7" / first.with_suffix(".xml").name).read_bytes() == box
    assert len(read_voc(copy)) == len(images(data))  # of which one is the sub-folder, with one image


def test_pain_6_7_check_and_fix_change_no_original(data, tmp_path, capsys):
    (data / "annotations" / images(data)[0].with_suffix(".xml").name).write_text("<annotation><object>")
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert main(["check", str(data), "--fix", str(tmp_path / "copy"), "--html", str(tmp_path / "page")]) == 3
    capsys.readouterr()
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before
    assert (tmp_path / "page" / "check.html").stat().st_size > 1000
    untouched = annotation_of(data, images(data)[1])
    assert (tmp_path / "copy" / "annotations" / untouched.name).read_bytes() == untouched.read_bytes()
    assert not (tmp_path / "copy" / "images" / images(data)[0].name).exists()
    assert read_voc(tmp_path / "copy")
    for target in (data, data / "inside", tmp_path / "copy"):
        with pytest.raises(UsageError):
            write_fixed_copy(check_dataset(data, only=["classes"]), target)


def test_pain_9_odd_depth_and_flat_images(data):
    first, second, third, *_ = images(data)
    deep = first.with_suffix(".png")
    Image.fromarray(pixels(first).astype(np.uint16) * 257).save(deep)
    annotation_of(data, first).write_bytes(
        voc_bytes(replace(read_voc_file(annotation_of(data, first)), filename=deep.name))
    )
    first.unlink()
    save(second, np.full_like(pixels(second), 255))  # what Pillow makes of a deep image
    save(third, (pixels(third) // 16 + 200).astype(np.uint8))
    assert [f.file.name for f in of(data, "images.bit_depth")] == [deep.name]
    found = {f.file.name: str(f.severity) for f in of(data, "images.blank")}
    assert found == {second.name: "error", third.name: "warning"}


def test_pain_10_negative_image(data):
    image = images(data)[4]
    save(image, 255 - pixels(image))
    assert [f.file.name for f in of(data, "images.inverted")] == [image.name]


@pytest.mark.parametrize(("orientation", "severity"), [(3, "warning"), (6, "note")])
def test_pain_11_turned_image(data, orientation, severity):
    image = positives(data)[0]
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(image) as picture:
        picture.load()
    picture.save(image, exif=exif)
    if orientation == 6:
        assert ids(data, only=["annotations"]) == [("annotations.size", "error")]
        copy = data.parent / "copy"
        changes = write_fixed_copy(check_dataset(data), copy)
        assert [(c.file, c.action) for c in changes] == [(image.name, "left out")]
        xml = annotation_of(data, image)
        turned = read_voc_file(xml)
        xml.write_bytes(voc_bytes(replace(turned, width=turned.height, height=turned.width, objects=(BOX,))))
    assert [(f.check, str(f.severity)) for f in of(data, "annotations")] == [("annotations.rotated_image", severity)]


def test_pain_12_bad_boxes_are_cut_and_repeated_ones_taken_out(data, tmp_path):
    image = positives(data)[0]
    xml = annotation_of(data, image)
    whole = read_voc_file(xml)
    width, height = whole.width, whole.height
    bad = (
        replace(BOX, xmin=width - 60, xmax=width + 9, ymin=9, ymax=80),
        BOX,
        replace(BOX, xmax=BOX.xmax + 1),
    )
    xml.write_bytes(voc_bytes(replace(whole, objects=bad)))
    report = check_dataset(data, only=["boxes"])
    assert len(report.findings) == 2
    write_fixed_copy(report, tmp_path / "copy")
    fixed = read_voc_file(tmp_path / "copy" / "annotations" / xml.name)
    assert fixed.objects == (replace(bad[0], xmax=width), BOX)
    assert height == fixed.height
    with (tmp_path / "copy" / "changes.csv").open(encoding="utf-8") as log:
        assert [row["action"] for row in csv.DictReader(log)] == ["changed"] * 2
    assert ids(tmp_path / "copy", only=["boxes"]) == []


def test_pain_13_negatives_are_counted_and_compared(data, tmp_path):
    import shutil

    other = tmp_path / "other"
    shutil.copytree(data, other)
    for image in images(other):
        annotation_of(other, image).write_bytes(
            voc_bytes(replace(read_voc_file(annotation_of(other, image)), objects=()))
        )
    assert ("balance.negative_share", "warning") in ids(data, against=other, only=["balance"])
    [note] = of(other, "balance.negatives")
    assert "60 of 60" in note.message


def test_classes_spelled_in_two_ways_are_joined(data, tmp_path):
    image = positives(data)[0]
    xml = annotation_of(data, image)
    whole = read_voc_file(xml)
    odd = replace(whole, objects=(replace(whole.objects[0], name=" fracturA"), *whole.objects[1:]))
    xml.write_bytes(voc_bytes(odd))
    write_fixed_copy(check_dataset(data), tmp_path / "copy")
    assert len(check_dataset(tmp_path / "copy").boxes_by_class) == 1


def test_rare_class(data):
    xml = annotation_of(data, positives(data)[0])
    whole = read_voc_file(xml)
    xml.write_bytes(voc_bytes(replace(whole, objects=(replace(whole.objects[0], name="Luxation"),))))
    assert ids(data, only=["balance.rare_class"]) == [("balance.rare_class", "warning")]


def test_odd_sizes_and_frames(data):
    small, long, *_ = images(data)
    for image, shape in ((small, (40, 50)), (long, (80, 700))):
        save(image, np.asarray(Image.fromarray(pixels(image)).resize(shape[::-1])))
        xml = annotation_of(data, image)
        xml.write_bytes(voc_bytes(VocAnnotation(image.name, shape[1], shape[0], 1, ())))
    assert [f.file.name for f in of(data, "images.size")] == [small.name, long.name]


def written_on(values: np.ndarray, words: str, size: int = 16) -> np.ndarray:
    image = Image.fromarray(values)
    ImageDraw.Draw(image).text((10, 10), words, fill=255, font=ImageFont.load_default(size))
    return np.asarray(image)


def test_writing(data):
    image = images(data)[7]
    save(image, written_on(pixels(image), "GARCIA LOPEZ 12.03.70"))
    assert [f.file.name for f in of(data, "images.burnt_in_text")] == [image.name]


SAVED_AGAIN = {
    "jpeg": lambda v: v,
    "half": lambda v: np.asarray(Image.fromarray(v).resize((v.shape[1] // 2, v.shape[0] // 2), Image.Resampling.BOX)),
    "brighter": lambda v: np.minimum(v.astype(int) * 1.2 + 5, 255).astype(np.uint8),
    "mirrored": lambda v: v[:, ::-1].copy(),
}


@pytest.mark.parametrize("how", SAVED_AGAIN)
def test_near_identical(data, phantoms, how):
    source = images(phantoms)[9]
    values = SAVED_AGAIN[how](pixels(source))
    Image.fromarray(values).save(data / "images" / "again.jpg", quality=60)
    height, width = values.shape
    (data / "annotations" / "again.xml").write_bytes(voc_bytes(VocAnnotation("again.jpg", width, height, 1, ())))
    [finding] = of(data, "duplicates.near_identical")
    assert {finding.file.name, finding.others[0].name} == {"again.jpg", source.name}


def test_near_identical_in_both_splits(data, tmp_path):
    other = tmp_path / "val"
    (other / "images").mkdir(parents=True)
    (other / "annotations").mkdir()
    for place in (3, 30):
        values = pixels(images(data)[place])
        noise = np.random.default_rng(place).integers(-3, 4, values.shape)
        save(other / "images" / f"v{place}.jpg", np.clip(values + noise, 0, 255).astype(np.uint8))
        height, width = values.shape
        (other / "annotations" / f"v{place}.xml").write_bytes(
            voc_bytes(VocAnnotation(f"v{place}.jpg", width, height, 1, ()))
        )
    found = of(data, "duplicates.near_across_splits", against=other)
    assert [(str(f.severity), f.file.name) for f in found] == [("error", images(data)[place].name) for place in (3, 30)]
    copy = tmp_path / "copy"
    write_fixed_copy(check_dataset(data, other), copy)
    assert of(copy, "duplicates.near_across_splits", against=other) == []
    assert len(images(copy)) == 58


def test_patient_in_both_splits(phantoms, tmp_path):
    """Two DICOM images of one patient, different pictures; who it is, is nowhere said."""
    for place, (name, patient) in enumerate({"a": "PLANTED-1", "b": "PLANTED-2", "c": "PLANTED-1"}.items()):
        folder = tmp_path / ("val" if name == "c" else "train")
        (folder / "images").mkdir(parents=True, exist_ok=True)
        (folder / "annotations").mkdir(exist_ok=True)
        values = pixels(images(phantoms)[place])
        frames = np.stack([values, values]) if name == "b" else values
        (folder / "images" / f"{name}.dcm").write_bytes(dicom(frames, PatientID=patient, BurnedInAnnotation="NO"))
        height, width = values.shape
        (folder / "annotations" / f"{name}.xml").write_bytes(
            voc_bytes(VocAnnotation(f"{name}.dcm", width, height, 1, ()))
        )
    report = check_dataset(tmp_path / "train", tmp_path / "val")
    [finding] = [f for f in report.findings if f.check == "duplicates.patient_across_splits"]
    assert (str(finding.severity), finding.file.name) == ("error", "a.dcm")
    assert [f.file.name for f in report.findings if f.check == "images.multiframe"] == ["b.dcm"]
    for text in (str(report.to_dict()), report_page(report)):
        assert "PLANTED" not in text.upper()
        assert report.snapshot.images[0].facts.patient not in text
    assert base64_pictures(report_page(report)) >= 2


def test_page_hides_a_image_that_says_it_is_written_on(phantoms, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "annotations").mkdir()
    values = pixels(images(phantoms)[0])
    (tmp_path / "images" / "a.dcm").write_bytes(dicom(values, BurnedInAnnotation="YES"))
    (tmp_path / "annotations" / "a.xml").write_bytes(voc_bytes(VocAnnotation("a.dcm", *values.shape[::-1], 1, ())))
    report = check_dataset(tmp_path)
    assert "images.burnt_in_text" in [f.check for f in report.findings]
    page = report_page(report)
    assert "not shown" in page
    assert base64_pictures(page) == 0


def base64_pictures(page: str) -> int:
    return page.count('src="data:image/jpeg;base64,')


# ---------------------------------------------------------------- shortcuts


def spoil(folder: Path, change) -> None:
    for image in positives(folder):
        save(image, change(pixels(image)))


def rods(values: np.ndarray) -> np.ndarray:
    image = Image.fromarray(values)
    draw = ImageDraw.Draw(image)
    height, width = values.shape
    for place in (0.42, 0.5, 0.58):
        draw.line([(width * place, height * 0.3), (width * place, height * 0.7)], fill=255, width=max(3, width // 60))
    return np.asarray(image)


def framed(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    values[:9], values[-9:], values[:, :9], values[:, -9:] = 255, 255, 255, 255
    return values


SHORTCUTS = {
    "shortcuts.metal": rods,
    "shortcuts.frame": framed,
    "shortcuts.burnt_in_text": lambda values: written_on(values, "FRACTURE CLINIC 4711"),
    "shortcuts.brightness": lambda values: (values // 3 + 90).astype(np.uint8),
}


@pytest.mark.parametrize("check", SHORTCUTS)
def test_label_that_goes_with_something_else(data, check):
    assert check not in [name for name, _ in ids(data, only=["shortcuts"])]
    spoil(data, SHORTCUTS[check])
    assert (check, "warning") in ids(data, only=["shortcuts"])


def test_label_that_goes_with_the_source(data):
    assert ids(data, only=["shortcuts.source"]) == []
    for image in positives(data):
        save(image, np.repeat(pixels(image)[:, :, None], 3, axis=2))
    for image in set(images(data)) - set(positives(data)):
        save(image, pixels(image))
    assert ids(data, only=["shortcuts.source"]) == [("shortcuts.source", "warning")]


# ---------------------------------------------------------------- page and command


def test_page_is_self_contained_and_escaped(data):
    image = images(data)[0]
    evil = image.with_name("<script>alert(1)<script>&amp'\"üß.jpg")
    image.rename(evil)
    page = report_page(check_dataset(data))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("option", ["--only", "--skip"])
def test_unknown_check_fails_loudly(data, option, capsys):
    assert main(["check", str(data), option, "boxes.hugh"]) == 2
    assert "did you mean 'boxes.huge'" in capsys.readouterr().err


def test_only_and_skip(data, capsys):
    assert main(["check", str(data), "--only", "balance", "--skip", "balance.negatives"]) == 0
    out = capsys.readouterr().out
    assert "balance.classes" in out
    assert "balance.negatives" not in out
    with pytest.raises(UsageError, match="no check is left"):
        check_dataset(data, only=["boxes"], skip=["boxes"])


def test_each_check_says_what_it_looks_for():
    for each in all_checks():
        assert each.summary
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", each.id)
    text = Path(__file__).read_text(encoding="utf-8") + Path(__file__).with_name("test_checks.py").read_text("utf-8")
    assert [each.id for each in all_checks() if each.id not in text] == []
