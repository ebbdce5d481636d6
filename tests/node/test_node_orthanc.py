"""The recipe for Orthanc, word by word: a study in, routed by the archive's script, results back in the same study."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.dicom_network import (
    dicomweb_plugin,
    free_port,
    get_json,
    orthanc,
    phantom_radiograph,
    wait_until,
)
from support.material import absent

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "orthanc"
PORTS = ("4242", "8042", "11112")
CAPTURE_STORAGE = "1.2.840.10008.5.1.4.1.1.7"
REPORTS = {"1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.88.34"}


@pytest.fixture
def recipe(tmp_path):
    """The recipe's files, with ports that are free here instead of its own; and the commands of its page."""
    ports = {each: str(free_port()) for each in PORTS}

    def moved(text):
        return re.sub(r"\b(4242|8042|11112)\b", lambda found: ports[found.group()], text)

    for path in RECIPE.iterdir():
        (tmp_path / path.name).write_text(moved(path.read_text(encoding="utf-8")), encoding="utf-8")
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", page, flags=re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    configuration = json.loads((tmp_path / "orthanc.json").read_text(encoding="utf-8"))
    configuration["Plugins"] = [str(dicomweb_plugin())]
    return tmp_path, lines, configuration


def command(lines, start):
    [line] = [line for line in lines if line.startswith(start) and "--status" not in line]
    return line.split()


class RunningNode:
    """``fractura node`` as the recipe's page starts it."""

    def __init__(self, folder, words):
        self._log = (folder / "node.log").open("ab")
        environment = {**os.environ, "FRACTURA_DEVICE_UID": "2.25.4711", "OMP_NUM_THREADS": "1"}
        words = [sys.executable, "-m", *words]
        self.process = subprocess.Popen(
            words, cwd=folder, stdout=subprocess.PIPE, stderr=self._log, text=True, env=environment
        )
        self.ready = self.process.stdout.readline().strip()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=60)
        self._log.close()
        return self.process.returncode, output


def found_in(address, **filters):
    """Objects that the archive's QIDO-RS gives, by SOP class."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    answer = get_json(f"{address}/dicom-web/instances?{query}")
    return {(each["00080016"]["Value"][0], each["0020000D"]["Value"][0]): each for each in answer}


@pytest.mark.slow
def test_a_study_comes_in_and_its_results_are_read_again_through_dicomweb(recipe):
    from dicomweb_client import DICOMwebClient

    folder, lines, configuration = recipe
    if shutil.which("storescu") is None:
        absent("needs dcmtk: apt-get install dcmtk")
    first, second = phantom_radiograph(1), phantom_radiograph(2)
    for name, image in (("radiograph.dcm", first), ("second.dcm", second)):
        image.save_as(folder / name, enforce_file_format=True)
    with orthanc(folder, configuration) as address:
        node = RunningNode(folder, command(lines, "fractura node"))
        assert node.ready.startswith("FRACTURA@127.0.0.1:")
        store = command(lines, "storescu")
        subprocess.run(store, cwd=folder, check=True)
        wait_until(lambda: len(found_in(address)) == 3, 120)

        studies = {study for _, study in found_in(address)}
        assert studies == {first.StudyInstanceUID}
        classes = {sop_class for sop_class, _ in found_in(address)}
        assert classes & REPORTS
        assert CAPTURE_STORAGE in classes
        client = DICOMwebClient(f"{address}/dicom-web")
        objects = client.retrieve_study(first.StudyInstanceUID)
        assert {str(each.PatientID) for each in objects} == {first.PatientID}
        [report] = [each for each in objects if each.SOPClassUID in REPORTS]
        [evidence] = report.CurrentRequestedProcedureEvidenceSequence
        referenced = evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        assert referenced == first.SOPInstanceUID
        [capture] = [each for each in objects if each.SOPClassUID == CAPTURE_STORAGE]
        assert capture.pixel_array.shape[2] == 3

        code, output = node.stop()
        assert code == 0
        assert "0 images wait, 0 are being sent, 1 are done, 0 failed" in output

        # The archive goes on while the node is down; what it missed is fetched when it is back.
        settings = yaml.safe_load((folder / "node.yaml").read_text())
        settings["pull"] |= {"days": 3650, "every_seconds": 1}
        (folder / "node.yaml").write_text(yaml.safe_dump(settings))
        subprocess.run([*store[:-1], "second.dcm"], cwd=folder, check=True)
        node = RunningNode(folder, command(lines, "fractura node"))
        wait_until(lambda: len(found_in(address)) == 6, 120)
        assert {study for _, study in found_in(address)} == {first.StudyInstanceUID, second.StudyInstanceUID}
        assert len(client.search_for_instances()) == 6
        assert node.stop()[0] == 0


@pytest.mark.slow
def test_results_go_to_orthanc_by_stow(recipe, tmp_path):
    from dicomweb_client import DICOMwebClient

    from fractura.node.service import Node
    from fractura.node.settings import NodeSettings

    folder, _, configuration = recipe
    image = phantom_radiograph(5)
    with orthanc(folder, configuration) as address:
        target = {"name": "web", "web": {"url": f"{address}/dicom-web"}}
        closed = {"name": "closed", "web": {"url": f"http://127.0.0.1:{free_port()}/dicom-web"}}
        wrong = {"name": "wrong", "web": {"url": f"{address}/no-such-place"}}
        settings = NodeSettings.create(
            {"folder": tmp_path / "queue", "port": 0, "destinations": [target, closed, wrong]}
        )

        def same(image):
            from pydicom import dcmread

            return [dcmread(image.path)]

        with Node(settings, same) as node:
            import io

            stream = io.BytesIO()
            image.save_as(stream, enforce_file_format=True)
            node.queue.receive("1.2.3", stream.getvalue())

            def answered():
                status = {each.name: each for each in node.status().destinations}
                return status["web"].confirmed == 1 and status["closed"].problem and status["wrong"].problem

            wait_until(answered)
            problems = {each.name: each.problem for each in node.status().destinations}
            assert problems == {
                "web": None,
                "closed": "no answer: ConnectionError",
                "wrong": "it answers with status 404",
            }
        [found] = DICOMwebClient(f"{address}/dicom-web").search_for_instances()
        assert found["00080018"]["Value"] == [image.SOPInstanceUID]
