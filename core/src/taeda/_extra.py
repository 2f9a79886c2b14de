"""Public functions of the taeda namespace that are short compositions in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from taeda import _C
from taeda._C import Tensor, dtype, ops

__all__ = [
    "asarray",
    "broadcast_shapes",
    "broadcast_tensors",
    "can_cast",
    "empty_permuted",
    "frexp",
    "get_default_device",
    "get_device",
    "is_complex",
    "is_floating_point",
    "is_inference",
    "is_nonzero",
    "is_storage",
    "is_tensor",
    "meshgrid",
    "nonzero_static",
    "numel",
    "orgqr",
    "resize_as_",
    "resolve_conj",
    "resolve_neg",
    "scalar_tensor",
    "set_default_device",
    "typename",
    "unsafe_chunk",
    "unsafe_split",
    "zero_",
]

asarray = _C.as_tensor
zero_ = ops.zero_
orgqr = ops.linalg_householder_product
resize_as_ = ops.resize_as_
# Parts that share memory with the whole and count its changes, as all views do; torch leaves the counting out.
unsafe_chunk = ops.chunk
unsafe_split = ops.split


def is_tensor(obj: object) -> bool:
    """Whether obj is a Tensor."""
    return isinstance(obj, Tensor)


def is_storage(obj: object) -> bool:
    """Whether obj is a storage."""
    return isinstance(obj, _C.UntypedStorage)


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a floating-point one."""
    return input.dtype.is_floating_point


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.dtype.is_complex


def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not zero.

    Raises:
        RuntimeError: the tensor has not exactly one element.
    """
    if input.numel() != 1:
        raise RuntimeError(
            f"Boolean value of Tensor with {input.numel()} values is ambiguous (shape {tuple(input.shape)})"
        )
    return bool(input.item() != 0)


def numel(input: Tensor) -> int:
    """Number of elements."""
    return input.numel()


def scalar_tensor(
    s: _C.Number, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A 0-dim tensor of the default dtype, or of the given one."""
    return _C.tensor(s, dtype=dtype or _C.get_default_dtype(), device=device, requires_grad=requires_grad)


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether promotion rules allow a cast: not from complex to real, floating to integer, or a number to bool."""
    rank = [d.is_complex * 3 or d.is_floating_point * 2 or (d is not _C.bool) * 1 for d in (from_, to)]
    return rank[0] <= rank[1]


def broadcast_shapes(*shapes: Sequence[int] | int) -> _C.Size:
    """The shape that shapes broadcast to.

    Raises:
        RuntimeError: they do not fit.
    """
    tensors = [ops.empty((s,) if isinstance(s, int) else tuple(s), device="meta") for s in shapes]
    return ops.broadcast_tensors(tensors)[0].shape if tensors else _C.Size(())


def _listed(tensors: tuple[Any, ...]) -> list[Tensor]:
    return list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All tensors expanded to one shape."""
    return ops.broadcast_tensors(_listed(tensors))


