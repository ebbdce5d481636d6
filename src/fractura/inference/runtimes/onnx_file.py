"""What an ONNX file refers to, read before ONNX Runtime opens it.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from fractura.formats.protobuf.wire import LENGTH, fields

_MODEL, _GRAPH, _FUNCTION, _NODE, _ATTRIBUTE, _SPARSE, _TENSOR = range(7)
_MESSAGES = {
    _MODEL: {7: _GRAPH, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _FUNCTION: {7: _NODE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _TENSOR: {},
}
"""Of each kind of message, the kinds of those inside it that lead to tensors."""
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def has_external_data(path: Path) -> bool:
    """Whether any tensor of a model is in another file. Nothing is copied, and no weight is read.

    Raises:
        WireError: The file is damaged.
        OSError: It cannot be read.
        ValueError: It is empty.
    """
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        waiting = [(_MODEL, 0, len(data))]
        while waiting:
            kind, start, end = waiting.pop()
            inside = _MESSAGES[kind]
            for number, wire_type, first, last in fields(data, start, end):  # type: ignore[arg-type]
                if kind == _TENSOR and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and first)):
                    return True
                if wire_type == LENGTH and number in inside:
                    waiting.append((inside[number], first, last))
    return False
