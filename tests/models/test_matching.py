"""Which candidate learns from which box, and which are sampled: the edges of every rule."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fractura.core.boxes import pairwise_iou
from fractura.models.faster_rcnn.matching import IGNORED, UNMATCHED, match, sample
from fractura.models.nms import iou

# One ground truth of 10 x 10, and candidates that overlap it by a known share.
GROUND_TRUTH = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
WITH_IOU = {share: [0.0, 0.0, 10.0, 10.0 * share] for share in (0.0, 0.25, 0.5, 0.75, 1.0)}


def candidates(*shares):
    return torch.tensor([WITH_IOU[share] for share in shares])


@pytest.mark.parametrize(
    ("matched", "unmatched", "expected"),
    [
        (0.5, 0.5, [UNMATCHED, UNMATCHED, 0, 0, 0]),  # at the threshold a candidate is positive
        (0.75, 0.25, [UNMATCHED, IGNORED, IGNORED, 0, 0]),  # at the lower one it is ignored
        (0.75, 0.26, [UNMATCHED, UNMATCHED, IGNORED, 0, 0]),
        (1.0, 0.0, [IGNORED, IGNORED, IGNORED, IGNORED, 0]),
    ],
)
def test_thresholds(matched, unmatched, expected):
    found = match(
        GROUND_TRUTH, candidates(0.0, 0.25, 0.5, 0.75, 1.0), matched=matched, unmatched=unmatched, force=False
    )
    assert found.dtype == torch.int64
    assert found.tolist() == expected


def test_each_candidate_takes_the_box_it_overlaps_most():
    ground_truth = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [100, 100, 110, 110]])
    found = match(
        ground_truth,
        torch.tensor([[4.0, 0, 14, 10], [1, 0, 11, 10], [2.5, 0, 12.5, 10], [101, 101, 110, 110], [50, 50, 60, 60]]),
        matched=0.5,
        unmatched=0.5,
        force=False,
    )
    assert found.tolist() == [1, 0, 0, 2, UNMATCHED], "a tie goes to the first box"


def test_force_gives_every_box_its_best_candidate():
    ground_truth = torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60]])
    regions = torch.tensor([[0.0, 0, 10, 4], [0, 0, 10, 3], [52, 58, 62, 68], [52, 58, 62, 68]])
    assert match(ground_truth, regions, matched=0.7, unmatched=0.3, force=True).tolist() == [0, IGNORED, 1, UNMATCHED]
    assert match(ground_truth, regions, matched=0.7, unmatched=0.3, force=False).tolist() == [IGNORED, IGNORED, -1, -1]


def test_force_with_ties():
    """Two boxes claim one candidate: the first wins. A box that meets nothing takes candidate 0, as argmax does."""
    twins = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 9]])
    assert match(twins, candidates(0.25, 0.5, 0.0), matched=0.9, unmatched=0.1, force=True).tolist() == [
        IGNORED, 0, UNMATCHED,
    ]  # fmt: skip
    lonely = torch.tensor([[0.0, 0, 10, 10], [500, 500, 510, 510]])
    assert match(lonely, candidates(0.0, 1.0), matched=0.7, unmatched=0.3, force=True).tolist() == [1, 0]


def test_force_replaces_a_better_owner():
    """A candidate above the threshold for one box goes to the box that has nothing better."""
    ground_truth = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 40]])
    regions = torch.tensor([[0.0, 0, 10, 11], [0, 0, 10, 10]])
    assert match(ground_truth, regions, matched=0.7, unmatched=0.3, force=False).tolist() == [0, 0]
    assert match(ground_truth, regions, matched=0.7, unmatched=0.3, force=True).tolist() == [1, 0]


@pytest.mark.parametrize("force", [True, False])
def test_no_boxes_and_no_candidates(force):
    nothing = torch.zeros(0, 4)
    found = match(nothing, candidates(0.0, 1.0), matched=0.5, unmatched=0.3, force=force)
    assert found.tolist() == [UNMATCHED, UNMATCHED]
    assert found.dtype == torch.int64
    assert len(match(nothing, nothing, matched=0.5, unmatched=0.3, force=force)) == 0


def test_iou_is_that_of_the_evaluation():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(9, 4, generator=generator) * 50, torch.rand(7, 4, generator=generator) * 50
    first[:, 2:] += first[:, :2]
    second[:, 2:] += second[:, :2]
    assert torch.allclose(iou(first, second), torch.from_numpy(pairwise_iou(first.numpy(), second.numpy())), atol=1e-6)
    flat = torch.tensor([[5.0, 5, 5, 5]])
    assert iou(flat, flat).tolist() == [[0.0]], "not NaN"


@settings(deadline=None)
@given(
    st.lists(st.sampled_from("+-?"), max_size=30),
    st.integers(0, 20),
    st.floats(0, 1),
    st.randoms(use_true_random=False),
)
def test_sampling_counts(kinds, size, fraction, random):
    positive = torch.tensor([kind == "+" for kind in kinds], dtype=torch.bool)
    negative = torch.tensor([kind == "-" for kind in kinds], dtype=torch.bool)
    priority = torch.tensor([random.random() for _ in kinds])
    chosen = sample(positive, negative, size=size, positive_fraction=fraction, priority=priority)
    positives = min(int(positive.sum()), int(size * fraction))
    assert int((chosen & positive).sum()) == positives
    assert int((chosen & negative).sum()) == min(int(negative.sum()), size - positives)
    assert not (chosen & ~positive & ~negative).any()
    for kind in (positive, negative):
        taken, left = priority[chosen & kind], priority[~chosen & kind]
        assert not len(taken) or not len(left) or taken.min() >= left.max(), "the highest first"


def test_a_priority_of_zero_is_still_a_candidate():
    everything = torch.ones(3, dtype=torch.bool)
    chosen = sample(~everything, everything, size=2, positive_fraction=0.5, priority=torch.zeros(3))
    assert chosen.tolist() == [True, True, False]
