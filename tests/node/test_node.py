"""A node takes images from senders it knows, and brings results to every destination once, through every failure."""

import logging
import shutil
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid
from requests.exceptions import SSLError
from support.dicom_images import JPEG_2000_LOSSLESS, NAMES
from support.dicom_network import OUT_OF_RESOURCES, SUCCESS, Archive, free_port, radiograph, send, wait_until
from support.material import absent

from fractura.core.errors import DataError, UsageError
from fractura.node import service
from fractura.node.service import Node, run_node
from fractura.node.settings import NodeSettings, WebAccess
from fractura.node.web_client import client_of

COMPUTED_TOMOGRAPHY = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def report_of(image):
    """An examination that needs no model: one small object that depends on the image alone."""
    from pydicom import dcmread

    source = dcmread(image.path, stop_before_pixels=True)
    made = Dataset()
    made.SOPClassUID = SECONDARY_CAPTURE
    made.SOPInstanceUID = generate_uid(entropy_srcs=["result", str(source.SOPInstanceUID)])
    made.StudyInstanceUID, made.PatientName = source.StudyInstanceUID, source.PatientName
    made.ensure_file_meta()
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    return [made]


@pytest.fixture
def node(tmp_path):
    """Starts a node with these settings; its examination is ``report_of`` or another."""
    running = []

    def start(examination=report_of, **settings):
        values = {"folder": tmp_path / "queue", "port": 0, "callers": ["MODALITY"], **settings}
        made = Node(NodeSettings.create(values), examination).__enter__()
        running.append(made)
        return made

    yield start
    for each in running:
        each.__exit__(None, None, None)


def is_done(node, count):
    return lambda: node.status().done == count


def test_images_go_in_and_results_come_out_once_at_every_destination(node):
    images = [radiograph(number) for number in range(6)]
    with Archive() as one, Archive() as other:
        running = node(destinations=[one.destination("one"), other.destination("other")])
        assert send(running.port, images) == [SUCCESS] * 6
        assert send(running.port, images) == [SUCCESS] * 6  # sent twice, examined once
        wait_until(is_done(running, 6))
    assert len(one.received) == 6
    assert one.received == other.received
    assert {len(times) for times in one.received.values()} == {1}
    assert running.status().bytes == 0


def test_it_answers_an_echo(node):
    assert send(node().port, []) == [SUCCESS]


@pytest.mark.parametrize(("calling", "called"), [("STRANGER", "FRACTURA"), ("MODALITY", "ANOTHER")])
def test_strangers_and_wrong_names_are_rejected(node, calling, called):
    with pytest.raises(ConnectionError, match="rejected"):
        send(node().port, [radiograph(1)], calling=calling, called=called)


def test_compressed_images_are_taken_as_they_are(node):
    import numpy as np
    from pydicom import dcmread

    kept = []
    running = node(lambda image: kept.append(dcmread(image.path)) or [])
    image = radiograph(1, np.arange(64 * 48, dtype=np.uint16).reshape(64, 48), syntax=JPEG_2000_LOSSLESS)
    assert send(running.port, [image]) == [SUCCESS]
    wait_until(is_done(running, 1))
    assert kept[0].file_meta.TransferSyntaxUID == JPEG_2000_LOSSLESS
    assert kept[0].PixelData == image.PixelData


def test_what_is_not_a_radiograph_is_not_accepted(node):
    ct = radiograph(1, SOPClassUID=COMPUTED_TOMOGRAPHY)
    with pytest.raises(ValueError, match="presentation context"):
        send(node().port, [ct])


def test_a_full_queue_says_so_and_takes_images_again_when_there_is_room(node):
    go_on = threading.Event()
    running = node(lambda image: go_on.wait(60) and [], queue_instances=2)
    images = [radiograph(number) for number in range(4)]
    assert send(running.port, images) == [SUCCESS, SUCCESS, OUT_OF_RESOURCES, OUT_OF_RESOURCES]
    assert send(running.port, images[:1]) == [SUCCESS]  # it has this one
    go_on.set()
    wait_until(is_done(running, 2))
    assert send(running.port, images[2:]) == [SUCCESS, SUCCESS]


