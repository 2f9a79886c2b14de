"""Activation checkpointing: less memory for one more forward computation.

A checkpointed part of a network does not keep its intermediate results; the backward pass computes them
again.
"""

from __future__ import annotations

import contextlib
import itertools
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import taeda

if TYPE_CHECKING:
    from taeda import Tensor

__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "detach_variable",
    "noop_context_fn",
    "set_checkpoint_early_stop",
]

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]

_early_stop: bool | None = None


class CheckpointError(RuntimeError):
    """The computation went another way the second time."""


class _EnoughError(Exception):
    """Everything that the backward pass needs has been computed again."""


def noop_context_fn() -> Contexts:
    """Contexts for the first and the second computation that do nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Inside the block: may the second computation stop as soon as it has all that is needed?"""
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Runs `function(*args, **kwargs)` without keeping what its backward needs; that is computed again later.

    Args:
        function: must compute the same when it is called again with the same arguments.
        *args: its arguments.
        use_reentrant: False (the default here): works with everything autograd offers. True: the older way, a
            custom function that runs `backward` inside the backward pass; no keyword arguments, no
            `autograd.grad`, and an input must require gradients.
        context_fn: returns contexts for the first and the second computation (not with `use_reentrant=True`).
        determinism_check: "default" compares shapes, dtypes and devices of what is computed again; "none"
            does not.
        debug: name the differing tensors in errors (they are always named).
        early_stop: let the second computation stop when it has all that is needed.
        preserve_rng_state: give the second computation the random state of the first, so that dropout agrees.
        **kwargs: keyword arguments of `function`.

    Raises:
        CheckpointError: (during backward) the second computation saved other tensors than the first.
        ValueError: options that do not go together.

    Example:
        >>> x = taeda.tensor([2.0], requires_grad=True)
        >>> y = checkpoint(lambda x: (x * x).exp(), x, use_reentrant=False)
        >>> y.backward()
        >>> bool(taeda.isclose(x.grad, 4 * taeda.exp(taeda.tensor(4.0))))
        True
    """
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"checkpoint: determinism_check should be one of ['default', 'none'], got {determinism_check!r}"
        )
    if use_reentrant:
        if kwargs:
            raise ValueError(
                f"checkpoint: Unexpected keyword arguments: {','.join(kwargs)}; use_reentrant=False takes "
                "them"
            )
        if context_fn is not noop_context_fn or debug:
            raise ValueError(
                "checkpoint: Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    if not taeda.is_grad_enabled():
        return function(*args, **kwargs)
    first_context, second_context = context_fn()
    stop_early = early_stop if _early_stop is None else _early_stop
    state = taeda.get_rng_state() if preserve_rng_state else None

    def run_again() -> None:
        with _random_state(state), taeda.enable_grad(), second_context:
            function(*args, **kwargs)

    part = _CheckpointedPart(run_again, stop_early, determinism_check == "default")
    with taeda.autograd.graph.saved_tensors_hooks(part.pack, part.unpack), first_context:
        return function(*args, **kwargs)


@contextlib.contextmanager
def _random_state(state: Tensor | None) -> Iterator[None]:
    """Inside the block the default generator goes on from `state`; afterwards from where it was."""
    if state is None:
        yield
        return
    with taeda.random.fork_rng():
        taeda.set_rng_state(state)
        yield


class _Slot:
    """Stands in the graph for a tensor that was not kept."""

    def __init__(self, number: int, tensor: Tensor) -> None:
        self.number = number
        self.kind = _kind(tensor)


def _kind(tensor: Tensor) -> tuple[tuple[int, ...], Any, Any]:
    return tuple(tensor.shape), tensor.dtype, tensor.device


class _CheckpointedPart:
    """The saved tensors of one checkpointed call: none at first, all of them after the second computation."""

    def __init__(self, run_again: Callable[[], None], stop_early: bool, check: bool) -> None:
        self._run_again = run_again
        self._stop_early = stop_early
        self._check = check
        self._slots: list[weakref.ref[_Slot]] = []
        self._tensors: dict[int, Tensor] = {}

    def pack(self, tensor: Tensor) -> _Slot:
        slot = _Slot(len(self._slots), tensor)
        self._slots.append(weakref.ref(slot))
        return slot

    def unpack(self, slot: _Slot) -> Tensor:
        if slot.number not in self._tensors:
            self._compute()
        return self._tensors.pop(slot.number)

    def _compute(self) -> None:
        """Runs the function again and keeps what it saves, for slots that the graph still holds."""
        count = 0

        def keep(tensor: Tensor) -> Tensor:
            nonlocal count
            number, count = count, count + 1
            slot = self._slots[number]() if number < len(self._slots) else None
            if slot is not None:
                if self._check and slot.kind != _kind(tensor):
                    raise CheckpointError(
                        "checkpoint: Recomputed values for the following tensors have different metadata "
                        "than "
                        f"during the forward pass: saved tensor {number} had shape, dtype and device "
                        f"{slot.kind}, "
                        f"now {_kind(tensor)}; the function must compute the same every time"
                    )
                self._tensors[number] = tensor.detach()
            if self._stop_early and count == len(self._slots):
                raise _EnoughError
            return tensor.detach()

        with (
            contextlib.suppress(_EnoughError),
            taeda.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        ):
            self._run_again()
        if count != len(self._slots):
            raise CheckpointError(
                "checkpoint: A different number of tensors was saved during the original forward and "
                "recomputation: "
                f"{len(self._slots)} and {count}; the function must compute the same every time"
            )


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The tensors among the inputs cut from the graph, requiring gradients as before."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}"
        )
    return tuple(
        value.detach().requires_grad_(value.requires_grad) if isinstance(value, taeda.Tensor) else value
        for value in inputs
    )


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warns when no input requires a gradient: the older way then gives none to the parameters either."""
    if not any(isinstance(value, taeda.Tensor) and value.requires_grad for value in inputs):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


