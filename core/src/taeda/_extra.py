"""Public functions of the taeda namespace that are short compositions in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taeda import _C
from taeda._C import Tensor, dtype, ops

__all__ = [
    "asarray",
    "broadcast_shapes",
    "broadcast_tensors",
    "can_cast",
    "is_complex",
    "is_floating_point",
    "is_inference",
    "is_nonzero",
    "is_storage",
    "is_tensor",
    "meshgrid",
    "numel",
    "scalar_tensor",
    "set_default_device",
    "typename",
]

asarray = _C.as_tensor


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


def typename(obj: object) -> str:
    """The type's name with its module; tensors by dtype as taeda.FloatTensor."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if isinstance(obj, type) else type(obj)
    return f"{kind.__module__}.{kind.__qualname__}"


def set_default_device(device: Any) -> None:
    """Only the CPU can be the default device so far.

    Raises:
        NotImplementedError: another device was asked for.
    """
    if device is not None and _C.device(device).type != "cpu":
        raise NotImplementedError(
            f"set_default_device: only 'cpu' can be the default, got {device!r}; pass device= per call"
        )
