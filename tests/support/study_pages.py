"""Small comparisons, readers and reader studies, for the tests of their pages."""

from functools import cache
from pathlib import Path

import numpy as np

from fractura.core.boxes import Boxes
from fractura.evaluation.agreement import agreements
from fractura.evaluation.comparison import compare, corrected
from fractura.evaluation.leakage import Leakage
from fractura.evaluation.panel import panel_of, reader_tests
from fractura.evaluation.reader_study import Localisations, ReaderStudy, analyse, figures_of
from fractura.evaluation.report.agreement_report import AgreementContext, write_agreement
from fractura.evaluation.report.comparison_report import ComparisonContext, write_comparison
from fractura.evaluation.report.reader_study_report import ReaderStudyContext, write_reader_study
from support.evaluation_images import dataset, image, random_case
from support.tiny_models import CARD

BOX = [10, 10, 60, 60]
LONG = "a model of a rather long name, second version, fine-tuned on our own images"


@cache
def comparison(names=("built-in", "fine-tuned", LONG), *, images=60, rounds=40):
    """As many models as names; the first finds most."""
    data, first = random_case(1, images=images, classes=1)
    random = np.random.default_rng(0)
    candidates = [first]
    for number in range(1, len(names)):
        kept = [random.random(len(each)) > 0.2 * number for each in first]
        candidates.append(
            [Boxes(each.xyxy[k], each.labels[k], each.scores[k]) for each, k in zip(first, kept, strict=True)]
        )
    cards = tuple(CARD.model_copy(update={"name": name}) for name in names)
    pairs = [compare((data, first), (data, other), thresholds=(0.5, 0.5), rounds=rounds) for other in candidates[1:]]
    return ComparisonContext(
        models=tuple(Path(name) for name in names),
        cards=cards,
        dataset=data,
        data_name="test_images",
        leakages=tuple(Leakage.of(card, data) for card in cards),
        comparisons=corrected(pairs),
    )


@cache
def agreement(*, readers=3, images=30, rounds=40):
    """Readers, a reference and a model."""
    random = np.random.default_rng(0)
    seen = random.random(images) < 0.5
    names = [*(f"reader {number}" for number in range(1, readers + 1)), "reference", "model"]
    drawn = {
        name: dataset(
            *[image([BOX] if yes else [], name=str(n)) for n, yes in enumerate(seen ^ (random.random(images) < 0.2))]
        )
        for name in names
    }
    people = {name: drawn[name] for name in names[:readers]}
    with_model = people | {"model": drawn["model"]}
    return AgreementContext(
        paths={name: Path(name.replace(" ", "")) for name in names},
        agreements=tuple(agreements(drawn, rounds=rounds)),
        panels=tuple(panel_of(each, rounds=rounds, seed=0) for each in (people, with_model)),
        tests=reader_tests(with_model, drawn["reference"]),
        rounds=rounds,
    )


@cache
def reader_study(modalities=("without", "with " + LONG), *, readers=5, images=40):
    """Readers who rate images and places, the better the later the modality."""
    random = np.random.default_rng(0)
    fractured = np.arange(images) % 2 == 0
    lesion = np.repeat(np.flatnonzero(fractured), 2)
    shape = (len(modalities), readers)
    found = np.round(random.normal(1, 1, (*shape, len(lesion))) + np.arange(len(modalities))[:, None, None], 1)
    false = np.round(random.normal(0, 1, (*shape, images)), 1)
    ratings = false.copy()
    for number, place in enumerate(lesion):
        ratings[..., place] = np.maximum(ratings[..., place], found[..., number])
    study = ReaderStudy(
        tuple(modalities),
        tuple(f"Dr. {letter}" for letter in "ABCDEFGH"[:readers]),
        tuple(f"{number}.png" for number in range(images)),
        fractured,
        ratings,
        Localisations(false, found, lesion),
    )
    figures = tuple(analyse(each, study.modalities, study.readers) for each in figures_of(study, positive_from=1.0))
    return ReaderStudyContext(
        study=study, figures=figures, ratings=Path("study.csv"), data="consensus", criterion="iou30", positive_from=1.0
    )


def write_pages(folder, language="en"):
    """All three pages, by name."""
    return {
        "comparison": write_comparison(comparison(), {}, folder / "comparison", language=language),
        "agreement": write_agreement(agreement(), {}, folder / "agreement", language=language),
        "reader study": write_reader_study(reader_study(), {}, folder / "study", language=language),
    }
