"""Checking gradients against finite differences."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import taeda

if TYPE_CHECKING:
    from taeda import Tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """A gradient is wrong."""


@dataclass(frozen=True)
class _Check:
    """The keyword arguments that the single checks need."""

    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    check_grad_dtypes: bool
    check_undefined_grad: bool


def gradcheck(
    func: Function,
    inputs: Tensor | Sequence[Tensor],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compares the gradients of a function with central differences.

    For complex inputs and outputs the real and the imaginary part of each output are taken as real functions,
    whose gradient with respect to z = x + iy is df/dx + i df/dy.

    Args:
        func: from tensors to a tensor or a sequence of tensors.
        inputs: its arguments; those that require gradients are checked and should be float64 or complex128.
        eps: step of the differences.
        atol: absolute tolerance.
        rtol: relative tolerance.
        raise_exception: raise on failure; else return False.
        nondet_tol: how much gradients may differ when they are computed twice.
        check_undefined_grad: check that each output alone can be differentiated, and that a zero gradient
            gives zero.
        check_grad_dtypes: check that gradients have the dtypes of their inputs.
        check_batched_grad: check gradients of a batch of output gradients against those one by one.
        check_batched_forward_grad: not supported; must be False.
        check_forward_ad: check forward mode as well.
        check_backward_ad: check reverse mode.
        fast_mode: compare along one random direction instead of every element.
        masked: accepted; it only matters for sparse tensors.

    Returns:
        True when all gradients are right.

    Raises:
        GradcheckError: (a RuntimeError) they are not; the message shows both Jacobians.
        ValueError: no input requires a gradient.

    Example:
        >>> x = taeda.tensor([0.5, 1.5], dtype=taeda.float64, requires_grad=True)
        >>> gradcheck(lambda x: x * x, (x,))
        True
    """
    if check_batched_forward_grad:
        raise ValueError("gradcheck: check_batched_forward_grad is not supported; leave it out")
    check = _Check(eps, atol, rtol, nondet_tol, check_grad_dtypes, check_undefined_grad)
    arguments = (inputs,) if isinstance(inputs, taeda.Tensor) else tuple(inputs)
    _check_inputs(arguments)
    try:
        _check_function(
            func, arguments, check, check_backward_ad, check_forward_ad, check_batched_grad, fast_mode
        )
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


