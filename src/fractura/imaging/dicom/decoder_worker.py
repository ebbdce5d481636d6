"""A program, not a module: decodes compressed frames for ``decoder_process``, away from its caller.

GDCM, which reads JPEG Lossless and what other decoders refuse, ends the process it runs in on some damaged images (an
uncaught C++ exception), and its JPEG library writes to stderr. CharLS, which reads JPEG-LS, never returns from some
that are cut off. On stdin comes a request: ``REQUEST``, the transfer syntax (ASCII), the packed frame. On stdout the
answer: a length (0: it cannot be decoded) and as many bytes.
"""

import struct
import sys

REQUEST = struct.Struct("<IIHHHII")  # width, height, samples, bits, bits allocated, length of the syntax, of the frame
ANSWER = struct.Struct("<Q")
JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})


def decode_jpeg_ls(frame: bytes) -> bytes:
    """One frame as CharLS gives it: colour by pixel, values little-endian, without sign."""
    import jpeg_ls
    import numpy as np

    values, info = jpeg_ls.decode_pixel_data(frame)
    if info["components"] > 1 and info["interleave_mode"] == 0:  # colour by plane
        kind = np.uint8 if info["bits_per_sample"] <= 8 else np.uint16
        return np.frombuffer(values, kind).reshape(info["components"], -1).T.tobytes()
    return bytes(values)


def decode_with_gdcm(
    width: int, height: int, samples: int, bits: int, allocated: int, syntax: str, frame: bytes
) -> bytes:
    """One frame as GDCM gives it: colour by pixel, values little-endian, without sign."""
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((width, height, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType("RGB" if samples == 3 else "MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    if samples == 3:
        image.SetPlanarConfiguration(0)
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(samples, allocated, bits, bits - 1, 0))
    values = image.GetBuffer()  # bytes disguised as text
    return values.encode("utf-8", "surrogateescape") if isinstance(values, str) else b""


def decode(width: int, height: int, samples: int, bits: int, allocated: int, syntax: str, frame: bytes) -> bytes:
    """The values, by the second decoder where the first one refuses; empty if both do."""
    if syntax in JPEG_LS:
        try:
            return decode_jpeg_ls(frame)
        except Exception:
            pass
    try:
        return decode_with_gdcm(width, height, samples, bits, allocated, syntax, frame)
    except Exception:
        return b""


def main() -> None:
    """Answer requests until stdin ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        width, height, samples, bits, allocated, syntax_length, frame_length = REQUEST.unpack(head)
        syntax, frame = requests.read(syntax_length).decode("ascii"), requests.read(frame_length)
        values = decode(width, height, samples, bits, allocated, syntax, frame)
        answers.write(ANSWER.pack(len(values)) + values)
        answers.flush()


if __name__ == "__main__":
    main()
