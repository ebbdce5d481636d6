"""Detection transformers behind our protocol: losses, boxes, saving, export, and what of a pretrained model is kept."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.tiny_transformers import COCO, FAMILIES, SIDE, library_model, save_folder

from fractura.core.boxes import Boxes
from fractura.core.errors import ModelError
from fractura.core.model_card import WEIGHTS_FILE, ModelCard, write_card
from fractura.export import export_model
from fractura.inference import load_model
from fractura.models import Target, build_detector, build_from_architecture
from fractura.training import TrainSettings
from fractura.training.optimization import build_optimizer, set_learning_rate

HEADS = ("class_embed", "enc_score_head")


@pytest.fixture(name="folders", scope="module")
def folders_fixture(tmp_path_factory):
    """One pretrained folder of 80 classes a family."""
    root = tmp_path_factory.mktemp("pretrained")
    return {family: save_folder(root / family, family) for family in FAMILIES}


@pytest.fixture(name="detector", params=FAMILIES)
def detector_fixture(request, folders):
    torch.manual_seed(0)
    return build_detector(f"hf:{folders[request.param]}", 1)


def radiograph(height, width, seed=0):
    """A grey image, brighter where its box is, and that box."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 60, (height, width, 3), dtype=torch.uint8, generator=generator)
    pixels[20:50, 10:40] += 150
    return pixels, Target(torch.tensor([[10.0, 20.0, 40.0, 50.0]]), torch.tensor([0]))


def nothing():
    return Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))


