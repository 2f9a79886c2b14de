"""Every operator that has samples: values against NumPy and SciPy, strides, empty tensors, gradients, in-place and
out= forms, the meta device, numbers of threads, and what wrong arguments raise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from samples import Operator, Sample, load
from samples.calls import cast, each, mapped, spread, with_dtypes

import taeda
from catalogue import load as load_catalogue
from taeda import _C
from taeda.autograd.gradcheck import gradcheck, gradgradcheck

OPERATORS = load()
RECORDS = load_catalogue()
FORMS = {record.name for record in RECORDS}


def call(
    operator: Operator, sample: Sample, dtype: str, make: Callable[[np.ndarray], Any] = taeda.tensor
) -> Any:
    """The operator on a sample in a dtype."""
    args = [mapped(cast(arg, dtype), make) for arg in sample.args]
    return getattr(_C.ops, operator.name)(*args, **sample.kwargs)


def wide(value: Any) -> Any:
    """float32 as float64, so that a reference is exact."""
    if isinstance(value, list):
        return [wide(v) for v in value]
    if isinstance(value, np.ndarray) and value.dtype in (np.float32, np.complex64):
        return value.astype(np.float64 if value.dtype == np.float32 else np.complex128)
    return value


def expected(operator: Operator, sample: Sample, dtype: str) -> Any:
    with np.errstate(all="ignore"):
        return operator.reference(*(wide(cast(arg, dtype)) for arg in sample.args), **sample.kwargs)


def result_dtype(value: np.ndarray, dtype: str) -> Any:
    """What a reference computed in float64 must have as dtype."""
    if value.dtype in (np.float64, np.complex128):
        narrow = dtype != "d"
        real = value.dtype == np.float64
        return getattr(
            taeda, ("float32" if narrow else "float64") if real else ("complex64" if narrow else "complex128")
        )
    return getattr(taeda, value.dtype.name)


def check(actual: Any, wanted: Any, operator: Operator, dtype: str) -> None:
    """The same structure, shapes, dtypes and, up to the operator's tolerance, numbers."""
    if isinstance(wanted, (tuple, list)):
        assert len(actual) == len(wanted)
        for one, other in zip(actual, wanted):
            check(one, other, operator, dtype)
        return
    if not isinstance(actual, taeda.Tensor):
        assert actual == wanted
        return
    wanted = np.asarray(wanted)
    assert tuple(actual.shape) == wanted.shape
    assert actual.dtype == (
        getattr(taeda, wanted.dtype.name) if operator.own_dtype else result_dtype(wanted, dtype)
    )
    rtol = operator.rtol.get(dtype, 1e-5)
    rtol = max(rtol, 1e-3) if actual.dtype == taeda.float16 else rtol
    np.testing.assert_allclose(actual.detach().numpy(), wanted, rtol=rtol, atol=rtol)


def tensors_of(value: Any) -> Iterator[taeda.Tensor]:
    for one in value if isinstance(value, (tuple, list)) else (value,):
        if isinstance(one, taeda.Tensor):
            yield one


def test_enough_operators():
    assert len({operator.name for operator in OPERATORS}) >= 220
    assert {operator.name for operator in OPERATORS} <= {record.name for record in RECORDS} | {
        name for record in RECORDS for name in (*record.aliases, record.name.removesuffix("_"))
    }


@pytest.mark.parametrize(("operator", "dtype"), with_dtypes())
def test_values(operator: Operator, dtype: str):
    for sample in operator.samples:
        check(call(operator, sample, dtype), expected(operator, sample, dtype), operator, dtype)


