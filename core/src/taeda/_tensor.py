"""Methods of Tensor and Node that are written in Python; importing this module adds them to the native types."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from taeda import _C
from taeda._C import Node, Tensor, ops
from taeda._extra import frexp, get_device, nonzero_static, resolve_conj, resolve_neg
from taeda._factors import lu, mvlgamma, mvlgamma_, polygamma_, qr
from taeda._printing import tensor_repr
from taeda._searching import nonzero, unique, unique_consecutive
from taeda._statistics import corrcoef, cov, diff

__all__: list[str] = []

_TYPE_NAMES = {
    _C.float32: "Float", _C.float64: "Double", _C.float16: "Half", _C.bfloat16: "BFloat16", _C.uint8: "Byte",
    _C.int8: "Char", _C.int16: "Short", _C.int32: "Int", _C.int64: "Long", _C.bool: "Bool",
    _C.complex64: "ComplexFloat", _C.complex128: "ComplexDouble",
}  # fmt: skip
_DTYPE_OF_TYPE = {f"{name}Tensor": dtype for dtype, name in _TYPE_NAMES.items()}


class RemovableHandle:
    """Removes a hook again: call remove(), or use it as a context manager."""

    def __init__(self, remove: Callable[[], object]) -> None:
        self._remove: Callable[[], object] | None = remove

    def remove(self) -> None:
        """Takes the hook away; a second call does nothing."""
        if self._remove:
            self._remove()
        self._remove = None

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | Tensor | None = None,
) -> None:
    """Adds the gradients of this tensor to the .grad of the leaves it depends on.

    Args:
        gradient: the gradient with respect to this tensor, of its shape; needed unless it has one element.
        retain_graph: keeps what was saved, for another backward (default: create_graph).
        create_graph: records the backward itself, for higher derivatives.
        inputs: only these leaves accumulate.
    """
    wanted = () if inputs is None else (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if inputs is not None and not wanted:
        raise RuntimeError("'inputs' argument to backward() cannot be empty.")
    keep = create_graph if retain_graph is None else retain_graph
    _C._backward((self,), (gradient,), keep, create_graph, wanted, bool(wanted))


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Calls hook(grad) whenever this tensor's gradient is computed; a returned tensor replaces it."""
    number = _C._register_tensor_hook(self, hook)
    return RemovableHandle(lambda: _C._remove_tensor_hook(self, number))


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], None]) -> RemovableHandle:
    """Calls hook(leaf) after the gradient was added to leaf.grad."""
    number = _C._register_after_accumulate(self, hook)
    return RemovableHandle(lambda: _C._remove_tensor_hook(self, number))


def register_node_hook(self: Node, hook: Callable[..., Any]) -> RemovableHandle:
    """Calls hook(grad_inputs, grad_outputs) after the node has run; a returned tuple replaces grad_inputs."""
    number = self._register_hook(hook)
    return RemovableHandle(lambda: self._remove_hook(number))


def register_node_prehook(self: Node, hook: Callable[..., Any]) -> RemovableHandle:
    """Calls hook(grad_outputs) before the node runs; a returned tuple replaces grad_outputs."""
    number = self._register_prehook(hook)
    return RemovableHandle(lambda: self._remove_hook(number))


def tensor_type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The type's name, as 'taeda.FloatTensor', or the tensor converted to a dtype or type name."""
    if dtype is None:
        return f"taeda.{_TYPE_NAMES[self.dtype]}Tensor"
    if isinstance(dtype, str):
        name = dtype.rsplit(".", 1)[-1]
        if name not in _DTYPE_OF_TYPE:
            raise ValueError(
                f"invalid type: {dtype!r}; expected one of {', '.join(f'taeda.{n}' for n in _DTYPE_OF_TYPE)}"
            )
        dtype = _DTYPE_OF_TYPE[name]
    return self.to(dtype)


def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A copy of data with this tensor's dtype and device."""
    return _C.tensor(
        data, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad
    )


def deep_copy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """For copy.deepcopy: leaves only."""
    if id(self) in memo:
        return memo[id(self)]  # type: ignore[no-any-return]
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment; "
            "detach() the tensor first"
        )
    result = self.detach().clone(memory_format=_C.preserve_format)
    if type(self) is not Tensor:
        result = result.as_subclass(type(self))
    memo[id(self)] = result
    result.requires_grad_(self.requires_grad)
    if self.grad is not None:
        result.grad = copy.deepcopy(self.grad, memo)
    if self.__dict__:
        result.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return result


def _rebuild(
    kind: type,
    raw: bytes,
    dtype: Any,
    shape: tuple[int, ...],
    requires_grad: bool,
    state: dict[str, Any],
    device: str = "cpu",
) -> Tensor:
    data = ops.empty(shape, dtype=dtype)
    if raw:
        memoryview(data.untyped_storage()).cast("B")[: len(raw)] = raw
    data = data.to(device)
    result = data if kind is Tensor else Tensor._make_subclass(kind, data, requires_grad)
    if kind is Tensor and requires_grad:
        result.requires_grad_()
    if state:
        result.__dict__.update(state)
    return result


