"""Runs a node: its port, its examiner, its senders, until it is told to stop; or tends its queue."""

from __future__ import annotations

import logging
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from fractura.core.errors import FracturaError, UsageError, own_line, require
from fractura.core.folder_lock import hold_folder
from fractura.core.reporter import LOG, Reporter
from fractura.node.examiner import Examination, Examiner
from fractura.node.queue import DATABASE, Queue
from fractura.node.queue_entries import NodeStatus
from fractura.node.settings import NodeSettings, read_settings

if TYPE_CHECKING:
    from fractura.node.puller import Puller
    from fractura.node.sender import Sender

Action = Literal["run", "status", "retry", "discard"]

_IDLE_SECONDS = 1.0
"""Between two reads of the queue when nothing wakes a thread; another process may have put something back."""
_AFTER_ERROR_SECONDS = 5.0
_FORGET_EVERY_SECONDS = 3600.0
_LAST_SECONDS = 20.0
"""For what is under way at the end; what does not end by then is done again at the next start."""
_OTHERS_LOGGERS = ("pynetdicom", "dicomweb_client", "urllib3", "pydicom")
_logger = logging.getLogger(__name__)


def run_node(
    values: Mapping[str, Any] | None = None,
    *,
    settings_file: Path | str | None = None,
    action: Action = "run",
    on_ready: Callable[[str], None] | None = None,
    reporter: Reporter = LOG,
) -> NodeStatus:
    """Receive radiographs by DICOM, examine them, and send the results on, until Ctrl-C or SIGTERM.

    An image is acknowledged when it is on the disk. From then on it is examined, and every destination gets its results
    once, whatever happens in between; or it is reported as failed.

    Args:
        values: Settings by name, see ``NodeSettings``.
        settings_file: YAML or TOML file of settings; those in ``values`` win.
        action: ``run`` the node; or, while it runs or not, show the ``status`` of its queue, ``retry`` what failed, or
            ``discard`` what failed.
        on_ready: Is called with ``AE_TITLE@host:port`` when the node listens.
        reporter: Shows how it starts and ends.

    Returns:
        What is in the queue, at the end.

    Raises:
        UsageError: The settings are not possible, the port is taken, or another node uses the folder.
        DataError: The folder cannot be used, or the settings file cannot be read.
        ModelError: The model cannot be used.
        MissingDependencyError: The extra ``node`` is not installed.

    Example:
        ``run_node({"folder": "queue", "callers": ["ORTHANC"]}, settings_file="node.yaml")``
    """
    file = None if settings_file is None else Path(settings_file)
    settings = NodeSettings.create({**({} if file is None else read_settings(file)), **(values or {})}, file=file)
    if action != "run":
        return _tend(settings, action)
    for module in ("pynetdicom", "dicomweb_client"):
        require(module, "node")
    from fractura.node.examination import examination_of

    with Node(settings, examination_of(settings)) as node, _stop_signals(node.stopping):
        if on_ready is not None:
            on_ready(f"{settings.ae_title}@{settings.host}:{node.port}")
        if not settings.destinations:
            reporter.warn("no destination is set: results are thrown away")
        for name in node.abandoned:
            reporter.warn(f"results wait for '{name}', which is not among the destinations any more")
        reporter.say("stop with Ctrl-C; not a medical device")
        node.stopping.wait()
        reporter.say("stopping: what is under way is finished, everything else waits in the queue")
    with _queue(settings) as queue:
        return queue.status([each.name for each in settings.destinations])


def _tend(settings: NodeSettings, action: Action) -> NodeStatus:
    if not (settings.folder / DATABASE).is_file():
        raise UsageError("there is no queue of a node", file=settings.folder, hint="check the path and the spelling")
    with _queue(settings) as queue:
        if action == "retry":
            queue.retry_failed()
        elif action == "discard":
            queue.discard_failed()
        return queue.status([each.name for each in settings.destinations])


@contextmanager
def _queue(settings: NodeSettings) -> Iterator[Queue]:
    queue = Queue(settings.folder, instances=settings.queue_instances, size=settings.queue_bytes)
    try:
        yield queue
    finally:
        queue.close()


