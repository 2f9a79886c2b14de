"""L-BFGS with an optional line search."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import taeda
from taeda import Tensor

from .optimizer import Optimizer

__all__ = ["LBFGS"]

# Of the line search: step length, loss, gradient, derivative along the direction.
Point = tuple[float, float, Tensor, float]


class LBFGS(Optimizer):
    """Quasi-Newton steps from the last few differences of gradients (Nocedal, 1980).

    Takes one parameter group, and a closure at every step.

    Args:
        params: parameters.
        lr: length of a step in Newton steps.
        max_iter: iterations of one call of `step`.
        max_eval: evaluations of the closure in one call; None is max_iter * 5 / 4.
        tolerance_grad: greatest element of the gradient at which to stop.
        tolerance_change: greatest change of parameters or loss at which to stop.
        history_size: number of differences that are kept.
        line_search_fn: 'strong_wolfe', or None for steps of length lr.

    Raises:
        ValueError: there are several groups, or lr is negative.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._params = self.param_groups[0]["params"]

    def _flat_gradient(self) -> Tensor:
        parts = []
        for p in self._params:
            gradient = taeda.zeros_like(p) if p.grad is None else p.grad
            parts.append((taeda.view_as_real(gradient) if p.is_complex() else gradient).reshape(-1))
        return taeda.cat(parts)

    def _move(self, direction: Tensor, length: float) -> None:
        start = 0
        for p in self._params:
            flat = taeda.view_as_real(p) if p.is_complex() else p
            count = flat.numel()
            flat.add_(direction[start : start + count].reshape(flat.shape), alpha=length)
            start += count

    def _evaluate_at(
        self, closure: Callable[[], Any], before: list[Tensor], direction: Tensor, length: float
    ) -> tuple[float, Tensor]:
        """Loss and gradient at before + length * direction; the parameters come back to `before`."""
        self._move(direction, length)
        with taeda.enable_grad():
            loss = _number(closure())
        gradient = self._flat_gradient()
        for p, value in zip(self._params, before, strict=True):
            p.copy_(value)
        return loss, gradient

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Does up to max_iter iterations.

        Args:
            closure: clears the gradients, computes the loss and its gradients, and returns the loss.

        Returns:
            The loss before the first iteration.

        Raises:
            RuntimeError: there is no closure, or an unknown line search.
        """
        if closure is None:
            raise RuntimeError("LBFGS.step: needs a closure that computes the loss and its gradients")
        with taeda.no_grad():
            return self._iterate(closure)

    def _iterate(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        with taeda.enable_grad():
            first_loss = closure()
        loss, evaluations = _number(first_loss), 1
        state["func_evals"] += 1
        gradient = self._flat_gradient()
        if float(gradient.abs().max()) <= group["tolerance_grad"]:
            return first_loss
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction, length = self._direction(state, gradient, group)
            state["prev_flat_grad"] = gradient.clone()
            state["prev_loss"] = previous = loss
            slope = float(gradient.dot(direction))
            if slope > -group["tolerance_change"]:
                state["d"], state["t"] = direction, length
                break
            used = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                before = [p.clone() for p in self._params]
                loss, gradient, length, used = _strong_wolfe(
                    lambda t: self._evaluate_at(closure, before, direction, t),  # noqa: B023
                    direction,
                    float(length),
                    (loss, gradient, slope),
                )
                self._move(direction, length)
            else:
                self._move(direction, float(length))
                if iteration != group["max_iter"]:
                    with taeda.enable_grad():
                        loss = _number(closure())
                    gradient = self._flat_gradient()
                    used = 1
            state["d"], state["t"] = direction, length
            evaluations += used
            state["func_evals"] += used
            if (
                evaluations >= group["max_eval"]
                or float(gradient.abs().max()) <= group["tolerance_grad"]
                or float((direction * length).abs().max()) <= group["tolerance_change"]
                or abs(loss - previous) < group["tolerance_change"]
            ):
                break
        return first_loss

    def _direction(
        self, state: dict[str, Any], gradient: Tensor, group: dict[str, Any]
    ) -> tuple[Tensor, Any]:
        """The next direction and the step length to begin with."""
        lr = group["lr"]
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return -gradient, min(1.0, 1.0 / float(gradient.abs().sum())) * lr
        change, moved = gradient - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = float(change.dot(moved))
        changes, moves, inverses = state["old_dirs"], state["old_stps"], state["ro"]
        if curvature > 1e-10:
            if len(changes) == group["history_size"]:
                for history in (changes, moves, inverses):
                    history.pop(0)
            changes.append(change)
            moves.append(moved)
            inverses.append(1.0 / change.dot(moved))
            state["H_diag"] = change.dot(moved) / change.dot(change)
        count = len(changes)
        al = state["al"] = [None] * group["history_size"] if "al" not in state else state["al"]
        q = -gradient
        for i in range(count - 1, -1, -1):
            al[i] = moves[i].dot(q) * inverses[i]
            q = q.add(changes[i], alpha=-float(al[i]))
        direction = q * state["H_diag"]
        for i in range(count):
            direction = direction.add(moves[i], alpha=float(al[i] - changes[i].dot(direction) * inverses[i]))
        return direction, lr


def _number(loss: Any) -> float:
    return loss.item() if isinstance(loss, Tensor) else float(loss)


def _cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points with their derivatives is least, within bounds."""
    (x1, f1, _, g1), (x2, f2, _, g2) = a, b
    low, high = bounds if bounds is not None else (min(x1, x2), max(x1, x2))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - g1 * g2
    if not square >= 0:
        return (low + high) / 2.0
    d2 = math.sqrt(square)
    if x1 <= x2:
        place = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        place = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(place, low), high)


