"""Telling a lack of memory from other failures, whichever library met it."""

from __future__ import annotations

import errno
import re

from fractura.core.errors import NotEnoughMemoryError, first_line

_SIGNS = re.compile(
    "DefaultCPUAllocator|out of memory|bad_alloc|bad allocation|Failed to allocate memory|OOM when allocating"
    "|Cannot allocate memory|can't start new thread|killed by signal: Killed"
    "|could not create a primitive(?! descriptor)"
    "|failed to map segment from shared object(?!: Operation not permitted)"
)
"""What PyTorch, CUDA, C++, ONNX Runtime, TensorFlow, the system and Python say; then what is said of a
worker process, by oneDNN, and of a library that cannot be loaded."""


def is_out_of_memory(error: BaseException) -> bool:
    """True if memory was too small for what failed.

    Examples:
        >>> is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))
        True
        >>> is_out_of_memory(RuntimeError("size mismatch"))
        False
    """
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return _SIGNS.search(str(error)) is not None


def not_enough_memory(
    what: str,
    error: BaseException,
    *,
    file: str | None = None,
    hint: str = "close other programs, or give it less at once: smaller images, a smaller model, fewer workers",
) -> NotEnoughMemoryError:
    """The error of ours for a lack of memory.

    Args:
        what: That it was too small for: ``an image of 9000 x 9000 pixels``; empty if that is not known.
        error: What a library raised.
        file: It was too small for this.
        hint: What to do.
    """
    said = f" ({first_line(error)})" if str(error).strip() else ""
    return NotEnoughMemoryError(
        f"there is not enough memory{f' for {what}' if what else ''}{said}", file=file, hint=hint
    )
