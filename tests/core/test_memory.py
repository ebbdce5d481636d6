"""Where memory runs out, whatever ran out of it, the error says so: exit code 5, a hint, never a bug."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from support.dicom_images import dicom
from support.tiny_models import write_tiny_onnx
from support.web_places import WRITE, client

from fractura.cli.main import main
from fractura.core.errors import DataError, NotEnoughMemoryError
from fractura.core.memory import is_out_of_memory, not_enough_memory
from fractura.imaging import raster
from fractura.imaging.reader import read_radiograph
from fractura.tensorflow_od.flags import run_command

SHORTAGES = [
    MemoryError(),
    OSError(12, "Cannot allocate memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:126] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("could not create a primitive"),
    RuntimeError("can't start new thread"),
    RuntimeError("DataLoader worker (pid 5) is killed by signal: Killed."),
    ImportError("/lib/onnx.so: failed to map segment from shared object"),
    ValueError("OOM when allocating tensor with shape[9]"),
]


@pytest.mark.parametrize("error", SHORTAGES, ids=str)
def test_each_library_is_understood(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        RuntimeError("size mismatch"),
        RuntimeError("could not create a primitive descriptor for a convolution"),
        ImportError("a.so: failed to map segment from shared object: Operation not permitted"),
    ],
)
def test_other_errors_are_not_mistaken(error):
    assert not is_out_of_memory(error)


def test_the_message_holds_the_first_line():
    error = not_enough_memory("an image", RuntimeError("DefaultCPUAllocator: 5 bytes\nand a stack"), file="a.png")
    assert str(error).splitlines()[0] == "a.png: there is not enough memory for an image (DefaultCPUAllocator: 5 bytes)"


@pytest.mark.parametrize("error", SHORTAGES, ids=str)
def test_commands_end_with_5(error, monkeypatch, capsys):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr("fractura.workflows.models.list_models", fails)
    assert main(["models"]) == 5
    said = capsys.readouterr().err
    assert "there is not enough memory" in said
    assert "→ close other programs" in said
    assert run_command("model_main_tf2.py", "", {}, fails, []) == 5
    assert "there is not enough memory" in capsys.readouterr().err


def test_the_message_itself_needs_hardly_any_memory(monkeypatch, capsys):
    def fails(*_, **__):
        raise MemoryError

    monkeypatch.setattr("fractura.workflows.models.list_models", fails)
    monkeypatch.setattr("fractura.cli.output._console", fails)
    assert main(["models"]) == 5
    assert capsys.readouterr().err.startswith("error: there is not enough memory\n  → close other programs")


def picture(width, height):
    stream = io.BytesIO()
    Image.fromarray(np.zeros((height, width), np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def test_an_image_that_does_not_fit_is_not_called_damaged(monkeypatch):
    """And a damaged one, which makes a decoder ask for too much, is."""
    data = picture(300, 200)

    def no_room(*_, **__):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "load", no_room)
    with pytest.raises(DataError, match="is damaged"):
        read_radiograph(data, name="a.png")
    monkeypatch.setattr(np, "empty", no_room)
    with pytest.raises(NotEnoughMemoryError, match=r"a.png: there is not enough memory for its pixels"):
        read_radiograph(data, name="a.png")


def test_a_dicom_that_does_not_fit_is_named(tmp_path, monkeypatch):
    def no_room(*_, **__):
        raise MemoryError

    (tmp_path / "a.dcm").write_bytes(dicom(np.zeros((64, 64), np.uint16), bits=12))
    assert read_radiograph(tmp_path / "a.dcm").width == 64
    monkeypatch.setattr(np, "repeat", no_room)
    with pytest.raises(NotEnoughMemoryError, match=r"a.dcm: there is not enough memory for its pixels"):
        read_radiograph(tmp_path / "a.dcm")


def test_an_image_that_does_not_fit_can_be_skipped(tmp_path, monkeypatch, capsys):
    model = write_tiny_onnx(tmp_path / "tiny.onnx")
    (tmp_path / "images").mkdir()
    for name, side in (("large", 300), ("small", 100)):
        (tmp_path / "images" / f"{name}.png").write_bytes(picture(side, side))
    turn = raster.upright

    def short(pixels, orientation):
        if len(pixels) > 200:
            raise MemoryError
        return turn(pixels, orientation)

    monkeypatch.setattr(raster, "upright", short)
    monkeypatch.setattr(raster, "_has_room", lambda _: False)
    words = ["detect", str(tmp_path / "images"), "--model", str(model), "-o", str(tmp_path / "out")]
    assert main(words) == 5
    assert "large.png: there is not enough memory for its pixels" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--on-error", "skip"]) == 0
    assert "skipped" in (said := capsys.readouterr().err)
    assert "large.png: there is not enough memory" in said


def test_the_server_says_so_and_lives(tmp_path, monkeypatch):
    with client(mode="serve", model=str(write_tiny_onnx(tmp_path / "tiny.onnx"))) as web:
        sent = {"files": [("images", ("a.png", picture(300, 200)))], "headers": WRITE}
        with monkeypatch.context() as patch:
            patch.setattr("fractura.web.app_state.AppState.result_row", fails_for_memory)
            answer = web.post("/api/detect", **sent)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_enough_memory")
        assert web.post("/api/detect", **sent).status_code == 200


def fails_for_memory(*_, **__):
    raise MemoryError


LIMITED = """
import resource, sys
from fractura.inference import load_model
import numpy as np
model = load_model(sys.argv[1])
image = np.zeros((6000, 6000, 3), np.uint8)
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + 300_000_000, -1))
from fractura.core.errors import FracturaError
try:
    model.predict(image)
except FracturaError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are Linux's")
def test_a_large_image_under_a_limit(tmp_path):
    from golden.workshop import tiny_model

    tiny_model(tmp_path / "tiny.onnx")
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "tiny.onnx")], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 5, ended.stderr
    assert "there is not enough memory for an image of 6000 x 6000 pixels" in ended.stdout
