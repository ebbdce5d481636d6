"""A program, not a module: decodes HEIC photographs for ``heic``, away from its caller.

libheif ends the process it runs in on some damaged files, already while it reads their header. On stdin comes a
request: ``REQUEST``, the file. On stdout the answer: a length and as many bytes: ``HEAD``, then the pixels, if they are
wanted; or of a file that cannot be read ``ERROR`` and why.
"""

import io
import struct
import sys

REQUEST = struct.Struct("<?Q")  # pixels are wanted; length of the file
ANSWER = struct.Struct("<Q")
HEAD = struct.Struct("<8sII")  # Pillow's mode, width, height
ERROR = b"error"


def answer(data: bytes, wants_pixels: bool) -> bytes:
    """What is said of a file."""
    from pi_heif.as_plugin import HeifImageFile

    try:
        image = HeifImageFile(io.BytesIO(data))
        if wants_pixels:
            image.load()
        pixels = image.tobytes() if wants_pixels else b""
    except Exception as error:
        return HEAD.pack(ERROR, 0, 0) + (str(error) or type(error).__name__).encode("utf-8", "replace")[:500]
    return HEAD.pack(image.mode.encode(), *image.size) + pixels


def main() -> None:
    """Answer requests until stdin ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        wants_pixels, length = REQUEST.unpack(head)
        said = answer(requests.read(length), wants_pixels)
        answers.write(ANSWER.pack(len(said)) + said)
        answers.flush()


if __name__ == "__main__":
    main()
