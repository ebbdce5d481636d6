"""The queue of a node: images that wait, results that wait, and what became of them; on the disk.

A file is on the disk (fsync) before its row is, and the row (SQLite, WAL, ``synchronous=FULL``) before anybody is told.
So whatever moment the process is killed at, each image that was acknowledged has its row and its file. Files without a
row are what was not acknowledged; they are deleted at the next start.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from fractura.core.errors import DataError
from fractura.core.files import write_atomically
from fractura.core.leftovers import remove_temporary_files
from fractura.node.queue_entries import Delivery, DestinationStatus, FailedImage, NodeStatus, QueuedImage

DATABASE = "queue.sqlite"
_IMAGES, _RESULTS = "images", "results"
_BUSY_SECONDS = 30
_FAILED_SHOWN = 1000
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE images (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    caller TEXT,
    bytes INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    problem TEXT,
    received REAL NOT NULL,
    changed REAL NOT NULL
) STRICT;
CREATE INDEX images_by_state ON images (state, attempts, number);
CREATE TABLE results (
    uid TEXT PRIMARY KEY,
    image INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
    bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX results_by_image ON results (image);
CREATE TABLE deliveries (
    result TEXT NOT NULL REFERENCES results ON DELETE CASCADE,
    destination TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    problem TEXT,
    PRIMARY KEY (result, destination)
) STRICT;
CREATE INDEX deliveries_by_state ON deliveries (state, destination, due);
CREATE TABLE destinations (
    name TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    problem TEXT NOT NULL,
    since REAL NOT NULL
) STRICT;
"""
_KEPT = "('waiting', 'sending', 'failed')"  # states whose files are there
_KEPT_RESULTS = f"FROM results WHERE image IN (SELECT number FROM images WHERE state IN {_KEPT})"
_KEPT_COUNT = (
    f"SELECT count(*), total(bytes) + (SELECT total(bytes) {_KEPT_RESULTS}) FROM images WHERE state IN {_KEPT}"
)

Received = Literal["new", "known", "full"]


