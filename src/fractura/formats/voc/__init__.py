"""Pascal VOC as LabelImg writes it: single files, byte for byte, and folders of them."""

from fractura.formats.voc.parser import parse_voc, read_voc_file
from fractura.formats.voc.reader import read_voc
from fractura.formats.voc.serializer import VocAnnotation, VocObject, labelimg_object, write_voc_file
from fractura.formats.voc.writer import write_voc

__all__ = [
    "VocAnnotation",
    "VocObject",
    "labelimg_object",
    "parse_voc",
    "read_voc",
    "read_voc_file",
    "write_voc",
    "write_voc_file",
]
