"""Every operator that has samples: the same values, gradients and in-place results on the GPU as on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cuda_library import skipped_where_listed
from samples import Operator, Sample
from samples.calls import cast, each, mapped, spread, with_dtypes

import taeda
from taeda import _C


def call(operator: Operator, sample: Sample, dtype: str, device: str, make: Callable[..., Any] | None = None):
    """The operator on a sample whose tensors are on the device."""
    make = make or (lambda array: taeda.tensor(array).to(device))
    args = [mapped(arg, lambda array: make(cast(array, dtype))) for arg in sample.args]
    kwargs = {**sample.kwargs}
    if any(isinstance(arg, (np.ndarray, list)) for arg in sample.args):
        return getattr(_C.ops, operator.name)(*args, **kwargs)
    try:
        return getattr(_C.ops, operator.name)(*args, **kwargs, device=device)  # a factory
    except TypeError:
        return getattr(_C.ops, operator.name)(*args, **kwargs)


def check_same(actual: Any, wanted: Any, operator: Operator, dtype: str) -> None:
    """The same structure, shapes and dtypes; numbers up to the operator's tolerance; tensors on the GPU."""
    if isinstance(wanted, (tuple, list)):
        assert len(actual) == len(wanted)
        for one, other in zip(actual, wanted):
            check_same(one, other, operator, dtype)
        return
    if not isinstance(wanted, taeda.Tensor):
        assert actual == wanted
        return
    assert actual.device.type == "cuda"
    assert (actual.shape, actual.dtype) == (wanted.shape, wanted.dtype)
    rtol = operator.rtol.get(dtype, 1e-5)
    rtol = max(rtol, 1e-3) if actual.dtype == taeda.float16 else rtol
    one, other = actual.detach().cpu(), wanted.detach()
    if actual.dtype == taeda.bfloat16:
        one, other = one.float(), other.float()
    np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("operator", "dtype"), with_dtypes())
def test_values(operator: Operator, dtype: str):
    for sample in operator.samples:
        wanted = call(operator, sample, dtype, "cpu")
        with skipped_where_listed():
            actual = call(operator, sample, dtype, "cuda")
        check_same(actual, wanted, operator, dtype)


@each(lambda operator: operator.name not in ("view", "view_as", "view_as_complex"))
def test_strided(operator: Operator):
    dtype = operator.dtypes[0]
    for sample in operator.samples:
        wanted = call(operator, sample, dtype, "cpu")
        with skipped_where_listed():
            actual = call(operator, sample, dtype, "cuda", lambda array: spread(array, "cuda"))
        check_same(actual, wanted, operator, dtype)


def gradients(operator: Operator, sample: Sample, device: str) -> list[taeda.Tensor]:
    """Of a weighted sum of the results, for every differentiable argument that the samples name."""
    wanted = range(len(sample.args)) if operator.grad is True else operator.grad
    leaves: list[taeda.Tensor] = []

    def made(array: np.ndarray, position: int) -> taeda.Tensor:
        tensor = taeda.tensor(array).to(device)
        if array.dtype == np.float64 and position in wanted:
            leaves.append(tensor.requires_grad_())
        return tensor

    args = [mapped(arg, lambda array, i=i: made(array, i)) for i, arg in enumerate(sample.args)]
    result = getattr(_C.ops, operator.name)(*args, **sample.kwargs)
    total = taeda.zeros((), dtype=taeda.float64, device=device)
    for one in result if isinstance(result, (tuple, list)) else (result,):
        if isinstance(one, taeda.Tensor) and one.requires_grad:
            real = taeda.view_as_real(one) if one.is_complex() else one
            weights = np.cos(np.arange(real.numel())).reshape(tuple(real.shape))
            total = total + (real * taeda.tensor(weights).to(device)).sum()
    if total.requires_grad:
        total.backward()
    return [leaf.grad for leaf in leaves if leaf.grad is not None]


@each(lambda operator: bool(operator.grad))
def test_gradients(operator: Operator):
    for sample in operator.samples:
        wanted = gradients(operator, sample, "cpu")
        with skipped_where_listed():
            actual = gradients(operator, sample, "cuda")
        for one, other in zip(actual, wanted, strict=True):
            assert one.device.type == "cuda"
            np.testing.assert_allclose(one.cpu().numpy(), other.numpy(), rtol=1e-9, atol=1e-9)


@each(lambda operator: hasattr(_C.ops, operator.name + "_") and operator.name not in ("t", "detach"))
def test_in_place(operator: Operator):
    dtype = operator.dtypes[0]
    for sample in operator.samples:
        if not isinstance(sample.args[0], np.ndarray):
            continue
        wanted = call(operator, sample, dtype, "cpu")
        first = taeda.tensor(cast(sample.args[0], dtype)).cuda()
        if wanted.shape != first.shape or wanted.dtype != first.dtype:
            continue
        rest = [mapped(arg, lambda a: taeda.tensor(cast(a, dtype)).cuda()) for arg in sample.args[1:]]
        with skipped_where_listed():
            assert getattr(_C.ops, operator.name + "_")(first, *rest, **sample.kwargs) is first
        check_same(first, wanted, operator, dtype)


@each(lambda operator: operator.elementwise)
@pytest.mark.parametrize("dtype", [taeda.float16, taeda.bfloat16], ids=str)
def test_narrow_floats(operator: Operator, dtype: taeda.dtype):
    """16-bit floats are computed in float32 on either device, and rounded once."""
    if "f" not in operator.dtypes:
        pytest.skip("takes no floats")
    sample = operator.samples[0]
    args = [taeda.tensor(a).to(dtype) if isinstance(a, np.ndarray) else a for a in sample.args]
    if not all(isinstance(a, taeda.Tensor) for a in args):
        pytest.skip("takes more than tensors")
    wanted = getattr(_C.ops, operator.name)(*args, **sample.kwargs)
    with skipped_where_listed():
        actual = getattr(_C.ops, operator.name)(*(a.cuda() for a in args), **sample.kwargs)
    one, other = actual.cpu().double(), wanted.double()
    np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-2, atol=1e-3)