def _strong_wolfe(
    evaluate: Callable[[float], tuple[float, Tensor]],
    direction: Tensor,
    length: float,
    start: tuple[float, Tensor, float],
    armijo: float = 1e-4,
    curvature: float = 0.9,
    tolerance_change: float = 1e-9,
    max_steps: int = 25,
) -> tuple[float, Tensor, float, int]:
    """A step length that satisfies the strong Wolfe conditions (Nocedal & Wright, 2006, chapter 3).

    Returns loss, gradient and length, and the number of evaluations.
    """
    loss0, gradient0, slope0 = start
    extent = float(direction.abs().max())

    def point_at(t: float) -> Point:
        loss, gradient = evaluate(t)
        return t, loss, gradient, float(gradient.dot(direction))

    def too_high(p: Point) -> bool:
        return p[1] > loss0 + armijo * p[0] * slope0

    def flat(p: Point) -> bool:
        return abs(p[3]) <= -curvature * slope0

    before: Point = (0.0, loss0, gradient0, slope0)
    now = point_at(length)
    evaluations, steps, done = 1, 0, False
    bracket: list[Point] = []
    while steps < max_steps:
        if too_high(now) or (steps > 1 and now[1] >= before[1]):
            bracket = [before, now]
            break
        if flat(now):
            bracket, done = [now], True
            break
        if now[3] >= 0:
            bracket = [before, now]
            break
        bounds = (now[0] + 0.01 * (now[0] - before[0]), now[0] * 10)
        following = _cubic_minimum(before, now, bounds)
        before, now = now, point_at(following)
        evaluations += 1
        steps += 1
    if steps == max_steps:
        bracket = [(0.0, loss0, gradient0, slope0), now]

    stuck = False
    low, high = (0, 1) if bracket[0][1] <= bracket[-1][1] else (1, 0)
    while not done and steps < max_steps:
        left, right = min(bracket[0][0], bracket[1][0]), max(bracket[0][0], bracket[1][0])
        if (right - left) * extent < tolerance_change:
            break
        t = _cubic_minimum(bracket[0], bracket[1])
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        new = point_at(t)
        evaluations += 1
        steps += 1
        if too_high(new) or new[1] >= bracket[low][1]:
            bracket[high] = new
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            if flat(new):
                done = True
            elif new[3] * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = new
    best = bracket[low] if len(bracket) > 1 else bracket[0]
    return best[1], best[2], best[0], evaluations