class Queue:
    """The queue in a folder. Any thread may call it, and other processes may have it open.

    Args:
        folder: Created if it is missing.
        instances: Most images in it, failed ones included.
        size: Most bytes of images and results.

    Raises:
        DataError: The folder cannot be used, or holds the queue of another version.
    """

    def __init__(self, folder: Path, *, instances: int = 10_000, size: int = 50 * 2**30) -> None:
        self._folder, self._instances, self._size = folder, instances, size
        self._lock = threading.RLock()
        try:
            for name in (_IMAGES, _RESULTS):
                (folder / name).mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                folder / DATABASE, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise DataError(
                f"the queue cannot be opened: {error}",
                file=folder,
                hint="choose a folder that you may write to, on a disk of this machine",
            ) from error

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA foreign_keys = ON")
        with self._transaction():
            [version] = self._database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            elif version != _SCHEMA_VERSION:
                raise DataError(
                    "the queue was made by another version of fractura",
                    file=self._folder,
                    hint="let that version finish it, or choose another folder",
                )

    def close(self) -> None:
        """Close the database; every change is on the disk already."""
        with self._lock:
            self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All that the block changes is on the disk at its end, or nothing of it."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._database.execute(query, values).fetchall()

    def _file(self, kind: str, uid: str) -> Path:
        # Named after a hash: a UID comes from outside, and names of files stand in messages.
        return self._folder / kind / f"{hashlib.sha256(uid.encode()).hexdigest()[:32]}.dcm"

    # Receiving

    def knows(self, uid: str) -> bool:
        """True if an image need not be fetched: it waits, is dealt with or given up, or is a result of this node."""
        query = "SELECT 1 FROM images WHERE uid = ? UNION ALL SELECT 1 FROM results WHERE uid = ?"
        return bool(self._rows(query, uid, uid))

    def is_full(self, more: int = 0) -> bool:
        """True if no image of ``more`` bytes has room."""
        [(images, size)] = self._rows(_KEPT_COUNT)
        return bool(images >= self._instances or size + more > self._size)

    def receive(self, uid: str, data: bytes, caller: str | None = None) -> Received:
        """Take an image; when this returns ``new`` or ``known`` it is on the disk.

        An image that had failed is tried again.

        Args:
            uid: Its SOP Instance UID.
            data: Its file.
            caller: AE title of the node that sends it.

        Returns:
            ``known`` for one that waits or was dealt with, and for results of this node; ``full`` if there is no room.

        Raises:
            DataError: The disk is full or cannot be written.
        """
        now = time.time()
        with self._lock:
            is_failed = bool(self._rows("SELECT 1 FROM images WHERE uid = ? AND state = 'failed'", uid))
            if not is_failed and self.knows(uid):
                return "known"
            if not is_failed and self.is_full(len(data)):
                return "full"
            write_atomically(self._file(_IMAGES, uid), data)
            with self._transaction():
                self._database.execute("DELETE FROM images WHERE uid = ?", (uid,))
                self._database.execute(
                    "INSERT INTO images (uid, caller, bytes, received, changed) VALUES (?, ?, ?, ?, ?)",
                    (uid, caller, len(data), now, now),
                )
            return "new"

    # Examining

    def next_image(self) -> QueuedImage | None:
        """The next image to be examined; the attempt counts from now on, so that a crash counts, too.

        Those that were tried least often come first: an image that crashes the node does not hold up the others.
        """
        with self._transaction():
            found = self._database.execute(
                "SELECT number, uid, attempts, received, caller FROM images WHERE state = 'waiting' AND due <= ? "
                "ORDER BY attempts, number LIMIT 1",
                (time.time(),),
            ).fetchone()
            if found is None:
                return None
            number, uid, attempts, received, caller = found
            self._database.execute("UPDATE images SET attempts = attempts + 1 WHERE number = ?", (number,))
        return QueuedImage(number, self._file(_IMAGES, uid), attempts + 1, received, caller)

    def give_back(self, image: QueuedImage) -> None:
        """Undo ``next_image``: the attempt does not count."""
        with self._transaction():
            self._database.execute("UPDATE images SET attempts = attempts - 1 WHERE number = ?", (image.number,))

    def store_results(
        self, image: QueuedImage, results: Sequence[tuple[str, bytes]], destinations: Sequence[str], *, keep: bool
    ) -> None:
        """Keep what was made of an image until every destination has it.

        Args:
            image: From ``next_image``.
            results: SOP Instance UID and file of each.
            destinations: Names of those who are to receive each of them.
            keep: Keep the image's file when all is delivered.

        Raises:
            DataError: The disk is full or cannot be written.
        """
        for uid, data in results:
            write_atomically(self._file(_RESULTS, uid), data)
        with self._transaction():
            for uid, data in results:
                self._database.execute("DELETE FROM results WHERE uid = ?", (uid,))
                self._database.execute(
                    "INSERT INTO results (uid, image, bytes) VALUES (?, ?, ?)", (uid, image.number, len(data))
                )
                self._database.executemany(
                    "INSERT INTO deliveries (result, destination) VALUES (?, ?)", [(uid, name) for name in destinations]
                )
            self._database.execute(
                "UPDATE images SET state = 'sending', problem = NULL, changed = ? WHERE number = ?",
                (time.time(), image.number),
            )
        self._settle(image.number, keep=keep)

    def postpone(self, image: QueuedImage, problem: str, seconds: float) -> None:
        """Try an image again later."""
        with self._transaction():
            self._database.execute(
                "UPDATE images SET due = ?, problem = ?, changed = ? WHERE number = ?",
                (time.time() + seconds, problem, time.time(), image.number),
            )

    def fail(self, image: QueuedImage, problem: str) -> None:
        """Give an image up; it stays until somebody retries or discards it."""
        with self._transaction():
            self._fail(image.number, problem)

    def _fail(self, number: int, problem: str) -> None:
        self._database.execute(
            "UPDATE images SET state = 'failed', problem = ?, changed = ? WHERE number = ?",
            (problem, time.time(), number),
        )

    # Sending

    def due_deliveries(self, destination: str, most: int) -> list[Delivery]:
        """Results to be sent to a destination now, oldest first."""
        rows = self._rows(
            "SELECT results.uid, results.image, deliveries.attempts FROM deliveries JOIN results ON result = uid "
            "WHERE state = 'waiting' AND destination = ? AND due <= ? ORDER BY image, uid LIMIT ?",
            *(destination, time.time(), most),
        )
        return [Delivery(uid, image, self._file(_RESULTS, uid), attempts) for uid, image, attempts in rows]

    def confirm(self, delivery: Delivery, destination: str, *, keep: bool) -> None:
        """A destination has a result. When all have all results of an image, its files are deleted.

        Args:
            delivery: What was sent.
            destination: To whom.
            keep: Keep the image's file.
        """
        with self._transaction():
            self._database.execute(
                "UPDATE deliveries SET state = 'confirmed', problem = NULL WHERE result = ? AND destination = ?",
                (delivery.uid, destination),
            )
            self._database.execute("DELETE FROM destinations WHERE name = ?", (destination,))
        self._settle(delivery.image, keep=keep)

    def refuse(self, delivery: Delivery, destination: str, problem: str, seconds: float | None) -> None:
        """A destination has refused a result: try again after ``seconds``, or give it up if that is None."""
        with self._transaction():
            self._database.execute(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1, due = ?, problem = ? "
                "WHERE result = ? AND destination = ?",
                (
                    *("failed" if seconds is None else "waiting", time.time() + (seconds or 0), problem),
                    *(delivery.uid, destination),
                ),
            )
            if seconds is None:
                self._fail(delivery.image, problem)

    def report_unreachable(self, destination: str, problem: str) -> int:
        """Nothing can be sent to a destination at the moment; returns how many times in a row that was so."""
        with self._transaction():
            self._database.execute(
                "INSERT INTO destinations (name, failures, problem, since) VALUES (?, 1, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET failures = failures + 1, problem = excluded.problem",
                (destination, problem, time.time()),
            )
            [failures] = self._database.execute(
                "SELECT failures FROM destinations WHERE name = ?", (destination,)
            ).fetchone()
        return int(failures)

    def _settle(self, number: int, *, keep: bool) -> None:
        """Note that an image is done and delete its files, if every destination has every result."""
        open_deliveries = (
            "SELECT 1 FROM deliveries JOIN results ON result = uid WHERE image = ? AND state != 'confirmed'"
        )
        with self._lock:
            if self._rows(open_deliveries, number):
                return
            [(uid,)] = self._rows("SELECT uid FROM images WHERE number = ?", number)
            results = [each for (each,) in self._rows("SELECT uid FROM results WHERE image = ?", number)]
            with self._transaction():
                self._database.execute(
                    "UPDATE images SET state = 'done', problem = NULL, changed = ? WHERE number = ?",
                    (time.time(), number),
                )
            for each in results:
                self._file(_RESULTS, each).unlink(missing_ok=True)
            if not keep:
                self._file(_IMAGES, uid).unlink(missing_ok=True)

    # Looking after

    def tidy(self, remember_days: float, *, keep: bool) -> None:
        """Forget what was done long ago, and delete files that no row speaks of. Only while nobody else writes.

        Args:
            remember_days: How long images that are done stay known.
            keep: Keep the files of images that are done.
        """
        with self._lock:
            for (number,) in self._rows("SELECT number FROM images WHERE state = 'sending'"):
                self._settle(number, keep=keep)  # what a kill between the last confirmation and here left
            with self._transaction():
                self._forget(time.time() - remember_days * 86_400)
            for kind, query in (
                (_IMAGES, "SELECT uid FROM images" + ("" if keep else f" WHERE state IN {_KEPT}")),
                (_RESULTS, f"SELECT uid {_KEPT_RESULTS}"),
            ):
                remove_temporary_files(self._folder / kind)
                known = {self._file(kind, uid).name for (uid,) in self._rows(query)}
                for path in (self._folder / kind).glob("*.dcm"):
                    if path.name not in known and not (keep and kind == _IMAGES):
                        path.unlink(missing_ok=True)

    def forget(self, remember_days: float) -> None:
        """Forget images that were done more than so many days ago."""
        with self._transaction():
            self._forget(time.time() - remember_days * 86_400)

    def _forget(self, before: float) -> None:
        self._database.execute("DELETE FROM images WHERE state = 'done' AND changed < ?", (before,))

    def retry_failed(self) -> None:
        """Try every image and every result again that was given up."""
        with self._transaction():
            self._database.execute(
                "UPDATE deliveries SET state = 'waiting', attempts = 0, due = 0 WHERE state = 'failed'"
            )
            self._database.execute(
                "UPDATE images SET attempts = 0, due = 0, state = CASE WHEN EXISTS "
                "(SELECT 1 FROM results WHERE image = number) THEN 'sending' ELSE 'waiting' END WHERE state = 'failed'"
            )

    def discard_failed(self) -> None:
        """Drop every image that was given up, with its results; they are known no more."""
        with self._lock:
            images = self._rows("SELECT uid FROM images WHERE state = 'failed'")
            results = self._rows(
                "SELECT uid FROM results WHERE image IN (SELECT number FROM images WHERE state = 'failed')"
            )
            with self._transaction():
                self._database.execute("DELETE FROM images WHERE state = 'failed'")
            for kind, uids in ((_IMAGES, images), (_RESULTS, results)):
                for (uid,) in uids:
                    self._file(kind, uid).unlink(missing_ok=True)

    def status(self, destinations: Sequence[str] = ()) -> NodeStatus:
        """What is in the queue.

        Args:
            destinations: Names of those to list even if nothing was ever sent to them.
        """
        with self._lock:
            states = dict(self._rows("SELECT state, count(*) FROM images GROUP BY state"))
            [(_, size)] = self._rows(_KEPT_COUNT)
            [(oldest,)] = self._rows("SELECT min(received) FROM images WHERE state = 'waiting'")
            deliveries = self._rows("SELECT destination, state, count(*) FROM deliveries GROUP BY destination, state")
            problems = dict(self._rows("SELECT name, problem FROM destinations"))
            failed = self._rows(
                "SELECT number, uid, attempts, coalesce(problem, '') FROM images WHERE state = 'failed' "
                f"ORDER BY number LIMIT {_FAILED_SHOWN}"
            )
        counts = {(name, state): count for name, state, count in deliveries}
        names = sorted({*destinations, *problems, *(name for name, _, _ in deliveries)})

        def destination(name: str) -> DestinationStatus:
            waiting, confirmed, failed = (counts.get((name, state), 0) for state in ("waiting", "confirmed", "failed"))
            return DestinationStatus(name, waiting, confirmed, failed, problems.get(name))

        return NodeStatus(
            waiting=states.get("waiting", 0),
            sending=states.get("sending", 0),
            done=states.get("done", 0),
            failed=states.get("failed", 0),
            bytes=int(size),
            oldest_seconds=None if oldest is None else max(0.0, time.time() - oldest),
            destinations=tuple(destination(name) for name in names),
            failed_images=tuple(FailedImage(*row) for row in failed),
        )
