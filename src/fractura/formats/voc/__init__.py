"""Pascal VOC as LabelImg writes it: single files, byte for byte. For folders of them see ``fractura.formats``."""

from fractura.formats.voc.annotation import VocAnnotation, VocObject, labelimg_object
from fractura.formats.voc.parser import parse_voc, read_voc_file
from fractura.formats.voc.serializer import voc_bytes, write_voc_file

__all__ = [
    "VocAnnotation",
    "VocObject",
    "labelimg_object",
    "parse_voc",
    "read_voc_file",
    "voc_bytes",
    "write_voc_file",
]
