"""The names that a checkpoint's pickle may use, and what this package builds for them.

The left column is what torch writes. taeda's own files use the same names, so that both programs read both.
"""

from __future__ import annotations

import functools
import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import taeda
from taeda._serialization.pickle_reader import Constructor, UnknownGlobal, set_ordered_dict_state
from taeda._serialization.storage import FileStorage, rebuild_tensor

__all__ = ["STORAGE_DTYPES", "StorageKind", "allowed_by_user", "find_global"]

# torch's storage class -> dtype name
STORAGE_DTYPES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
}
_DTYPE_NAMES = (
    *STORAGE_DTYPES.values(),
    *("uint16", "uint32", "uint64", "complex32"),
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"),
)
_UNSUPPORTED = {
    "torch._utils._rebuild_qtensor": "a quantized tensor; dequantize() it before saving",
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor; to_dense() it before saving",
    "torch._utils._rebuild_nested_tensor": "a nested tensor; save its parts as a list",
    "torch._utils._rebuild_wrapper_subclass": "a tensor of a wrapper subclass (such as DTensor); save "
    "plain tensors",
}

# Names registered with taeda.serialization.add_safe_globals.
allowed_by_user: dict[str, Any] = {}


class StorageKind:
    """A storage class that a persistent id names; its bytes come from elsewhere in the file."""

    def __init__(self, dtype: taeda.dtype) -> None:
        self.dtype = dtype


def find_global(name: str) -> Any:
    """The `Constructor`, storage kind or value for "module.name".

    Raises:
        UnknownGlobal: the name is not in the table.
        pickle.UnpicklingError: it is, as something that taeda does not have.
    """
    if name.startswith("__builtin__."):
        name = "builtins." + name.removeprefix("__builtin__.")
    if name in allowed_by_user:
        return _user_constructor(name, allowed_by_user[name])
    if name.startswith("taeda."):
        name = "torch." + name.removeprefix("taeda.")
    if name in _UNSUPPORTED:
        raise pickle.UnpicklingError(f"load: the file holds {_UNSUPPORTED[name]}")
    table = _table()
    if name not in table:
        raise UnknownGlobal(name)
    return table[name]


@functools.cache
def _table() -> dict[str, Any]:
    constructors = (
        Constructor("collections.OrderedDict", _ordered_dict, set_ordered_dict_state),
        Constructor("collections.Counter", _counter),
        Constructor("builtins.set", _set),
        Constructor("builtins.frozenset", lambda items=(): frozenset(_set(items))),
        Constructor("builtins.bytearray", _bytearray),
        Constructor("builtins.complex", _complex),
        Constructor("_codecs.encode", _encode),
        Constructor("torch.Size", _size),
        Constructor("torch.device", _device),
        Constructor("torch.serialization._get_layout", _layout),
        Constructor("torch._utils._rebuild_tensor", _tensor_v1),
        Constructor("torch._utils._rebuild_tensor_v2", _tensor_v2),
        Constructor("torch._utils._rebuild_tensor_v3", _tensor_v3),
        Constructor("torch._utils._rebuild_meta_tensor_no_storage", _meta_tensor),
        Constructor("torch._utils._rebuild_parameter", _parameter),
        Constructor("torch._utils._rebuild_parameter_with_state", _parameter_with_state),
        Constructor("torch._tensor._rebuild_from_type_v2", _tensor_of_type),
        Constructor("numpy.dtype", _numpy_dtype, _set_numpy_dtype_state),
        *(
            Constructor(f"numpy.{module}.multiarray.{name}", build, set_state)
            for module in ("core", "_core")
            for name, build, set_state in (
                ("scalar", _numpy_scalar, None),
                ("_reconstruct", _NumpyArray.empty, _NumpyArray.set_state),
            )
        ),
    )
    table: dict[str, Any] = {constructor.name: constructor for constructor in constructors}
    table["numpy.ndarray"] = _NDARRAY
    table["torch.Tensor"] = taeda.Tensor
    table["torch.nn.parameter.Parameter"] = table["torch.nn.Parameter"] = _PARAMETER
    for name in _DTYPE_NAMES:
        dtype = getattr(taeda, name, None)
        if dtype is not None:
            table[f"torch.{name}"] = dtype
    for storage, name in STORAGE_DTYPES.items():
        for module in ("torch", "torch.cuda", "torch.storage"):
            table[f"{module}.{storage}"] = StorageKind(getattr(taeda, name))
    table["torch.storage.UntypedStorage"] = table["torch.UntypedStorage"] = StorageKind(taeda.uint8)
    return table


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)


