"""The checks: each fault is found, once, by name, with a hint; clean data gives notes only."""

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fractura.cli.main import main
from fractura.core.errors import DataError
from fractura.formats.voc import VocAnnotation, VocObject
from fractura.formats.voc.serializer import voc_bytes
from fractura.quality import Severity, check_dataset

BOX = VocObject("Fractura", 10, 20, 50, 60)


def picture(seed: int) -> Image.Image:
    """Soft bright shapes on black, as bones on air: no check minds it."""
    shapes = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 12), dtype=np.uint8))
    smooth = np.asarray(shapes.resize((200, 100), Image.Resampling.BICUBIC)) / 255
    return Image.fromarray((smooth**3 * 255).astype(np.uint8))


class Folder:
    """A data folder that grows image by image; each image is another picture."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "images").mkdir(parents=True)
        (root / "annotations").mkdir()

    def image(self, name: str, seed: int) -> Path:
        path = self.root / "images" / name
        picture(seed).save(path)
        return path

    def add(self, name: str, *objects: VocObject, seed: int | None = None, **changes) -> Path:
        self.image(f"{name}.png", len(list((self.root / "images").iterdir())) + 1000 if seed is None else seed)
        return self.xml(name, *objects, **changes)

    def xml(self, name: str, *objects: VocObject, **changes) -> Path:
        path = self.root / "annotations" / f"{name}.xml"
        path.write_bytes(voc_bytes(replace(VocAnnotation(f"{name}.png", 200, 100, 1, objects), **changes)))
        return path


@pytest.fixture
def folder(tmp_path):
    made = Folder(tmp_path / "Röntgen 患者")
    made.add("good", BOX)
    made.add("normal")
    return made


def found(folder: Folder, **options) -> list:
    return [f for f in check_dataset(folder.root, **options).findings if f.severity != Severity.NOTE]


def only(folder: Folder, **options):
    findings = found(folder, **options)
    assert len(findings) == 1, [str(finding) for finding in findings]
    [finding] = findings
    assert finding.hint
    assert finding.file is not None
    assert str(finding.file) in str(finding)
    json.dumps(finding.to_dict())
    return finding


def test_clean_folder_has_notes_only(folder):
    before = {p: p.read_bytes() for p in folder.root.rglob("*") if p.is_file()}
    report = check_dataset(folder.root)
    assert report.is_clean
    assert [(f.check, f.severity) for f in report.findings] == [
        ("balance.classes", "note"),
        ("balance.negatives", "note"),
    ]
    assert (report.images, report.annotations, report.negatives, report.boxes_by_class) == (2, 2, 1, {"Fractura": 1})
    assert "1 of 2 labelled images have no box (50%)" in str(report.findings[1])
    assert {p: p.read_bytes() for p in folder.root.rglob("*") if p.is_file()} == before


def broken_image(folder):
    folder.add("bad", BOX)
    path = folder.root / "images" / "bad.png"
    path.write_bytes(path.read_bytes()[:-500])


def no_picture(folder):
    folder.add("bad", BOX)
    (folder.root / "images" / "bad.png").write_bytes(b"hello")


def malformed(folder):
    path = folder.add("bad", BOX)
    path.write_bytes(path.read_bytes()[:200])


def bomb(folder):
    path = folder.add("bad", BOX)
    path.write_bytes(b'<!DOCTYPE a [<!ENTITY b "c">]>' + path.read_bytes())


def missing_image(folder):
    folder.add("bad", BOX)
    (folder.root / "images" / "bad.png").unlink()


FAULTS = {
    "truncated image": (broken_image, "images.unreadable", "error", "bad.png", "cannot be read", None),
    "no picture": (no_picture, "images.unreadable", "error", "bad.png", "is not a readable", None),
    "unlabelled": (lambda f: f.image("bad.png", 7), "images.unlabelled", "warning", "bad.png", "no annotation", None),
    "malformed": (malformed, "annotations.malformed", "error", "bad.xml", "not well-formed", "line"),
    "doctype": (bomb, "annotations.malformed", "error", "bad.xml", "document type", "line 1"),
    "without image": (missing_image, "annotations.missing_image", "error", "bad.xml", "'bad.png' is not there", None),
    "shared image": (
        lambda f: f.xml("bad", BOX, filename="good.png"),
        "annotations.shared_image",
        "error",
        "good.png",
        "2 annotation files: bad.xml, good.xml",
        None,
    ),
    "size": (lambda f: f.add("bad", BOX, width=0, height=0), "annotations.size", "error", "bad.xml", "says 0x0", None),
    "turned": (lambda f: f.add("bad", width=100, height=200), "annotations.size", "error", "bad.xml", "swapped", None),
    "outside": (
        lambda f: f.add("bad", BOX, VocObject("Fractura", 100, 20, 250, 60)),
        "boxes.invalid",
        "error",
        "bad.xml",
        "outside the image of 200x100",
        "object 2",
    ),
    "over the edge": (
        lambda f: f.add("bad", BOX, VocObject("Fractura", 100, 20, 203, 60)),
        "boxes.over_edge",
        "warning",
        "bad.xml",
        "3 pixels over the edge of the image of 200x100",
        "object 2",
    ),
    "boxes in a wrapper": (
        lambda f: (p := f.add("bad", BOX)).write_bytes(
            p.read_bytes().replace(b"<object>", b"<objects><object>").replace(b"</object>", b"</object></objects>")
        ),
        "annotations.malformed",
        "error",
        "bad.xml",
        "has <objects> in the root; boxes are looked for in <object> elements right inside <annotation>",
        "line",
    ),
    "no area": (
        lambda f: f.add("bad", VocObject("Fractura", 100, 20, 100, 60)),
        "boxes.invalid",
        "error",
        "bad.xml",
        "no area",
        "object 1",
    ),
    "tiny": (
        lambda f: f.add("bad", VocObject("Fractura", 100, 20, 103, 60)),
        "boxes.tiny",
        "warning",
        "bad.xml",
        "only 3x40 pixels",
        "object 1",
    ),
    "huge": (
        lambda f: f.add("bad", VocObject("Fractura", 1, 1, 199, 99)),
        "boxes.huge",
        "warning",
        "bad.xml",
        "covers 97% of the image",
        "object 1",
    ),
    "duplicate box": (
        lambda f: f.add("bad", BOX, replace(BOX, xmax=51)),
        "boxes.duplicate",
        "warning",
        "bad.xml",
        "repeats object 1",
        "object 2",
    ),
    "spelled alike": (
        lambda f: f.add("bad", replace(BOX, name="fractura ")),
        "classes.similar_names",
        "error",
        ".xml",
        "may be the same",
        None,
    ),
    "one slip": (
        lambda f: f.add("bad", replace(BOX, name="Fractua")),
        "classes.similar_names",
        "warning",
        "bad.xml",
        "'Fractua' (1 boxes) and 'Fractura' (1)",
        None,
    ),
    "identical images": (
        lambda f: (f.add("bad", seed=5), f.add("copy", seed=5)),
        "duplicates.identical",
        "warning",
        "bad.png",
        "the same file as copy.png",
        None,
    ),
    "contradiction": (
        lambda f: (f.add("bad", seed=5), f.add("copy", BOX, seed=5)),
        "duplicates.contradictory",
        "error",
        "bad.png",
        "bad.png: nothing; copy.png: Fractura",
        None,
    ),
}


def test_an_annotation_that_names_another_image_than_its_own(folder):
    folder.image("other.png", 8)
    folder.add("bad", BOX, filename="other.png")
    findings = {finding.check: finding for finding in found(folder)}
    assert list(findings) == ["annotations.other_image", "images.unlabelled"]
    finding = findings["annotations.other_image"]
    assert finding.file.name == "bad.xml"
    assert finding.message == "names the image other.png, but is itself named after bad.png, which is there, too"


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_is_found_once(folder, kind):
    prepare, check, severity, name, message, place = FAULTS[kind]
    prepare(folder)
    finding = only(folder)
    assert (finding.check, finding.severity) == (check, severity)
    assert finding.file.name.endswith(name)
    assert message in finding.message
    assert (finding.place or "").startswith(place or "")
    assert (finding.place is None) == (place is None)


def test_all_faults_are_listed_at_once(folder):
    """Nothing stops at the first fault, not even inside one file."""
    broken_image(folder)
    path = folder.add("many", BOX, BOX, BOX, replace(BOX, xmax=999), width=None)
    text = path.read_text()
    path.write_text(
        text.replace("<xmin>10<", "<xmin>ten<", 1)
        .replace("<height>100<", "<height>tall<")
        .replace(
            "<difficult>0</difficult>\n\t\t<bndbox>\n\t\t\t<xmin>10", "<difficult>?</difficult><bndbox><xmin>10", 1
        )
    )
    folder.image("free.png", 77)
    counts = Counter((f.check, f.file.name, f.place) for f in found(folder))
    assert counts == {
        ("images.unreadable", "bad.png", None): 1,
        ("images.unlabelled", "free.png", None): 1,
        ("annotations.malformed", "many.xml", "line 8"): 1,
        ("annotations.malformed", "many.xml", "object 1, line 18"): 1,
        ("annotations.malformed", "many.xml", "object 2, line 28"): 1,
        ("annotations.size", "many.xml", None): 1,
        ("boxes.invalid", "many.xml", "object 4"): 1,
    }


def test_same_pixels_in_another_file_format(folder):
    folder.add("bad", seed=5)
    picture(5).save(folder.root / "images" / "copy.bmp")
    folder.xml("copy", filename="copy.bmp")
    assert "the same pixels as copy.bmp" in only(folder).message


def test_boxes_drawn_a_little_differently_are_no_contradiction(folder):
    folder.add("bad", BOX, seed=5)
    folder.add("copy", replace(BOX, xmin=12), seed=5)
    assert only(folder).check == "duplicates.identical"


@pytest.mark.parametrize("names", [("Fractura 1", "Fractura 2"), ("Radio", "Cubito"), ("a", "b")])
def test_names_that_are_meant_to_differ(folder, names):
    for name in names:
        folder.add(f"x{name}", replace(BOX, name=name))
    assert [f.check for f in found(folder) if set(names) & set(f.message.split("'"))] == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Fractura"], []),
        (["fractura"], [("classes.unknown", "error"), ("balance.classes", "warning")]),
        (["Fractura", "Callo"], [("balance.classes", "warning")]),
    ],
)
def test_given_class_names(folder, names, expected):
    findings = found(folder, class_names=names)
    assert [(f.check, f.severity) for f in findings] == expected
    if names == ["fractura"]:
        assert findings[0].place == "object 1"
        assert "did you mean 'fractura'?" in findings[0].hint


def test_image_in_both_splits(folder, tmp_path):
    other = Folder(tmp_path / "val")
    other.add("elsewhere", BOX, seed=1000)  # the picture of good.png
    other.add("own", seed=3)
    finding = only(folder, against=other.root)
    assert (finding.check, finding.severity) == ("duplicates.across_splits", "error")
    assert finding.file.name == "good.png"
    assert [path.name for path in finding.others] == ["elsewhere.png"]
    assert "is in" in finding.message
    assert found(folder) == []


def test_class_in_one_split_only(folder, tmp_path):
    other = Folder(tmp_path / "val")
    other.add("a", replace(BOX, name="Luxation"), seed=1)
    other.add("b", seed=2)
    assert [(f.check, f.severity) for f in found(folder, against=other.root)] == [
        ("classes.only_in_one_split", "warning")
    ] * 2


def test_no_negatives_and_no_boxes(tmp_path):
    boxes_only, normals_only = Folder(tmp_path / "a"), Folder(tmp_path / "b")
    boxes_only.add("x", BOX)
    normals_only.add("x")
    assert only(boxes_only).check == "balance.negatives"
    assert only(normals_only).check == "balance.classes"


def test_nothing_to_check(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        check_dataset(tmp_path / "none")
    with pytest.raises(DataError, match="holds no annotation"):
        check_dataset(tmp_path)


# ---------------------------------------------------------------- the command


def test_command_on_clean_data(folder, capsys):
    assert main(["check", str(folder.root)]) == 0
    captured = capsys.readouterr()
    assert "note: balance.classes (1)" in captured.out
    assert "no errors, 0 warnings in 2 images" in captured.err


def test_command_on_faulty_data(folder, capsys):
    for i in range(12):
        folder.add(f"bad{i}", VocObject("Fractura", 5, 5, 5, 9))
    assert main(["check", str(folder.root)]) == 3
    captured = capsys.readouterr()
    assert "error: boxes.invalid (12)" in captured.out
    assert "and 2 more; --json lists all" in captured.out
    assert "12 errors and 0 warnings in 14 images" in captured.err


def test_the_summary_counts_in_words_and_names_the_other_split(folder, tmp_path, capsys):
    other = Folder(tmp_path / "val")
    other.add("own", seed=3)
    other.add("box", BOX, seed=4)
    other.add("third", BOX, seed=5)
    folder.add("bad", VocObject("Fractura", 5, 5, 5, 9))
    page = tmp_path / "page.html"
    assert (
        main(["check", str(folder.root), "--against", str(other.root), "--html", str(page), "--skip", "balance"]) == 3
    )
    summary = f"1 error and 0 warnings in 3 images, compared with 3 images of {other.root}"
    assert summary in capsys.readouterr().err
    assert "<b>1 error</b>, 0 warnings, 0 notes" in page.read_text(encoding="utf-8")


def test_captions_of_the_page_are_no_absolute_paths(folder, tmp_path, capsys, monkeypatch):
    """Images may lie in the folder itself, given as seen from where one is."""
    folder.add("bad", VocObject("Fractura", 5, 5, 5, 9))
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in [*folder.root.glob("images/*"), *folder.root.glob("annotations/*")]:
        path.rename(flat / path.name)
    monkeypatch.chdir(tmp_path)
    assert main(["check", "flat", "--html", "page.html"]) == 3
    assert "<figcaption>flat/bad.png</figcaption>" in Path("page.html").read_text(encoding="utf-8")


def test_command_json(folder, tmp_path, capsys):
    broken_image(folder)
    other = Folder(tmp_path / "val")
    other.add("elsewhere", BOX, seed=1000)
    other.add("own", seed=3)
    assert main(["check", str(folder.root), "--against", str(other.root), "--json"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert (report["errors"], report["warnings"], report["images"]) == (2, 0, 3)
    assert [f["check"] for f in report["findings"][:2]] == ["images.unreadable", "duplicates.across_splits"]
    assert report["boxes_by_class"] == {"Fractura": 2}


@pytest.mark.parametrize(
    "lost",
    [
        replace(BOX, xmin=5000, xmax=5090),
        replace(BOX, xmin=BOX.xmax, xmax=BOX.xmin),
        replace(BOX, xmax=BOX.xmin),
        replace(BOX, xmin=-60),
    ],
    ids=["outside", "inside out", "no area", "mostly outside"],
)
@pytest.mark.parametrize("beside", [(), (BOX,)], ids=["alone", "beside another"])
def test_a_fractured_image_never_becomes_a_normal_one(folder, tmp_path, capsys, lost, beside):
    folder.add("bad", *beside, lost)
    copy = tmp_path / "copy"
    assert main(["check", str(folder.root), "--fix", str(copy)]) == 3
    assert "2 of 3 images, 1 left out" in capsys.readouterr().err
    assert sorted(path.name for path in (copy / "images").iterdir()) == ["good.png", "normal.png"]
    assert sorted(path.name for path in (copy / "annotations").iterdir()) == ["good.xml", "normal.xml"]
    [row] = csv.DictReader((copy / "changes.csv").open(encoding="utf-8"))
    assert (row["file"], row["action"], row["check"]) == ("bad.png", "left out", "boxes.invalid")
    assert f"object {len(beside) + 1}: box" in row["what"]


# ---------------------------------------------------------------- real images


def test_real_splits_have_no_errors(real_images):
    report = check_dataset(real_images("fracatlas/val"), real_images("fracatlas/train"))
    assert report.is_clean
    assert (report.images, report.negatives, report.boxes_by_class) == (225, 180, {"Fractura": 51})


def test_real_truncated_images(real_images, tmp_path):
    """The four cut-off images of the source are found, and only they."""
    folder = Folder(tmp_path / "data")
    folder.add("good", BOX)
    images = sorted(real_images("awkward/truncated_jpeg").glob("*.jpg"))
    for image in images:
        (folder.root / "images" / image.name).write_bytes(image.read_bytes())
        folder.xml(image.stem, filename=image.name, width=373, height=454)
    findings = found(folder)
    assert [(f.check, f.file.name) for f in findings] == [("images.unreadable", image.name) for image in images]
