"""What a run can say to the items of CLAIM, from its card, its images and its metrics; nothing is made up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from fractura.evaluation.metric_names import CRITERIA, CRITERION_TEXT, MAIN_CRITERION, Metric
from fractura.evaluation.report.claim import Answers
from fractura.evaluation.report.context import Material, parts_of
from fractura.evaluation.report.pictures import NUMBER
from fractura.evaluation.report.provenance import counted, versions

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
_FACTS = ("patient", "study", "body_part", "view", "laterality")


def answers(m: Material) -> Answers:
    """Sentences for the items that the run can speak to."""
    found: dict[int, Callable[[Material], list[str]]] = {
        7: _sources,
        9: _preprocessing,
        10: _subsets,
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
        29: _uncertainty,
        30: _robustness,
        31: _explained,
        32: _external,
        33: _flow,
        34: _characteristics,
        35: _everywhere,
        36: _accuracy,
        37: _failures,
    }
    told = {number: answer(m) for number, answer in found.items()}
    return {number: sentences for number, sentences in told.items() if sentences}


def _sources(m: Material) -> list[str]:
    say = m.say
    return [
        say(
            "Measured on {images} images read from {data}; fingerprint of images and boxes {fingerprint}.",
            images=m.evaluation.images,
            data=m.data_name,
            fingerprint=m.fingerprint,
        )
    ]


def _preprocessing(m: Material) -> list[str]:
    say = m.say
    sentences = [
        say(
            "Every image is read to 8 bits: deeper ones are scaled linearly from the number of bits that they use, "
            "DICOM as a viewer shows it, grey as three equal channels, EXIF orientation applied."
        )
    ]
    resizer = m.card.architecture.get("image_resizer")
    if resizer:
        sentences.append(say("Size before the network: {settings}.", settings=_plain(resizer)))
    if m.card.preprocessing:
        sentences.append(say("Further steps: {settings}.", settings=_plain(m.card.preprocessing)))
    return sentences


def _subsets(m: Material) -> list[str]:
    splits = counted(record.split for record in m.dataset)
    text = ", ".join(f"{name}: {count}" for name, count in splits.items())
    return [m.say("Splits that the images name: {splits}.", splits=text)] if splits else []


def _definitions(m: Material) -> list[str]:
    say = m.say
    return [
        say("Classes of boxes: {classes}.", classes=", ".join(m.evaluation.class_names)),
        say(
            "An image with at least one box that is not flagged difficult counts as fractured, one without any box as "
            "normal."
        ),
    ]


def _privacy(m: Material) -> list[str]:
    say = m.say
    dicom = any(record.image.suffix.lower() in (".dcm", ".dicom") for record in m.dataset)
    if not dicom:
        return []
    return [
        say(
            "Of DICOM headers nothing is kept that names a person; patient ids are hashed (a pseudonym, not anonymity)."
        )
    ]


def _missing(m: Material) -> list[str]:
    say, images = m.say, len(m.dataset)
    unknown = {name: sum(getattr(record, name) is None for record in m.dataset) for name in _FACTS}
    text = ", ".join(f"{say(name.replace('_', ' '))} {count}" for name, count in unknown.items())
    return [say("Of {images} images, not known: {facts}.", images=images, facts=text)]


def _ground_truth(m: Material) -> list[str]:
    return [
        m.say(
            "Boxes drawn on the images: {boxes} on {positive} images; {difficult} more are flagged difficult and left "
            "out of the count.",
            boxes=m.evaluation.boxes,
            positive=m.evaluation.positive,
            difficult=m.evaluation.difficult,
        )
    ]


def _partitions(m: Material) -> list[str]:
    sentences = []
    for part, words in (("train", "Trained on {data}."), ("val", "Validated on {data}.")):
        described = m.card.data.get(part)
        if isinstance(described, dict):
            sentences.append(m.say(words, data=_described(m, described)))
    return sentences


def _described(m: Material, described: dict[str, Any]) -> str:
    return m.say(
        "{images} images, {negatives} of them normal, boxes {boxes}, fingerprint {fingerprint}",
        images=described.get("images"),
        negatives=described.get("negatives"),
        boxes=_listed(described.get("boxes") or {}),
        fingerprint=described.get("fingerprint"),
    )


def _disjoint(m: Material) -> list[str]:
    say, sentences = m.say, []
    known = sum(record.patient is not None for record in m.dataset)
    sentences.append(say("The patient is known of {known} of {images} images.", known=known, images=len(m.dataset)))
    sentences += _images_of_making(m)
    if not m.overlap.trained:
        sentences.append(
            say(
                "That no image is shared with training under another form can be shown with: fractura check IMAGES "
                "--against TRAINING_IMAGES."
            )
        )
    return sentences


def _images_of_making(m: Material) -> list[str]:
    """How many of the images had a part in making the model."""
    say, overlap = m.say, m.overlap
    counts = {"trained": overlap.trained, "validated": overlap.validated, "threshold": overlap.threshold}
    if set(counts.values()) == {None}:
        return [say("Whether the model was made with any of these images is not known: its card lists no digests.")]
    told = {name: say("not known") if count is None else str(count) for name, count in counts.items()}
    return [
        say(
            "Of {images} images, by the bytes of their files: {trained} trained on, {validated} chose the model's "
            "final "
            "state, {threshold} chose the threshold.",
            images=overlap.images,
            **told,
        )
    ]


def _model(m: Material) -> list[str]:
    say = m.say
    return [
        say(
            "Detector {name}; input: one image, output: boxes with class and score.",
            name=str(m.card.architecture["name"]),
        ),
        say("Every setting of it stands in the model's card.json, under architecture."),
    ]


def _software(m: Material) -> list[str]:
    say, sentences = m.say, []
    if m.card.versions:
        sentences.append(say("Trained with {versions}.", versions=_listed(m.card.versions)))
    return [*sentences, say("Measured with {versions}.", versions=_listed(versions()))]


def _start(m: Material) -> list[str]:
    if "fine_tune_checkpoint" not in m.card.settings:
        return []
    start = m.card.settings["fine_tune_checkpoint"]
    if start is None:
        return [m.say("No checkpoint was given: the detector's own starting weights.")]
    return [m.say("Training started from the weights of {start}.", start=start)]


def _training(m: Material) -> list[str]:
    settings, say = m.card.settings, m.say
    if not settings:
        return []
    main = {name: settings[name] for name in _MAIN_SETTINGS if settings.get(name) is not None}
    sentences = [
        say("One training run; {settings}.", settings=_listed(main)),
        say("Every setting of it stands in the model's card.json, under settings."),
    ]
    steps = settings.get("data_augmentation_options")
    if isinstance(steps, list):
        names = ", ".join(str(step.get("name")) for step in steps if isinstance(step, dict))
        sentences.insert(1, say("Augmentation: {names}.", names=names or say("none")))
    return sentences


def _choice(m: Material) -> list[str]:
    say, sentences = m.say, []
    if "step" in m.card.metrics:
        sentences.append(
            say("The state after step {step} was kept, the best on the validation images.", step=m.card.metrics["step"])
        )
    return [
        *sentences,
        say(
            "Threshold {threshold}: {origin}.",
            threshold=say.number(m.evaluation.threshold, 4),
            origin=m.threshold_origin(),
        ),
    ]


def _ensemble(m: Material) -> list[str]:
    return [m.say("One model; views of each image that it looks at: {views}.", views=", ".join(m.views))]


def _measures(m: Material) -> list[str]:
    return [
        m.say(
            "Share of fractures found, precision, F1 and FROC by four criteria ({criteria}); average precision as COCO "
            "defines it; sensitivity, specificity, predictive values and AUC of whole images; calibration error and "
            "Brier score.",
            criteria=", ".join(m.say(CRITERION_TEXT[criterion]) for criterion in CRITERIA),
        )
    ]


def _uncertainty(m: Material) -> list[str]:
    return [m.interval_method]


def _robustness(m: Material) -> list[str]:
    groups = Counter(group.by for group in parts_of(m.evaluation))
    if not groups:
        return []
    text = ", ".join(f"{m.say.known(by)} ({count})" for by, count in groups.items())
    return [m.say("The metrics were measured apart by: {groups}.", groups=text)]


def _explained(m: Material) -> list[str]:
    return [m.say("The model says where it sees a fracture by its boxes; how far they lie right is measured here.")]


def _external(m: Material) -> list[str]:
    return _images_of_making(m)


def _flow(m: Material) -> list[str]:
    say, e = m.say, m.evaluation
    sentences = [
        say(
            "{images} images: {positive} fractured, {negative} normal, {neither} with difficult boxes only.",
            images=e.images,
            positive=e.positive,
            negative=e.negative,
            neither=e.images - e.positive - e.negative,
        )
    ]
    if e.patients is not None:
        sentences.append(say("Patients: {patients}.", patients=e.patients))
    return sentences


def _characteristics(m: Material) -> list[str]:
    sentences = []
    for name in ("body_part", "view", "laterality"):
        counts = counted(getattr(record, name) for record in m.dataset)
        if counts:
            sentences.append(f"{m.say(name.replace('_', ' ')).capitalize()}: {_listed(counts)}.")
    return sentences


def _everywhere(m: Material) -> list[str]:
    say = m.say
    sentences = [say("On these images: see the metrics of this report.")]
    if m.card.metrics.get("validation"):
        sentences.append(say("On the validation images: in the model's card, under metrics."))
    return sentences


def _accuracy(m: Material) -> list[str]:
    say, metrics = m.say, m.evaluation.metrics
    main = f"{say('Fractures found (sensitivity)')}, {say(CRITERION_TEXT[MAIN_CRITERION])}"
    told = [_told(m, main, metrics[f"box_sensitivity/{MAIN_CRITERION}"])]
    for name, words in (("sensitivity", say("Sensitivity")), ("specificity", say("Specificity"))):
        told.append(_told(m, f"{words}, {say('by image')}", metrics[f"image_{name}"]))
    return [*told, _told(m, say("AUC of images"), metrics["image_auc"], share=False)]


def _told(m: Material, words: str, metric: Metric, *, share: bool = True) -> str:
    number = m.say.percent(metric.value) if share else m.say.number(metric.value)
    interval = m.say.interval(metric, share=share)
    return f"{words}: {number}" + (f" ({m.say('95 % CI {interval}', interval=interval)})" if interval else "") + "."


def _failures(m: Material) -> list[str]:
    e = m.evaluation
    return [
        m.say(
            "The report shows {misses} images with missed fractures and {alarms} with false positives, worst first.",
            misses=len(e.worst_misses(NUMBER)),
            alarms=len(e.worst_false_alarms(NUMBER)),
        )
    ]


def _listed(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in counts.items())


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