# Long because half of it documents torch's sixteen arguments.
def gradgradcheck(
    func: Function,
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compares second derivatives of a function with central differences of its gradients.

    Args:
        func: as for `gradcheck`.
        inputs: as for `gradcheck`.
        grad_outputs: the gradients of the outputs (default: random ones).
        gen_non_contig_grad_outputs: make the random ones non-contiguous.
        check_fwd_over_rev: check forward mode through the backward.
        check_rev_over_rev: check reverse mode through the backward.
        eps: as for `gradcheck`, like all others.
        atol: as for `gradcheck`.
        rtol: as for `gradcheck`.
        raise_exception: as for `gradcheck`.
        nondet_tol: as for `gradcheck`.
        check_undefined_grad: as for `gradcheck`.
        check_grad_dtypes: as for `gradcheck`.
        check_batched_grad: as for `gradcheck`.
        fast_mode: as for `gradcheck`.
        masked: as for `gradcheck`.

    Raises:
        GradcheckError: (a RuntimeError) a second derivative is wrong.

    Example:
        >>> x = taeda.tensor([0.5, 1.5], dtype=taeda.float64, requires_grad=True)
        >>> gradgradcheck(lambda x: x**3, (x,))
        True
    """
    arguments = (inputs,) if isinstance(inputs, taeda.Tensor) else tuple(inputs)
    _check_inputs(arguments)
    outputs = _differentiable(func(*arguments))
    if grad_outputs is None:
        gradients = tuple(_random_gradient(output, gen_non_contig_grad_outputs) for output in outputs)
    else:
        given = (grad_outputs,) if isinstance(grad_outputs, taeda.Tensor) else tuple(grad_outputs)
        gradients = tuple(gradient for gradient in given if gradient is not None)
    count = len(arguments)

    def gradient_of(*values: Any) -> tuple[Tensor, ...]:
        differentiated = [value for value in values[:count] if _requires_grad(value)]
        found = taeda.autograd.grad(
            _differentiable(func(*values[:count])),
            differentiated,
            values[count:],
            create_graph=True,
            allow_unused=True,
        )
        return tuple(gradient for gradient in found if gradient is not None)

    return gradcheck(
        gradient_of,
        arguments + gradients,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )


# -- arguments
# -------------------------------------------------------------------------------------------------


def _requires_grad(value: Any) -> bool:
    return isinstance(value, taeda.Tensor) and value.requires_grad


def _check_inputs(arguments: tuple[Any, ...]) -> None:
    checked = [value for value in arguments if _requires_grad(value)]
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have "
            "requires_grad=True"
        )
    for position, value in enumerate(arguments):
        if not _requires_grad(value):
            continue
        if value.dtype not in (taeda.float64, taeda.complex128):
            warnings.warn(
                f"Input #{position} requires gradient and is not a double precision floating point or "
                "complex; it is "
                f"{value.dtype}. This check will likely fail if all the inputs are not of that precision.",
                stacklevel=3,
            )
        overlapping = any(step == 0 and size > 1 for step, size in zip(value.stride(), value.shape))
        if overlapping:
            raise RuntimeError(
                f"gradcheck: The {position}th input has a dimension with stride 0. gradcheck only supports "
                "inputs "
                "that are non-overlapping to be able to compute the numerical gradients correctly; call "
                "contiguous()"
            )


def _as_outputs(value: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(value, taeda.Tensor) else tuple(value)


def _differentiable(value: Any) -> tuple[Tensor, ...]:
    return tuple(output for output in _as_outputs(value) if _requires_grad(output))


def _random_gradient(output: Tensor, noncontiguous: bool) -> Tensor:
    return taeda.testing.make_tensor(
        tuple(output.shape),
        dtype=output.dtype,
        device=output.device,
        low=-1,
        high=1,
        requires_grad=True,
        noncontiguous=noncontiguous,
    )


# -- the checks
# ------------------------------------------------------------------------------------------------


def _check_function(
    func: Function,
    arguments: tuple[Any, ...],
    check: _Check,
    backward: bool,
    forward: bool,
    batched: bool,
    fast: bool,
) -> None:
    checked = [value for value in arguments if _requires_grad(value)]
    outputs = _as_outputs(func(*arguments))
    wanted = [position for position, output in enumerate(outputs) if _requires_grad(output)]
    if not wanted:
        _check_constant(func, arguments, checked, check)
        return
    compare = _compare_along_direction if fast else _compare_jacobians
    if backward:
        for position in wanted:
            compare(func, arguments, checked, position, check)
        if check.check_undefined_grad:
            _check_zero_gradient(func, arguments, checked)
    if batched:
        _check_batched(func, arguments, checked, wanted, check)
    if forward:
        _check_forward_mode(func, arguments, checked, wanted, check)


def _evaluate(func: Function, arguments: tuple[Any, ...], position: int) -> Tensor:
    output: Tensor = _as_outputs(func(*arguments))[position]
    return output.detach().clone()


def _elements(value: Tensor) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(range(size) for size in value.shape))


def _steps(value: Tensor) -> tuple[complex, ...]:
    """Directions in which an element is moved."""
    return (1, 1j) if value.dtype.is_complex else (1,)


def _difference(
    func: Function,
    arguments: tuple[Any, ...],
    position: int,
    memory: Tensor,
    index: Any,
    step: Any,
    eps: float,
) -> Tensor:
    """Central difference of an output when `memory[index]`, which an argument shares, moves along `step`."""
    before = memory[index].clone()
    try:
        memory[index] = before + step * eps
        above = _evaluate(func, arguments, position)
        memory[index] = before - step * eps
        below = _evaluate(func, arguments, position)
    finally:
        memory[index] = before
    return (above - below) / (2 * eps)


def _numerical(
    func: Function, arguments: tuple[Any, ...], value: Tensor, position: int, eps: float
) -> list[tuple[Tensor, Tensor]]:
    """For each element of an input: gradients of the real and of the imaginary part of all output
    elements."""
    memory = value.detach()
    rows = []
    for index in _elements(value):
        real, imaginary = [], []
        for step in _steps(value):
            slope = _difference(func, arguments, position, memory, index, step, eps).reshape(-1)
            real.append((slope.real if slope.dtype.is_complex else slope) * step)
            imaginary.append((slope.imag if slope.dtype.is_complex else slope * 0) * step)
        rows.append((sum(real[1:], real[0]), sum(imaginary[1:], imaginary[0])))
    return rows


def _gradients(output: Tensor, checked: list[Tensor], gradient: Tensor) -> list[Tensor]:
    found = taeda.autograd.grad(output, checked, gradient, retain_graph=True, allow_unused=True)
    return [taeda.zeros_like(value) if part is None else part for value, part in zip(checked, found)]


def _analytical(output: Tensor, checked: list[Tensor], unit: complex, check: _Check) -> list[list[Tensor]]:
    """For each output element the gradients of its real part (unit 1) or imaginary part (unit 1j)."""
    columns = []
    for index in _elements(output):
        gradient = taeda.zeros_like(output, requires_grad=False)
        gradient[index] = unit
        first = _gradients(output, checked, gradient)
        second = _gradients(output, checked, gradient)
        for value, left, right in zip(checked, first, second):
            _check_gradient(value, left, check)
            if left.numel() and float((left - right).abs().max()) > check.nondet_tol:
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output "
                    "multiple times "
                    "gives different values, although analytical gradient matches numerical gradient. The "
                    "tolerance "
                    f"for nondeterminism was {check.nondet_tol}, the difference is "
                    f"{float((left - right).abs().max())}."
                )
        columns.append([part.detach() for part in first])
    return columns


def _check_gradient(value: Tensor, gradient: Tensor, check: _Check) -> None:
    if gradient.shape != value.shape:
        raise GradcheckError(
            f"gradient has incorrect size: got {tuple(gradient.shape)} for an input of {tuple(value.shape)}"
        )
    if check.check_grad_dtypes and gradient.dtype != value.dtype:
        raise GradcheckError(
            f"gradient has incorrect dtype: got {gradient.dtype} for an input of {value.dtype}"
        )


def _compare_jacobians(
    func: Function, arguments: tuple[Any, ...], checked: list[Tensor], position: int, check: _Check
) -> None:
    output = _as_outputs(func(*arguments))[position]
    if output.numel() == 0:
        return
    parts: tuple[tuple[str, complex], ...] = (
        (("real", 1), ("imaginary", 1j)) if output.dtype.is_complex else (("", 1),)
    )
    analytical = {name: _analytical(output, checked, unit, check) for name, unit in parts}
    for number, value in enumerate(checked):
        if value.numel() == 0:
            continue
        rows = _numerical(func, arguments, value, position, check.eps)
        for which, (name, _) in enumerate(parts):
            numerical = taeda.stack([row[which] for row in rows])
            found = taeda.stack([column[number].reshape(-1) for column in analytical[name]], dim=1)
            numerical = numerical.to(found.dtype)
            if not _is_close(found, numerical, check):
                _fail(number, position, name, numerical, found)


def _is_close(found: Tensor, expected: Tensor, check: _Check) -> bool:
    excess = (found - expected).abs() - (check.atol + check.rtol * expected.abs())
    return bool((excess <= 0).all())


def _fail(number: int, position: int, part: str, numerical: Tensor, analytical: Tensor) -> None:
    of_part = f" ({part} part)" if part else ""
    difference = (analytical - numerical).abs()
    worst = int(difference.reshape(-1).argmax())
    row, column = divmod(worst, difference.shape[1])
    raise GradcheckError(
        f"Jacobian mismatch for output {position} with respect to input {number}{of_part}: input element "
        f"{row} and "
        f"output element {column} differ most, numerical {numerical[row, column].item()}, analytical "
        f"{analytical[row, column].item()}\nnumerical:{numerical}\nanalytical:{analytical}\n"
        "(rows: input elements, columns: output elements)"
    )


def _check_constant(func: Function, arguments: tuple[Any, ...], checked: list[Tensor], check: _Check) -> None:
    """Outputs that say they have no gradient must not depend on the inputs."""
    for position, output in enumerate(_as_outputs(func(*arguments))):
        if not isinstance(output, taeda.Tensor) or not (
            output.dtype.is_floating_point or output.dtype.is_complex
        ):
            continue
        for value in checked:
            rows = _numerical(func, arguments, value, position, check.eps)
            if any(bool((part != 0).any()) for row in rows for part in row):
                raise GradcheckError(
                    "Numerical gradient for function expected to be zero: "
                    f"output {position} does not require a gradient, but depends on the inputs"
                )


def _check_zero_gradient(func: Function, arguments: tuple[Any, ...], checked: list[Tensor]) -> None:
    outputs = _differentiable(func(*arguments))
    zeros = [taeda.zeros_like(output, requires_grad=False) for output in outputs]
    for value, gradient in zip(checked, taeda.autograd.grad(outputs, checked, zeros, allow_unused=True)):
        if gradient is None:
            continue
        if bool((gradient != 0).any()):
            raise GradcheckError(
                "backward not multiplied by grad_output: a zero gradient of the outputs gives others"
            )
        if gradient.device != value.device or gradient.shape != value.shape:
            raise GradcheckError(
                f"grad is incorrect device or size: {gradient.device}, {tuple(gradient.shape)} for an input "
                "on "
                f"{value.device}, {tuple(value.shape)}"
            )


def _random_direction(value: Tensor) -> Tensor:
    generator = taeda.Generator(device=value.device).manual_seed(0)
    direction = taeda.rand(value.shape, dtype=taeda.float64, device=value.device, generator=generator) + 0.5
    if value.dtype.is_complex:
        other = taeda.rand(value.shape, dtype=taeda.float64, device=value.device, generator=generator) + 0.5
        return taeda.complex(direction, other).to(value.dtype)
    return direction.to(value.dtype)


def _inner(left: Tensor, right: Tensor) -> float:
    """Real inner product of two tensors as vectors."""
    product = left.conj() * right if left.dtype.is_complex or right.dtype.is_complex else left * right
    return float((product.real if product.dtype.is_complex else product).sum())


def _compare_along_direction(
    func: Function, arguments: tuple[Any, ...], checked: list[Tensor], position: int, check: _Check
) -> None:
    output = _as_outputs(func(*arguments))[position]
    if output.numel() == 0:
        return
    weights = _random_direction(output.detach())
    gradients = _gradients(output, checked, weights)
    for number, (value, gradient) in enumerate(zip(checked, gradients)):
        _check_gradient(value, gradient, check)
        direction = _random_direction(value.detach())
        slope = _difference(func, arguments, position, value.detach(), ..., direction, check.eps)
        numerical, analytical = _inner(weights, slope), _inner(gradient.detach(), direction)
        scale = float(weights.abs().sum()) * float(direction.abs().sum())
        if not abs(numerical - analytical) <= check.atol * scale + check.rtol * abs(numerical):
            raise GradcheckError(
                f"Jacobian mismatch for output {position} with respect to input {number} along a random "
                "direction: "
                f"numerical {numerical}, analytical {analytical}; fast_mode=False shows the elements"
            )


def _check_batched(
    func: Function, arguments: tuple[Any, ...], checked: list[Tensor], wanted: list[int], check: _Check
) -> None:
    outputs = _as_outputs(func(*arguments))
    for position in wanted:
        output = outputs[position]
        pair = taeda.stack([_random_direction(output.detach()), -2 * _random_direction(output.detach())])
        together = taeda.autograd.grad(
            output, checked, pair, retain_graph=True, allow_unused=True, is_grads_batched=True
        )
        for row in range(2):
            for single, batch in zip(_gradients(output, checked, pair[row]), together):
                if batch is not None and not _is_close(batch[row], single, check):
                    raise GradcheckError(
                        f"the batched gradient of output {position} differs from the single one"
                    )


def _check_forward_mode(
    func: Function, arguments: tuple[Any, ...], checked: list[Tensor], wanted: list[int], check: _Check
) -> None:
    forward_ad: Any = taeda.autograd.forward_ad  # type: ignore[attr-defined]  # raises, with advice
    for number, value in enumerate(checked):
        for index in _elements(value):
            for step in _steps(value):
                tangent = taeda.zeros_like(value, requires_grad=False)
                tangent[index] = step
                with forward_ad.dual_level():
                    duals = tuple(
                        forward_ad.make_dual(argument.detach(), tangent) if argument is value else argument
                        for argument in arguments
                    )
                    outputs = _as_outputs(func(*duals))
                    tangents = [forward_ad.unpack_dual(outputs[position]).tangent for position in wanted]
                for position, found in zip(wanted, tangents):
                    slope = _difference(func, arguments, position, value.detach(), index, step, check.eps)
                    if not _is_close(
                        taeda.zeros_like(slope) if found is None else found.detach(), slope, check
                    ):
                        raise GradcheckError(
                            f"Jacobian computed with forward mode mismatch for output {position} with "
                            "respect to "
                            f"input {number} at element {index}\nnumerical:{slope}\nforward mode:{found}"
                        )