@each()
def test_public_names(operator: Operator):
    """The function taeda.NAME and the method Tensor.NAME are the same operator."""
    dtype = operator.dtypes[0]
    for record in RECORDS:
        if record.name not in (operator.name, operator.name + "_") or record.schema.overload:
            continue
        if operator.name == "where":  # the method is called on the values, not on the condition
            continue
        sample = operator.samples[0]
        args = [mapped(cast(arg, dtype), taeda.tensor) for arg in sample.args]
        if "function" in record.where:
            check(
                getattr(taeda, operator.name)(*args, **sample.kwargs),
                expected(operator, sample, dtype),
                operator,
                dtype,
            )
        if "method" in record.where and isinstance(args[0], taeda.Tensor):
            check(
                getattr(args[0], operator.name)(*args[1:], **sample.kwargs),
                expected(operator, sample, dtype),
                operator,
                dtype,
            )


@each(lambda operator: operator.name not in ("view", "view_as", "view_as_complex"))
def test_strided(operator: Operator):
    dtype = operator.dtypes[0]
    for sample in operator.samples:
        check(call(operator, sample, dtype, spread), expected(operator, sample, dtype), operator, dtype)


@each(lambda operator: operator.elementwise)
@pytest.mark.parametrize("shape", [(0,), (2, 0, 3)], ids=str)
def test_empty(operator: Operator, shape: tuple[int, ...]):
    dtype = operator.dtypes[0]
    sample = Sample(*(np.zeros(shape) for _ in operator.samples[0].args))
    result = call(operator, sample, dtype)
    assert tuple(result.shape) == shape
    assert result.dtype == call(operator, operator.samples[0], dtype).dtype


@each(lambda operator: operator.meta)
def test_meta_device(operator: Operator):
    dtype = operator.dtypes[-1]
    for sample in operator.samples:
        if not any(True for arg in sample.args for _ in tensors_of(mapped(arg, taeda.tensor))):
            continue
        real = call(operator, sample, dtype)
        meta = call(operator, sample, dtype, lambda a: taeda.tensor(a).to("meta"))
        for one, other in zip(tensors_of(real), tensors_of(meta), strict=True):
            assert other.device.type == "meta"
            assert (other.shape, other.dtype) == (one.shape, one.dtype)


def differentiable(operator: Operator, sample: Sample) -> tuple[Callable[..., Any], list[taeda.Tensor]]:
    """The operator as a function of its float64 tensors alone, and these."""
    tensors: list[taeda.Tensor] = []
    wanted = range(len(sample.args)) if operator.grad is True else operator.grad

    def taken(array: np.ndarray, position: int) -> Any:
        made = taeda.tensor(array)
        if array.dtype != np.float64 or position not in wanted:
            return made
        tensors.append(made.requires_grad_())
        return len(tensors) - 1  # its place

    slots = [mapped(arg, lambda a, i=i: ("tensor", taken(a, i))) for i, arg in enumerate(sample.args)]

    def fill(slot: Any, given: tuple[taeda.Tensor, ...]) -> Any:
        if isinstance(slot, list):
            return [fill(s, given) for s in slot]
        if isinstance(slot, tuple) and slot and slot[0] == "tensor":
            return given[slot[1]] if isinstance(slot[1], int) else slot[1]
        return slot

    def function(*given: taeda.Tensor) -> Any:
        result = getattr(_C.ops, operator.name)(*(fill(slot, given) for slot in slots), **sample.kwargs)
        found = tuple(t for t in tensors_of(result) if t.requires_grad)
        return found if isinstance(result, (tuple, list)) else result

    return function, tensors


@each(lambda operator: bool(operator.grad))
def test_gradients(operator: Operator):
    for sample in operator.samples:
        function, tensors = differentiable(operator, sample)
        assert gradcheck(function, tensors)


@each(lambda operator: operator.gradgrad)
def test_second_gradients(operator: Operator):
    sample = operator.samples[-1]
    function, tensors = differentiable(operator, sample)
    result = function(*tensors)
    assert all(t.requires_grad for t in tensors_of(result))
    assert gradgradcheck(function, tensors, fast_mode=True)


