"""Recurrent networks step by step: for sequences of different lengths, and for projected hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import taeda
from taeda import Tensor

from ._shared import ops
from .dropout import dropout

__all__ = ["recurrence"]

State = tuple[Tensor, ...]  # h, and c for an LSTM


def _lstm_step(x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> State:
    """One step of an LSTM; x is the input's share of the gates."""
    h, c = state
    i, f, g, o = (x + ops.linear(h, w_hh, b_hh)).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return (h if w_hr is None else ops.linear(h, w_hr)), c


def _gru_step(x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> State:
    (h,) = state
    x_r, x_z, x_n = x.chunk(3, 1)
    h_r, h_z, h_n = ops.linear(h, w_hh, b_hh).chunk(3, 1)
    z = (x_z + h_z).sigmoid()
    n = (x_n + (x_r + h_r).sigmoid() * h_n).tanh()
    return (n + z * (h - n),)


def _tanh_step(x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> State:
    return ((x + ops.linear(state[0], w_hh, b_hh)).tanh(),)


def _relu_step(x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> State:
    return ((x + ops.linear(state[0], w_hh, b_hh)).relu(),)


_STEPS: dict[str, Any] = {
    "LSTM": _lstm_step,
    "GRU": _gru_step,
    "RNN_TANH": _tanh_step,
    "RNN_RELU": _relu_step,
}


def _run(
    mode: str, data: Tensor, counts: list[int], first: State, weights: Sequence[Any], backwards: bool
) -> Any:
    """One layer in one direction over packed data; returns the outputs, packed, and the last states."""
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    step = _STEPS[mode]
    shares = ops.linear(data, w_ih, b_ih).split(counts)
    outputs: list[Tensor] = [data] * len(counts)
    if backwards:
        state = tuple(s[: counts[-1]] for s in first)
        for t in range(len(counts) - 1, -1, -1):
            new = counts[t] - state[0].size(0)
            if new:  # sequences that end here begin
                state = tuple(
                    taeda.cat([s, f[s.size(0) : counts[t]]]) for s, f in zip(state, first, strict=True)
                )
            state = step(shares[t], state, w_hh, b_hh, w_hr)
            outputs[t] = state[0]
        return taeda.cat(outputs), state
    state, finished = first, []
    for t, count in enumerate(counts):
        if count < state[0].size(0):  # sequences that ended before
            finished.append(tuple(s[count:] for s in state))
            state = tuple(s[:count] for s in state)
        state = step(shares[t], state, w_hh, b_hh, w_hr)
        outputs[t] = state[0]
    finished.append(state)
    last = tuple(taeda.cat(parts) for parts in zip(*reversed(finished), strict=True))
    return taeda.cat(outputs), last


def recurrence(
    mode: str,
    data: Tensor,
    counts: list[int],
    states: State,
    weights: list[list[Tensor | None]],
    num_layers: int,
    dropout_p: float,
    training: bool,
    bidirectional: bool,
) -> tuple[Tensor, State]:
    """Runs all layers over packed sequences.

    Args:
        mode: 'LSTM', 'GRU', 'RNN_TANH' or 'RNN_RELU'.
        data: (total steps, features), all first steps, then all second ones, and so on; longest sequence
            first.
        counts: number of sequences that have each step.
        states: h, and c for an LSTM, each (layers * directions, N, size).
        weights: for each layer and direction w_ih, w_hh, b_ih, b_hh, w_hr; what there is not is None.
        num_layers: number of layers.
        dropout_p: probability that an element between two layers is zeroed.
        training: whether that is done.
        bidirectional: whether each layer runs in both directions.

    Returns:
        Outputs of the last layer, packed, and the last states.
    """
    directions = 2 if bidirectional else 1
    ends: list[State] = []
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            number = layer * directions + direction
            first = tuple(s[number] for s in states)
            output, last = _run(mode, data, counts, first, weights[number], direction == 1)
            outputs.append(output)
            ends.append(last)
        data = outputs[0] if directions == 1 else taeda.cat(outputs, 1)
        if dropout_p and training and layer < num_layers - 1:
            data = dropout(data, dropout_p, True)
    return data, tuple(taeda.stack(parts) for parts in zip(*ends, strict=True))