class CheckpointFunction(taeda.autograd.Function):
    """The older way (`use_reentrant=True`): arguments are function, preserve_rng_state, and the function's
    own."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Any], preserve_rng_state: bool, *args: Any) -> Any:
        """Runs the function without recording anything."""
        check_backward_validity(args)
        ctx.function = function
        ctx.random_state = taeda.get_rng_state() if preserve_rng_state else None
        ctx.others = [None if isinstance(value, taeda.Tensor) else value for value in args]
        ctx.places = [place for place, value in enumerate(args) if isinstance(value, taeda.Tensor)]
        ctx.save_for_backward(*(args[place] for place in ctx.places))
        with taeda.no_grad():
            return function(*args)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Runs it again, recording, and goes backward through that."""
        arguments = list(ctx.others)
        for place, tensor in zip(ctx.places, ctx.saved_tensors):
            arguments[place] = tensor
        detached = detach_variable(tuple(arguments))
        with _random_state(ctx.random_state), taeda.enable_grad():
            outputs = ctx.function(*detached)
        if isinstance(outputs, taeda.Tensor):
            outputs = (outputs,)
        pairs = [
            (output, gradient)
            for output, gradient in zip(outputs, gradients)
            if isinstance(output, taeda.Tensor) and output.requires_grad
        ]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        taeda.autograd.backward([output for output, _ in pairs], [gradient for _, gradient in pairs])
        found = [value.grad if isinstance(value, taeda.Tensor) else None for value in detached]
        return (None, None, *found)


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    *,
    preserve_rng_state: bool = True,
) -> Any:
    """Runs a chain of functions in segments, all but the last of them checkpointed.

    Args:
        functions: a `nn.Sequential` or a list of modules or functions of one argument.
        segments: number of segments.
        input: argument of the first function.
        use_reentrant: as for `checkpoint`.
        preserve_rng_state: as for `checkpoint`.

    Raises:
        ValueError: fewer than one segment.

    Example:
        >>> x = taeda.tensor([1.0], requires_grad=True)
        >>> y = checkpoint_sequential([taeda.exp, taeda.neg], 2, x, use_reentrant=False)
        >>> bool(taeda.isclose(y, -taeda.exp(x)))
        True
    """
    chain = list(functions.children()) if isinstance(functions, taeda.nn.Sequential) else list(functions)
    if segments < 1:
        raise ValueError(f"checkpoint_sequential: segments must be at least 1, got {segments}")
    size = max(len(chain) // segments, 1)
    cuts = [size * number for number in range(segments) if size * number < len(chain)]
    for start, end in itertools.pairwise(cuts):
        input = checkpoint(
            _chain(chain[start:end]),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve_rng_state,
        )
    return _chain(chain[cuts[-1] :])(input) if cuts else input


def _chain(functions: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        for function in functions:
            value = function(value)
        return value

    return run
