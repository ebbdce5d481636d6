"""Too little memory in training, detection and loading, and memory that must stay flat."""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import random
import shutil
from functools import partial
from itertools import count
from pathlib import Path

import psutil

from soak.campaign import Attempt, Campaign
from soak.small_disk import BUG, forked, prepare_process

_MIB = 1 << 20
_STEPS, _BATCH = 3, 8


def _prepare_training(folder: Path) -> Attempt:
    """A detector that needs about 20 MiB for each image of a batch, and 0 to 250 MiB for all of it."""
    prepare_process()
    wanted = forked(partial(_train_hungry, folder / "whole", None))
    assert wanted.code == 0, wanted.text[-2000:]
    losses = json.loads((folder / "whole" / "losses.json").read_text())
    numbers = count()

    def attempt(draw: random.Random) -> None:
        place = folder / str(next(numbers))
        micro = draw.choice((None, None, 4))
        ended = forked(partial(_train_hungry, place, micro), memory=draw.randint(1, 260) * _MIB)
        said = f"exit code {ended.code}: {ended.text[-1500:]}"
        if ended.code in (-6, -11):  # PyTorch's own code, which does not see every allocation that fails
            ended = forked(partial(_train_hungry, place, micro))
            said = f"resumed after a crash: {ended.code}: {ended.text[-1500:]}"
        assert ended.code in (0, 5), said
        assert not any(word in ended.text for word in BUG), said
        for size in (8, 4, 2):
            assert ended.text.count(f"not enough memory for {size} images at once") <= 1, f"said twice: {said}"
        if ended.code == 5:
            assert "not enough memory" in ended.text, said
            assert "→" in ended.text, said
        else:
            found = json.loads((place / "losses.json").read_text())
            assert len(found) == _STEPS
            assert all(abs(one - two) <= 1e-4 * abs(two) for one, two in zip(found, losses, strict=True)), (
                found,
                losses,
            )
        shutil.rmtree(place, ignore_errors=True)

    return attempt


def _train_hungry(place: Path, micro: int | None) -> int:
    import torch
    from support.training_fakes import FakeDetector, make_images
    from torch.nn import functional

    from fractura.cli.main import _exit_code_of_unforeseen
    from fractura.core.errors import FracturaError
    from fractura.core.reporter import STDERR
    from fractura.training import TrainSettings, train

    class Hungry(FakeDetector):
        def _raw(self, image):
            grey = image.permute(2, 0, 1)[None].float() / 255
            large = functional.interpolate(grey, (512, 512), mode="bilinear", align_corners=False)
            return self.head(functional.adaptive_avg_pool2d(self.body(large), 8))[0].permute(1, 2, 0)

    try:
        images = make_images(place / "train", 8, seed=1)
        torch.manual_seed(0)
        detector = Hungry(dropout=0.0, width=32)
        detector.body[1] = torch.nn.Identity()  # which would see halves of a batch
        values = {"data": place / "train", "output": place / "model", "model": "fake", "num_steps": _STEPS}
        values |= {"batch_size": _BATCH, "micro_batch_size": micro, "optimizer": "momentum", "log_every": 1}
        values |= {"learning_rate_base": 0.01, "workers": 0, "device": "cpu"}
        resume = (place / "model" / "last").is_dir()
        settings = TrainSettings.create(values)
        done = train(settings, detector=detector, train_data=images, reporter=STDERR, resume=resume)
    except FracturaError as error:
        print(f"error: {error}", flush=True)
        return error.exit_code
    except Exception as error:
        return _exit_code_of_unforeseen(error)
    (place / "losses.json").write_text(json.dumps([row["loss"] for row in done.history]))
    return 0


def _prepare_detection(folder: Path) -> Attempt:
    prepare_process()
    made = forked(partial(_make_large_images, folder))
    assert made.code == 0, made.text[-2000:]
    images = sorted((folder / "images").iterdir())
    ready = forked(
        partial(_main, ["detect", str(images[0]), "--model", str(folder / "tiny.onnx"), "-o", str(folder / "a")])
    )
    assert ready.code == 3, ready.text  # too large; what is needed is imported from now on
    numbers = count()

    def attempt(draw: random.Random) -> None:
        number = next(numbers)
        image = images[number % len(images)]
        memory = None if draw.random() < 0.1 else int(10 ** draw.uniform(1.3, 3.6)) * _MIB
        out = folder / f"out{number}"
        words = ["detect", str(image), "--model", str(folder / "tiny.onnx"), "--fast", "-o", str(out)]
        ended = forked(partial(_main, words), memory=memory)
        said = f"{image.name} with {memory and memory // _MIB} MiB: exit code {ended.code}: {ended.text[-1500:]}"
        too_large = "100" in image.name
        assert ended.code in ((3, 5) if too_large else (0, 5)), said
        assert not any(word in ended.text for word in BUG), said
        if ended.code == 3:
            assert "million pixels" in ended.text, said
        if ended.code:
            assert "→" in ended.text, said
        if ended.code == 5:
            assert "not enough memory" in ended.text, said
        if memory is None:
            assert ended.code == (3 if too_large else 0), said
        shutil.rmtree(out, ignore_errors=True)

    return attempt