def test_nothing_is_acknowledged_that_cannot_be_written(node, monkeypatch):
    running = node()

    def full(*_):
        raise DataError("cannot be written: No space left on device")

    monkeypatch.setattr("fractura.node.queue.write_atomically", full)
    assert send(running.port, [radiograph(1)]) == [OUT_OF_RESOURCES]
    assert running.status().waiting == 0
    monkeypatch.undo()
    assert send(running.port, [radiograph(1)]) == [SUCCESS]


def test_results_wait_for_an_archive_that_is_down(node, monkeypatch):
    monkeypatch.setattr("fractura.node.sender.pause_after", lambda failures: 0.1)
    port = free_port()
    target = {"name": "archive", "dicom": {"ae_title": "ARCHIVE", "host": "127.0.0.1", "port": port}}
    running = node(destinations=[target])
    send(running.port, [radiograph(1)])
    wait_until(lambda: running.status().destinations[0].problem is not None)
    assert "no association" in running.status().destinations[0].problem
    assert running.status().sending == 1
    with Archive(port, status=OUT_OF_RESOURCES) as archive:
        wait_until(lambda: "out of resources" in (running.status().destinations[0].problem or ""))
        archive.status = SUCCESS
        wait_until(is_done(running, 1))
    assert len(archive.received) == 1
    assert running.status().destinations[0].problem is None


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        ({"status": 0xA900}, "refused with status 0xA900"),
        ({"classes": [COMPUTED_TOMOGRAPHY]}, "does not accept objects of this kind"),
    ],
)
def test_a_refused_result_becomes_a_dead_letter_that_can_be_retried(node, monkeypatch, tmp_path, archive, said):
    monkeypatch.setattr("fractura.node.sender.pause_after", lambda failures: 0.05)
    with Archive(**archive) as peer:
        running = node(destinations=[peer.destination()], attempts=2)
        send(running.port, [radiograph(1)])
        wait_until(lambda: running.status().failed == 1)
    shown = run_node({"folder": tmp_path / "queue"}, action="status")
    assert said in shown.failed_images[0].problem
    assert shown.failed_images[0].uid == radiograph(1).SOPInstanceUID
    with Archive(peer.port) as peer:
        assert run_node({"folder": tmp_path / "queue"}, action="retry").failed == 0
        wait_until(is_done(running, 1))
    assert len(peer.received) == 1


def test_an_image_that_cannot_be_examined_is_reported_and_does_not_stop_the_others(node):
    def examination(image):
        made = report_of(image)
        if radiograph(1).StudyInstanceUID == made[0].StudyInstanceUID:
            raise DataError("is a damaged DICOM", file=image.path)
        return made

    with Archive() as archive:
        running = node(examination, destinations=[archive.destination()])
        send(running.port, [radiograph(number) for number in range(3)])
        wait_until(is_done(running, 2))
    assert [each.problem for each in running.status().failed_images] == ["is a damaged DICOM"]
    assert len(archive.received) == 2


def test_an_unexpected_error_is_tried_again_and_then_reported_with_our_line(node, monkeypatch):
    monkeypatch.setattr("fractura.node.examiner.pause_after", lambda failures: 0.0)
    tries = []

    def examination(image):
        tries.append(image)
        raise RuntimeError(NAMES[0])

    running = node(examination, attempts=3)
    send(running.port, [radiograph(1)])
    wait_until(lambda: running.status().failed == 1)
    assert len(tries) == 3
    [failed] = running.status().failed_images
    assert failed.problem.startswith("a bug: RuntimeError at fractura.node.examiner:")


