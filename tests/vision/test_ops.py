"""Boxes against plain Python."""

import numpy as np
import pytest

import taeda
from taeda_vision import ops


@pytest.fixture
def boxes(rng):
    corners = rng.random((12, 2)) * 10
    return np.concatenate([corners, corners + rng.random((12, 2)) * 8], axis=1).astype(np.float32)


def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def test_iou(boxes):
    result = ops.box_iou(taeda.from_numpy(boxes[:5]), taeda.from_numpy(boxes)).numpy()
    expected = [[iou(a, b) for b in boxes] for a in boxes[:5]]
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-6)


def test_generalized_iou_by_hand():
    a = taeda.tensor([[0.0, 0.0, 2.0, 2.0]])
    b = taeda.tensor([[3.0, 0.0, 4.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    np.testing.assert_allclose(ops.generalized_box_iou(a, b).numpy(), [[-0.25, 1.0]], atol=1e-6)


def test_area_of_small_integers_does_not_overflow():
    assert ops.box_area(taeda.tensor([[0, 0, 100, 100]], dtype=taeda.uint8)).tolist() == [10000]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9])
def test_nms_is_the_greedy_rule(boxes, rng, threshold):
    scores = rng.permutation(12).astype(np.float32)
    kept = []
    for index in np.argsort(-scores):
        if all(iou(boxes[index], boxes[other]) <= threshold for other in kept):
            kept.append(int(index))
    assert ops.nms(taeda.from_numpy(boxes), taeda.from_numpy(scores), threshold).tolist() == kept


def test_nms_of_nothing():
    assert ops.nms(taeda.zeros(0, 4), taeda.zeros(0), 0.5).tolist() == []
    assert ops.batched_nms(taeda.zeros(0, 4), taeda.zeros(0), taeda.zeros(0), 0.5).tolist() == []


def test_batched_nms_keeps_groups_apart():
    same = taeda.tensor([[0.0, 0.0, 4.0, 4.0]] * 3)
    kept = ops.batched_nms(same, taeda.tensor([0.1, 0.9, 0.5]), taeda.tensor([0, 1, 0]), 0.5)
    assert kept.tolist() == [1, 2]


def test_conversions():
    box = taeda.tensor([[1.0, 2.0, 4.0, 8.0]])
    assert ops.box_convert(box, "xyxy", "xywh").tolist() == [[1.0, 2.0, 3.0, 6.0]]
    assert ops.box_convert(box, "xyxy", "cxcywh").tolist() == [[2.5, 5.0, 3.0, 6.0]]
    for first in ("xyxy", "xywh", "cxcywh"):
        for second in ("xyxy", "xywh", "cxcywh"):
            there = ops.box_convert(box, first, second)
            assert ops.box_convert(there, second, first).tolist() == box.tolist()


def test_clip_and_small():
    box = taeda.tensor([[-1.0, 2.0, 14.0, 8.0], [3.0, 3.0, 3.5, 9.0]])
    assert ops.clip_boxes_to_image(box, (6, 10)).tolist() == [[0.0, 2.0, 10.0, 6.0], [3.0, 3.0, 3.5, 6.0]]
    assert ops.remove_small_boxes(box, 1.0).tolist() == [0]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ops.box_area(taeda.zeros(4)), r"boxes \(N, 4\) as x1, y1, x2, y2, got shape \(4,\)"),
        (lambda: ops.nms(taeda.zeros(2, 4), taeda.zeros(3), 0.5), r"got scores \(3,\) and boxes \(2, 4\)"),
        (lambda: ops.box_convert(taeda.zeros(2, 4), "xyxy", "yxyx"), "got 'xyxy' to 'yxyx'"),
    ],
)
def test_errors_say_what_was_passed(make, text):
    with pytest.raises(ValueError, match=text):
        make()