def _main(words: list[str]) -> int:
    from fractura.cli.main import main

    return main(words)


def _make_large_images(folder: Path) -> None:
    """100 megapixels, and 80, as every kind of file, grey and colour, of 8 and 16 bits."""
    import numpy as np
    from golden.workshop import tiny_model
    from PIL import Image
    from support.dicom_images import dicom

    Image.MAX_IMAGE_PIXELS = None
    tiny_model(folder / "tiny.onnx")
    (folder / "images").mkdir()
    for millions, side in ((100, 10_000), (80, 8_900)):
        pixels = np.zeros((side, side), np.uint8)
        pixels[:: side // 100] = 200
        grey, deep = Image.fromarray(pixels), pixels.astype(np.uint16) * 20
        for name in ("png", "tif", "jpg"):
            grey.save(folder / "images" / f"{millions}.{name}")
        Image.fromarray(deep).save(folder / "images" / f"{millions}-deep.png")
        (folder / "images" / f"{millions}.dcm").write_bytes(dicom(deep, bits=12))
    grey.convert("RGB").save(folder / "images" / "80-colour.png")


def _prepare_architectures(folder: Path) -> Attempt:
    prepare_process()
    made = forked(partial(_make_models, folder))
    assert made.code == 0, made.text[-2000:]
    models = [path for path in sorted(folder.iterdir()) if (path / "card.json").is_file()]
    cards = {path: json.loads((path / "card.json").read_text()) for path in models}
    numbers = count()

    def attempt(draw: random.Random) -> None:
        number = next(numbers)
        model = models[number % len(models)]
        card = json.loads(json.dumps(cards[model]))
        places = list(_numbers_in(card["architecture"], ()))
        place = draw.choice(places)
        value = draw.choice((2**15, 10**6, 2**31 - 1, 2**31, 2**40, 2**63, 10**30, 3 * 10**8, 0, -1, -(2**40)))
        _put(
            card["architecture"], place, float(value) if isinstance(_get(card["architecture"], place), float) else value
        )
        (model / "card.json").write_text(json.dumps(card))
        words = ["detect", str(folder / "image.png"), "--model", str(model), "-o", str(folder / f"out{number}")]
        ended = forked(partial(_main, words), memory=4096 * _MIB)
        said = f"{model.name}, {place} = {value}: exit code {ended.code}: {ended.text[-1200:]}"
        assert ended.code in (0, 2, 4, 5), said  # some numbers are not used, or any value of them works
        assert not any(word in ended.text for word in BUG), said
        assert ended.code == 0 or "→" in ended.text, said

    return attempt


def _make_models(folder: Path) -> None:
    from golden.workshop import image
    from support.tiny_faster_rcnn import build
    from support.tiny_transformers import CONFIGS, save_folder

    from fractura.core.model_card import WEIGHTS_FILE, ModelCard, write_card
    from fractura.models import build_detector
    from fractura.models.weights import write_tensors

    image(folder / "image.png", 1)
    detectors = {"faster_rcnn": build()}
    for family in CONFIGS:
        save_folder(folder / f"hub-{family}", family)
        detectors[family] = build_detector(f"hf:{folder / f'hub-{family}'}", 1, ("fracture",))
    for name, detector in detectors.items():
        write_tensors(folder / name / WEIGHTS_FILE, detector.state_dict())
        architecture = json.loads(json.dumps(detector.architecture()))
        write_card(
            ModelCard(name=name, architecture=architecture, class_names=("fracture",), threshold=0.3), folder / name
        )


def _numbers_in(value: object, place: tuple) -> object:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _numbers_in(each, (*place, key))
    elif isinstance(value, list):
        for key, each in enumerate(value):
            yield from _numbers_in(each, (*place, key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place


def _get(document: object, place: tuple) -> object:
    for key in place:
        document = document[key]
    return document


def _put(document: object, place: tuple, value: object) -> None:
    _get(document, place[:-1])[place[-1]] = value


class Flat:
    """Sees that a process does not grow any more once it is warm.

    Args:
        process: It.
        warm: Tries until then.
        most: Bytes that it may grow from there: five times what it was seen to.
    """

    def __init__(self, process: psutil.Process, warm: int, most: int) -> None:
        self._process, self._warm, self._most = process, warm, most
        self._number, self._start = 0, 0

    def check(self) -> None:
        """Call after each try."""
        self._number += 1
        now = self._process.memory_info().rss
        if self._number <= self._warm:
            self._start = now
        grown = now - self._start
        assert grown <= self._most, f"grew by {grown / _MIB:.0f} MiB in {self._number - self._warm} tries"
        self.grown = grown


def _prepare_evaluations(folder: Path) -> Attempt:
    from golden.workshop import Workshop

    shop = Workshop(folder)
    assert all((shop.labelled, shop.model))
    flat = Flat(psutil.Process(), warm=5, most=250 * _MIB)
    words = ["evaluate", str(folder / "tiny.onnx"), str(folder / "labelled"), "--rounds", "20"]

    def attempt(draw: random.Random) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = _main([*words, "--seed", str(draw.randrange(1000)), "-o", str(folder / "out"), "--overwrite"])
        assert code == 0, printed.getvalue()
        flat.check()

    return attempt


def _prepare_requests(folder: Path) -> Attempt:
    import httpx
    from golden.workshop import Workshop
    from support.web_places import WRITE, running

    shop = Workshop(folder)
    assert all((shop.labelled, shop.model, shop.dicom_image))
    images = [path.read_bytes() for path in sorted((folder / "labelled" / "images").iterdir())]
    images.append((folder / "dicom" / "deep.dcm").read_bytes())
    held = contextlib.ExitStack()
    before = {process.pid for process in psutil.Process().children()}
    server = running("serve", "--model", folder / "tiny.onnx", "--root", folder / "labelled")
    address = held.enter_context(server)
    [process] = [each for each in psutil.Process().children() if each.pid not in before]
    web = held.enter_context(httpx.Client(base_url=address, headers=WRITE, timeout=120, trust_env=False))
    atexit.register(held.close)
    flat = Flat(process, warm=1000, most=250 * _MIB)
    seen: list[str] = []

    def attempt(draw: random.Random) -> None:
        kind = draw.randrange(8)
        if kind < 3:
            sent = [
                ("images", (f"{draw.randrange(10**6)}.png", draw.choice(images))) for _ in range(draw.randint(1, 3))
            ]
            answer = web.post("/api/detect", files=sent, data={"keep": draw.choice(("true", "false"))})
            assert answer.status_code == 200, answer.text
            seen.extend(each["id"] for each in answer.json()["images"] if each["id"])
            del seen[:-50]
        elif kind == 3:
            answer = web.post("/api/detect", files=[("images", ("bad.png", draw.randbytes(2000)))])
            assert answer.status_code == 200, answer.text
        elif kind == 4 and seen:
            answer = web.get(f"/api/images/{draw.choice(seen)}/picture")
            assert answer.status_code in (200, 404, 410), answer.text
        elif kind == 5:
            answer = web.get(f"/api/{draw.randrange(10**9)}")
            assert answer.status_code == 404
        elif kind == 6:
            answer = web.post("/api/jobs", json={"folder": "."})
            assert answer.status_code in (200, 201, 202, 429), answer.text
        else:
            answer = web.get(draw.choice(("/", "/api/models", "/api/session", "/api/openapi.json")))
            assert answer.status_code == 200, answer.text
        flat.check()

    return attempt


CAMPAIGNS = (
    Campaign(
        "memory-training",
        "A memory limit in training: the batch is halved, said once each time, the losses stay those of the whole "
        "batch; or a clear error; what was saved resumes even where PyTorch itself crashes",
        _prepare_training,
        tries=150,
        found="a shortage on a CPU ended training, and left traces in batch normalisation; "
        "`tests/training/test_training_step.py`; oneDNN's own words for a shortage were a bug, 6 of 77: "
        "`test_each_library_is_understood`",
    ),
    Campaign(
        "memory-detection",
        "Detection of images of 80 and 100 megapixels under a memory limit: detections or a clear error",
        _prepare_detection,
        tries=132,
        found="an image that did not fit was called damaged or a bug; the message itself failed for want of memory; "
        "`tests/core/test_memory.py`",
    ),
    Campaign(
        "architectures",
        "Model cards whose architecture has absurd numbers: a clear error, no crash, no hang",
        _prepare_architectures,
        tries=300,
        found="numbers beyond memory ended in a bug or with the process; `tests/models/test_architecture_limits.py`; "
        "what transformers refuses was a bug, 1 of 199: "
        "`test_what_a_library_refuses_with_an_error_of_its_own_kind_is_a_clear_error`",
        seconds_per_try=120,
    ),
    Campaign(
        "evaluations-in-a-row", "Evaluations in a row in one process: memory stays flat", _prepare_evaluations, 25
    ),
    Campaign("requests-in-a-row", "Requests in a row to one server: memory stays flat", _prepare_requests, 6000),
)
