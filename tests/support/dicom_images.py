"""DICOM images for the tests: any header, any transfer syntax, with a name planted in every field that can hold one."""

import io
import tempfile
from pathlib import Path

import numpy as np

NAMES = ("PLANTED^NAME", "Planted-Hospital", "PLANTED-ID-4711", "Planted Comment", "PlantedModel")
DIGITAL_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1.1"
NATIVE, BIG_ENDIAN, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"
JPEG, JPEG_12 = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS, JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_LS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS, JPEG_2000 = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
LOSSLESS = {
    "native": NATIVE,
    "implicit": "1.2.840.10008.1.2",
    "big endian": BIG_ENDIAN,
    "rle": RLE,
    "jpeg lossless": JPEG_LOSSLESS,
    "jpeg lossless sv1": JPEG_LOSSLESS_SV1,
    "jpeg-ls": JPEG_LS,
    "jpeg 2000 lossless": JPEG_2000_LOSSLESS,
}


def dicom(values: np.ndarray, *, bits: int | None = None, syntax: str = NATIVE, **elements) -> bytes:
    """A DX image of these stored values, ``(h, w)``, ``(frames, h, w)`` or ``(h, w, 3)`` with ``SamplesPerPixel=3``."""
    from pydicom.dataset import Dataset, FileMetaDataset

    allocated = 8 * values.dtype.itemsize
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = elements.get("SOPClassUID", DIGITAL_RADIOGRAPHY)
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.file_meta.TransferSyntaxUID = NATIVE
    dataset.SOPClassUID, dataset.SOPInstanceUID = DIGITAL_RADIOGRAPHY, "1.2.3.4"
    dataset.Modality = "DX"
    dataset.PatientName, dataset.InstitutionName, dataset.PatientID, dataset.ImageComments, model = NAMES
    dataset.ManufacturerModelName = model
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    colour = elements.get("SamplesPerPixel") == 3
    if values.ndim == 3 and not colour:
        dataset.NumberOfFrames = values.shape[0]
    dataset.Rows, dataset.Columns = values.shape[:2] if colour else values.shape[-2:]
    dataset.BitsAllocated, dataset.BitsStored = allocated, bits or allocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = values.astype(values.dtype.newbyteorder("<")).tobytes()
    dataset["PixelData"].VR = "OB" if allocated == 8 else "OW"
    if syntax in (NATIVE, "1.2.840.10008.1.2"):
        dataset.file_meta.TransferSyntaxUID = syntax
    elif syntax == BIG_ENDIAN:
        dataset.PixelData = values.astype(values.dtype.newbyteorder(">")).tobytes()
        dataset.file_meta.TransferSyntaxUID = syntax
    elif syntax == RLE:
        dataset.compress(RLE, generate_instance_uid=False)
    else:
        return _recoded(_written(dataset), syntax)
    return _written(dataset)


def _written(dataset) -> bytes:
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _recoded(data: bytes, syntax: str) -> bytes:
    """The same file through GDCM's encoders."""
    import gdcm

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "a.dcm"), Path(folder, "b.dcm")
        source.write_bytes(data)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(source))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change(), f"GDCM cannot write {syntax}"
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(target))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return target.read_bytes()


def as_jpeg(values: np.ndarray, **elements) -> bytes:
    """A JPEG baseline image of uint8 values, packed with Pillow."""
    from PIL import Image
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "JPEG", quality=95)
    dataset = dcmread(io.BytesIO(dicom(values, **elements)))
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset.file_meta.TransferSyntaxUID = JPEG
    return _written(dataset)