@each(lambda operator: hasattr(_C.ops, operator.name + "_") and operator.name not in ("t", "detach"))
def test_in_place(operator: Operator):
    """Changes the first argument to what the functional form gives, and returns it."""
    dtype = operator.dtypes[0]
    tried = 0
    for sample in operator.samples:
        first = taeda.tensor(cast(sample.args[0], dtype)) if isinstance(sample.args[0], np.ndarray) else None
        wanted = call(operator, sample, dtype)
        if first is None or wanted.shape != first.shape or wanted.dtype != first.dtype:
            continue
        rest = [mapped(cast(arg, dtype), taeda.tensor) for arg in sample.args[1:]]
        before = first._version
        assert getattr(_C.ops, operator.name + "_")(first, *rest, **sample.kwargs) is first
        assert first._version > before
        np.testing.assert_array_equal(first.numpy(), wanted.numpy())
        tried += 1
    assert tried or wanted.dtype != first.dtype or wanted.shape != first.shape


HAVE_OUT = {record.name for record in RECORDS if record.out} & FORMS


@each(lambda operator: operator.name in HAVE_OUT)
def test_out(operator: Operator):
    """Results go into the given tensors, which are resized."""
    dtype = operator.dtypes[0]
    sample = operator.samples[1 if operator.name in ("max", "min", "median", "nanmedian") else 0]
    args = [mapped(cast(arg, dtype), taeda.tensor) for arg in sample.args]
    wanted = getattr(_C.ops, operator.name)(*args, **sample.kwargs)
    outs = tuple(taeda.empty(0, dtype=t.dtype) for t in tensors_of(wanted))
    many = isinstance(wanted, tuple)
    result = getattr(_C.ops, operator.name)(*args, **sample.kwargs, out=outs if many else outs[0])
    for out, returned, one in zip(outs, tensors_of(result), tensors_of(wanted), strict=True):
        assert returned is out
        np.testing.assert_array_equal(out.numpy(), one.numpy())


@cache
def large(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.6, 0.9, shape)


@each(lambda operator: operator.elementwise)
def test_threads(operator: Operator):
    """The result does not depend on the number of threads, bit for bit."""
    dtype = operator.dtypes[0]
    sample = Sample(
        *(
            large((3, 40_001), seed) * (1 if dtype in "fdc" else 9)
            for seed, _ in enumerate(operator.samples[0].args)
        )
    )
    results = []
    for threads in (1, 2):
        taeda.set_num_threads(threads)
        results.append(call(operator, sample, dtype).numpy())
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sum(),
        lambda x: x.mean(1),
        lambda x: x.sum(0),
        lambda x: x.amax(0),
        lambda x: x.softmax(1),
        lambda x: x @ x.T,
        lambda x: x.cumsum(1),
        lambda x: x.sort(1)[0],
        lambda x: x.var(1),
        lambda x: x[:, ::2].clone(),
        lambda x: x.t().contiguous(),
        lambda x: x.logsumexp(0),
        lambda x: x.index_select(1, taeda.arange(999, -1, -1)),
        lambda x: taeda.nn.functional.layer_norm(x, (1000,)),
        lambda x: taeda.nn.functional.max_pool1d(x, 3),
        lambda x: taeda.conv1d(x[None], taeda.ones(4, 300, 3)),
    ],
)
def test_threads_of_reductions_and_products(function: Callable[[taeda.Tensor], taeda.Tensor]):
    x = taeda.tensor(large((300, 1000), 3).astype(np.float32))
    results = []
    for threads in (1, 2):
        taeda.set_num_threads(threads)
        results.append(function(x).numpy())
    np.testing.assert_array_equal(*results)


@each(lambda operator: bool(operator.samples[0].args) and operator.name != "einsum")
def test_wrong_types(operator: Operator):
    """A call that no signature fits says which ones there are."""
    with pytest.raises(TypeError, match=rf"{operator.name}\("):
        getattr(_C.ops, operator.name)(
            object(), object(), object(), object(), object(), object(), object(), object()
        )
    args = list(operator.samples[0].args)
    with pytest.raises(TypeError, match=operator.name):
        getattr(_C.ops, operator.name)(*(mapped(a, taeda.tensor) for a in args), no_such_option=1)