def _ordered_dict(items: Any = ()) -> OrderedDict[Any, Any]:
    _require(type(items) in (list, tuple, dict), "an OrderedDict is made from a list of pairs")
    pairs = items.items() if type(items) is dict else items
    result: OrderedDict[Any, Any] = OrderedDict()
    for pair in pairs:
        _require(type(pair) in (list, tuple) and len(pair) == 2, "an OrderedDict is made from pairs")
        _require(
            type(pair[0]) in (str, int, float, bool, bytes, type(None)), "an OrderedDict's key is not plain"
        )
        result[pair[0]] = pair[1]
    return result


def _counter(counts: Any = None) -> Counter[Any]:
    _require(counts is None or type(counts) is dict, "a Counter is made from a dict")
    return Counter(counts)


def _set(items: Any = ()) -> set[Any]:
    _require(type(items) in (list, tuple), "a set is made from a list")
    _require(all(type(item) in _SCALARS for item in items), "a set's item is not plain")
    return set(items)


_SCALARS = (str, int, float, bool, bytes, complex, type(None))


def _bytearray(content: Any = b"", encoding: str = "latin-1") -> bytearray:
    _require(type(content) in (bytes, str), "a bytearray is made from bytes")
    return bytearray(content if type(content) is bytes else _encode(content, encoding))


def _complex(real: Any, imaginary: Any) -> complex:
    _require(type(real) is float and type(imaginary) is float, "a complex number is made from two floats")
    return complex(real, imaginary)


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    _require(type(text) is str and encoding in ("latin1", "latin-1"), "bytes are encoded as latin1")
    return bytes(text, "latin1")


def _size(sizes: Any = ()) -> Any:
    _require(
        type(sizes) in (list, tuple) and all(type(size) is int for size in sizes), "a Size is made from ints"
    )
    return taeda.Size(sizes)


def _device(kind: Any, index: Any = None) -> taeda.device:
    _require(
        type(kind) is str and type(index) in (int, type(None)), "a device is made from a name and a number"
    )
    return taeda.device(kind) if index is None else taeda.device(kind, index)


def _layout(name: Any) -> Any:
    _require(name == "torch.strided", f"the layout {name!r} is not supported; only torch.strided is")
    return taeda.strided


def _checked_storage(storage: Any) -> FileStorage:
    _require(isinstance(storage, FileStorage), "a tensor is made from a storage")
    return storage  # type: ignore[no-any-return]


def _tensor_v1(storage: Any, offset: Any, size: Any, stride: Any) -> Any:
    storage = _checked_storage(storage)
    return rebuild_tensor(storage, storage.dtype, offset, size, stride, False)


def _tensor_v2(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any, metadata: Any = None
) -> Any:
    storage = _checked_storage(storage)
    return _tensor_v3(storage, offset, size, stride, requires_grad, hooks, storage.dtype, metadata)


