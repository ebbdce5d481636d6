"""The table of formats. To add one, write its module, which ends with a ``Format``, and list that here."""

from __future__ import annotations

from fractura.core.errors import UsageError, suggest_name
from fractura.formats.coco import COCO
from fractura.formats.createml import CREATEML
from fractura.formats.csv import CSV
from fractura.formats.cvat import CVAT
from fractura.formats.format import Format
from fractura.formats.label_studio import LABEL_STUDIO
from fractura.formats.labelme import LABELME
from fractura.formats.rsna import RSNA
from fractura.formats.tfrecord.reader import TFRECORD
from fractura.formats.via import VIA
from fractura.formats.vindr import VINDR
from fractura.formats.voc.reader import VOC
from fractura.formats.yolo.yolo import YOLO

_TABLES = (CSV, RSNA, VINDR)
_ALL = (VOC, CVAT, YOLO, COCO, LABEL_STUDIO, CREATEML, LABELME, VIA, *_TABLES, TFRECORD)
FORMATS: dict[str, Format] = {each.name: each for each in _ALL}
"""By name. Where a folder holds several formats, the first of these that is found there is read."""


def find_format(name: str) -> Format:
    """The format of this name.

    Raises:
        UsageError: There is none.

    Examples:
        >>> find_format("voc").title
        'Pascal VOC'
    """
    if name not in FORMATS:
        raise UsageError(f"there is no format '{name}'", hint=suggest_name(name, FORMATS))
    return FORMATS[name]
