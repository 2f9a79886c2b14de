"""Interpolation against weights written down in NumPy; gradients against the transposed map."""

import numpy as np
import pytest

import taeda
from taeda.nn import functional as F


def keys_cubic(x, a):
    x = np.abs(x)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def matrix(size, out, mode, align_corners=False, antialias=False):
    """Rows of weights: output element by input element."""
    step = size / out
    if align_corners:
        step = (size - 1) / (out - 1) if out > 1 else 0.0
    result = np.zeros((out, size))
    for i in range(out):
        if mode.startswith("nearest"):
            result[i, min(int((i + (0.5 if mode == "nearest-exact" else 0)) * size / out), size - 1)] = 1
        elif antialias:
            stretch = max(step, 1.0)
            distance = (np.arange(size) + 0.5 - step * (i + 0.5)) / stretch
            weights = np.maximum(0, 1 - np.abs(distance)) if mode == "linear" else keys_cubic(distance, -0.5)
            result[i] = weights / weights.sum()
        else:
            source = step * i if align_corners else step * (i + 0.5) - 0.5
            source = max(source, 0.0) if mode == "linear" else source
            below = int(np.floor(source))
            for k in (0, 1) if mode == "linear" else (-1, 0, 1, 2):
                distance = source - below - k
                weight = max(0.0, 1 - abs(distance)) if mode == "linear" else keys_cubic(distance, -0.75)
                result[i, min(max(below + k, 0), size - 1)] += weight
    return result


SIZES = [(5, 9), (9, 5), (4, 8), (8, 4), (1, 3), (3, 1), (6, 6)]
CASES = [
    ("nearest", False, False),
    ("nearest-exact", False, False),
    *((mode, corners, False) for mode in ("bilinear", "bicubic") for corners in (False, True)),
    *((mode, False, True) for mode in ("bilinear", "bicubic")),
]
ONE_DIM = {"bilinear": "linear", "bicubic": "cubic"}


@pytest.mark.parametrize(("size", "out"), SIZES)
@pytest.mark.parametrize(("mode", "corners", "antialias"), CASES)
def test_images(mode, corners, antialias, size, out):
    x = np.random.default_rng(0).standard_normal((2, 3, size, 7))
    options = {} if mode.startswith("nearest") else {"align_corners": corners, "antialias": antialias}
    result = F.interpolate(taeda.from_numpy(x), (out, 4), mode=mode, **options).numpy()
    rows = matrix(size, out, ONE_DIM.get(mode, mode), corners, antialias)
    columns = matrix(7, 4, ONE_DIM.get(mode, mode), corners, antialias)
    np.testing.assert_allclose(result, np.einsum("ih,nchw,jw->ncij", rows, x, columns), atol=1e-10)


@pytest.mark.parametrize("dims", [1, 3])
def test_signals_and_volumes(dims):
    x = np.random.default_rng(1).standard_normal((2, 3, *(4, 5, 6)[:dims]))
    out = (7, 3, 6)[:dims]
    result = F.interpolate(taeda.from_numpy(x), out, mode="linear" if dims == 1 else "trilinear").numpy()
    expected = x
    for d in range(dims):
        weights = matrix(x.shape[d + 2], out[d], "linear")
        expected = np.moveaxis(np.tensordot(weights, expected, (1, d + 2)), 0, d + 2)
    np.testing.assert_allclose(result, expected, atol=1e-10)


@pytest.mark.parametrize(("mode", "corners", "antialias"), CASES)
def test_gradient_is_the_transposed_map(mode, corners, antialias):
    rng = np.random.default_rng(2)
    x = taeda.from_numpy(rng.standard_normal((1, 2, 9, 5)))
    x.requires_grad_(True)
    options = {} if mode.startswith("nearest") else {"align_corners": corners, "antialias": antialias}
    grad = rng.standard_normal((1, 2, 4, 11))
    F.interpolate(x, (4, 11), mode=mode, **options).backward(taeda.from_numpy(grad))
    rows = matrix(9, 4, ONE_DIM.get(mode, mode), corners, antialias)
    columns = matrix(5, 11, ONE_DIM.get(mode, mode), corners, antialias)
    np.testing.assert_allclose(x.grad.numpy(), np.einsum("ih,ncij,jw->nchw", rows, grad, columns), atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "uint8"])
def test_dtypes(dtype):
    x = np.random.default_rng(3).integers(0, 256, (1, 2, 6, 33)).astype(np.float64)
    result = F.interpolate(taeda.from_numpy(x).to(getattr(taeda, dtype)), (3, 66), mode="bilinear")
    assert result.dtype == getattr(taeda, dtype)
    expected = np.einsum("ih,nchw,jw->ncij", matrix(6, 3, "linear"), x, matrix(33, 66, "linear"))
    tolerance = {"float32": 1e-4, "float16": 0.3, "bfloat16": 2.1, "uint8": 1.0}[dtype]
    assert np.abs(result.to(taeda.float64).numpy() - expected).max() <= tolerance


def test_scale_factor_sets_the_step():
    x = np.arange(5.0).reshape(1, 1, 5)
    result = F.interpolate(taeda.from_numpy(x), scale_factor=1.5, mode="linear").numpy()[0, 0]
    source = np.clip((np.arange(7) + 0.5) / 1.5 - 0.5, 0, 4)
    np.testing.assert_allclose(result, source, atol=1e-12)


def test_strided_input():
    x = taeda.from_numpy(np.random.default_rng(4).standard_normal((1, 4, 6, 2))).permute(0, 3, 1, 2)
    result = F.interpolate(x, (8, 3), mode="bilinear")
    assert result.tolist() == F.interpolate(x.contiguous(), (8, 3), mode="bilinear").tolist()


def test_errors_say_what_was_passed():
    with pytest.raises(
        RuntimeError, match=r"should be greater than 0, but got input \[1, 1, 4\] and output \[0\]"
    ):
        F.interpolate(taeda.zeros(1, 1, 4), 0)
    with pytest.raises(RuntimeError, match=r"expected an input of 4 dims \(N, C, and 2 spatial\)"):
        taeda._C.ops.upsample_nearest2d(taeda.zeros(4, 4), [2, 2])
