"""Memory shared with NumPy, with DLPack and buffer consumers, and with Python numbers and lists."""

from __future__ import annotations

import gc
import operator
import weakref

import numpy as np
import pytest

import taeda

DTYPES = [
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "bool",
    "complex64",
    "complex128",
]


@pytest.mark.parametrize("name", DTYPES)
def test_numpy_round_trip(name: str):
    array = np.array([[0, 1, 2], [3, 0, 5]]).astype(name)
    for given in (array, array.T, array[:, ::2]):
        tensor = taeda.from_numpy(given)
        assert tensor.dtype == getattr(taeda, name)
        assert tensor.stride() == tuple(s // given.itemsize for s in given.strides)
        np.testing.assert_array_equal(tensor.numpy(), given)
        np.testing.assert_array_equal(np.asarray(tensor), given)
        np.testing.assert_array_equal(np.from_dlpack(tensor), given)
        np.testing.assert_array_equal(taeda.tensor(given).numpy(), given)


def test_numpy_shares_memory_both_ways():
    array = np.zeros(3, np.float32)
    tensor = taeda.from_numpy(array)
    tensor[0] = 1
    array[1] = 2
    tensor.numpy()[2] = 3
    assert tensor.tolist() == array.tolist() == [1.0, 2.0, 3.0]
    copied = taeda.tensor(array)
    copied[0] = 9
    assert array[0] == 1


def test_numpy_keeps_the_memory_alive():
    tensor = taeda.arange(5)
    array = tensor.numpy()
    del tensor
    gc.collect()
    assert array.tolist() == [0, 1, 2, 3, 4]

    given = np.arange(5)
    alive = weakref.ref(given)
    tensor = taeda.from_numpy(given)
    del given
    gc.collect()
    assert alive() is not None
    del tensor
    gc.collect()
    assert alive() is None


def test_what_cannot_be_numpy():
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        taeda.ones(1, requires_grad=True).numpy()
    assert taeda.ones(1, requires_grad=True).numpy(force=True).tolist() == [1.0]
    with pytest.raises(TypeError, match="bfloat16"):
        taeda.ones(1, dtype=taeda.bfloat16).numpy()
    with pytest.raises(TypeError, match=r"expected np\.ndarray"):
        taeda.from_numpy([1, 2])
    with pytest.raises(ValueError, match="negative"):
        taeda.from_numpy(np.arange(3)[::-1])
    with pytest.raises(TypeError, match="can't convert"):
        taeda.from_numpy(np.array(["a"]))


def test_dlpack():
    array = np.arange(6.0).reshape(2, 3)
    tensor = taeda.from_dlpack(array)
    tensor[0, 0] = 7
    assert array[0, 0] == 7
    back = taeda.from_dlpack(taeda.arange(4).reshape(2, 2).t())
    assert back.tolist() == [[0, 2], [1, 3]]
    assert taeda.ones(1).__dlpack_device__() == (1, 0)
    with pytest.raises((RuntimeError, BufferError), match="require gradient"):
        taeda.ones(1, requires_grad=True).__dlpack__()


def test_buffers():
    raw = bytearray(np.arange(4, dtype=np.int32).tobytes())
    tensor = taeda.frombuffer(raw, dtype=taeda.int32)
    tensor[0] = 9
    assert raw[0] == 9
    assert taeda.frombuffer(raw, dtype=taeda.int32, count=2, offset=4).tolist() == [1, 2]
    with pytest.raises(ValueError, match="offset"):
        taeda.frombuffer(raw, dtype=taeda.int32, offset=100)


@pytest.mark.parametrize(
    "name",
    [
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "matmul",
        "and_",
        "eq",
        "ne",
        "lt",
        "ge",
        "lshift",
    ],
)
def test_arrays_beside_tensors_are_tensors(name: str) -> None:
    function = getattr(operator, name)
    a, n = np.array([5, 2, 7]), np.array([2, 2, 3])
    for result in (function(taeda.from_numpy(a), n), function(a, taeda.from_numpy(n))):
        assert isinstance(result, taeda.Tensor)
        np.testing.assert_allclose(result.numpy(), function(a, n))


def test_arrays_change_tensors_in_place() -> None:
    x = taeda.zeros(2)
    same = x
    x += np.array([1.0, 2.0])
    x *= np.float32(3)
    assert x is same
    assert x.tolist() == [3.0, 6.0]
    assert (x == np.broadcast_to(np.float32(3), (2,))).tolist() == [
        True,
        False,
    ]  # an array that cannot be written to
    with pytest.raises(RuntimeError, match="size of tensor a"):
        x + np.ones(3)
    with pytest.raises(TypeError, match="can't convert"):
        x + np.array(["a", "b"])
    leaf = taeda.ones(2, requires_grad=True)
    (leaf * np.array([2.0, 3.0])).sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [2.0, 3.0]


def test_numpy_functions_of_tensors_are_tensors() -> None:
    result = np.hypot(taeda.tensor([3.0]), np.array([4.0]))
    assert isinstance(result, taeda.Tensor)
    assert result.tolist() == [5.0]


def test_numpy_functions_and_operators():
    tensor, array = taeda.tensor([1.0, 4.0]), np.array([2.0, 3.0], np.float32)
    assert np.sqrt(tensor).tolist() == [1.0, 2.0]
    assert (tensor * np.float64(2)).tolist() == [2.0, 8.0]
    assert np.stack([tensor.numpy(), array]).shape == (2, 2)


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1, "int64"),
        (1.0, "float32"),
        (True, "bool"),
        (1j, "complex64"),
        ([1, 2.0], "float32"),
        ([True, 2], "int64"),
        ([], "float32"),
        ([[1], [2]], "int64"),
        (np.float64(1), "float64"),
        (range(3), "int64"),
        ((1, 2), "int64"),
        ([taeda.tensor(1), taeda.tensor(2)], "int64"),
        ([np.arange(2), np.arange(2)], "int64"),
    ],
    ids=str,
)
def test_python_data(data: object, dtype: str):
    tensor = taeda.tensor(data)
    assert tensor.dtype == getattr(taeda, dtype)
    assert tensor.shape == np.shape(data)
    assert (
        tensor.tolist()
        == np.asarray(
            [t.tolist() for t in data]
            if isinstance(data, list) and data and hasattr(data[0], "tolist")
            else data
        ).tolist()
    )