def meshgrid(*tensors: Tensor, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Coordinate grids of one-dimensional tensors.

    Args:
        tensors: 0-d or 1-d.
        indexing: "ij" for matrix order, "xy" for Cartesian order (the first two dimensions swapped).

    Example:
        >>> import taeda
        >>> [g.shape for g in taeda.meshgrid(taeda.arange(2), taeda.arange(3), indexing="ij")]
        [taeda.Size([2, 3]), taeda.Size([2, 3])]
    """
    given = _listed(tensors)
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    if any(t.dim() > 1 for t in given):
        raise RuntimeError(
            f"meshgrid: Expected 0D or 1D tensor in the tensor list but got {[tuple(t.shape) for t in given]}"
        )
    swapped = indexing == "xy" and len(given) >= 2
    order = [given[1], given[0], *given[2:]] if swapped else given
    shape = [t.numel() for t in order]
    grids = []
    for i, t in enumerate(order):
        grids.append(t.reshape([-1 if j == i else 1 for j in range(len(order))]).expand(shape))
    return tuple([grids[1], grids[0], *grids[2:]] if swapped else grids)


def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself: conjugates are computed at once."""
    return input


def resolve_neg(input: Tensor) -> Tensor:
    """The tensor itself: negatives are computed at once."""
    return input


def empty_permuted(
    size: Sequence[int],
    physical_layout: Sequence[int],
    *,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Uninitialised memory whose dimensions lie in the given order, the slowest first.

    Raises:
        RuntimeError: physical_layout is no order of the dimensions.

    Example:
        >>> import taeda
        >>> taeda.empty_permuted((2, 3, 4), (0, 2, 1)).stride()
        (12, 1, 3)
    """
    order = list(physical_layout)
    if len(order) != len(size):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = "
            f"{len(size)} is not equal to len(physical_layout) = {len(order)}"
        )
    for i, d in enumerate(order):
        if not 0 <= d < len(size):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got {d} at index {i})."
            )
        if d in order[:i]:
            raise RuntimeError(f"Duplicate dim not allowed: {d} in physical_layout {tuple(order)}")
    dense = ops.empty([size[d] for d in order], dtype=dtype, device=device)
    return dense.permute([order.index(d) for d in range(len(order))]).detach().requires_grad_(requires_grad)


def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The coordinates of the first `size` elements that are not zero: (size, dims), filled up with fill_value."""
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = ops.nonzero(input)[:size]
    result = ops.full((size, input.dim()), fill_value, dtype=_C.int64, device=input.device)
    result[: found.size(0)] = found
    return result


class _Frexp(NamedTuple):
    mantissa: Tensor
    exponent: Tensor


# Of each dtype: integers of its size, bits of the mantissa, the exponent's bias.
_FORMATS = {_C.float32: (_C.int32, 23, 127), _C.float64: (_C.int64, 52, 1023)}


def frexp(input: Tensor, *, out: Any = None) -> _Frexp:
    """input = mantissa * 2 ** exponent with the mantissa's magnitude in [0.5, 1); 0, inf and NaN have exponent 0.

    Args:
        input: floating point.
        out: (mantissa, exponent) to write to.

    Returns:
        (mantissa, exponent), the latter int32.

    Raises:
        RuntimeError: the input is not floating point.

    Example:
        >>> import taeda
        >>> taeda.frexp(taeda.tensor([3.0]))
        _Frexp(mantissa=tensor([0.7500]), exponent=tensor([2], dtype=taeda.int32))
    """
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"frexp() only supports floating-point dtypes, got {input.dtype}")
    if input.dtype not in _FORMATS:
        mantissa, exponent = frexp(input.float())
        return _Frexp(mantissa.to(input.dtype), exponent)
    integer, bits, bias = _FORMATS[input.dtype]
    fixed = input.detach()
    is_special = (fixed == 0) | (fixed - fixed != 0)
    is_tiny = (fixed.abs() < 2.0 ** (2 - bias)) & ~is_special
    scaled = ops.where(is_tiny, fixed * 2.0 ** (bits + 1), fixed)
    field = (scaled.contiguous().view(integer) >> bits) & (2 * bias + 1)
    exponent = ops.where(is_tiny, field - (bits + 1), field) - (bias - 1)
    exponent = ops.where(is_special, 0, exponent)

    def power(e: Tensor) -> Tensor:
        return ((e + bias) << bits).to(integer).view(input.dtype)

    half = exponent >> 1  # 2 ** exponent itself may overflow
    mantissa = input * power(-half) * power(half - exponent)
    if out is None:
        return _Frexp(mantissa, exponent.to(_C.int32))
    return _Frexp(*(o.resize_(r.shape).copy_(r) for o, r in zip(out, (mantissa, exponent), strict=True)))


def typename(obj: object) -> str:
    """The type's name with its module; tensors by dtype as taeda.FloatTensor."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if isinstance(obj, type) else type(obj)
    return f"{kind.__module__}.{kind.__qualname__}"


def get_device(self: Tensor) -> int:
    """The number of the GPU that holds the tensor; -1 for tensors that are on none."""
    index = self.device.index if self.is_cuda else None
    return -1 if index is None else index


def get_default_device() -> _C.device:
    """Where tensors are made without device=: the CPU; see `set_default_device`."""
    return _C.device("cpu")


def set_default_device(device: Any) -> None:
    """Only the CPU can be the default device so far.

    Raises:
        NotImplementedError: another device was asked for.
    """
    if device is not None and _C.device(device).type != "cpu":
        raise NotImplementedError(
            f"set_default_device: only 'cpu' can be the default, got {device!r}; pass device= per call"
        )
