"""Reductions of many shapes and layouts, against NumPy in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import taeda

RANDOM = np.random.default_rng(3)
# Shape and reduced dimensions: whole rows, columns, lengths that leave a rest, few outputs of many elements.
SHAPES = [
    ((1,), (0,)),
    ((7,), (0,)),
    ((70001,), (0,)),
    ((1, 4096), (1,)),
    ((3, 20000), (1,)),
    ((20000, 3), (0,)),
    ((65, 129), (0,)),
    ((65, 129), (1,)),
    ((65, 128), (0, 1)),
    ((300, 8), (1,)),
    ((300, 5), (1,)),
    ((300, 33), (1,)),
    ((2, 3, 16, 17), (0, 2)),
    ((2, 3, 16, 16), (0, 2, 3)),
    ((2, 3, 16, 17), (1, 3)),
    ((4, 1, 6, 1), (1, 3)),
    ((2, 130, 40), (1,)),
]
LAYOUTS: dict[str, Callable[[taeda.Tensor], taeda.Tensor]] = {
    "contiguous": lambda x: x,
    "reversed": lambda x: (
        x.permute(tuple(range(x.ndim - 1, -1, -1))).contiguous().permute(tuple(range(x.ndim - 1, -1, -1)))
    ),
    "offset": lambda x: taeda.cat([taeda.zeros(1, dtype=x.dtype, device="cuda"), x.reshape(-1)])[1:].reshape(
        x.shape
    ),
    "gaps": lambda x: taeda.stack([x, x], -1)[..., 0],
}


def with_nans(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.reshape(-1)[:: max(1, x.size // 3)] = np.nan
    return x


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("shape", "dims"), SHAPES, ids=str)
def test_sums_and_extrema(shape: tuple[int, ...], dims: tuple[int, ...], layout: str):
    x = RANDOM.standard_normal(shape).astype(np.float32)
    on_gpu = LAYOUTS[layout](taeda.tensor(x).cuda())
    wide = x.astype(np.float64)
    np.testing.assert_allclose(on_gpu.sum(dims).cpu().numpy(), wide.sum(dims), rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(on_gpu.mean(dims).cpu().numpy(), wide.mean(dims), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(on_gpu.amax(dims).cpu().numpy(), x.max(dims))
    np.testing.assert_array_equal(on_gpu.amin(dims, keepdim=True).cpu().numpy(), x.min(dims, keepdims=True))
    np.testing.assert_allclose(
        on_gpu.var(dims, correction=0).cpu().numpy(), wide.var(dims), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        on_gpu.logsumexp(dims).cpu().numpy(), np.log(np.exp(wide).sum(dims)), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        taeda.linalg.vector_norm(on_gpu, 3, dims).cpu().numpy(),
        (np.abs(wide) ** 3).sum(dims) ** (1 / 3),
        rtol=1e-4,
    )
    np.testing.assert_array_equal((on_gpu > 0.5).sum(dims).cpu().numpy(), (x > 0.5).sum(dims))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("shape", "dims"), [s for s in SHAPES if len(s[1]) == 1], ids=str)
def test_positions_of_extrema(shape: tuple[int, ...], dims: tuple[int, ...], layout: str):
    x = RANDOM.integers(-9, 9, shape).astype(np.float32)  # many ties: the first counts
    on_gpu = LAYOUTS[layout](taeda.tensor(x).cuda())
    np.testing.assert_array_equal(on_gpu.argmax(dims[0]).cpu().numpy(), x.argmax(dims[0]))
    values, indices = on_gpu.min(dims[0])
    np.testing.assert_array_equal(indices.cpu().numpy(), x.argmin(dims[0]))
    np.testing.assert_array_equal(values.cpu().numpy(), x.min(dims[0]))
    nans = with_nans(x)
    np.testing.assert_array_equal(
        LAYOUTS[layout](taeda.tensor(nans).cuda()).argmax(dims[0]).cpu().numpy(), nans.argmax(dims[0])
    )


def test_position_in_all():
    x = RANDOM.integers(-9, 9, (65, 131)).astype(np.int32)
    assert taeda.tensor(x).cuda().argmax().item() == x.argmax()
    assert taeda.tensor(x).cuda().t().argmin().item() == x.T.argmin()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "bool"])
def test_integers(dtype: str):
    x = RANDOM.integers(0, 100, (70, 33)).astype(dtype)
    on_gpu = taeda.tensor(x).cuda()
    for dim in (0, 1):
        np.testing.assert_array_equal(on_gpu.sum(dim).cpu().numpy(), x.sum(dim, dtype=np.int64))
        np.testing.assert_array_equal(on_gpu.amax(dim).cpu().numpy(), x.max(dim))
        np.testing.assert_array_equal(on_gpu.any(dim).cpu().numpy(), x.any(dim))
        np.testing.assert_array_equal(on_gpu.all(dim).cpu().numpy(), x.all(dim))
        np.testing.assert_array_equal(
            taeda.count_nonzero(on_gpu, dim).cpu().numpy(), np.count_nonzero(x, dim)
        )
    small = on_gpu[:7, :3]
    np.testing.assert_array_equal(small.prod(0).cpu().numpy(), x[:7, :3].prod(0, dtype=np.int64))


@pytest.mark.parametrize("dtype", [taeda.float16, taeda.bfloat16], ids=str)
def test_narrow_floats_are_summed_in_float32(dtype: taeda.dtype):
    x = taeda.full((3, 6000), 0.125, dtype=dtype, device="cuda")
    assert x.sum(1).tolist() == [752.0 if dtype == taeda.bfloat16 else 750.0] * 3  # rounded once
    assert x.t().sum(0, dtype=taeda.float32).tolist() == [750.0] * 3
    assert x.mean().item() == 0.125


def test_complex_numbers():
    x = (RANDOM.standard_normal((40, 9)) + 1j * RANDOM.standard_normal((40, 9))).astype(np.complex64)
    on_gpu = taeda.tensor(x).cuda()
    np.testing.assert_allclose(on_gpu.sum(0).cpu().numpy(), x.sum(0), rtol=1e-5)
    np.testing.assert_allclose(on_gpu.mean(1).cpu().numpy(), x.mean(1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(on_gpu[:6].prod(0).cpu().numpy(), x[:6].prod(0), rtol=1e-4, atol=1e-5)
    assert taeda.count_nonzero(on_gpu * 0).item() == 0


def test_nan_and_infinity():
    x = np.array([[1, np.nan, 3], [np.inf, -np.inf, 2], [-np.inf] * 3], np.float32)
    on_gpu = taeda.tensor(x).cuda()
    np.testing.assert_array_equal(on_gpu.amax(1).cpu().numpy(), [np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(on_gpu.nansum(1).cpu().numpy()[:1], [4])
    np.testing.assert_array_equal(on_gpu.logsumexp(1).cpu().numpy(), [np.nan, np.inf, -np.inf])


def test_no_elements():
    empty = taeda.zeros(0, 3, device="cuda")
    assert empty.sum(0).tolist() == [0, 0, 0]
    assert empty.prod(0).tolist() == [1, 1, 1]
    assert empty.sum(1).shape == (0,)
    assert empty.sum().item() == 0
    assert np.isnan(empty.mean().item())
    assert empty.all().item()
    assert not empty.any().item()


def test_the_same_bits_again():
    x = taeda.tensor(RANDOM.standard_normal(100_000).astype(np.float32)).cuda()
    assert x.sum().item() == x.clone().sum().item()
    assert x.var().item() == x.clone().var().item()
