"""``fractura reader-study`` and ``sample-size`` from the table of ratings to the page."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fractura import plan_reader_study
from fractura.cli.main import main
from fractura.core.errors import DataError, UsageError
from fractura.evaluation.reader_study.analysis import FIXED_CASES, FIXED_READERS, RANDOM
from fractura.formats.voc.annotation import VocAnnotation, VocObject
from fractura.formats.voc.serializer import write_voc_file

pytestmark = pytest.mark.usefixtures("rough_plots")

FOUND = ("fracture", 20, 20, 100, 60)


def label(folder, name, *objects):
    (folder / "images").mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((100, 200), np.uint8)).save(folder / "images" / f"{name}.png")
    annotation = VocAnnotation(f"{name}.png", 200, 100, 1, tuple(VocObject(*each) for each in objects))
    write_voc_file(annotation, folder / "annotations" / f"{name}.xml")


@pytest.fixture(name="ratings")
def table_of_ratings(tmp_path):
    random = np.random.default_rng(0)
    lines = ["reader,modality,image,rating,fractured"]
    for modality, help_ in (("without", 0.0), ("with", 0.8)):
        for reader in range(4):
            for image in range(40):
                rating = (1 + help_) * (image % 2) + random.normal()
                lines.append(f"R{reader},{modality},{image}.png,{rating:.1f},{image % 2}")
    (tmp_path / "ratings.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "ratings.csv"


@pytest.mark.parametrize(
    ("language", "words", "printed"),
    [
        ("en", "Reader study: without, with", "4 readers, 40 images (20 fractured), modalities: without, with"),
        ("es", "Estudio de lectores", "4 lectores, 40 radiografías (20 con fractura), modalidades: without, with"),
    ],
)
def test_a_study_with_its_page(ratings, capsys, language, words, printed):
    folder = ratings.parent / "page"
    command = ["reader-study", str(ratings), "--positive-from", "1", "--output", str(folder), "--language", language]
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((folder / "reader_study.json").read_bytes())
    assert [each["figure"] for each in document["figures"]] == ["auc", "sensitivity", "specificity"]
    auc = document["figures"][0]
    assert set(auc["analyses"]) == {RANDOM, FIXED_READERS, FIXED_CASES}
    [difference] = auc["analyses"][RANDOM]["differences"]
    assert (difference["of"], difference["less"]) == ("with", "without")
    assert difference["value"] > 0
    page = (folder / "reader_study.html").read_text(encoding="utf-8")
    assert words in page
    for table in ("summary", "readers-auc", f"analysis-auc-{RANDOM}", f"analysis-auc-{FIXED_READERS}", "components"):
        assert f'id="{table}"' in page
    assert {path.name for path in (folder / "plots").iterdir()} >= {"roc.svg", "readers.png"}
    lines = (folder / "reader_study.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("figure,analysis,reader,modality,less,value")
    assert sum(line.startswith("auc,,") for line in lines) == 8
    assert main(command) == 2
    assert main([*command, "--overwrite"]) == 0
    assert printed in capsys.readouterr().out


def test_places_are_measured_by_jafroc(tmp_path, capsys):
    for name, objects in {"a": [], "b": [], "c": [FOUND], "d": [FOUND, ("fracture", 150, 5, 190, 45)]}.items():
        label(tmp_path / "data", name, *objects)
    hit = "20,20,80,40"
    lines = ["reader,modality,image,rating,x,y,w,h"]
    for reader in "AB":
        lines += [f"{reader},without,a.png,{50 if reader == 'A' else 20},5,5,20,20", f"{reader},without,b.png,,,,,"]
        lines += [f"{reader},without,c.png,40,{hit}", f"{reader},without,d.png,60,{hit}"]
        lines += [f"{reader},with,{name}.png,,,,," for name in "ab"]
        lines += [
            f"{reader},with,c.png,80,{hit}",
            f"{reader},with,d.png,90,{hit}",
            f"{reader},with,d.png,70,150,5,40,40",
        ]
    (tmp_path / "study.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = ["reader-study", str(tmp_path / "study.csv"), "--json"]
    assert main(words) == 3
    assert "--data FOLDER" in capsys.readouterr().err
    assert main([*words, "--data", str(tmp_path / "data"), "--output", str(tmp_path / "page")]) == 0
    figures = {each["figure"]: each for each in json.loads(capsys.readouterr().out)["figures"]}
    # A without: images 40 and 60 against 50 and nothing; lesions 40, 60 and one missed
    assert figures["auc"]["values"]["without"]["A"] == (0 + 1 + 1 + 1) / 4
    assert figures["jafroc"]["values"]["without"]["A"] == pytest.approx((0 + 1 + 1 + 1 + 0 + 0.5) / 6)
    assert figures["wafroc"]["values"]["without"]["A"] == pytest.approx((0 + 1 + (1 + 1 + 0 + 0.5) / 2) / 4)
    assert figures["jafroc"]["values"]["with"] == {"A": 1.0, "B": 1.0}
    assert "JAFROC figure of merit" in (tmp_path / "page" / "reader_study.html").read_text(encoding="utf-8")


def test_one_reader_and_one_modality(ratings, capsys):
    lines = ratings.read_text(encoding="utf-8").splitlines()
    ratings.write_text("\n".join([lines[0], *(line for line in lines if line.startswith("R0"))]), encoding="utf-8")
    assert main(["reader-study", str(ratings), "--output", str(ratings.parent / "one")]) == 0
    captured = capsys.readouterr()
    assert "the result holds for that reader" in captured.err
    assert "random readers" not in captured.out
    with pytest.raises(DataError, match="has one reader only"):
        plan_reader_study(ratings, effect=0.05)
    ratings.write_text("\n".join(line for line in lines if ",without," not in line), encoding="utf-8")
    assert main(["reader-study", str(ratings)]) == 3
    assert "has one modality only, 'with'" in capsys.readouterr().err


def test_a_plan_from_the_table_is_that_from_the_document(ratings, capsys):
    assert main(["reader-study", str(ratings), "--output", str(ratings.parent / "page")]) == 0
    words = ["--effect", "0.1", "--readers", "5", "--readers", "9", "--json"]
    capsys.readouterr()
    plans = []
    for pilot in (ratings, ratings.parent / "page" / "reader_study.json"):
        assert main(["sample-size", str(pilot), *words]) == 0
        plans.append(json.loads(capsys.readouterr().out))
    assert plans[0] == plans[1]
    five, nine = plans[0]["studies"]
    assert (five["readers"], nine["readers"]) == (5, 9)
    assert five["cases"][RANDOM] >= nine["cases"][RANDOM]
    assert all(power >= 0.8 for power in nine["power"].values())
    assert main(["sample-size", str(ratings), "--effect", "0.1"]) == 0
    assert "images for a power of 0.8 to find a difference of 0.1 in auc" in capsys.readouterr().out


def test_the_components_in_the_guide_plan_a_study(tmp_path):
    guide = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "evaluation.md").read_text(encoding="utf-8")
    (tmp_path / "published.json").write_text(guide.split("```json\n")[1].split("```")[0], encoding="utf-8")
    [study] = plan_reader_study(tmp_path / "published.json", effect=0.043800322, readers=[10]).studies
    assert study.cases[RANDOM] == pytest.approx(163, abs=2)  # RJafroc: 165 images give a power of 0.805


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"effect": 0}, UsageError, "effect, power and alpha"),
        ({"effect": 0.05, "power": 1}, UsageError, "effect, power and alpha"),
        ({"effect": 0.05, "readers": [1]}, UsageError, "two readers or more"),
        ({"effect": 0.05, "figure": "wafroc"}, UsageError, "the pilot study has no figure 'wafroc'"),
        ({"effect": 0.05, "figure": "acu"}, UsageError, "no figure 'acu'"),
    ],
)
def test_plans_that_cannot_be_made(ratings, more, error, said):
    with pytest.raises(error, match=said):
        plan_reader_study(ratings, **more)


def test_a_document_that_is_not_of_a_reader_study(tmp_path):
    (tmp_path / "other.json").write_text('{"figures": [{"figure": "auc"}]}', encoding="utf-8")
    with pytest.raises(DataError, match=r"is not a reader_study\.json"):
        plan_reader_study(tmp_path / "other.json", effect=0.05)
