"""Where things are: the one table of addresses."""

from __future__ import annotations

from dataclasses import dataclass

_ZOO = "http://download.tensorflow.org/models/object_detection/tf2/20200711/"


@dataclass(frozen=True)
class Address:
    """One thing that can be fetched.

    Attributes:
        url: http or https; the last part is the archive's file name.
        about: One line for people.
        sha256: Of the archive, where it is known; None is not checked (only completeness is).
    """

    url: str
    about: str
    sha256: str | None = None


ADDRESSES = {
    f"zoo:faster_rcnn_inception_resnet_v2_{side}": Address(
        f"{_ZOO}faster_rcnn_inception_resnet_v2_{side}_coco17_tpu-8.tar.gz",
        f"Faster R-CNN Inception ResNet V2 {side}, trained on COCO 2017, of the TensorFlow 2 detection zoo",
    )
    for side in ("640x640", "1024x1024")
}