@contextmanager
def _stop_signals(stopping: threading.Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C set the event, where this thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _silence_libraries() -> None:
    """For good, as their threads come and go: they quote headers of images, and addresses with UIDs."""
    for name in _OTHERS_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for name in ("pydicom", "pynetdicom"):
        warnings.filterwarnings("ignore", module=name)


class Node:
    """A node that runs while its block does.

    Attributes:
        stopping: Set it to make the node stop.
        abandoned: Names of destinations that results wait for, but that are not in the settings.

    Args:
        settings: Of the node.
        examination: Makes the results of an image.

    Raises:
        UsageError: The port is taken, or another node uses the folder.
        DataError: The folder cannot be used.
    """

    def __init__(self, settings: NodeSettings, examination: Examination) -> None:
        from fractura.node.puller import Puller
        from fractura.node.receiver import Receiver
        from fractura.node.sender import Sender

        _silence_libraries()
        self.settings, self.stopping = settings, threading.Event()
        self._lock = hold_folder(settings.folder, "a node")
        self._lock.__enter__()
        try:
            self.queue = Queue(settings.folder, instances=settings.queue_instances, size=settings.queue_bytes)
            self.queue.tidy(settings.remember_days, keep=settings.keep_images)
            self._receiver = Receiver(settings, self.queue, on_image=self._wake)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        names = [each.name for each in settings.destinations]
        self.abandoned = [
            each.name for each in self.queue.status().destinations if each.waiting and each.name not in names
        ]
        examiner = Examiner(settings, self.queue, examination)
        loops: list[tuple[str, Callable[[], float]]] = [("examiner", partial(self._examine, examiner))]
        for each in settings.destinations:
            loops.append((f"sender to {each.name}", partial(self._send, Sender(settings, self.queue, each))))
        if settings.pull is not None:
            loops.append(("puller", partial(self._pull, Puller(settings, settings.pull, self.queue))))
        self._woken = {name: threading.Event() for name, _ in loops}
        self._threads = [
            threading.Thread(target=self._repeat, args=(name, loop), name=f"fractura {name}", daemon=True)
            for name, loop in loops
        ]
        self._forgotten = time.monotonic()

    @property
    def port(self) -> int:
        """TCP port that it listens on."""
        return self._receiver.port

    def status(self) -> NodeStatus:
        """What is in its queue."""
        return self.queue.status([each.name for each in self.settings.destinations])

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self._receiver.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._receiver.stop()
        self._wake()
        end = time.monotonic() + _LAST_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, end - time.monotonic()))
        if not any(thread.is_alive() for thread in self._threads):
            self.queue.close()
        self._lock.__exit__(None, None, None)

    def _wake(self) -> None:
        for each in self._woken.values():
            each.set()

    def _repeat(self, name: str, loop: Callable[[], float]) -> None:
        """Call ``loop``, then wait as long as it says or until something happens, until the node stops."""
        woken = self._woken[name]
        while not self.stopping.is_set():
            woken.clear()
            try:
                woken.wait(loop())
            except Exception as error:  # a full disk, a locked database: the node goes on when that is mended
                reason = (
                    error.problem
                    if isinstance(error, FracturaError)
                    else f"{type(error).__name__} at {own_line(error)}"
                )
                _logger.error("%s: %s; next attempt in %d s", name, reason, _AFTER_ERROR_SECONDS)
                self.stopping.wait(_AFTER_ERROR_SECONDS)

    def _examine(self, examiner: Examiner) -> float:
        if time.monotonic() - self._forgotten > _FORGET_EVERY_SECONDS:
            self._forgotten = time.monotonic()
            self.queue.forget(self.settings.remember_days)
        if not examiner.examine_next():
            return _IDLE_SECONDS
        self._wake()
        return 0.0

    def _send(self, sender: Sender) -> float:
        seconds = sender.send_due()
        if seconds is None:
            return _IDLE_SECONDS
        self.stopping.wait(seconds)  # a new result does not make the destination reachable
        return 0.0

    def _pull(self, puller: Puller) -> float:
        if puller.pull():
            self._wake()
        self.stopping.wait(puller.every_seconds)
        return 0.0