def test_ragged_and_foreign_data():
    with pytest.raises(ValueError, match="expected sequence of length 2 at dim 1"):
        taeda.tensor([[1, 2], [3]])
    with pytest.raises((TypeError, RuntimeError, ValueError), match="str"):
        taeda.tensor("text")
    with pytest.raises((TypeError, RuntimeError, ValueError)):
        taeda.tensor([object()])


def test_numbers():
    assert int(taeda.tensor(3.7)) == 3
    assert float(taeda.tensor([2])) == 2.0
    assert complex(taeda.tensor(1j)) == 1j
    assert [1, 2, 3][taeda.tensor(1)] == 2
    assert bool(taeda.tensor([0.0])) is False
    with pytest.raises(RuntimeError, match="ambiguous"):
        bool(taeda.ones(2))
    with pytest.raises(RuntimeError, match=r"2 elements cannot be converted to Scalar"):
        taeda.ones(2).item()


def test_cpu_memory_is_counted_and_returned():
    from taeda import _C

    stats = _C._cpu_memory_stats()
    key = next(name for name in stats if "allocated" in name and "peak" not in name)
    before = stats[key]
    tensor = taeda.empty(1 << 20, dtype=taeda.uint8)
    assert _C._cpu_memory_stats()[key] >= before + (1 << 20)
    del tensor
    gc.collect()
    assert _C._cpu_memory_stats()[key] == before