def _tensor_v3(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Any:
    _require(isinstance(dtype, taeda.dtype), "a tensor's dtype is not a dtype")
    tensor = rebuild_tensor(_checked_storage(storage), dtype, offset, size, stride, bool(requires_grad))
    _require(metadata is None or type(metadata) is dict, "a tensor's marks are not a dict")
    marks = {name for name, is_set in (metadata or {}).items() if is_set}
    _require(marks <= {"conj", "neg"}, f"a tensor has the unknown marks {sorted(marks)}")
    # The memory of such a tensor holds the values before conjugation or negation.
    if "conj" in marks:
        tensor = tensor.detach().conj().requires_grad_(bool(requires_grad))
    if "neg" in marks:
        tensor = tensor.detach().neg().requires_grad_(bool(requires_grad))
    return tensor


def _meta_tensor(dtype: Any, size: Any, stride: Any, requires_grad: Any) -> Any:
    _require(isinstance(dtype, taeda.dtype), "a tensor's dtype is not a dtype")
    return taeda.empty_strided(
        tuple(size), tuple(stride), dtype=dtype, device="meta", requires_grad=bool(requires_grad)
    )


def _parameter(data: Any = None, requires_grad: Any = True, hooks: Any = None) -> Any:
    _require(isinstance(data, taeda.Tensor), "a Parameter is made from a tensor")
    return taeda.nn.Parameter(data.detach(), bool(requires_grad))


def _parameter_with_state(data: Any, requires_grad: Any, hooks: Any, state: Any) -> Any:
    parameter = _parameter(data, requires_grad, hooks)
    attributes = state[0] if type(state) is tuple else state
    _require(type(attributes) is dict, "a Parameter's attributes are not a dict")
    for name, value in attributes.items():
        _require(
            type(name) is str and not hasattr(taeda.nn.Parameter, name), f"a Parameter's attribute {name!r}"
        )
        setattr(parameter, name, value)
    return parameter


_PARAMETER = Constructor("torch.nn.parameter.Parameter", _parameter)


def _tensor_of_type(function: Any, kind: Any, arguments: Any, state: Any) -> Any:
    """A tensor with Python attributes; subclasses of tensors are not rebuilt."""
    _require(
        isinstance(function, Constructor) and type(arguments) is tuple, "a tensor's constructor is not known"
    )
    _require(kind is taeda.Tensor or kind is _PARAMETER, "the tensor is of a subclass of Tensor")
    return function.build(*arguments)


# -- NumPy
# -----------------------------------------------------------------------------------------------------

_NUMPY_KINDS = "biufc"


def _numpy_dtype(code: Any, align: Any = False, copy: Any = True) -> Any:
    import numpy as np

    _require(type(code) is str and len(code) <= 4, "a NumPy dtype is made from a short code")
    dtype = np.dtype(code)
    _require(dtype.kind in _NUMPY_KINDS, f"NumPy dtype {code!r}: only numbers and bools are read")
    return _NumpyType(dtype)


class _NumpyType:
    """A NumPy dtype under construction; its byte order comes later."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype


def _set_numpy_dtype_state(target: Any, state: Any) -> None:
    _require(
        type(state) is tuple and len(state) >= 2 and state[1] in ("<", ">", "|", "="), "a NumPy dtype's state"
    )
    target.dtype = target.dtype.newbyteorder(state[1])


def _numpy_scalar(kind: Any, content: Any) -> Any:
    import numpy as np

    _require(isinstance(kind, _NumpyType) and type(content) is bytes, "a NumPy scalar is made from bytes")
    _require(len(content) == kind.dtype.itemsize, "a NumPy scalar's bytes do not match its dtype")
    return np.frombuffer(content, kind.dtype)[0]


_NDARRAY = Constructor("numpy.ndarray", lambda *arguments: _refuse_ndarray())


def _refuse_ndarray() -> Any:
    raise ValueError("a NumPy array is made by _reconstruct")


class _NumpyArray:
    """How NumPy pickles arrays: an empty one first, its content as state."""

    @staticmethod
    def empty(kind: Any, shape: Any, code: Any) -> Any:
        import numpy as np

        _require(kind is _NDARRAY and shape == (0,), "a NumPy array starts empty")
        return np.empty(0)

    @staticmethod
    def set_state(target: Any, state: Any) -> None:
        _require(type(state) is tuple and len(state) == 5, "a NumPy array's state has five parts")
        _, shape, kind, is_fortran, content = state
        _require(isinstance(kind, _NumpyType) and type(content) is bytes, "a NumPy array's content is bytes")
        _require(
            type(shape) is tuple and all(type(size) is int and size >= 0 for size in shape),
            "an array's shape",
        )
        count = functools.reduce(lambda total, size: total * size, shape, 1)
        _require(count * kind.dtype.itemsize == len(content), "a NumPy array's bytes do not match its shape")
        target.__setstate__((1, shape, kind.dtype, bool(is_fortran), content))


# -- names allowed by the user
# ---------------------------------------------------------------------------------


def _user_constructor(name: str, value: Any) -> Any:
    """A class or function that the user trusts: this, and only this, is really called."""
    if not callable(value):
        return value
    build: Callable[..., Any] = value
    new = functools.partial(value.__new__, value) if isinstance(value, type) else None
    return Constructor(name, build, _set_user_state, new)


def _set_user_state(target: Any, state: Any) -> None:
    if hasattr(target, "__setstate__"):
        target.__setstate__(state)
    elif type(state) is dict:
        target.__dict__.update(state)
    else:
        _require(type(state) is tuple and len(state) == 2, "an object's state is a dict, or a pair of dicts")
        target.__dict__.update(state[0] or {})
        for slot, value in (state[1] or {}).items():
            setattr(target, slot, value)
