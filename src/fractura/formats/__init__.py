"""Files of annotations, read into a ``Dataset`` and written from one; ``registry`` lists the formats."""

from fractura.formats.convert import Conversion, convert
from fractura.formats.reading import open_dataset, read_dataset
from fractura.formats.split_writer import write_parts
from fractura.formats.tfrecord import read_tfrecord, write_tfrecord
from fractura.formats.voc.reader import read_voc
from fractura.formats.voc.writer import write_voc

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
