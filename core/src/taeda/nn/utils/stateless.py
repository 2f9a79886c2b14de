"""Calling a module with other parameters than its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from taeda import Tensor

from ..modules.module import Module

__all__ = ["functional_call"]


@contextlib.contextmanager
def _swapped(module: Module, tensors: dict[str, Tensor], strict: bool) -> Iterator[None]:
    """Has the module use these tensors within the block."""
    own = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    unexpected = [name for name in tensors if name not in own]
    missing = [name for name in own if name not in tensors]
    if strict and (unexpected or missing):
        problems = [f"Unexpected key(s): {', '.join(unexpected)}."] if unexpected else []
        problems += [f"Missing key(s): {', '.join(missing)}."] if missing else []
        raise RuntimeError(
            f"Error(s) in reparametrizing for {module._get_name()}:\n\t" + "\n\t".join(problems)
        )
    if unexpected:
        raise AttributeError(
            f"functional_call: {type(module).__name__} has no parameter or buffer "
            f"{', '.join(map(repr, unexpected))}"
        )
    replaced: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for name, tensor in tensors.items():
            path, _, last = name.rpartition(".")
            owner = module.get_submodule(path)
            table: dict[str, Any] = owner._parameters if last in owner._parameters else owner._buffers
            replaced.append((table, last, table[last]))
            table[last] = tensor
        yield
    finally:
        for table, last, before in reversed(replaced):
            table[last] = before


def _with_tied(module: Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, also under the other names of parameters that a module has under several."""
    names: dict[int, list[str]] = {}
    for named in (module.named_parameters, module.named_buffers):
        for name, tensor in named(remove_duplicate=False):
            names.setdefault(id(tensor), []).append(name)
    result = dict(tensors)
    for group in names.values():
        given = [name for name in group if name in tensors]
        if len({id(tensors[name]) for name in given}) > 1:
            raise ValueError(f"functional_call got multiple values for keys {given}, which are tied.")
        for name in group if given else ():
            result[name] = tensors[given[0]]
    return result


def functional_call(
    module: Module,
    parameters_and_buffers: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Calls a module with given tensors in the place of its parameters and buffers.

    Args:
        module: the module, which is not changed.
        parameters_and_buffers: tensors by dotted name, or several such dictionaries with different names.
        args: one argument, or a tuple of them.
        kwargs: arguments by name.
        tie_weights: whether a tensor replaces a shared parameter under all its names.
        strict: whether all names have to be given, and no others.

    Returns:
        What the module returns.

    Raises:
        RuntimeError: names do not match and `strict` is set.
        AttributeError: the module has no such parameter or buffer.
        ValueError: tied parameters or several dictionaries contradict each other.

    Example:
        >>> import taeda
        >>> linear = taeda.nn.Linear(1, 1)
        >>> tensors = {"weight": taeda.ones(1, 1), "bias": taeda.ones(1)}
        >>> float(functional_call(linear, tensors, taeda.ones(1)))
        2.0
    """
    if isinstance(parameters_and_buffers, (list, tuple)):
        tensors: dict[str, Tensor] = {}
        for given in parameters_and_buffers:
            if not isinstance(given, dict):
                raise ValueError("Expected all elements of parameters_and_buffers to be dictionaries")
            repeated = [name for name in given if name in tensors]
            if repeated:
                raise ValueError(
                    f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous"
                )
            tensors.update(given)
    else:
        tensors = dict(parameters_and_buffers)
    if tie_weights:
        tensors = _with_tied(module, tensors)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _swapped(module, tensors, strict):
        return module(*args, **(kwargs or {}))