def test_losses_fall_with_training_and_are_the_librarys(detector):
    images, targets = zip(*(radiograph(90, 70, seed) for seed in range(2)), strict=True)
    targets = [targets[0], nothing()]
    recommended = {"optimizer": "adamw", "learning_rate_base": 1e-3}
    settings = TrainSettings.create({"data": "d", "output": "o", "model": "hf:x", **recommended})
    optimizer = build_optimizer(settings, detector)
    detector.to(memory_format=torch.channels_last).train()  # as the trainer has it
    history = []
    for _ in range(25):
        torch.manual_seed(0)  # the same denoising queries each time
        terms = detector.losses(images, targets)
        total = torch.stack(list(terms.values())).sum()
        history.append(float(total.detach()))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    assert all(value.ndim == 0 for value in terms.values())
    assert {"loss_bbox", "loss_giou"} < set(terms)
    assert np.mean(history[-3:]) < 0.9 * history[0]
    box = torch.tensor([[25 / 70, 35 / 90, 30 / 70, 30 / 90]])
    labels = [{"class_labels": target.labels, "boxes": box[: len(target.labels)]} for target in targets]
    for mode in (True, False):
        detector.train(mode)
        torch.manual_seed(1)
        ours = torch.stack(list(detector.losses(images, targets).values())).sum()
        torch.manual_seed(1)
        theirs = detector.model(pixel_values=detector.preprocess(images), labels=labels).loss
        assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_a_batch_without_any_box_trains(detector):
    detector.train()
    terms = detector.losses([radiograph(90, 70)[0], radiograph(64, 64)[0]], [nothing(), nothing()])
    total = torch.stack(list(terms.values())).sum()
    total.backward()
    assert torch.isfinite(total)
    gradients = [p.grad for p in detector.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_every_query_gives_one_box_best_first(detector):
    image, _ = radiograph(90, 70)
    (found,) = detector.detect([image])
    assert len(found) == detector.model.config.num_queries
    assert (np.diff(found.scores) <= 0).all()
    assert (found.labels == 0).all()
    assert (found.xyxy[:, [0, 2]] >= 0).all()
    assert (found.xyxy[:, [0, 2]] <= 70).all()
    assert (found.xyxy[:, [1, 3]] <= 90).all()
    # The library's own answer, in its own form, on the same pixels.
    detector.eval()
    with torch.no_grad():
        output = detector.model(pixel_values=detector.preprocess([image]))
    best = int(output.logits[0, :, 0].argmax())
    x, y, width, height = (output.pred_boxes[0, best] * torch.tensor([70, 90, 70, 90])).tolist()
    theirs = Boxes([[x - width / 2, y - height / 2, x + width / 2, y + height / 2]], [0]).clip(70, 90)
    assert found.scores[0] == pytest.approx(float(output.logits[0, best, 0].sigmoid()), abs=1e-6)
    assert found.xyxy[0] == pytest.approx(theirs.xyxy[0], abs=1e-3)


def test_each_weight_has_one_name(detector):
    """Averaging, saving and counting go by name: one that stands there twice would be averaged twice."""
    state = detector.state_dict(keep_vars=True)
    assert len({value.data_ptr() for value in state.values() if value.numel()}) == sum(
        value.numel() > 0 for value in state.values()
    )
    assert set(dict(detector.named_parameters())) <= set(state)


def test_a_model_folder_gives_the_same_boxes_and_so_does_its_onnx_export(detector, tmp_path):
    with torch.no_grad():
        for name, parameter in detector.named_parameters():
            if any(part in name for part in HEADS) and parameter.ndim > 1:
                torch.nn.init.normal_(parameter)  # heads that have learned nothing give ties, broken anywhere
    save_file(detector.state_dict(), tmp_path / WEIGHTS_FILE)
    card = ModelCard(name="tiny", architecture=detector.architecture(), class_names=("Fractura",), threshold=0.0)
    write_card(card, tmp_path)
    assert str(tmp_path.parent) not in card.to_json()
    loaded = load_model(tmp_path)
    image = radiograph(90, 70)[0]
    assert loaded.detect(image.numpy()) == detector.detect([image])[0]
    result = export_model(tmp_path)  # its own check on phantoms must hold
    assert result.parity.holds
    assert result.parity.minimum_iou > 0.999
    exported = load_model(result.output)
    assert exported.card == card
    for height, width in ((90, 70), (64, 200), (17, 16)):
        pixels = radiograph(max(height, 50), max(width, 40))[0].numpy()[:height, :width]
        ours, theirs = loaded.detect(pixels), exported.detect(pixels)
        assert theirs.scores == pytest.approx(ours.scores, abs=1e-4)
        assert theirs.xyxy[:5] == pytest.approx(ours.xyxy[:5], abs=0.02)


@pytest.mark.parametrize("family", FAMILIES)
def test_new_classes_replace_the_class_heads_and_nothing_else(family, folders):
    pretrained = library_model(family, COCO).state_dict()  # as it was before it was saved
    detector = build_detector(f"hf:{folders[family]}", 1, ["Fractura"])
    own = detector.model.state_dict()
    heads = [name for name in own if any(part in name for part in HEADS)]
    kept = [name for name in own if name not in heads]
    assert any("bbox_embed" in name for name in kept)
    assert [name for name in kept if not torch.equal(own[name], pretrained[name])] == []
    assert f"{len(kept)} tensors taken, {len(heads)} not used, {len(heads)} left fresh" in detector.origin
    scores = [own[name] for name in heads if name.endswith(".bias")]
    assert all(bias.shape == (1,) for bias in scores)
    prior = torch.sigmoid(torch.cat(scores))
    assert (prior < 0.02).all(), "a new head starts by finding nothing, not by finding everything"


def test_the_same_classes_keep_all_weights_and_others_of_the_same_number_do_not(tmp_path):
    names = ("Fractura", "Yeso")
    folder = save_folder(tmp_path / "two", "d_fine", names)
    stored = load_file(folder / "model.safetensors")
    kept = build_detector(f"hf:{folder}", 2, names).model.state_dict()
    assert torch.equal(kept["model.enc_score_head.weight"], stored["model.enc_score_head.weight"])
    for other in (("Yeso", "Fractura"), None):
        fresh = build_detector(f"hf:{folder}", 2, other).model.state_dict()
        assert not torch.equal(fresh["model.enc_score_head.weight"], stored["model.enc_score_head.weight"])


def test_a_pretrained_model_of_the_same_classes_detects_as_the_library_does(tmp_path):
    folder = save_folder(tmp_path / "one", "rf_detr", ("Fractura",))
    detector = build_detector(f"hf:{folder}", 1, ("Fractura",))
    theirs = library_model("rf_detr", ("Fractura",)).eval()
    canvas = detector.preprocess([radiograph(90, 70)[0]])
    assert canvas.shape == (1, 3, SIDE, SIDE)
    assert canvas.min() < -1, "normalised as preprocessor_config.json says"
    with torch.no_grad():
        ours, wanted = detector.eval().model(pixel_values=canvas), theirs(pixel_values=canvas)
    assert torch.allclose(ours.logits, wanted.logits, atol=1e-5)
    assert torch.allclose(ours.pred_boxes, wanted.pred_boxes, atol=1e-5)


def test_the_backbone_learns_slowly(folders):
    for family in FAMILIES:
        detector = build_detector(f"hf:{folders[family]}", 1)
        optimizer = build_optimizer(
            TrainSettings.create({"data": "d", "output": "o", "model": "hf:x", "optimizer": "adamw"}), detector
        )
        set_learning_rate(optimizer, 1.0)
        rate = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
        rates = {name: rate[id(p)] for name, p in detector.named_parameters() if p.requires_grad}
        assert set(rates.values()) == {0.1, 1.0}
        assert {value for name, value in rates.items() if "_embed" in name and "backbone" not in name} == {1.0}


def test_an_architecture_is_plain_json_and_needs_no_folder(folders):
    detector = build_detector(f"hf:{folders['rt_detr_v2']}", 3)
    again = build_from_architecture(json.loads(json.dumps(detector.architecture())))
    assert again.architecture() == detector.architecture()
    assert detector.architecture()["name"] == "hf:rt_detr_v2", "not the path of this machine"
    assert [p.shape for p in again.parameters()] == [p.shape for p in detector.parameters()]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json: there is no such file"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read as JSON"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "yolos"}'), "type 'yolos'"),
        (lambda folder: (folder / "config.json").write_text('{"auto_map": {"AutoModel": "x.Y"}}'), "type 'None'"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "model.bin"), "safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"junk"), "cannot be read as a model"),
        (lambda folder: save_file({"x": torch.zeros(1)}, folder / "model.safetensors"), "only 0% of the detector's"),
        (
            lambda folder: (folder / "preprocessor_config.json").write_text('{"size": {"height": 50, "width": 64}}'),
            "multiples of 32",
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused(spoil, said, tmp_path):
    folder = save_folder(tmp_path / "model", "rt_detr_v2", ("a", "b"))
    spoil(folder)
    with pytest.raises(ModelError) as caught:
        build_detector(f"hf:{folder}", 1)
    assert said in str(caught.value)
    assert str(folder) in str(caught.value)


def test_code_that_comes_with_a_model_is_never_run(tmp_path):
    folder = save_folder(tmp_path / "model", "rt_detr_v2", ("a", "b"))
    document = json.loads((folder / "config.json").read_text())
    document["auto_map"] = {"AutoModelForObjectDetection": "evil.Evil", "AutoConfig": "evil.EvilConfig"}
    (folder / "config.json").write_text(json.dumps(document))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    detector = build_detector(f"hf:{folder}", 1)
    assert "auto_map" not in detector.settings.config
    assert not (tmp_path / "ran").exists()


def test_without_a_preprocessor_config_the_network_says_how_images_come_in(tmp_path):
    for family, mean in (("rf_detr", 0.485), ("deimv2", 0.0)):
        changes = {"eval_size": [96, 96]} if family == "deimv2" else {}
        folder = save_folder(tmp_path / family, family, ("a",), **changes)
        (folder / "preprocessor_config.json").unlink()
        settings = build_detector(f"hf:{folder}", 1).settings
        assert settings.image_resizer.height == (96 if family == "deimv2" else SIDE)
        assert settings.image_mean[0] == mean
