"""Both ends of a node: radiographs and who sends them, and archives that keep what they receive."""

import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from support.dicom_images import DIGITAL_RADIOGRAPHY, dicom
from support.material import absent

SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700
DICOMWEB_PLUGIN = ("/usr/lib/orthanc", "/usr/share/orthanc/plugins")


def radiograph(number: int, pixels: np.ndarray | None = None, **elements):
    """A dataset of pydicom with its own UIDs, which depend on the number alone."""
    from pydicom import dcmread
    from pydicom.uid import generate_uid

    def uid(kind):
        return generate_uid(entropy_srcs=["fractura test", kind, str(number)])

    given = {
        "SOPInstanceUID": uid("image"),
        "StudyInstanceUID": uid("study"),
        "SeriesInstanceUID": uid("series"),
        "StudyDate": "20260102",
        **elements,
    }
    values = np.full((64, 48), number % 256, np.uint8) if pixels is None else pixels
    dataset = dcmread(io.BytesIO(dicom(values, **given)))
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def phantom_radiograph(number: int, **elements):
    """A radiograph that shows a phantom."""
    from fractura.phantom import make_phantom

    return radiograph(number, make_phantom(seed=3, index=number).pixels, **elements)


def send(port: int, datasets, *, calling="MODALITY", called="FRACTURA", **association):
    """Status of each dataset sent by C-STORE over one association; None where it got no answer."""
    from pynetdicom import AE

    entity = AE(ae_title=calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = 30
    entity.add_requested_context("1.2.840.10008.1.1")
    for storage_class in dict.fromkeys([DIGITAL_RADIOGRAPHY, *(str(each.SOPClassUID) for each in datasets)]):
        syntaxes = {str(each.file_meta.TransferSyntaxUID) for each in datasets if each.SOPClassUID == storage_class}
        entity.add_requested_context(storage_class, sorted(syntaxes or {"1.2.840.10008.1.2.1"}))
    found = entity.associate("127.0.0.1", port, ae_title=called, **association)
    if not found.is_established:
        raise ConnectionError("rejected" if found.is_rejected else "not connected")
    try:
        if not datasets:
            return [found.send_c_echo().get("Status")]
        answers = []
        for each in datasets:
            try:
                answers.append(found.send_c_store(each).get("Status"))
            except RuntimeError:  # the association has ended
                answers.append(None)
        return answers
    finally:
        found.release()


class Archive:
    """A DICOM node that keeps the digest of each object, as often as it came; or answers what it is told to.

    Attributes:
        received: By SOP Instance UID, a digest for each time that it came.
        status: Its answer.
    """

    def __init__(self, port: int = 0, status: int = SUCCESS, classes=None):
        from pynetdicom import AE, AllStoragePresentationContexts, evt

        self.received, self.status, self._lock = {}, status, threading.Lock()
        entity = AE(ae_title="ARCHIVE")
        entity.maximum_associations = 50
        contexts = AllStoragePresentationContexts
        entity.supported_contexts = [each for each in contexts if classes is None or each.abstract_syntax in classes]
        handlers = [(evt.EVT_C_STORE, self._store)]
        self._server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)

    @property
    def port(self):
        return self._server.server_address[1]

    def destination(self, name="archive"):
        return {"name": name, "dicom": {"ae_title": "ARCHIVE", "host": "127.0.0.1", "port": self.port, "timeout": 10}}

    def _store(self, event):
        with self._lock:
            if self.status == SUCCESS:
                digest = hashlib.sha256(event.encoded_dataset(include_meta=False)).hexdigest()
                self.received.setdefault(str(event.request.AffectedSOPInstanceUID), []).append(digest)
            return self.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_until(condition, seconds=60):
    """Wait until something is so; how long it takes is not what a test is about."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not come about")
        time.sleep(0.05)


def dicomweb_plugin() -> Path:
    """Orthanc's plug-in for DICOMweb; skips where Orthanc is not installed."""
    for folder in DICOMWEB_PLUGIN:
        for path in sorted(Path(folder).glob("libOrthancDicomWeb.so*")):
            return path
    absent("needs Orthanc with DICOMweb: apt-get install orthanc orthanc-dicomweb")


def get_json(url: str):
    with urllib.request.urlopen(url, timeout=30) as answer:
        data = answer.read()
    return json.loads(data) if data else []


@contextmanager
def orthanc(folder: Path, configuration: dict):
    """A real Orthanc in a folder, as the configuration says; gives the address of its HTTP port."""
    program = shutil.which("Orthanc")
    if program is None:
        absent("needs Orthanc: apt-get install orthanc orthanc-dicomweb")
    file = folder / "started.json"
    file.write_text(json.dumps(configuration))
    log = (folder / "orthanc.log").open("wb")
    process = subprocess.Popen(
        [program, str(file)], cwd=folder, stdout=log, stderr=log, env={**os.environ, "LANG": "C"}
    )
    try:
        address = f"http://127.0.0.1:{configuration['HttpPort']}"

        def answers():
            assert process.poll() is None, (folder / "orthanc.log").read_text()
            try:
                return bool(get_json(f"{address}/system"))
            except OSError:
                return False

        wait_until(answers)
        yield address
    finally:
        process.terminate()
        process.wait(30)
        log.close()
