import pytest
import torch
from support.training_fakes import FakeDetector, make_images

from fractura.core.errors import ModelError, NotEnoughMemoryError
from fractura.training.data import PlainImages, collate
from fractura.training.devices import build_accelerator, find_device
from fractura.training.optimization import build_optimizer
from fractura.training.step import LossModule, OptimizerStep


@pytest.fixture
def batch(tmp_path):
    data = make_images(tmp_path / "images", 4)
    return collate([PlainImages(data)[place] for place in range(4)])


def stepper(settings, detector, *, micro_batch=None, warn=None, longest=0.0, most=1):
    accelerator = build_accelerator(find_device("cpu"), "no")
    optimizer = build_optimizer(settings(optimizer="momentum", learning_rate_base=0.1), detector)
    model, prepared = accelerator.prepare(LossModule(detector), optimizer)
    model.train()
    said = [] if warn is None else warn
    return OptimizerStep(
        accelerator,
        model,
        prepared,
        longest_gradient=longest,
        micro_batch=micro_batch,
        seed=0,
        warn=said.append,
        most_not_finite=most,
        advice="train with --resume",
    )


def without_batch_norm(seed=0):
    torch.manual_seed(seed)
    detector = FakeDetector(dropout=0.0)
    detector.body[1] = torch.nn.Identity()
    return detector


def test_accumulated_gradients_are_those_of_the_whole_batch(settings, batch):
    whole, parts = without_batch_norm(), without_batch_norm()
    first = stepper(settings, whole).run(batch, 0)
    second = stepper(settings, parts, micro_batch=3).run(batch, 0)  # 3 + 1 images
    assert second.loss == pytest.approx(first.loss, rel=1e-5)
    assert second.gradient_norm == pytest.approx(first.gradient_norm, rel=1e-5)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_the_loss_is_the_sum_of_its_parts_and_falls(settings, batch):
    run = stepper(settings, without_batch_norm())
    results = [run.run(batch, step) for step in range(20)]
    assert results[0].loss == pytest.approx(sum(results[0].parts.values()))
    assert set(results[0].parts) == {"objectness_loss", "localization_loss"}
    assert results[-1].loss < 0.8 * results[0].loss


def test_a_batch_of_negatives_trains(settings, tmp_path):
    data = make_images(tmp_path / "negatives", 3, negative_every=1)
    assert data.negatives == 3
    result = stepper(settings, FakeDetector()).run(collate([PlainImages(data)[i] for i in range(3)]), 0)
    assert result.updated
    assert result.loss > 0


class Broken(FakeDetector):
    """Gives a loss that is no number once, or a finite one with a gradient that is none."""

    def __init__(self, what):
        super().__init__(dropout=0.0)
        self.what = what

    def losses(self, images, targets):
        losses = super().losses(images, targets)
        weight = next(self.parameters()).flatten()[0]
        if self.what == "gradient":
            return {**losses, "bad_loss": (weight - weight.detach()).sqrt()}
        return {**losses, "bad_loss": weight * float(self.what)}


@pytest.mark.parametrize(("what", "words"), [("nan", "bad_loss = nan"), ("inf", "inf"), ("gradient", "gradient = ")])
def test_a_loss_that_is_no_number_names_the_images_and_spares_the_weights(settings, batch, what, words):
    detector = Broken(what)
    before = [p.detach().clone() for p in detector.parameters()]
    with pytest.raises(ModelError, match=words) as caught:
        stepper(settings, detector, longest=1.0).run(batch, 6)
    assert "step 7" in str(caught.value)
    assert all(name in str(caught.value) for name in batch.names)
    assert "--resume" in caught.value.hint
    assert all(torch.equal(p, old) for p, old in zip(detector.parameters(), before, strict=True))


@pytest.mark.parametrize("what", ["nan", "gradient"])
def test_steps_that_are_not_finite_are_left_out_until_there_are_too_many_in_a_row(settings, batch, what):
    torch.manual_seed(0)
    detector, said = Broken(what), []
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    run = stepper(settings, detector, longest=1.0, most=3, warn=said)
    assert run.run(batch, 0) is None
    assert run.run(batch, 1) is None
    assert run.left_out == 2
    assert len(said) == 2
    assert "step 2 is left out: " in said[1]
    assert f"{'gradient' if what == 'gradient' else 'bad_loss'} = " in said[1]
    assert all(name in said[1] for name in batch.names)
    with pytest.raises(ModelError, match="3 steps in a row"):
        run.run(batch, 2)
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items()), "norms too"


def test_a_good_step_ends_the_row(settings, batch):
    detector = Broken("nan")
    run = stepper(settings, detector, most=2)
    for step in range(4):
        detector.what = "nan" if step % 2 else "0"
        assert (run.run(batch, step) is None) == bool(step % 2)


class Hungry(FakeDetector):
    """Runs out of memory above so many images, after the forward pass."""

    def __init__(self, most, shortage, *, norm=False):
        super().__init__(dropout=0.0)
        if not norm:
            self.body[1] = torch.nn.Identity()
        self.most, self.shortage = most, shortage

    def losses(self, images, targets):
        losses = super().losses(images, targets)
        if len(images) > self.most:
            raise self.shortage
        return losses


SHORTAGES = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:126] err == 0. DefaultCPUAllocator: can't allocate memory"),
    MemoryError(),
)


@pytest.mark.parametrize("shortage", SHORTAGES, ids=lambda error: type(error).__name__)
def test_out_of_memory_goes_on_with_fewer_at_once(settings, batch, shortage):
    said = []
    torch.manual_seed(0)
    hungry = Hungry(1, shortage)
    torch.manual_seed(0)
    sated = Hungry(99, shortage)
    run = stepper(settings, hungry, warn=said)
    result = run.run(batch, 0)
    assert run.micro_batch == 1
    assert len(said) == 2
    assert "2 at a time" in said[0]
    assert result.loss == pytest.approx(stepper(settings, sated).run(batch, 0).loss, rel=1e-5)
    for one, other in zip(hungry.parameters(), sated.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_pass_that_did_not_fit_leaves_no_trace_in_batch_normalisation(settings, batch):
    """What is left is as if the smaller size had been asked for; and it is said what batch normalisation sees."""
    said, ends = [], []
    for most, micro_batch in ((2, None), (99, 2)):
        torch.manual_seed(0)
        detector = Hungry(most, SHORTAGES[0], norm=True)
        stepper(settings, detector, micro_batch=micro_batch, warn=said).run(batch, 0)
        ends.append(detector.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert len(said) == 1
    assert "batch normalisation sees only those" in said[0]


@pytest.mark.parametrize("shortage", SHORTAGES, ids=lambda error: type(error).__name__)
def test_out_of_memory_for_one_image_is_the_end(settings, batch, shortage):
    with pytest.raises(NotEnoughMemoryError, match="single image") as caught:
        stepper(settings, Hungry(0, shortage)).run(batch, 0)
    assert caught.value.exit_code == 5
    assert "smaller" in caught.value.hint


def test_other_runtime_errors_are_not_mistaken_for_memory(settings, batch):
    detector = FakeDetector()
    detector.head = torch.nn.Conv2d(5, 5, 1)
    with pytest.raises(RuntimeError, match="channels"):
        stepper(settings, detector).run(batch, 0)