def test_an_image_that_kills_the_node_each_time_is_given_up(node):
    running = node(attempts=2)
    running.queue.receive("1.2.3", b"image")
    for _ in range(2):  # as if the node had been killed after each of these
        running.queue._database.execute("UPDATE images SET attempts = 2, state = 'waiting', due = 0")
    wait_until(lambda: running.status().failed == 1)
    assert "the node ended each time" in running.status().failed_images[0].problem


def test_nothing_of_a_patient_stands_in_the_log(node, monkeypatch, caplog):
    monkeypatch.setattr("fractura.node.sender.pause_after", lambda failures: 0.05)
    caplog.set_level(logging.DEBUG)

    def examination(image):
        if radiograph(1).StudyInstanceUID == report_of(image)[0].StudyInstanceUID:
            raise RuntimeError(str(report_of(image)[0].PatientName))
        return report_of(image)

    with Archive(status=0xC000) as archive:
        running = node(examination, destinations=[archive.destination()], attempts=1)
        send(running.port, [radiograph(1), radiograph(2)])
        wait_until(lambda: running.status().failed == 2)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("fractura")]
    assert len(ours) >= 2
    private = [*NAMES, str(radiograph(1).SOPInstanceUID), str(radiograph(2).StudyInstanceUID)]
    assert [text for text in caplog.messages for each in private if each in text] == []


def test_a_message_larger_than_the_limit_is_cut_off_before_it_fills_the_memory(node):
    import numpy as np

    running = node(image_bytes=100_000)
    large = radiograph(1, np.zeros((2000, 2000), np.uint8))
    assert send(running.port, [large]) == [None]
    assert running.status().waiting == 0
    assert send(running.port, [radiograph(number) for number in range(3, 30)]) == [SUCCESS] * 27  # a limit a message


