"""What a run can say on the items of CLAIM, from its card, its images and its metrics; nothing is made up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fractura.evaluation.messages import gettext_noop
from fractura.evaluation.metric_names import CRITERIA, CRITERION_TEXT, MAIN_CRITERION, Metric
from fractura.evaluation.report.context import (
    ReportContext,
    interval_method,
    known_word,
    threshold_origin,
    views_text,
)
from fractura.evaluation.report.failures import SHOWN
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.templating import listed
from fractura.evaluation.report.versions import versions

Answers = Mapping[int, Sequence[str]]
"""For items by number, sentences from the run; items without any are absent."""
_MAIN_SETTINGS = (
    "num_steps",
    "batch_size",
    "optimizer",
    "learning_rate_schedule",
    "learning_rate_base",
    "weight_decay",
    "ema_decay",
    "mixed_precision",
    "seed",
)
_FACTS = {
    "patient": gettext_noop("patient"),
    "study": gettext_noop("study"),
    "body_part": gettext_noop("body part"),
    "view": gettext_noop("view"),
    "laterality": gettext_noop("laterality"),
}


def answers(context: ReportContext, language: Language) -> Answers:
    """Sentences for the items that the run can speak to."""
    found: dict[int, Callable[[ReportContext, Language], list[str]]] = {
        7: _sources,
        9: _preprocessing,
        10: _splits,
        11: _definitions,
        12: _privacy,
        13: _missing,
        14: _ground_truth,
        20: _partitions,
        21: _disjoint,
        22: _model,
        23: _software,
        24: _start,
        25: _training,
        26: _choice,
        27: _ensemble,
        28: _measures,
        29: lambda context, language: [interval_method(context, language)],
        30: _robustness,
        31: _explainability,
        32: _images_of_making,
        33: _flow,
        34: _characteristics,
        35: _everywhere,
        36: _accuracy,
        37: _failures,
    }
    given = {number: answer(context, language) for number, answer in found.items()}
    return {number: sentences for number, sentences in given.items() if sentences}


def _sources(context: ReportContext, language: Language) -> list[str]:
    return [
        language.gettext(
            "Measured on {images} images read from {data}; fingerprint of images and boxes {fingerprint}.",
            images=context.evaluation.images,
            data=context.data_name,
            fingerprint=context.fingerprint,
        )
    ]


def _preprocessing(context: ReportContext, language: Language) -> list[str]:
    _, card = language.gettext, context.card
    sentences = [
        _(
            "Every image is read to 8 bits: deeper ones are scaled linearly from the number of bits that they use, "
            "DICOM as a viewer shows it, grey as three equal channels, EXIF orientation applied."
        )
    ]
    if resizer := card.architecture.get("image_resizer"):
        sentences.append(_("Input size of the network: {settings}.", settings=_json(resizer)))
    if card.preprocessing:
        sentences.append(_("Further steps: {settings}.", settings=_json(card.preprocessing)))
    return sentences


def _splits(context: ReportContext, language: Language) -> list[str]:
    splits = ", ".join(
        f"{name}: {count}" for name, count in counted(record.split for record in context.dataset).items()
    )
    return [language.gettext("Splits that the images name: {splits}.", splits=splits)] if splits else []


def _definitions(context: ReportContext, language: Language) -> list[str]:
    _ = language.gettext
    return [
        _("Classes of boxes: {classes}.", classes=", ".join(context.evaluation.class_names)),
        _(
            "An image with at least one box that is not flagged difficult counts as fractured, one without any box as "
            "normal."
        ),
    ]


def _privacy(context: ReportContext, language: Language) -> list[str]:
    if not any(record.image.suffix.lower() in (".dcm", ".dicom") for record in context.dataset):
        return []
    return [
        language.gettext(
            "Of DICOM headers nothing is kept that names a person; patient ids are hashed (a pseudonym, not anonymity)."
        )
    ]


def _missing(context: ReportContext, language: Language) -> list[str]:
    _, images = language.gettext, len(context.dataset)
    unknown = {fact: sum(getattr(record, fact) is None for record in context.dataset) for fact in _FACTS}
    facts = ", ".join(f"{_(_FACTS[fact])} {count}" for fact, count in unknown.items())
    return [_("Of {images} images, not known: {facts}.", images=images, facts=facts)]


def _ground_truth(context: ReportContext, language: Language) -> list[str]:
    evaluation = context.evaluation
    return [
        language.gettext(
            "Boxes drawn on the images: {boxes}, on {positive} images; flagged difficult and not counted: {difficult}.",
            boxes=evaluation.boxes,
            positive=evaluation.positive,
            difficult=evaluation.difficult,
        )
    ]


def _partitions(context: ReportContext, language: Language) -> list[str]:
    _, data = language.gettext, context.card.data
    sentences = []
    if isinstance(train := data.get("train"), dict):
        sentences.append(_("Trained on {data}.", data=_described(train, language)))
    if isinstance(val := data.get("val"), dict):
        sentences.append(_("Validated on {data}.", data=_described(val, language)))
    return sentences


def _described(data: dict[str, Any], language: Language) -> str:
    return language.gettext(
        "{images} images, {negatives} of them normal, boxes {boxes}, fingerprint {fingerprint}",
        images=data.get("images"),
        negatives=data.get("negatives"),
        boxes=listed(data.get("boxes") or {}),
        fingerprint=data.get("fingerprint"),
    )


def _disjoint(context: ReportContext, language: Language) -> list[str]:
    _ = language.gettext
    known = sum(record.patient is not None for record in context.dataset)
    sentences = [
        _("The patient is known for {known} of {images} images.", known=known, images=len(context.dataset)),
        *_images_of_making(context, language),
    ]
    if not context.leakage.trained:
        sentences.append(
            _(
                "That training contains no image of these in another form can be shown with: fractura check IMAGES "
                "--against TRAINING_IMAGES."
            )
        )
    return sentences


def _images_of_making(context: ReportContext, language: Language) -> list[str]:
    """How many of the images had a part in making the model."""
    _, leakage = language.gettext, context.leakage
    counts = {"trained": leakage.trained, "validated": leakage.validated, "threshold": leakage.threshold}
    if set(counts.values()) == {None}:
        return [_("Whether the model was made with any of these images is not known: its card lists no digests.")]
    return [
        _(
            "Of {images} images, by the bytes of their files: {trained} trained on, {validated} chose the model's "
            "final state, {threshold} chose the threshold.",
            images=leakage.images,
            **{name: _("not known") if count is None else str(count) for name, count in counts.items()},
        )
    ]


def _model(context: ReportContext, language: Language) -> list[str]:
    _ = language.gettext
    return [
        _(
            "Detector {name}; input: one image, output: boxes with class and score.",
            name=str(context.card.architecture["name"]),
        ),
        _("All its settings are in the model's card.json, under architecture."),
    ]


def _software(context: ReportContext, language: Language) -> list[str]:
    _, trained_with = language.gettext, context.card.versions
    sentences = [_("Trained with {versions}.", versions=listed(trained_with))] if trained_with else []
    return [*sentences, _("Measured with {versions}.", versions=listed(versions()))]


def _start(context: ReportContext, language: Language) -> list[str]:
    _, settings = language.gettext, context.card.settings
    if "fine_tune_checkpoint" not in settings:
        return []
    start = settings["fine_tune_checkpoint"]
    if start is None:
        return [_("No checkpoint was given: the detector's own starting weights.")]
    return [_("Training started from the weights of {start}.", start=start)]


def _training(context: ReportContext, language: Language) -> list[str]:
    _, settings = language.gettext, context.card.settings
    if not settings:
        return []
    main = {name: settings[name] for name in _MAIN_SETTINGS if settings.get(name) is not None}
    sentences = [_("One training run; {settings}.", settings=listed(main))]
    steps = settings.get("data_augmentation_options")
    if isinstance(steps, list):
        names = ", ".join(str(step.get("name")) for step in steps if isinstance(step, dict))
        sentences.append(_("Augmentation: {names}.", names=names or _("none")))
    return [*sentences, _("All its settings are in the model's card.json, under settings.")]


def _choice(context: ReportContext, language: Language) -> list[str]:
    _, metrics = language.gettext, context.card.metrics
    sentences = []
    if "step" in metrics:
        sentences.append(
            _("The state after step {step} was kept, the best on the validation images.", step=metrics["step"])
        )
    threshold = language.number(context.evaluation.threshold, 4)
    origin = threshold_origin(context, language)
    return [*sentences, _("Threshold {threshold}: {origin}.", threshold=threshold, origin=origin)]


def _ensemble(context: ReportContext, language: Language) -> list[str]:
    _ = language.gettext
    return [_("One model; views of each image: {views}.", views=views_text(context, language))]


def _measures(context: ReportContext, language: Language) -> list[str]:
    _ = language.gettext
    return [
        _(
            "Share of fractures found, precision, F1 and FROC by four criteria ({criteria}); average precision as COCO "
            "defines it; sensitivity, specificity, predictive values and AUC of whole images; calibration error and "
            "Brier score.",
            criteria="; ".join(_(CRITERION_TEXT[criterion]) for criterion in CRITERIA),
        )
    ]


def _robustness(context: ReportContext, language: Language) -> list[str]:
    _ = language.gettext
    counts = Counter(group.by for group in context.subgroups)
    groups = ", ".join(f"{known_word(by, language)} ({count})" for by, count in counts.items())
    return [_("The metrics were also measured in subgroups by: {groups}.", groups=groups)] if groups else []


def _explainability(context: ReportContext, language: Language) -> list[str]:
    return [
        language.gettext(
            "The model says where it sees a fracture by its boxes; how well they are placed is measured here."
        )
    ]


def _flow(context: ReportContext, language: Language) -> list[str]:
    _, evaluation = language.gettext, context.evaluation
    sentences = [
        _(
            "{images} images: {positive} fractured, {negative} normal, {neither} with difficult boxes only.",
            images=evaluation.images,
            positive=evaluation.positive,
            negative=evaluation.negative,
            neither=evaluation.images - evaluation.positive - evaluation.negative,
        )
    ]
    if evaluation.patients is not None:
        sentences.append(_("Patients: {patients}.", patients=evaluation.patients))
    return sentences


def _characteristics(context: ReportContext, language: Language) -> list[str]:
    sentences = []
    for fact in ("body_part", "view", "laterality"):
        if counts := counted(getattr(record, fact) for record in context.dataset):
            sentences.append(f"{language.gettext(_FACTS[fact]).capitalize()}: {listed(counts)}.")
    if any(person.age is not None or person.sex for person in context.people):
        sentences.append(language.gettext("Age and sex: in the table of images and patients of the report."))
    return sentences


def _everywhere(context: ReportContext, language: Language) -> list[str]:
    _ = language.gettext
    sentences = [_("On these images: see the metrics of this report.")]
    if context.card.metrics.get("validation"):
        sentences.append(_("On the validation images: in the model's card, under metrics."))
    return sentences


def _accuracy(context: ReportContext, language: Language) -> list[str]:
    _, metrics = language.gettext, context.evaluation.metrics
    by_image = _("by image")
    found = _("Fractures found (sensitivity)") + f", {_(CRITERION_TEXT[MAIN_CRITERION])}"
    return [
        _measured(found, metrics[f"box_sensitivity/{MAIN_CRITERION}"], language),
        _measured(_("Sensitivity") + f", {by_image}", metrics["image_sensitivity"], language),
        _measured(_("Specificity") + f", {by_image}", metrics["image_specificity"], language),
        _measured(_("AUC of images"), metrics["image_auc"], language, percent=False),
    ]


def _measured(words: str, metric: Metric, language: Language, *, percent: bool = True) -> str:
    number = language.percent(metric.value) if percent else language.number(metric.value)
    if interval := language.interval(metric, percent=percent):
        number += " (" + language.gettext("95% CI {interval}", interval=interval) + ")"
    return f"{words}: {number}."


def _failures(context: ReportContext, language: Language) -> list[str]:
    return [
        language.gettext(
            "The report shows {misses} images with missed fractures and {alarms} with false positives, worst first.",
            misses=len(context.evaluation.worst_misses(SHOWN)),
            alarms=len(context.evaluation.worst_false_alarms(SHOWN)),
        )
    ]


def counted(values: Iterable[str | None]) -> dict[str, int]:
    """How often each value occurs, most often first; what is not known is left out.

    Examples:
        >>> counted(["hand", None, "hip", "hand"])
        {'hand': 2, 'hip': 1}
    """
    counts = Counter(value for value in values if value is not None)
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
