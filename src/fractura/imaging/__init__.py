"""Pixels: the one reader of images, file headers and DICOM."""
