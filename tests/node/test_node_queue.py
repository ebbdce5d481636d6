"""The queue keeps what it was given, whatever happens, and gives room again."""

import sqlite3

import pytest

from fractura.core.errors import DataError
from fractura.node.queue import DATABASE, Queue


@pytest.fixture
def queue(tmp_path):
    made = Queue(tmp_path / "queue", instances=3, size=1000)
    yield made
    made.close()


def files(queue, kind):
    return sorted(path.read_bytes() for path in (queue._folder / kind).iterdir())


def test_each_commit_waits_for_the_disk(queue):
    assert queue._rows("PRAGMA journal_mode") == [("wal",)]
    assert queue._rows("PRAGMA synchronous") == [(2,)]  # FULL


def test_an_image_sent_twice_is_one(queue):
    assert [queue.receive("1.2", b"image"), queue.receive("1.2", b"image again")] == ["new", "known"]
    assert files(queue, "images") == [b"image"]
    assert queue.status().waiting == 1


@pytest.mark.parametrize(("uid", "size"), [("1.4", 10), ("1.4", 990)])
def test_what_has_no_room_is_not_taken(queue, uid, size):
    filled = 3 if size == 10 else 1
    for number in range(filled):
        assert queue.receive(f"1.{number}", b"0123456789" * 2) == "new"
    assert queue.receive(uid, b"x" * size) == "full"
    assert queue.status().waiting == filled
    assert len(files(queue, "images")) == filled


def test_results_are_kept_until_every_destination_has_them(queue):
    queue.receive("1.2", b"image")
    image = queue.next_image()
    queue.store_results(image, [("2.1", b"report"), ("2.2", b"picture")], ["a", "b"], keep=False)
    assert files(queue, "results") == [b"picture", b"report"]
    for name in ("a", "b"):
        assert queue.status().sending == 1
        for delivery in queue.due_deliveries(name, 10):
            assert delivery.path.is_file()
            queue.confirm(delivery, name, keep=False)
    assert (queue.status().sending, queue.status().done, queue.status().bytes) == (0, 1, 0)
    assert files(queue, "results") == files(queue, "images") == []
    assert queue.receive("1.2", b"image") == "known"
    assert queue.receive("2.1", b"report that comes back") == "known"


def test_images_are_kept_where_that_is_wanted(queue):
    queue.receive("1.2", b"image")
    queue.store_results(queue.next_image(), [], [], keep=True)
    queue.tidy(30, keep=True)
    assert files(queue, "images") == [b"image"]
    assert queue.status().done == 1


def test_an_image_that_was_interrupted_does_not_hold_up_the_others(queue):
    for number in range(3):
        queue.receive(f"1.{number}", b"image")
    order = [queue.next_image() for _ in range(4)]  # the node was killed during each
    assert [each.number for each in order] == [1, 2, 3, 1]
    assert [each.attempts for each in order] == [1, 1, 1, 2]


def test_a_failed_image_stays_until_somebody_decides(queue):
    queue.receive("1.2", b"image")
    queue.fail(queue.next_image(), "is damaged")
    status = queue.status()
    assert (status.failed, status.failed_images[0].problem, status.failed_images[0].uid) == (1, "is damaged", "1.2")
    assert queue.next_image() is None
    assert queue.knows("1.2")
    queue.retry_failed()
    assert queue.next_image().attempts == 1


def test_a_failed_image_that_is_sent_again_is_tried_again(queue):
    queue.receive("1.2", b"damaged")
    queue.fail(queue.next_image(), "is damaged")
    assert queue.receive("1.2", b"whole") == "new"
    assert queue.next_image().path.read_bytes() == b"whole"


def test_a_refused_result_fails_its_image_and_can_be_sent_again(queue):
    queue.receive("1.2", b"image")
    queue.store_results(queue.next_image(), [("2.1", b"report")], ["a"], keep=False)
    [delivery] = queue.due_deliveries("a", 10)
    queue.refuse(delivery, "a", "it refused", 3600)
    assert queue.due_deliveries("a", 10) == []
    queue.refuse(delivery, "a", "it refused", None)
    assert queue.status().failed == queue.status().destinations[0].failed == 1
    queue.retry_failed()
    [again] = queue.due_deliveries("a", 10)
    assert (again.uid, again.attempts, queue.status().sending) == ("2.1", 0, 1)
    queue.confirm(again, "a", keep=False)
    assert queue.status().done == 1


def test_discarding_gives_room(queue):
    for number in range(3):
        queue.receive(f"1.{number}", b"image")
        queue.fail(queue.next_image(), "is damaged")
    assert queue.receive("1.9", b"image") == "full"
    queue.discard_failed()
    assert files(queue, "images") == []
    assert queue.receive("1.9", b"image") == "new"


def test_a_start_after_a_kill_removes_what_was_not_acknowledged_and_nothing_else(tmp_path):
    queue = Queue(tmp_path)
    queue.receive("1.2", b"image")
    (tmp_path / "images" / "f00.dcm").write_bytes(b"its row was not written")
    (tmp_path / "results" / "f00.dcm").write_bytes(b"its row was not written")
    (tmp_path / "images" / ".fractura-0123.tmp").write_bytes(b"half")
    queue.close()
    queue = Queue(tmp_path)
    queue.tidy(30, keep=False)
    assert files(queue, "images") == [b"image"]
    assert files(queue, "results") == []
    assert queue.status().waiting == 1
    queue.close()


def test_a_kill_between_the_last_confirmation_and_the_clearing_up_is_made_good(queue):
    queue.receive("1.2", b"image")
    queue.store_results(queue.next_image(), [("2.1", b"report")], ["a"], keep=False)
    queue._database.execute("UPDATE deliveries SET state = 'confirmed'")
    queue.tidy(30, keep=False)
    assert queue.status().done == 1
    assert files(queue, "images") == files(queue, "results") == []


def test_what_was_done_long_ago_is_forgotten(queue):
    queue.receive("1.2", b"image")
    queue.store_results(queue.next_image(), [("2.1", b"report")], [], keep=False)
    queue.forget(1)
    assert queue.knows("1.2")
    queue.forget(-1)
    assert not queue.knows("1.2")
    assert not queue.knows("2.1")


def test_an_image_is_on_the_disk_for_another_process_when_it_is_acknowledged(queue):
    queue.receive("1.2", b"image")
    with sqlite3.connect(queue._folder / DATABASE) as other:
        assert other.execute("SELECT uid, state FROM images").fetchall() == [("1.2", "waiting")]


def test_the_queue_of_another_version_is_left_alone(tmp_path):
    Queue(tmp_path).close()
    with sqlite3.connect(tmp_path / DATABASE) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(DataError, match="another version"):
        Queue(tmp_path)


def test_a_folder_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be opened"):
        Queue(tmp_path / "file")
