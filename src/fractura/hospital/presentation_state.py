"""Writes detections as a grey-scale softcopy presentation state: boxes and texts that a viewer lays over the image.

It changes nothing of how the image is shown: lookup tables, window and inversion are the image's own. One without a
window gets the one that it was examined with.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from fractura.core.errors import DataError
from fractura.hospital.device import Device
from fractura.hospital.object_identity import NOT_FOR_DIAGNOSIS, ObjectIdentity
from fractura.hospital.source_image import copy_anatomy, making_quietly, source_image
from fractura.imaging.dicom.header import DicomHeader, Window, read_header
from fractura.imaging.reader import read_grey_values
from fractura.inference.answer import answer_text, certainty_text
from fractura.inference.origin import ResultOrigin
from fractura.inference.render import DETECTION_COLOURS
from fractura.inference.results import DetectionRow, ImageRow

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


class ColourImageError(DataError):
    """An image in colour has no grey-scale presentation."""


_SERIES_NUMBER = 9903
_LAYER, _LABEL = "DETECTIONS", "FRACTURA"
_LONGEST_TEXT = 1024  # of DICOM's type ST
_USUAL_FUNCTION = "LINEAR"
_RESCALING = ("RescaleIntercept", "RescaleSlope", "RescaleType")
_MARGIN = 0.01
"""Of the image's height: between a box and its text."""


def presentation_state(image: bytes, row: ImageRow, origin: ResultOrigin, device: Device) -> Dataset:
    """An image's detections as outlines in pixels of the image, with class and score next to each.

    Args:
        image: The DICOM image's bytes.
        row: Its result, at the threshold; without any detection the state holds the answer for the whole image only.
        origin: The model, its threshold and its views.
        device: The installation.

    Raises:
        DataError: The image is not DICOM, lacks elements that the state must refer to, or is stored in colour.
    """
    title = row["image"]
    source = source_image(image, title)
    with making_quietly(title):
        header = read_header(source, title)
    if header.samples != 1:
        raise ColourImageError(
            "a grey-scale presentation state is for grey images; this one is stored in colour",
            file=title,
            hint="ask for a structured report or a secondary capture",
        )
    window = header.window
    if window is None and header.voi_lut is None:
        values = read_grey_values(image, name=title)
        window = None if values is None else values.window
    with making_quietly(title):
        return _state(ObjectIdentity("gsps", source, origin, device), row, header, window)


def _state(identity: ObjectIdentity, row: ImageRow, header: DicomHeader, window: Window | None) -> Dataset:
    from highdicom import ModalityLUTTransformation, PresentationLUTTransformation, color, pr

    source = identity.source
    layer = pr.GraphicLayer(
        layer_name=_LAYER,
        order=1,
        description=f"Detections of a model: {NOT_FOR_DIAGNOSIS}",
        display_color=color.CIELabColor.from_rgb(*DETECTION_COLOURS[0]),
    )
    texts = [_whole_image(pr, row, header)]
    outlines = []
    for number, detection in enumerate(row["detections"], start=1):
        name = f"detection {number}"
        tracking = {"tracking_id": name, "tracking_uid": identity.tracking_uid(name)}
        outlines.append(_outline(pr, detection, header, tracking))
        texts.append(_text(pr, detection, header, tracking))
    annotation = pr.GraphicAnnotation(
        referenced_images=[source], graphic_layer=layer, graphic_objects=outlines or None, text_objects=texts
    )
    state = pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[source],
        content_label=_LABEL,
        content_description=NOT_FOR_DIAGNOSIS,
        graphic_annotations=[annotation],
        graphic_layers=[layer],
        # Named here, though the image's own tables replace them below: left out, they would be looked for in places
        # that images of several frames may lack.
        modality_lut_transformation=ModalityLUTTransformation(
            rescale_intercept=header.intercept, rescale_slope=header.slope, rescale_type="US"
        ),
        voi_lut_transformations=[pr.SoftcopyVOILUTTransformation(window_center=1, window_width=1)],
        presentation_lut_transformation=PresentationLUTTransformation(
            presentation_lut_shape="INVERSE" if header.inverted else "IDENTITY"
        ),
        **identity.series(_SERIES_NUMBER),
    )
    if header.modality_lut is not None:
        for keyword in _RESCALING:
            delattr(state, keyword)
        state["ModalityLUTSequence"] = deepcopy(source["ModalityLUTSequence"])
    elif source.get("RescaleType"):
        state.RescaleType = source.RescaleType
    state.SoftcopyVOILUTSequence = [_shown(source, header, window)]
    if header.frames > 1:
        for references in (
            annotation.ReferencedImageSequence,
            state.GraphicAnnotationSequence[0].ReferencedImageSequence,
        ):
            references[0].ReferencedFrameNumber = 1
    copy_anatomy(source, state)
    identity.complete(state)
    return state


def _shown(source: Dataset, header: DicomHeader, window: Window | None) -> Dataset:
    """What an image is seen through: its first table, else its first window. Viewers refuse more than one of them."""
    from pydicom.dataset import Dataset

    shown = Dataset()
    if header.voi_lut is not None:
        usable = [item for item in source.VOILUTSequence if item.get("LUTDescriptor") and item.get("LUTData")]
        shown.VOILUTSequence = deepcopy(usable[:1])
    elif window is not None:
        shown.WindowCenter, shown.WindowWidth = f"{window.centre:.10g}", f"{window.width:.10g}"
        if window.function != _USUAL_FUNCTION:
            shown.VOILUTFunction = window.function
    return shown


def _corners(detection: DetectionRow, header: DicomHeader) -> tuple[float, float, float, float]:
    """Our boxes and DICOM's graphics share the coordinates: 0\\0 is the outer corner of the first pixel (C.10.5.1)."""
    left, top, right, bottom = detection["box"]
    return max(left, 0.0), max(top, 0.0), min(right, float(header.width)), min(bottom, float(header.height))


def _outline(pr: Any, detection: DetectionRow, header: DicomHeader, tracking: dict[str, str]) -> Any:
    left, top, right, bottom = _corners(detection, header)
    return pr.GraphicObject(
        graphic_type="POLYLINE",
        graphic_data=np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]),
        units="PIXEL",
        **tracking,
    )


def _text(pr: Any, detection: DetectionRow, header: DicomHeader, tracking: dict[str, str]) -> Any:
    """Class and score, anchored at the box's upper left corner."""
    left, top, *_ = _corners(detection, header)
    return pr.TextObject(
        text_value=f"{detection['class']} {certainty_text(detection['score'], detection['probability'])}"[
            :_LONGEST_TEXT
        ],
        units="PIXEL",
        anchor_point=(left, max(top - _MARGIN * header.height, 0.0)),
        anchor_point_visible=False,
        **tracking,
    )


def _whole_image(pr: Any, row: ImageRow, header: DicomHeader) -> Any:
    assert row["answer"] is not None
    assert row["image_score"] is not None
    answer = answer_text(row["answer"], row["image_score"], row["image_probability"])
    return pr.TextObject(
        text_value=f"{answer}; {NOT_FOR_DIAGNOSIS}"[:_LONGEST_TEXT],
        units="DISPLAY",
        bounding_box=(0.01, 0.95, 0.99, 0.99),
        text_justification="LEFT",
    )