def reduce_ex(self: Tensor, protocol: int) -> tuple[Any, ...]:
    """For pickle: values, without history."""
    data = self.detach().contiguous().cpu()
    raw = bytes(memoryview(data.clone().untyped_storage())[: data.nbytes])
    state = dict(self.__dict__)
    return _rebuild, (
        type(self),
        raw,
        self.dtype,
        tuple(self.shape),
        self.requires_grad,
        state,
        str(self.device),
    )


def contains(self: Tensor, element: Any) -> bool:
    """Whether some element equals the given one."""
    if isinstance(element, (Tensor, int, float, complex)):
        return bool((self == element).any().item())
    raise RuntimeError(
        f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
    )


def format_tensor(self: Tensor, spec: str) -> str:
    """For f"{x:.3f}": 0-dim tensors format as numbers."""
    return (
        format(self.item(), spec)
        if self.dim() == 0 and spec
        else str(self)
        if not spec
        else object.__format__(self, spec)
    )


def to_complex(self: Tensor) -> complex:
    """For complex(x): the only element."""
    return complex(self.item())


def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """On the CPU: the tensor itself if it is there."""
    return self.to("cpu")


def cuda(self: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """On a GPU."""
    return self.to(device if device is not None else "cuda", non_blocking=non_blocking)


def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """A copy in page-locked memory, from which copies to a GPU are asynchronous; itself if it is there already."""
    return _C._pin_memory(self)


def is_pinned(self: Tensor, device: Any = None) -> bool:
    """Whether the memory is page-locked."""
    return _C._is_pinned(self)


def record_stream(self: Tensor, stream: Any) -> None:
    """Notes that a stream of a GPU uses the memory, so that it is not handed out again before that is done."""
    _C._record_stream(self, stream.device_index, stream.cuda_stream)


def share_memory_(self: Tensor) -> Tensor:
    """Moves the memory where worker processes can see it; see taeda.multiprocessing."""
    raise NotImplementedError(
        "share_memory_: pass tensors through a DataLoader or a queue instead; they are copied once"
    )


def stft(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """See `taeda.stft`."""
    from taeda._short_time import stft as transform

    return transform(self, *args, **kwargs)


def istft(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """See `taeda.istft`."""
    from taeda._short_time import istft as transform

    return transform(self, *args, **kwargs)


def matrix_power(self: Tensor, n: int) -> Tensor:
    """See `taeda.linalg.matrix_power`."""
    from taeda.linalg import matrix_power as power

    return power(self, n)


def histogram(self: Tensor, *args: Any, **kwargs: Any) -> Any:
    """See `taeda.histogram`."""
    from taeda._histograms import histogram as count

    return count(self, *args, **kwargs)


def reversed_(self: Tensor) -> Tensor:
    """For reversed(x): the order of the first dimension reversed."""
    return self if self.dim() == 0 else self.flip(0)


def _add_methods() -> None:
    added: dict[str, Any] = {
        "backward": backward, "register_hook": register_hook, "type": tensor_type, "new_tensor": new_tensor,
        "register_post_accumulate_grad_hook": register_post_accumulate_grad_hook, "__deepcopy__": deep_copy,
        "__reduce_ex__": reduce_ex, "__contains__": contains, "__format__": format_tensor, "cpu": cpu, "cuda": cuda,
        "__complex__": to_complex, "__rdiv__": Tensor.__rtruediv__, "stft": stft, "istft": istft,
        "pin_memory": pin_memory, "is_pinned": is_pinned, "record_stream": record_stream,
        "share_memory_": share_memory_, "__reversed__": reversed_,
        "__repr__": tensor_repr, "__array_priority__": 1000, "__module__": "taeda",
    }  # fmt: skip
    functions = (
        nonzero,
        unique,
        unique_consecutive,
        diff,
        cov,
        corrcoef,
        qr,
        lu,
        mvlgamma,
        mvlgamma_,
        polygamma_,
        frexp,
        get_device,
        histogram,
        matrix_power,
        nonzero_static,
        resolve_conj,
        resolve_neg,
    )
    added |= {
        "unsafe_chunk": Tensor.chunk,
        "unsafe_split": Tensor.split,
        "orgqr": ops.linalg_householder_product,
    }
    for function in functions:
        added[function.__name__] = function
    for name, value in added.items():
        setattr(Tensor, name, value)
    for name, value in {
        "register_hook": register_node_hook,
        "register_prehook": register_node_prehook,
    }.items():
        setattr(Node, name, value)


_add_methods()
