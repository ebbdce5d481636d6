"""TFRecord files of the TensorFlow Object Detection API, read and written without TensorFlow."""

from fractura.formats.tfrecord.reader import read_tfrecord
from fractura.formats.tfrecord.writer import write_tfrecord

__all__ = ["read_tfrecord", "write_tfrecord"]
