"""Losses against NumPy and hand-worked values."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import taeda
from taeda import nn
from taeda.nn import functional as F

rng = np.random.default_rng(0)
A = rng.normal(size=(4, 3)).astype(np.float32)
B = rng.normal(size=(4, 3)).astype(np.float32)
P = rng.uniform(0.1, 0.9, size=(4, 3)).astype(np.float32)
SIGN = np.where(rng.normal(size=(4, 3)) > 0, 1, -1).astype(np.float32)
CLASSES = np.array([0, 2, 1, 2])
LOG_SOFTMAX = A - np.log(np.exp(A).sum(1, keepdims=True))
PICKED = LOG_SOFTMAX[np.arange(4), CLASSES]


def t(x: Any) -> Any:
    return taeda.tensor(x)


def softplus(x: Any) -> Any:
    return np.log1p(np.exp(x))


@pytest.mark.parametrize(
    ("loss", "inputs", "expected"),
    [
        (nn.L1Loss, (A, B), np.abs(A - B)),
        (nn.MSELoss, (A, B), (A - B) ** 2),
        (nn.HuberLoss, (A, B), np.where(np.abs(A - B) < 1, 0.5 * (A - B) ** 2, np.abs(A - B) - 0.5)),
        (nn.SmoothL1Loss, (A, B), np.where(np.abs(A - B) < 1, 0.5 * (A - B) ** 2, np.abs(A - B) - 0.5)),
        (nn.BCELoss, (P, P[::-1].copy()), -(P[::-1] * np.log(P) + (1 - P[::-1]) * np.log(1 - P))),
        (nn.BCEWithLogitsLoss, (A, P), softplus(A) - A * P),
        (nn.PoissonNLLLoss, (A, P), np.exp(A) - P * A),
        (nn.SoftMarginLoss, (A, SIGN), softplus(-SIGN * A)),
        (nn.HingeEmbeddingLoss, (A, SIGN), np.where(SIGN == 1, A, np.maximum(0, 1 - A))),
        (nn.MarginRankingLoss, (A, B, SIGN), np.maximum(0, -SIGN * (A - B))),
        (nn.GaussianNLLLoss, (A, B, P), 0.5 * (np.log(P) + (A - B) ** 2 / P)),
        (nn.NLLLoss, (LOG_SOFTMAX, CLASSES), -PICKED),
        (nn.CrossEntropyLoss, (A, CLASSES), -PICKED),
        (nn.CrossEntropyLoss, (A, P), -(P * LOG_SOFTMAX).sum(1)),
        (nn.MultiLabelSoftMarginLoss, (A, P), (softplus(A) - A * P).mean(1)),
    ],
)
def test_loss_and_its_reductions(loss: Any, inputs: Any, expected: Any) -> None:
    tensors = [t(x) for x in inputs]
    np.testing.assert_allclose(loss(reduction="none")(*tensors).numpy(), expected, rtol=1e-5, atol=1e-5)
    assert float(loss(reduction="sum")(*tensors)) == pytest.approx(expected.sum(), rel=1e-4)
    assert float(loss()(*tensors)) == pytest.approx(expected.mean(), rel=1e-4)


def test_weights_and_ignored_classes() -> None:
    weight = np.array([0.5, 2.0, 1.0], dtype=np.float32)
    kept = CLASSES != 1
    expected = -(PICKED * weight[CLASSES])[kept].sum() / weight[CLASSES][kept].sum()
    assert float(nn.CrossEntropyLoss(t(weight), ignore_index=1)(t(A), t(CLASSES))) == pytest.approx(
        expected, rel=1e-5
    )
    assert float(F.mse_loss(t(A), t(B), weight=t(P))) == pytest.approx(
        ((A - B) ** 2 * P).sum() / P.sum(), rel=1e-5
    )


def test_label_smoothing() -> None:
    expected = (-0.9 * PICKED - 0.1 * LOG_SOFTMAX.mean(1)).mean()
    assert float(nn.CrossEntropyLoss(label_smoothing=0.1)(t(A), t(CLASSES))) == pytest.approx(
        expected, rel=1e-5
    )


def test_spatial_classes() -> None:
    scores = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    classes = rng.integers(0, 3, size=(2, 4, 5))
    logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    expected = -np.take_along_axis(logs, classes[:, None], 1)[:, 0]
    got = F.cross_entropy(t(scores), t(classes), reduction="none").numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    got = F.nll_loss(t(logs), t(classes), reduction="none").numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_kl_divergence_of_distributions() -> None:
    q = np.exp(LOG_SOFTMAX)
    p = P / P.sum(1, keepdims=True)
    expected = (p * (np.log(p) - np.log(q))).sum() / 4
    assert float(F.kl_div(t(LOG_SOFTMAX), t(p), reduction="batchmean")) == pytest.approx(expected, rel=1e-4)
    assert float(
        F.kl_div(t(LOG_SOFTMAX), t(np.log(p)), reduction="batchmean", log_target=True)
    ) == pytest.approx(expected, rel=1e-4)


def test_margins_over_classes() -> None:
    gaps = np.maximum(0, 1 - A[np.arange(4), CLASSES][:, None] + A)
    gaps[np.arange(4), CLASSES] = 0
    assert float(nn.MultiMarginLoss()(t(A), t(CLASSES))) == pytest.approx((gaps.sum(1) / 3).mean(), rel=1e-5)
    assert float(nn.MultiMarginLoss(p=2)(t(A), t(CLASSES))) == pytest.approx(
        ((gaps**2).sum(1) / 3).mean(), rel=1e-5
    )
    # Labels 1 and 0; class 2 is compared with both: (1 - 0.2 + 0.4) + (1 - 0.1 + 0.4), over 3 classes.
    scores, labels = t([[0.1, 0.2, 0.4]]), t([[1, 0, -1]])
    assert float(nn.MultiLabelMarginLoss()(scores, labels)) == pytest.approx((1.2 + 1.3) / 3)


def test_cosine_and_triplets() -> None:
    cosine = (A * B).sum(1) / np.linalg.norm(A, axis=1) / np.linalg.norm(B, axis=1)
    sign = np.array([1, -1, 1, -1])
    expected = np.where(sign == 1, 1 - cosine, np.maximum(0, cosine - 0.2))
    got = nn.CosineEmbeddingLoss(margin=0.2, reduction="none")(t(A), t(B), t(sign))
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-4, atol=1e-5)

    def distance(x: Any, y: Any) -> Any:
        return np.linalg.norm(x - y + 1e-6, axis=1)

    far = np.minimum(distance(A, P), distance(B, P))
    expected = np.maximum(0, 1 + distance(A, B) - far).mean()
    assert float(nn.TripletMarginLoss(swap=True)(t(A), t(B), t(P))) == pytest.approx(expected, rel=1e-4)
    manhattan = nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).abs().sum(1))
    expected = np.maximum(0, 1 + np.abs(A - B).sum(1) - np.abs(A - P).sum(1)).mean()
    assert float(manhattan(t(A), t(B), t(P))) == pytest.approx(expected, rel=1e-4)


def ctc_by_enumeration(probs: Any, target: list[int]) -> float:
    """Minus the logarithm of the probability of all paths that collapse to the target."""
    total = 0.0
    for path in itertools.product(range(probs.shape[1]), repeat=probs.shape[0]):
        collapsed = [c for i, c in enumerate(path) if c != 0 and (i == 0 or path[i - 1] != c)]
        if collapsed == target:
            total += math.prod(probs[step, c] for step, c in enumerate(path))
    return -math.log(total) if total else math.inf


def test_ctc_sums_over_all_alignments() -> None:
    logits = rng.normal(size=(4, 3, 3)).astype(np.float32)
    logs = logits - np.log(np.exp(logits).sum(2, keepdims=True))
    targets, lengths = [[1, 2], [1, 1], [2, 0]], [2, 2, 1]
    frames = [4, 4, 3]
    expected = [
        ctc_by_enumeration(np.exp(logs[: frames[n], n].astype(float)), targets[n][: lengths[n]])
        for n in range(3)
    ]
    got = F.ctc_loss(t(logs), t(targets), t(frames), t(lengths), reduction="none")
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-4)
    mean = np.mean([e / n for e, n in zip(expected, lengths, strict=True)])
    assert float(nn.CTCLoss()(t(logs), t(targets), t(frames), t(lengths))) == pytest.approx(mean, rel=1e-4)


def test_ctc_gradient_and_impossible_targets() -> None:
    logits = taeda.tensor(rng.normal(size=(4, 1, 3)), requires_grad=True)

    def loss(x: Any) -> Any:
        return F.ctc_loss(x.log_softmax(2), t([[1, 2]]), t([4]), t([2]), reduction="sum")

    loss(logits).backward()
    step = 1e-5
    for index in [(0, 0, 0), (2, 0, 1), (3, 0, 2)]:
        up, down = logits.detach().clone(), logits.detach().clone()
        up[index] += step
        down[index] -= step
        assert float(logits.grad[index]) == pytest.approx(float(loss(up) - loss(down)) / (2 * step), abs=1e-6)
    logs = taeda.zeros(1, 1, 3).log_softmax(2)
    assert float(F.ctc_loss(logs, t([[1, 1]]), t([1]), t([2]), reduction="sum")) == math.inf
    assert float(F.ctc_loss(logs, t([[1, 1]]), t([1]), t([2]), reduction="sum", zero_infinity=True)) == 0


def test_linear_cross_entropy_is_both() -> None:
    layer = nn.LinearCrossEntropyLoss(3, 4, bias=True)
    assert list(layer.state_dict()) == ["linear.weight", "linear.bias"]
    x, classes = t(A), t(CLASSES)
    expected = F.cross_entropy(layer.linear(x), classes).item()
    assert layer(x, classes).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: F.mse_loss(t(A), t(A), reduction="avg"),
            ValueError,
            "avg is not a valid value for reduction",
        ),
        (
            lambda: F.binary_cross_entropy(t(P), t(P[:, :2])),
            ValueError,
            "that is different to the input size",
        ),
        (
            lambda: F.binary_cross_entropy_with_logits(t(P), t(P[0])),
            ValueError,
            "must be the same as input size",
        ),
        (
            lambda: F.nll_loss(t(A), t([0])),
            ValueError,
            "nll_loss: Expected input batch_size (4) to match target batch_size (1), got shapes",
        ),
        (lambda: F.gaussian_nll_loss(t(A), t(B), t(-P)), ValueError, "var has negative entry/entries"),
        (lambda: nn.MultiMarginLoss(p=3), ValueError, "only p == 1 and p == 2 supported"),
        (
            lambda: nn.TripletMarginLoss(margin=0),
            ValueError,
            "expected margin to be greater than 0, got 0 instead",
        ),
        (
            lambda: F.margin_ranking_loss(t(A), t(B), t([1])),
            RuntimeError,
            "should have same dimension but got sizes",
        ),
    ],
)
def test_errors(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)


def test_different_sizes_warn() -> None:
    with pytest.warns(UserWarning, match="This will likely lead to incorrect results due to broadcasting"):
        F.mse_loss(t(A), t(A[:1]))
