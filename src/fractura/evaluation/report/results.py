"""The chapters that tell how good the model is: in short, by image, by fracture, false positives, calibration,
subgroups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from fractura.evaluation.metric_names import (
    CRITERIA,
    CRITERION_TEXT,
    FALSE_POSITIVES_PER_IMAGE,
    LEVELS,
    MAIN_CRITERION,
    point_text,
)
from fractura.evaluation.report.context import Material, part_name, parts_of
from fractura.evaluation.report.markup import Cell, Markup, joined, of_count, paragraph, section, table, value
from fractura.evaluation.report.words import DASH, rate
from fractura.evaluation.result import Subgroup

_MAIN = f"box_sensitivity/{MAIN_CRITERION}"
_MANY = 4

Plots = Mapping[str, Markup]
"""The drawings by name, with their captions; a name is absent where there is nothing to draw."""


def drawn(plots: Plots, *names: str) -> Markup:
    """Those of the drawings that there are, beside each other where there is room."""
    return Markup(f'<div class="plots">{joined(plots[name] for name in names if name in plots).html}</div>')


def summary(m: Material) -> Markup:
    """The five metrics that matter most, each with a sentence."""
    say, metrics = m.say, m.evaluation.metrics
    found, auc = metrics[_MAIN], metrics["image_auc"]
    flagged, alone = metrics["image_sensitivity"], metrics["image_specificity"]
    cards = [
        _card(
            m,
            _MAIN,
            say("Fractures found"),
            say(
                "{part} of {count} annotated fractures; a detection must overlap the box by {criterion} or more",
                part=_plain(found.part),
                count=_plain(found.count),
                criterion=say(CRITERION_TEXT[MAIN_CRITERION]),
            ),
        ),
        _card(
            m,
            "image_sensitivity",
            say("Fractured images flagged"),
            say("{part} of {count} images; sensitivity", part=_plain(flagged.part), count=_plain(flagged.count)),
        ),
        _card(
            m,
            "image_specificity",
            say("Normal images left alone"),
            say("{part} of {count} images; specificity", part=_plain(alone.part), count=_plain(alone.count)),
        ),
        _card(
            m,
            "false_positives_per_normal_image",
            say("False positives per normal image"),
            say("mean number; each is a place somebody has to look at in vain"),
            share=False,
        ),
        _card(
            m,
            "image_auc",
            say("AUC of images"),
            say("chance that a fractured image scores above a normal one; 0.5 is guessing")
            if auc.value is not None
            else say("not defined on these images"),
            share=False,
        ),
    ]
    explained = say(
        "All but the AUC hold at the threshold {threshold} ({origin}). An image counts as flagged if it carries any "
        "detection, in the right place or not.",
        threshold=say.number(m.evaluation.threshold, 3),
        origin=m.threshold_origin(),
    )
    body = [
        Markup(f'<div class="cards">{joined(cards).html}</div>'),
        paragraph(explained),
        paragraph(m.interval_method, "faint"),
    ]
    return section("summary", say("In short"), body)


def _card(m: Material, key: str, name: str, detail: str, *, share: bool = True) -> Markup:
    metric, say = m.evaluation.metrics[key], m.say
    interval = say.interval(metric, share=share)
    under = (
        f'<span class="interval">{say("95 % CI {interval}", interval=interval)}{" %" if share else ""}</span>'
        if interval
        else ""
    )
    number = value(say, key, type(metric)(metric.value), share=share)
    return joined(
        [
            Markup('<div class="card"><h3>'),
            name,
            Markup(f'</h3><p class="big">{number.html}</p>{under}<p class="faint">'),
            detail,
            Markup("</p></div>"),
        ]
    )


def images(m: Material, plots: Plots) -> Markup:
    """Images, studies and patients as a whole."""
    say, metrics = m.say, m.evaluation.metrics
    names = {
        "sensitivity": say("Sensitivity"),
        "specificity": say("Specificity"),
        "ppv": say("Positive predictive value"),
        "npv": say("Negative predictive value"),
        "auc": say("AUC"),
    }
    levels = [level for level in LEVELS if f"{level}_auc" in metrics]
    rows: list[Sequence[Cell]] = []
    for level in levels:
        for name, words in names.items():
            key = f"{level}_{name}"
            counted = of_count(metrics[key])
            rows.append([f"{words}, {say(f'by {level}')}", value(say, key, metrics[key], share=name != "auc"), counted])
    both = m.evaluation.positive + m.evaluation.negative
    share = say.percent(m.evaluation.positive / both) if both else say.number(None)
    counts = _crosstable(m)
    caption = say("Whole images at the threshold (95 % interval)")
    metrics_table = table("image-metrics", caption, [say("Metric"), say("Value"), say("Images")], rows)
    body: list[Cell] = [
        Markup(f'<div class="tables">{joined([counts, metrics_table]).html}</div>'),
        paragraph(
            say(
                "Predictive values hold for a share of fractured images of {share}, as here. Where fractures are "
                "rarer, "
                "the positive one is lower and the negative one higher.",
                share=share,
            ),
            "faint",
        ),
        drawn(plots, "roc", "scores"),
    ]
    return section("images", say("Whole images"), body)


def _crosstable(m: Material) -> Cell:
    """GroundTruth against flag, counted."""
    say = m.say
    right, alone = m.evaluation.metrics["image_sensitivity"], m.evaluation.metrics["image_specificity"]
    rows: list[Sequence[Cell]] = []
    for name, hit, metric in ((say("With a fracture"), True, right), (say("Normal"), False, alone)):
        if metric.part is None or metric.count is None:
            continue
        rest = metric.count - metric.part
        rows.append([name, *((metric.part, rest) if hit else (rest, metric.part)), metric.count])
    return table(
        "images-crosstable", say("Number of images"), ["", say("Flagged"), say("Not flagged"), say("All")], rows
    )


def fractures(m: Material, plots: Plots) -> Markup:
    """How many boxes are found, at which price in false positives."""
    say, metrics = m.say, m.evaluation.metrics
    criteria = [say(CRITERION_TEXT[criterion]) for criterion in CRITERIA]
    curve = m.evaluation.curves.froc.get(MAIN_CRITERION, {"false_positives_per_image": [], "threshold": []})
    rows: list[Sequence[Cell]] = []
    for point in FALSE_POSITIVES_PER_IMAGE:
        keys = [f"froc/{criterion}/{point_text(point)}" for criterion in CRITERIA]
        reached = [
            score
            for false, score in zip(curve["false_positives_per_image"], curve["threshold"], strict=True)
            if false <= point
        ]
        lowest = say.number(reached[-1], 3) if reached else say.number(None)
        rows.append([rate(point), lowest, *(value(say, key, metrics[key]) for key in keys)])
    at: list[Sequence[Cell]] = [
        [
            name,
            *(value(say, f"{key}/{criterion}", metrics[f"{key}/{criterion}"], share=share) for criterion in CRITERIA),
        ]
        for key, name, share in (
            ("box_sensitivity", say("Fractures found (sensitivity)"), True),
            ("precision", say("Detections that are right (precision)"), True),
            ("f1", say("F1, of the two"), False),
            ("false_positives_per_image", say("False positives per image"), False),
        )
    ]
    body: list[Cell] = [
        paragraph(
            say(
                "When does a detection find a fracture? Four answers stand beside each other: an overlap (intersection "
                "over "
                "union, IoU) with the drawn box of at least 0.1, 0.3 or 0.5, or the detection's centre inside the box. "
                "Fractures are small and long and drawn differently by different people, so that {criterion} is the "
                "one that texts and pictures here go by.",
                criterion=say(CRITERION_TEXT[MAIN_CRITERION]),
            )
        ),
        drawn(plots, "froc", "froc-by-criterion"),
        table(
            "operating-points",
            say("Share of fractures found, at so many false positives per image on average (95 % interval)"),
            [
                say("False positives per image"),
                say("Score from, for {criterion}", criterion=criteria[CRITERIA.index(MAIN_CRITERION)]),
                *criteria,
            ],
            rows,
        ),
        table(
            "at-threshold",
            say("At the threshold {threshold}", threshold=say.number(m.evaluation.threshold, 3)),
            [say("Metric"), *criteria],
            at,
        ),
        drawn(plots, "precision-recall"),
        _average_precision(m),
    ]
    return section("fractures", say("Single fractures"), body)


def _average_precision(m: Material) -> Cell:
    say, metrics = m.say, m.evaluation.metrics
    columns = {
        "AP10": say("IoU 0.1"),
        "AP30": say("IoU 0.3"),
        "AP50": say("IoU 0.5"),
        "AP75": say("IoU 0.75"),
        "AP": say("COCO, 0.5 to 0.95"),
    }
    parts = [("", say("All classes"))]
    if len(m.evaluation.class_names) > 1:
        parts += [(f"/{name}", name) for name in m.evaluation.class_names]
    rows: list[Sequence[Cell]] = [
        [
            words,
            *(
                value(say, f"{key}{part}", metrics[f"{key}{part}"], share=False, digits=3)
                if f"{key}{part}" in metrics
                else say.number(None)
                for key in columns
            ),
        ]
        for part, words in parts
    ]
    return table(
        "average-precision",
        say("Average precision, 0 to 1: for comparison with other detectors"),
        [say("Boxes"), *columns.values()],
        rows,
    )


def false_positives(m: Material) -> Markup:
    """What the model detections where there is nothing."""
    say = m.say
    counts = Counter(min(len(each.detections), _MANY) for each in m.evaluation.outcomes if each.positive is False)
    normal = sum(counts.values())
    rows: list[Sequence[Cell]] = [
        [
            say("{number} or more", number=number) if number == _MANY else str(number),
            counts[number],
            say.percent(counts[number] / normal) if normal else say.number(None),
        ]
        for number in range(_MANY + 1)
    ]
    mean = m.evaluation.metrics["false_positives_per_normal_image"]
    body: list[Cell] = [
        joined(
            [
                Markup("<p>"),
                say("On average, a normal image gets this many detections, all of them false: "),
                value(say, "false_positives_per_normal_image", mean, share=False),
                Markup("</p>"),
            ]
        ),
        table(
            "normal-images",
            say("Normal images by their number of detections"),
            [say("Detections on the image"), say("Images"), say("Share")],
            rows,
        ),
    ]
    return section("false-detections", say("False positives on normal images"), body)


def calibration(m: Material, plots: Plots) -> Markup:
    """Whether a score of 0.8 means 8 times in 10."""
    say, metrics = m.say, m.evaluation.metrics
    told = (
        say("Scores are shown as the probabilities that the model's calibration makes of them.")
        if m.evaluation.calibrated
        else say(
            "The model carries no calibration: its scores are raw, and a score of 0.8 need not mean that 8 in 10 such "
            "images are fractured. fractura calibrate teaches it."
        )
    )
    rows: list[Sequence[Cell]] = [
        [name, *(value(say, key, metrics[key], share=False, digits=3) for key in keys)]
        for name, keys in (
            (say("Images"), ("image_ece", "image_brier")),
            (say("Detections"), ("detection_ece", "detection_brier")),
        )
    ]
    body: list[Cell] = [
        paragraph(told),
        drawn(plots, "reliability-image", "reliability-detection"),
        table(
            "calibration-metrics",
            say("Errors of the scores, 0 to 1; 0 is best"),
            [say("Scores of"), say("Expected calibration error"), say("Brier score")],
            rows,
        ),
    ]
    return section("calibration", say("Can the scores be believed?"), body)


def subgroups(m: Material, plots: Plots) -> Markup:
    """The same metrics for parts of the images."""
    say, groups = m.say, parts_of(m.evaluation)
    if not groups:
        nothing = paragraph(say("Nothing divides these images into parts."))
        return section("subgroups", say("Parts of the images"), [nothing])
    columns = {
        _MAIN: say("Fractures found"),
        "image_sensitivity": say("Image sensitivity"),
        "image_specificity": say("Image specificity"),
        "image_auc": say("Image AUC"),
        "false_positives_per_normal_image": say("False positives per normal image"),
    }
    known = [key for key in columns if any(key in group.metrics for group in groups)]
    rows: list[Sequence[Cell]] = [
        [
            part_name(say, group),
            group.images,
            group.positive,
            group.boxes,
            *(_group_cell(m, group, key) for key in known),
        ]
        for group in groups
    ]
    counts = [say("Part"), say("Images"), say("Fractured"), say("Boxes")]
    body: list[Cell] = [
        paragraph(
            say(
                "Small parts have wide intervals, and among many parts some differ by chance alone: a difference here "
                "is a question, not an answer."
            )
        ),
        drawn(plots, "subgroups"),
        table(
            "subgroup-metrics",
            say("Metrics of parts of the images (95 % interval)"),
            [*counts, *(columns[key] for key in known)],
            rows,
        ),
    ]
    return section("subgroups", say("Parts of the images"), body)


def _group_cell(m: Material, group: Subgroup, key: str) -> Cell:
    if key not in group.metrics:
        return m.say.number(None)
    share = key not in ("image_auc", "false_positives_per_normal_image")
    return value(m.say, f"{group.by}/{group.name}/{key}", group.metrics[key], share=share)


def _plain(count: int | None) -> str:
    return DASH if count is None else str(count)
