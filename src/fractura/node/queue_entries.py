"""What the queue of a node gives out: images to examine, results to send, and the status."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class QueuedImage:
    """An image that is to be examined.

    Attributes:
        number: What logs call it.
        path: Its file.
        attempts: How often it has been tried, this time included.
        received: When it came, seconds since 1970.
        caller: AE title of the node that sent it; None where it was fetched.
    """

    number: int
    path: Path
    attempts: int
    received: float
    caller: str | None = None


@dataclass(frozen=True)
class Delivery:
    """A result that is to be sent to a destination.

    Attributes:
        uid: SOP Instance UID of the result.
        image: Number of its image.
        path: Its file.
        attempts: How often the destination has refused it.
    """

    uid: str
    image: int
    path: Path
    attempts: int


@dataclass(frozen=True)
class FailedImage:
    """An image that was given up.

    Attributes:
        number: What logs call it.
        uid: Its SOP Instance UID.
        attempts: How often it was tried.
        problem: Why it was given up.
    """

    number: int
    uid: str
    attempts: int
    problem: str


@dataclass(frozen=True)
class DestinationStatus:
    """What a destination has received.

    Attributes:
        name: Of the destination.
        waiting: Results that it has not confirmed yet.
        confirmed: Results that it has confirmed and that are still remembered.
        failed: Results that it refused for good.
        problem: Why nothing can be sent to it at the moment; None where nothing is known against it.
    """

    name: str
    waiting: int
    confirmed: int
    failed: int
    problem: str | None


@dataclass(frozen=True)
class NodeStatus:
    """What is in the queue of a node.

    Attributes:
        waiting: Images to be examined.
        sending: Images whose results are on the way.
        done: Images that are dealt with and still remembered.
        failed: Images that were given up.
        bytes: Of all images and results in the queue.
        oldest_seconds: Since the oldest image that waits came; None where none waits.
        destinations: One by one, in the order of their names.
        failed_images: The oldest ones, 1,000 at most.
    """

    waiting: int
    sending: int
    done: int
    failed: int
    bytes: int
    oldest_seconds: float | None
    destinations: tuple[DestinationStatus, ...]
    failed_images: tuple[FailedImage, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
