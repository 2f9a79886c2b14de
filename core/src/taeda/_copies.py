"""Views as copies: NAME_copy gives what NAME gives, in memory of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from taeda._C import Tensor, ops

__all__ = [
    "alias_copy",
    "as_strided_copy",
    "detach_copy",
    "diagonal_copy",
    "expand_copy",
    "permute_copy",
    "select_copy",
    "slice_copy",
    "split_copy",
    "split_with_sizes_copy",
    "squeeze_copy",
    "t_copy",
    "transpose_copy",
    "unbind_copy",
    "unfold_copy",
    "unsqueeze_copy",
    "view_as_complex_copy",
    "view_as_real_copy",
    "view_copy",
]


def _written(value: Tensor, out: Tensor | None) -> Tensor:
    return ops.clone(value) if out is None else out.resize_(value.shape).copy_(value)


def _copying(name: str) -> Callable[..., Any]:
    """The function that copies what the view operator of that name gives."""
    view = getattr(ops, name)

    def copied(input: Tensor, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        found = view(input, *args, **kwargs)
        if isinstance(found, Tensor):
            return _written(found, out)
        outs = [None] * len(found) if out is None else out
        return tuple(_written(part, each) for part, each in zip(found, outs, strict=True))

    copied.__name__ = copied.__qualname__ = f"{name}_copy"
    copied.__doc__ = f"What `{name}` gives, in memory of its own; arguments and errors as there, and `out`."
    return copied


alias_copy = _copying("alias")
as_strided_copy = _copying("as_strided")
detach_copy = _copying("detach")
diagonal_copy = _copying("diagonal")
expand_copy = _copying("expand")
permute_copy = _copying("permute")
select_copy = _copying("select")
slice_copy = _copying("slice")
split_copy = _copying("split")
split_with_sizes_copy = _copying("split_with_sizes")
squeeze_copy = _copying("squeeze")
t_copy = _copying("t")
transpose_copy = _copying("transpose")
unbind_copy = _copying("unbind")
unfold_copy = _copying("unfold")
unsqueeze_copy = _copying("unsqueeze")
view_as_complex_copy = _copying("view_as_complex")
view_as_real_copy = _copying("view_as_real")
view_copy = _copying("view")
