"""The header of a DICOM radiograph as plain values, and the refusal of everything that is not a radiograph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fractura.core.errors import DataError
from fractura.imaging.dicom.facts import (
    ImageFacts,
    body_part_term,
    device_hash,
    laterality_term,
    patient_hash,
    study_hash,
    view_term,
)
from fractura.imaging.dicom.signature import other_object
from fractura.imaging.dicom.source import DICOM_ERRORS, damaged, number_of, text_of, transfer_syntax
from fractura.imaging.dicom.spacing import read_spacing
from fractura.imaging.limits import refuse_huge

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

RADIOGRAPHS = {
    "CR": "computed radiography",
    "DX": "digital radiography",
    "RG": "digitised film",
    "RF": "radiofluoroscopy",
    "PX": "panoramic X-ray",
}
_IMAGE_CLASSES = "1.2.840.10008.5.1.4.1.1."
_SECONDARY_CAPTURE = f"{_IMAGE_CLASSES}7"
_RADIOGRAPHY = frozenset(f"{_IMAGE_CLASSES}{end}" for end in ("1", "1.1", "1.1.1"))  # CR, DX to show and to process
_OTHERS = {
    "AR": "autorefraction", "AU": "audio", "BI": "biomagnetic imaging", "BMD": "bone densitometry",
    "CT": "computed tomography", "DOC": "document", "ECG": "electrocardiography", "ES": "endoscopy",
    "GM": "microscopy", "IO": "intra-oral radiography", "IVUS": "intravascular ultrasound", "KO": "key objects",
    "MG": "mammography", "MR": "magnetic resonance", "NM": "nuclear medicine", "OCT": "optical coherence tomography",
    "OP": "ophthalmic photography", "OT": "other", "PR": "presentation state", "PT": "positron emission tomography",
    "REG": "registration", "RTDOSE": "radiotherapy dose", "RTIMAGE": "radiotherapy image",
    "RTPLAN": "radiotherapy plan", "RTSTRUCT": "radiotherapy structures", "SC": "secondary capture",
    "SEG": "segmentation", "SM": "slide microscopy", "SR": "structured report", "US": "ultrasound",
    "XA": "X-ray angiography", "XC": "photography",
}  # fmt: skip
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


@dataclass(frozen=True, eq=False)
class LookupTable:
    """A modality or VOI LUT.

    Attributes:
        first: Input value of the first entry.
        entries: int64 ``(n,)``.
        bits: Of an entry.
    """

    first: int
    entries: NDArray[np.int64]
    bits: int


@dataclass(frozen=True)
class Window:
    """Centre, width and shape (``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID``)."""

    centre: float
    width: float
    function: str


@dataclass(frozen=True, eq=False, kw_only=True)
class DicomHeader:
    """What decoding and display need; names are DICOM's.

    Attributes:
        syntax: Transfer syntax UID.
        width: Columns.
        height: Rows.
        inverted: The picture must be turned negative after the windows: MONOCHROME1, or PresentationLUTShape INVERSE.
            Both together mean one inversion: DX asks for INVERSE with every MONOCHROME1.
        padding: Stored values that are not part of the image, first and last; or None.
    """

    syntax: str
    width: int
    height: int
    frames: int
    samples: int
    photometric: str
    planar: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    inverted: bool
    slope: float
    intercept: float
    modality_lut: LookupTable | None
    voi_lut: LookupTable | None
    window: Window | None
    padding: tuple[int, int] | None
    facts: ImageFacts


def read_header(dataset: Dataset, title: str) -> DicomHeader:
    """Take a header out of pydicom; call it inside ``parsing_quietly``.

    Raises:
        DataError: It is not a radiograph (its modality is named), or its size, depth or colours are not usable.
    """
    _refuse_modality(dataset, title)
    width, height = _whole(dataset, "Columns"), _whole(dataset, "Rows")
    if width < 1 or height < 1:
        raise damaged(title, "it has no rows or columns of pixels")
    refuse_huge(width, height, title)
    photometric = text_of(dataset, "PhotometricInterpretation").strip().upper()
    samples = _whole(dataset, "SamplesPerPixel", 1)
    allocated = _whole(dataset, "BitsAllocated")
    stored = _whole(dataset, "BitsStored", allocated)
    if (photometric, samples) not in {*((each, 1) for each in _GREY), *((each, 3) for each in _COLOUR)}:
        known = photometric if photometric in (*_GREY, *_COLOUR, "PALETTE COLOR") else "an unknown kind"
        raise DataError(
            f"is a DICOM of {known} with {samples} values a pixel, which is not read",
            file=title,
            hint="export it as a grey image (MONOCHROME2)",
        )
    if allocated not in (8, 16) or not 1 <= stored <= allocated:
        raise DataError(
            f"is a DICOM with {stored} of {allocated} bits a value, which is not read",
            file=title,
            hint="export it with 8 or 16 bits, without floating point",
        )
    shape = text_of(dataset, "PresentationLUTShape").strip().upper()
    is_signed = _whole(dataset, "PixelRepresentation", 0) == 1
    high_bit = _whole(dataset, "HighBit", stored - 1)
    slope = number_of(dataset, "RescaleSlope")
    return DicomHeader(
        syntax=transfer_syntax(dataset),
        width=width,
        height=height,
        frames=max(1, _whole(dataset, "NumberOfFrames", 1)),
        samples=samples,
        photometric=photometric,
        planar=_whole(dataset, "PlanarConfiguration", 0),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high_bit if stored - 1 <= high_bit < allocated else stored - 1,
        is_signed=is_signed,
        inverted=photometric == "MONOCHROME1" or shape == "INVERSE",
        slope=1.0 if slope is None or slope == 0 else slope,  # 0 would make every image even; it is never meant
        intercept=number_of(dataset, "RescaleIntercept") or 0.0,
        modality_lut=_table(dataset, "ModalityLUTSequence", title),
        voi_lut=_table(dataset, "VOILUTSequence", title),
        window=_window(dataset),
        padding=_padding(dataset, is_signed, allocated),
        facts=read_facts(dataset),
    )


def _region(dataset: Dataset) -> str:
    """What newer objects say in place of the body part: the meaning of its code."""
    try:
        return text_of(dataset.AnatomicRegionSequence[0], "CodeMeaning")
    except DICOM_ERRORS:
        return ""


def read_facts(dataset: Dataset) -> ImageFacts:
    """What may leave the file apart from its pixels; call it inside ``parsing_quietly``."""
    sides = (text_of(dataset, "ImageLaterality"), text_of(dataset, "Laterality"))
    return ImageFacts(
        patient=patient_hash(text_of(dataset, "PatientID")),
        body_part=body_part_term(text_of(dataset, "BodyPartExamined")) or body_part_term(_region(dataset)),
        view=view_term(text_of(dataset, "ViewPosition")),
        laterality=next((term for side in sides if (term := laterality_term(side))), None),
        device=device_hash(text_of(dataset, "Manufacturer"), text_of(dataset, "ManufacturerModelName")),
        frames=max(1, _whole(dataset, "NumberOfFrames", 1)),
        burnt_in_text=text_of(dataset, "BurnedInAnnotation").strip().upper() == "YES",
        study=study_hash(text_of(dataset, "StudyInstanceUID")),
        spacing=read_spacing(dataset),
    )


def _refuse_modality(dataset: Dataset, title: str) -> None:
    """By the modality; where that is none of DICOM's, or only "other", by the class of the object.

    Only words of the standard are named: anything may stand in the field.
    """
    meta = getattr(dataset, "file_meta", None)
    sop_class = text_of(dataset, "SOPClassUID") or (text_of(meta, "MediaStorageSOPClassUID") if meta else "")
    sop_class = sop_class.strip(" \0")
    other = other_object(sop_class)
    if other is not None:
        raise DataError(f"is a DICOM {other}, not an image", file=title, hint="leave it out")
    if not len(dataset):
        raise damaged(title, "its header is cut off")
    modality = text_of(dataset, "Modality").strip(" \0").upper()
    if modality in RADIOGRAPHS:
        return
    if sop_class in _RADIOGRAPHY and (modality not in _OTHERS or modality == "OT"):
        return
    if sop_class.startswith(_SECONDARY_CAPTURE) and modality in ("OT", "SC", ""):
        return
    if modality in _OTHERS:
        named = f"of modality {modality} ({_OTHERS[modality]})"
    else:
        named = "of an unknown modality" if modality else "that names no modality"
    raise DataError(
        f"is a DICOM {named}, not a radiograph",
        file=title,
        hint=f"leave it out; radiographs are {', '.join(RADIOGRAPHS)}, and OT as secondary capture",
    )


def _whole(dataset: Dataset, keyword: str, default: int = 0) -> int:
    number = number_of(dataset, keyword)
    return default if number is None else int(number)


def _window(dataset: Dataset) -> Window | None:
    """The first window; None where it has no width."""
    centre, width = number_of(dataset, "WindowCenter"), number_of(dataset, "WindowWidth")
    function = text_of(dataset, "VOILUTFunction").strip().upper() or "LINEAR"
    function = function if function in ("LINEAR_EXACT", "SIGMOID") else "LINEAR"
    if centre is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        return None
    return Window(centre, width, function)


def _padding(dataset: Dataset, is_signed: bool, allocated: int) -> tuple[int, int] | None:
    value, limit = number_of(dataset, "PixelPaddingValue"), number_of(dataset, "PixelPaddingRangeLimit")
    if value is None:
        return None
    ends = sorted(_as_stored(int(each), is_signed, allocated) for each in (value, value if limit is None else limit))
    return ends[0], ends[1]


def _as_stored(value: int, is_signed: bool, allocated: int) -> int:
    """Writers confuse signed and unsigned here: take the bit pattern."""
    value %= 1 << allocated
    return value - (1 << allocated) if is_signed and value >> (allocated - 1) else value


def _table(dataset: Dataset, keyword: str, title: str) -> LookupTable | None:
    """The first table of a LUT sequence; None if its items are empty, which writers leave behind."""
    try:
        items = list(dataset.get(keyword) or ())
        item = next((each for each in items if each.get("LUTDescriptor") and each.get("LUTData")), None)
    except DICOM_ERRORS:
        raise damaged(title, "its lookup table cannot be read") from None
    if item is None:
        return None
    try:
        count, first, bits = (int(each) for each in item.LUTDescriptor)
        count = count & 0xFFFF or 1 << 16
        entries = _entries(item["LUTData"].value, count, bits)
        # The sign of the first input is that of the pixels, which writers forget to say.
        if _whole(dataset, "PixelRepresentation", 0) == 1 and first >= 1 << 15:
            first -= 1 << 16
    except DICOM_ERRORS:
        raise damaged(title, "its lookup table cannot be read") from None
    if len(entries) == 0 or not 1 <= bits <= 16:
        raise damaged(title, "its lookup table is empty or too deep")
    largest = int(entries.max())
    return LookupTable(first, entries, max(bits, largest.bit_length()))


def _entries(value: Any, count: int, bits: int) -> NDArray[np.int64]:
    if isinstance(value, bytes | bytearray):
        # 8-bit entries come one a byte or one a word.
        kind = "<u1" if bits <= 8 and len(value) < 2 * count else "<u2"
        size = np.dtype(kind).itemsize
        found = np.frombuffer(value[: len(value) // size * size], dtype=kind)
    else:
        found = np.atleast_1d(np.asarray(value, dtype=np.int64)) & 0xFFFF
        if bits <= 8 and len(found) * 2 in (count, count + 1):  # two entries packed into a word
            found = np.stack([found & 0xFF, found >> 8], axis=1).reshape(-1)
    return found[:count].astype(np.int64)
