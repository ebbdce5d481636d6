"""Everything that can be fetched, and where it is."""

from __future__ import annotations

from dataclasses import dataclass

_ZOO = "http://download.tensorflow.org/models/object_detection/tf2/20200711/"
_FIGSHARE = "https://api.figshare.com/v2/articles/"


@dataclass(frozen=True)
class Address:
    """A model.

    Attributes:
        url: http or https; the last part is the archive's file name.
        about: One line for people.
        sha256: Of the archive, if known; None is not checked (only completeness is).
    """

    url: str
    about: str
    sha256: str | None = None


@dataclass(frozen=True)
class DataAddress:
    """A data set on figshare.

    Attributes:
        url: Where figshare's API describes it.
        about: One line for people.
        paper: To cite along with the data.
    """

    url: str
    about: str
    paper: str


def _zoo(model: str, size: str, ending: str) -> tuple[str, Address]:
    name = f"faster_rcnn_{model.lower().replace(' ', '_')}_{size}"
    about = f"Faster R-CNN {model} {size}, trained on COCO 2017, of the TensorFlow 2 detection zoo"
    return f"zoo:{name}", Address(f"{_ZOO}{name}_coco17_{ending}.tar.gz", about)


_TPU, _GPU = "tpu-8", "gpu-8"
"""What the zoo trained on; it is a part of the archives' names."""

ADDRESSES = dict(
    [
        _zoo("Inception ResNet V2", "640x640", _TPU),
        _zoo("Inception ResNet V2", "1024x1024", _TPU),
        *(
            _zoo(f"ResNet{depth} V1", size, ending)
            for depth in (50, 101, 152)
            for size, ending in (("640x640", _TPU), ("1024x1024", _TPU), ("800x1333", _GPU))
        ),
    ]
)

DATA_SETS = {
    "fracatlas": DataAddress(
        f"{_FIGSHARE}22363012",
        "FracAtlas: 4,083 radiographs, 717 with fractures, boxes",
        "Abedeen et al., FracAtlas, Scientific Data 10, 521 (2023), https://doi.org/10.1038/s41597-023-02432-4",
    ),
    "grazpedwri-dx": DataAddress(
        f"{_FIGSHARE}14825193",
        "GRAZPEDWRI-DX: 20,327 radiographs of children's wrists, 9 classes of boxes",
        "Nagy et al., GRAZPEDWRI-DX, Scientific Data 9, 222 (2022), https://doi.org/10.1038/s41597-022-01328-z",
    ),
}
