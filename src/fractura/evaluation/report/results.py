"""The chapters that tell how good the model is: in short, by film, by fracture, false marks, calibration, subgroups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from fractura.evaluation.metric_names import (
    CRITERIA,
    CRITERION_TEXT,
    FALSE_MARKS_PER_FILM,
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
    """The five figures that matter most, each with a sentence."""
    say, figures = m.say, m.evaluation.figures
    found, auc = figures[_MAIN], figures["film_auc"]
    flagged, alone = figures["film_sensitivity"], figures["film_specificity"]
    cards = [
        _card(
            m,
            _MAIN,
            say("Fractures found"),
            say(
                "{part} of {count} marked fractures; a mark must overlap the box by {criterion} or more",
                part=_plain(found.part),
                count=_plain(found.count),
                criterion=say(CRITERION_TEXT[MAIN_CRITERION]),
            ),
        ),
        _card(
            m,
            "film_sensitivity",
            say("Fractured films flagged"),
            say("{part} of {count} films; sensitivity", part=_plain(flagged.part), count=_plain(flagged.count)),
        ),
        _card(
            m,
            "film_specificity",
            say("Normal films left alone"),
            say("{part} of {count} films; specificity", part=_plain(alone.part), count=_plain(alone.count)),
        ),
        _card(
            m,
            "false_marks_per_normal_film",
            say("False marks per normal film"),
            say("mean number; each is a place somebody has to look at in vain"),
            share=False,
        ),
        _card(
            m,
            "film_auc",
            say("AUC of films"),
            say("chance that a fractured film scores above a normal one; 0.5 is guessing")
            if auc.value is not None
            else say("not defined on these films"),
            share=False,
        ),
    ]
    explained = say(
        "All but the AUC hold at the threshold {threshold} ({origin}). A film counts as flagged if it carries any "
        "mark, in the right place or not.",
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
    figure, say = m.evaluation.figures[key], m.say
    interval = say.interval(figure, share=share)
    under = (
        f'<span class="interval">{say("95 % CI {interval}", interval=interval)}{" %" if share else ""}</span>'
        if interval
        else ""
    )
    number = value(say, key, type(figure)(figure.value), share=share)
    return joined(
        [
            Markup('<div class="card"><h3>'),
            name,
            Markup(f'</h3><p class="big">{number.html}</p>{under}<p class="faint">'),
            detail,
            Markup("</p></div>"),
        ]
    )


def films(m: Material, plots: Plots) -> Markup:
    """Films, studies and patients as a whole."""
    say, figures = m.say, m.evaluation.figures
    names = {
        "sensitivity": say("Sensitivity"),
        "specificity": say("Specificity"),
        "ppv": say("Positive predictive value"),
        "npv": say("Negative predictive value"),
        "auc": say("AUC"),
    }
    levels = [level for level in LEVELS if f"{level}_auc" in figures]
    rows: list[Sequence[Cell]] = []
    for level in levels:
        for name, words in names.items():
            key = f"{level}_{name}"
            counted = of_count(figures[key])
            rows.append([f"{words}, {say(f'by {level}')}", value(say, key, figures[key], share=name != "auc"), counted])
    both = m.evaluation.positive + m.evaluation.negative
    share = say.percent(m.evaluation.positive / both) if both else say.number(None)
    counts = _crosstable(m)
    caption = say("Whole films at the threshold (95 % interval)")
    figures_table = table("film-figures", caption, [say("Figure"), say("Value"), say("Films")], rows)
    body: list[Cell] = [
        Markup(f'<div class="tables">{joined([counts, figures_table]).html}</div>'),
        paragraph(
            say(
                "Predictive values hold for a share of fractured films of {share}, as here. Where fractures are rarer, "
                "the positive one is lower and the negative one higher.",
                share=share,
            ),
            "faint",
        ),
        drawn(plots, "roc", "scores"),
    ]
    return section("films", say("Whole films"), body)


def _crosstable(m: Material) -> Cell:
    """Truth against flag, counted."""
    say = m.say
    right, alone = m.evaluation.figures["film_sensitivity"], m.evaluation.figures["film_specificity"]
    rows: list[Sequence[Cell]] = []
    for name, hit, figure in ((say("With a fracture"), True, right), (say("Normal"), False, alone)):
        if figure.part is None or figure.count is None:
            continue
        rest = figure.count - figure.part
        rows.append([name, *((figure.part, rest) if hit else (rest, figure.part)), figure.count])
    return table("films-crosstable", say("Number of films"), ["", say("Flagged"), say("Not flagged"), say("All")], rows)


def fractures(m: Material, plots: Plots) -> Markup:
    """How many boxes are found, at which price in false marks."""
    say, figures = m.say, m.evaluation.figures
    criteria = [say(CRITERION_TEXT[criterion]) for criterion in CRITERIA]
    curve = m.evaluation.curves.froc.get(MAIN_CRITERION, {"false_marks_per_film": [], "threshold": []})
    rows: list[Sequence[Cell]] = []
    for point in FALSE_MARKS_PER_FILM:
        keys = [f"froc/{criterion}/{point_text(point)}" for criterion in CRITERIA]
        reached = [
            score
            for false, score in zip(curve["false_marks_per_film"], curve["threshold"], strict=True)
            if false <= point
        ]
        lowest = say.number(reached[-1], 3) if reached else say.number(None)
        rows.append([rate(point), lowest, *(value(say, key, figures[key]) for key in keys)])
    at: list[Sequence[Cell]] = [
        [
            name,
            *(value(say, f"{key}/{criterion}", figures[f"{key}/{criterion}"], share=share) for criterion in CRITERIA),
        ]
        for key, name, share in (
            ("box_sensitivity", say("Fractures found (sensitivity)"), True),
            ("precision", say("Marks that are right (precision)"), True),
            ("f1", say("F1, of the two"), False),
            ("false_marks_per_film", say("False marks per film"), False),
        )
    ]
    body: list[Cell] = [
        paragraph(
            say(
                "When does a mark find a fracture? Four answers stand beside each other: an overlap (intersection over "
                "union, IoU) with the drawn box of at least 0.1, 0.3 or 0.5, or the mark's centre inside the box. "
                "Fractures are small and long and drawn differently by different people, so that {criterion} is the "
                "one that texts and pictures here go by.",
                criterion=say(CRITERION_TEXT[MAIN_CRITERION]),
            )
        ),
        drawn(plots, "froc", "froc-by-criterion"),
        table(
            "operating-points",
            say("Share of fractures found, at so many false marks per film on average (95 % interval)"),
            [
                say("False marks per film"),
                say("Score from, for {criterion}", criterion=criteria[CRITERIA.index(MAIN_CRITERION)]),
                *criteria,
            ],
            rows,
        ),
        table(
            "at-threshold",
            say("At the threshold {threshold}", threshold=say.number(m.evaluation.threshold, 3)),
            [say("Figure"), *criteria],
            at,
        ),
        drawn(plots, "precision-recall"),
        _average_precision(m),
    ]
    return section("fractures", say("Single fractures"), body)


def _average_precision(m: Material) -> Cell:
    say, figures = m.say, m.evaluation.figures
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
                value(say, f"{key}{part}", figures[f"{key}{part}"], share=False, digits=3)
                if f"{key}{part}" in figures
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


def false_marks(m: Material) -> Markup:
    """What the model marks where there is nothing."""
    say = m.say
    counts = Counter(min(len(each.marks), _MANY) for each in m.evaluation.outcomes if each.positive is False)
    normal = sum(counts.values())
    rows: list[Sequence[Cell]] = [
        [
            say("{number} or more", number=number) if number == _MANY else str(number),
            counts[number],
            say.percent(counts[number] / normal) if normal else say.number(None),
        ]
        for number in range(_MANY + 1)
    ]
    mean = m.evaluation.figures["false_marks_per_normal_film"]
    body: list[Cell] = [
        joined(
            [
                Markup("<p>"),
                say("On average, a normal film gets this many marks, all of them false: "),
                value(say, "false_marks_per_normal_film", mean, share=False),
                Markup("</p>"),
            ]
        ),
        table(
            "normal-films",
            say("Normal films by their number of marks"),
            [say("Marks on the film"), say("Films"), say("Share")],
            rows,
        ),
    ]
    return section("false-marks", say("False marks on normal films"), body)


def calibration(m: Material, plots: Plots) -> Markup:
    """Whether a score of 0.8 means 8 times in 10."""
    say, figures = m.say, m.evaluation.figures
    told = (
        say("Scores are shown as the probabilities that the model's calibration makes of them.")
        if m.evaluation.calibrated
        else say(
            "The model carries no calibration: its scores are raw, and a score of 0.8 need not mean that 8 in 10 such "
            "films are fractured. fractura calibrate teaches it."
        )
    )
    rows: list[Sequence[Cell]] = [
        [name, *(value(say, key, figures[key], share=False, digits=3) for key in keys)]
        for name, keys in (
            (say("Films"), ("film_ece", "film_brier")),
            (say("Marks"), ("mark_ece", "mark_brier")),
        )
    ]
    body: list[Cell] = [
        paragraph(told),
        drawn(plots, "reliability-film", "reliability-mark"),
        table(
            "calibration-figures",
            say("Errors of the scores, 0 to 1; 0 is best"),
            [say("Scores of"), say("Expected calibration error"), say("Brier score")],
            rows,
        ),
    ]
    return section("calibration", say("Can the scores be believed?"), body)


def subgroups(m: Material, plots: Plots) -> Markup:
    """The same figures for parts of the films."""
    say, groups = m.say, parts_of(m.evaluation)
    if not groups:
        nothing = paragraph(say("Nothing divides these films into parts."))
        return section("subgroups", say("Parts of the films"), [nothing])
    columns = {
        _MAIN: say("Fractures found"),
        "film_sensitivity": say("Film sensitivity"),
        "film_specificity": say("Film specificity"),
        "film_auc": say("Film AUC"),
        "false_marks_per_normal_film": say("False marks per normal film"),
    }
    known = [key for key in columns if any(key in group.figures for group in groups)]
    rows: list[Sequence[Cell]] = [
        [
            part_name(say, group),
            group.films,
            group.positive,
            group.boxes,
            *(_group_cell(m, group, key) for key in known),
        ]
        for group in groups
    ]
    counts = [say("Part"), say("Films"), say("Fractured"), say("Boxes")]
    body: list[Cell] = [
        paragraph(
            say(
                "Small parts have wide intervals, and among many parts some differ by chance alone: a difference here "
                "is a question, not an answer."
            )
        ),
        drawn(plots, "subgroups"),
        table(
            "subgroup-figures",
            say("Figures of parts of the films (95 % interval)"),
            [*counts, *(columns[key] for key in known)],
            rows,
        ),
    ]
    return section("subgroups", say("Parts of the films"), body)


def _group_cell(m: Material, group: Subgroup, key: str) -> Cell:
    if key not in group.figures:
        return m.say.number(None)
    share = key not in ("film_auc", "false_marks_per_normal_film")
    return value(m.say, f"{group.by}/{group.name}/{key}", group.figures[key], share=share)


def _plain(count: int | None) -> str:
    return DASH if count is None else str(count)
