"""Losses over classes, windows of planes, resampling and special functions on the GPU."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import taeda
from taeda.nn import functional as F

RANDOM = np.random.default_rng(7)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(("samples", "classes"), [(1, 2), (37, 10), (5, 1500), (300, 64)])
def test_cross_entropy(samples: int, classes: int, reduction: str, smoothing: float):
    logits, weight = 3 * RANDOM.standard_normal((samples, classes)), RANDOM.random(classes)
    target = RANDOM.integers(0, classes, samples)
    target[samples // 2] = 0 if samples == 1 else -100
    leaf = taeda.tensor(logits).cuda().requires_grad_()
    loss = F.cross_entropy(
        leaf,
        taeda.tensor(target).cuda(),
        taeda.tensor(weight).cuda(),
        reduction=reduction,
        label_smoothing=smoothing,
    )
    logs = logits - scipy.special.logsumexp(logits, 1, keepdims=True)
    kept = target >= 0
    hit = np.eye(classes)[np.where(kept, target, 0)] * weight * (1 - smoothing) + weight * smoothing / classes
    hit *= kept[:, None]
    each = -(hit * logs).sum(1)
    total = weight[target[kept]].sum() if reduction == "mean" else 1
    wanted = each if reduction == "none" else each.sum() / total
    np.testing.assert_allclose(loss.detach().cpu().numpy(), wanted, rtol=1e-10)
    loss.sum().backward()
    gradient = (np.exp(logs) * hit.sum(1, keepdims=True) - hit) / total
    np.testing.assert_allclose(leaf.grad.cpu().numpy(), gradient, rtol=1e-8, atol=1e-10)


def test_negative_log_likelihood_of_images():
    logs, target = RANDOM.standard_normal((3, 5, 4, 6)), RANDOM.integers(0, 5, (3, 4, 6))
    leaf = taeda.tensor(logs).cuda().requires_grad_()
    loss = F.nll_loss(leaf, taeda.tensor(target).cuda())
    chosen = np.take_along_axis(logs, target[:, None], 1)
    np.testing.assert_allclose(loss.item(), -chosen.mean(), rtol=1e-12)
    loss.backward()
    hits = np.eye(5)[target].transpose(0, 3, 1, 2)
    np.testing.assert_allclose(leaf.grad.cpu().numpy(), -hits / target.size, rtol=1e-12)


def test_wrong_classes():
    logits = taeda.zeros(2, 3, device="cuda")
    with pytest.raises(IndexError, match="cross_entropy: target class 3 is out of range for 3 classes"):
        F.cross_entropy(logits, taeda.tensor([0, 3]).cuda())
    with pytest.raises(IndexError, match="nll_loss: target class -1 is out of range"):
        F.nll_loss(logits, taeda.tensor([-1, 0]).cuda())


def test_windows_and_back():
    x = RANDOM.standard_normal((2, 3, 9, 7))
    options = {"kernel_size": (3, 2), "dilation": (1, 2), "padding": (1, 0), "stride": (2, 1)}
    columns = F.unfold(taeda.tensor(x), **options)
    np.testing.assert_array_equal(F.unfold(taeda.tensor(x).cuda(), **options).cpu().numpy(), columns.numpy())
    np.testing.assert_allclose(
        F.fold(columns.cuda(), (9, 7), **options).cpu().numpy(),
        F.fold(columns, (9, 7), **options).numpy(),
        rtol=1e-12,
    )


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic", "area"])
def test_interpolation(mode: str):
    x = RANDOM.standard_normal((2, 3, 8, 5))

    def run(device: str) -> list[np.ndarray]:
        leaf = taeda.tensor(x).to(device).requires_grad_()
        result = F.interpolate(leaf, size=(5, 11), mode=mode)
        result.square().sum().backward()
        return [result.detach().cpu().numpy(), leaf.grad.cpu().numpy()]

    for one, other in zip(run("cuda"), run("cpu"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


def test_special_functions():
    x = np.concatenate([-np.geomspace(40, 1e-3, 150), np.geomspace(1e-3, 90, 150)])
    positive = x[x > 0]
    found = {
        name: getattr(taeda.special, name)(taeda.tensor(positive).cuda()).cpu().numpy()
        for name in (
            "modified_bessel_k0",
            "modified_bessel_k1",
            "scaled_modified_bessel_k0",
            "bessel_j0",
            "bessel_y1",
        )
    }
    for name, reference in (
        ("modified_bessel_k0", scipy.special.k0),
        ("modified_bessel_k1", scipy.special.k1),
        ("scaled_modified_bessel_k0", scipy.special.k0e),
    ):
        np.testing.assert_allclose(found[name], reference(positive), rtol=1e-13)
    for name, reference in (("bessel_j0", scipy.special.j0), ("bessel_y1", scipy.special.y1)):
        np.testing.assert_allclose(found[name], reference(positive), rtol=1e-9, atol=1e-13)
    airy = taeda.special.airy_ai(taeda.tensor(x).cuda()).cpu().numpy()
    np.testing.assert_allclose(airy, scipy.special.airy(x)[0], rtol=1e-11, atol=1e-14)
    gamma = taeda.special.gammainc(taeda.tensor(positive).cuda(), taeda.tensor(positive[::-1].copy()).cuda())
    np.testing.assert_allclose(
        gamma.cpu().numpy(), scipy.special.gammainc(positive, positive[::-1]), rtol=1e-10, atol=1e-300
    )
