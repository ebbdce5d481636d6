"""Files of annotations, read into a ``Dataset`` and written from one; ``catalogue`` lists the formats."""

from fractura.formats.convert import Conversion, convert
from fractura.formats.parts import write_parts
from fractura.formats.reading import open_dataset, read_dataset
from fractura.formats.tfrecord import read_tfrecord, write_tfrecord
from fractura.formats.voc import read_voc, write_voc

__all__ = [
    "Conversion",
    "convert",
    "open_dataset",
    "read_dataset",
    "read_tfrecord",
    "read_voc",
    "write_parts",
    "write_tfrecord",
    "write_voc",
]