def test_a_huge_request_from_a_stranger_is_cut_off(node):
    running = node()
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as peer:
        peer.sendall(b"\x01\x00\xff\xff\xff\xff")  # an association request of 4 GiB
        assert peer.recv(10) in (b"", b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x00")
    assert send(running.port, []) == [SUCCESS]


def test_a_second_node_on_one_folder_is_told_of_the_first(node, tmp_path):
    node()
    with pytest.raises(UsageError, match="is in use by a node"):
        Node(NodeSettings.create({"folder": tmp_path / "queue", "port": 0}), report_of)


def test_a_port_that_is_taken_is_named(node, tmp_path):
    running = node()
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1, port {running.port}"):
        Node(NodeSettings.create({"folder": tmp_path / "other", "port": running.port}), report_of)
    Node(NodeSettings.create({"folder": tmp_path / "other", "port": 0}), report_of).__exit__(None, None, None)


def test_results_for_a_destination_that_was_taken_out_are_not_forgotten(node, tmp_path):
    target = {"name": "gone", "dicom": {"ae_title": "GONE", "host": "127.0.0.1", "port": free_port()}}
    running = node(destinations=[target])
    send(running.port, [radiograph(1)])
    wait_until(lambda: running.status().sending == 1)
    running.__exit__(None, None, None)
    again = node()
    assert again.abandoned == ["gone"]
    assert again.status().sending == 1


def test_there_is_no_status_of_a_folder_without_a_queue(tmp_path):
    with pytest.raises(UsageError, match="there is no queue"):
        run_node({"folder": tmp_path}, action="status")


def test_without_its_extra_the_command_says_what_to_install(tmp_path, monkeypatch):
    def missing(module, extra):
        raise DataError(f"{module} of {extra}")

    monkeypatch.setattr(service, "require", missing)
    with pytest.raises(DataError, match="pynetdicom of node"):
        run_node({"folder": tmp_path})


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, and a certificate of it for 127.0.0.1; and one that nobody knows."""
    if shutil.which("openssl") is None:
        absent("needs openssl")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    openssl("req", "-x509", *new, "-subj", "/CN=authority", "-keyout", "authority.key", "-out", "authority.pem")
    openssl("req", "-x509", *new, "-subj", "/CN=stranger", "-keyout", "stranger.key", "-out", "stranger.pem")
    openssl(
        *("req", "-x509", *new, "-subj", "/CN=node", "-keyout", "node.key", "-out", "node.pem"),
        *("-CA", "authority.pem", "-CAkey", "authority.key", "-addext", "subjectAltName=IP:127.0.0.1"),
    )
    return folder


def test_with_tls_only_those_with_a_certificate_of_the_authority_get_in(node, certificates):
    own = {"certificate": certificates / "node.pem", "key": certificates / "node.key"}
    running = node(tls={**own, "authority": certificates / "authority.pem"})

    def client(name):
        context = ssl.create_default_context(cafile=certificates / "authority.pem")
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as short as hospitals make them
        context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
        return {"tls_args": (context, "127.0.0.1")}

    with socket.create_connection(("127.0.0.1", running.port)):  # says nothing, and holds up nobody
        assert send(running.port, [radiograph(1)], **client("node")) == [SUCCESS]
    for arguments in (client("stranger"), {}):
        with pytest.raises(ConnectionError):
            send(running.port, [radiograph(2)], **arguments)
    assert send(running.port, [radiograph(3)], **client("node")) == [SUCCESS]


def test_results_travel_by_tls_to_an_archive_whose_certificate_is_right(node, certificates, tmp_path):
    own = {"certificate": certificates / "node.pem", "key": certificates / "node.key"}
    archive = node(lambda image: [], tls=own, ae_title="ARCHIVE", folder=tmp_path / "archive", callers=["FRACTURA"])

    def target(name, authority):
        peer = {"ae_title": "ARCHIVE", "host": "127.0.0.1", "port": archive.port}
        return {"name": name, "dicom": {**peer, "tls": {"authority": certificates / f"{authority}.pem"}}}

    running = node(destinations=[target("right", "authority"), target("wrong", "stranger")])
    send(running.port, [radiograph(1)])
    wait_until(is_done(archive, 1))
    _, wrong = running.status().destinations
    wait_until(lambda: running.status().destinations[1].problem is not None)
    assert (wrong.name, wrong.confirmed) == ("wrong", 0)


@pytest.mark.parametrize("strict", [False, True], ids=["", "as Python 3.13"])
def test_a_dicomweb_service_behind_tls_must_show_a_certificate_of_the_authority(certificates, monkeypatch, strict):
    class Service(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/dicom+json")
            self.end_headers()
            self.wfile.write(b"[]")

    if strict:
        made = ssl.create_default_context

        def as_newer(*arguments, **options):
            context = made(*arguments, **options)
            context.verify_flags |= ssl.VERIFY_X509_STRICT
            return context

        monkeypatch.setattr(ssl, "create_default_context", as_newer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "node.pem", certificates / "node.key")
    with HTTPServer(("127.0.0.1", 0), Service) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            url = f"https://127.0.0.1:{server.server_port}/dicom-web"
            right, wrong = (
                client_of(WebAccess(url=url, tls={"authority": certificates / f"{name}.pem"}))
                for name in ("authority", "stranger")
            )
            assert right.search_for_studies() == []
            with pytest.raises(SSLError):
                wrong.search_for_studies()
            with pytest.raises(SSLError):
                client_of(WebAccess(url=url)).search_for_studies()
        finally:
            server.shutdown()


@pytest.mark.parametrize("name", ["missing.pem", "stranger.pem"])
def test_certificates_that_cannot_be_used_are_named_at_the_start(tmp_path, certificates, name):
    tls = {"certificate": certificates / name, "key": certificates / "node.key"}
    with pytest.raises(UsageError, match="the setting 'tls' cannot be used"):
        Node(NodeSettings.create({"folder": tmp_path, "port": 0, "tls": tls}), report_of)
