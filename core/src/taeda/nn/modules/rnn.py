"""Recurrent networks."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

import taeda
from taeda import Tensor

from .. import init
from .._functional._shared import ops
from .._functional.recurrence import recurrence
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from .module import Module

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What RNN, LSTM and GRU have in common.

    Args:
        mode: 'LSTM', 'GRU', 'RNN_TANH' or 'RNN_RELU'.
        input_size: features of the input.
        hidden_size: features of the hidden state.
        num_layers: number of layers.
        bias: whether there are biases.
        batch_first: whether tensors are (N, L, features) instead of (L, N, features).
        dropout: probability that an element between two layers is zeroed in training.
        bidirectional: whether each layer runs in both directions.
        proj_size: features that the hidden state of an LSTM is projected to; 0 is no projection.
        device: where the parameters are.
        dtype: element type of the parameters.

    Raises:
        TypeError: a size has a wrong type.
        ValueError: a size or probability is out of range, or the mode is unknown.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check(mode, hidden_size, num_layers, dropout, proj_size)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._weight_names = self._all_weight_names()
        directions = 2 if bidirectional else 1
        output_size = proj_size if proj_size > 0 else hidden_size
        gates = _GATES[mode] * hidden_size
        for layer in range(num_layers):
            width = input_size if layer == 0 else output_size * directions
            shapes = {
                "weight_ih": (gates, width),
                "weight_hh": (gates, output_size),
                "bias_ih": (gates,),
                "bias_hh": (gates,),
                "weight_hr": (proj_size, hidden_size),
            }
            for direction in range(directions):
                for name in self._weight_names[layer * directions + direction]:
                    kind = name[: name.index("_l")]
                    setattr(self, name, Parameter(taeda.empty(shapes[kind], device=device, dtype=dtype)))
        self.reset_parameters()

    def _all_weight_names(self) -> list[list[str]]:
        kinds = ["weight_ih", "weight_hh"]
        kinds += ["bias_ih", "bias_hh"] if self.bias else []
        kinds += ["weight_hr"] if self.proj_size > 0 else []
        suffixes = ("", "_reverse") if self.bidirectional else ("",)
        return [
            [f"{kind}_l{layer}{suffix}" for kind in kinds]
            for layer in range(self.num_layers)
            for suffix in suffixes
        ]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._weight_names for name in names]

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._weight_names]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("proj_size", 0)
        self.__dict__.setdefault("_weight_names", self._all_weight_names())

    def flatten_parameters(self) -> None:
        """Does nothing: the parameters need not lie in one piece of memory."""

    def reset_parameters(self) -> None:
        """Draws all parameters from U(-1/√hidden_size, 1/√hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        """Sizes, and whatever is not the default."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size != 0:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.batch_first is not False:
            text += f", batch_first={self.batch_first}"
        if self.dropout != 0:
            text += f", dropout={self.dropout}"
        if self.bidirectional is not False:
            text += f", bidirectional={self.bidirectional}"
        return text

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Checks dtype, dimensions and width of the input.

        Raises:
            ValueError: the dtype is not that of the parameters.
            RuntimeError: wrong number of dimensions or width.
        """
        weight = getattr(self, self._weight_names[0][0])
        if input.dtype != weight.dtype:
            raise ValueError(
                f"{self._get_name()}: input must have the type {weight.dtype}, got type {input.dtype}; convert it "
                f"with .to({weight.dtype})"
            )
        expected = 2 if batch_sizes is not None else 3
        if input.dim() != expected:
            raise RuntimeError(
                f"{self._get_name()}: input must have {expected} dimensions, got {input.dim()} in shape "
                f"{list(input.shape)}"
            )
        if self.input_size != input.size(-1):
            raise RuntimeError(
                f"{self._get_name()}: input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{input.size(-1)} in shape {list(input.shape)}; the last dimension holds the features"
            )

    def _state_sizes(self, batch: int) -> list[tuple[int, int, int]]:
        rows = self.num_layers * (2 if self.bidirectional else 1)
        sizes = [(rows, batch, self.proj_size if self.proj_size > 0 else self.hidden_size)]
        return [*sizes, (rows, batch, self.hidden_size)] if self.mode == "LSTM" else sizes

    def _check_states(self, states: tuple[Tensor, ...], batch: int) -> None:
        for state, expected, name in zip(states, self._state_sizes(batch), ("hidden[0]", "hidden[1]")):
            if tuple(state.shape) != expected:
                what = f"{name} size" if self.mode == "LSTM" else "hidden size"
                raise RuntimeError(
                    f"{self._get_name()}: Expected {what} {expected}, got {list(state.size())}"
                )

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Runs over sequences.

        Args:
            input: (L, N, input_size), with batch_first (N, L, input_size), (L, input_size), or a
                PackedSequence.
            hx: first hidden state (layers * directions, N, size); for an LSTM (h, c); None is zeros.

        Returns:
            Outputs of the last layer, like the input, and the last hidden state, like hx.

        Raises:
            RuntimeError: shapes do not fit together.
            ValueError: wrong number of dimensions, or dtype.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D instead")
        batched = input.dim() == 3
        batch_dim = 0 if self.batch_first else 1
        if not batched:
            input = input.unsqueeze(batch_dim)
        batch = input.size(batch_dim)
        states = self._given_states(hx, batched, batch, input)
        self.check_input(input, None)
        self._check_states(states, batch)
        if self.proj_size > 0:
            output, states = self._run_padded(input, states)
        else:
            output, states = self._run_native(input, states)
        if not batched:
            output, states = output.squeeze(batch_dim), tuple(s.squeeze(1) for s in states)
        return output, (states if self.mode == "LSTM" else states[0])

    def _given_states(self, hx: Any, batched: bool, batch: int, input: Tensor) -> tuple[Tensor, ...]:
        if hx is None:
            return tuple(
                taeda.zeros(size, dtype=input.dtype, device=input.device) for size in self._state_sizes(batch)
            )
        states = tuple(hx) if self.mode == "LSTM" else (hx,)
        for state in states:
            if state.dim() != (3 if batched else 2):
                if self.mode == "LSTM":
                    raise RuntimeError(
                        f"For {'batched 3-D' if batched else 'unbatched 2-D'} input, hx and cx should "
                        "also be "
                        f"{'3-D' if batched else '2-D'} but got ({states[0].dim()}-D, "
                        f"{states[-1].dim()}-D) tensors"
                    )
                raise RuntimeError(
                    f"For {'batched 3-D' if batched else 'unbatched 2-D'} input, hx should also be "
                    f"{'3-D' if batched else '2-D'} but got {state.dim()}-D tensor"
                )
        return states if batched else tuple(s.unsqueeze(1) for s in states)

    def _run_native(self, input: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        op = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu"}[self.mode]
        output, *last = getattr(ops, op)(
            input,
            list(states) if self.mode == "LSTM" else states[0],
            self._flat_weights,
            self.bias,
            self.num_layers,
            self.dropout,
            self.training,
            self.bidirectional,
            self.batch_first,
        )
        return output, tuple(last)

    def _run_packed(self, data: Tensor, counts: list[int], states: tuple[Tensor, ...]) -> Any:
        weights: list[list[Tensor | None]] = []
        for names in self._weight_names:
            own: list[Tensor | None] = [getattr(self, name) for name in names]
            biases = own[2:4] if self.bias else [None, None]
            weights.append([*own[:2], *biases, own[-1] if self.proj_size > 0 else None])
        return recurrence(
            self.mode,
            data,
            counts,
            states,
            weights,
            self.num_layers,
            self.dropout,
            self.training,
            self.bidirectional,
        )

    def _run_padded(self, input: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Sequences of equal lengths, as packed ones."""
        steps = input.transpose(0, 1) if self.batch_first else input
        length, batch = steps.shape[:2]
        data, states = self._run_packed(steps.reshape(length * batch, -1), [batch] * length, states)
        output = data.reshape(length, batch, -1)
        return (output.transpose(0, 1) if self.batch_first else output), states

    def _forward_packed(self, packed: PackedSequence, hx: Any) -> Any:
        data, batch_sizes, sorted_indices, unsorted_indices = packed
        counts = [int(n) for n in batch_sizes.tolist()]
        states = self._given_states(hx, True, counts[0], data)
        if hx is not None and sorted_indices is not None:
            states = tuple(s.index_select(1, sorted_indices) for s in states)
        self.check_input(data, batch_sizes)
        self._check_states(states, counts[0])
        output, states = self._run_packed(data, counts, states)
        if unsorted_indices is not None:
            states = tuple(s.index_select(1, unsorted_indices) for s in states)
        result = PackedSequence(output, batch_sizes, sorted_indices, unsorted_indices)
        return result, (states if self.mode == "LSTM" else states[0])


def _check(mode: str, hidden_size: Any, num_layers: int, dropout: Any, proj_size: int) -> None:
    if not isinstance(dropout, numbers.Number) or not 0 <= dropout <= 1 or isinstance(dropout, bool):  # type: ignore[operator]
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being "
            "zeroed"
        )
    if dropout > 0 and num_layers == 1:  # type: ignore[operator]
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            "num_layers "
            f"greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )
    if not isinstance(hidden_size, int):
        raise TypeError(f"hidden_size should be of type int, got: {type(hidden_size).__name__}")
    if hidden_size <= 0:
        raise ValueError("hidden_size must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
    if mode not in _GATES:
        raise ValueError("Unrecognized RNN mode: " + mode)
    if proj_size > 0 and mode != "LSTM":
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """Elman's network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh).

    Args:
        *args: input_size, hidden_size, num_layers, nonlinearity, bias, batch_first, dropout, bidirectional,
            device,
            dtype, as in `RNNBase`; nonlinearity is 'tanh' or 'relu'.
        **kwargs: the same by name.

    Raises:
        ValueError: unknown nonlinearity.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            nonlinearity, args = args[3], args[:3] + args[4:]
            kwargs.pop("nonlinearity", None)
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter & Schmidhuber, 1997).

    Args:
        *args: input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
            device, dtype,
            as in `RNNBase`.
        **kwargs: the same by name.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent unit (Cho et al., 2014).

    Args:
        *args: input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype,
            as in
            `RNNBase`.
        **kwargs: the same by name.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    """What the cells have in common.

    Args:
        input_size: features of the input.
        hidden_size: features of the hidden state.
        bias: whether there are biases.
        num_chunks: number of gates.
        device: where the parameters are.
        dtype: element type of the parameters.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = num_chunks * hidden_size
        for name, shape in (("weight_ih", (gates, input_size)), ("weight_hh", (gates, hidden_size))):
            setattr(self, name, Parameter(taeda.empty(shape, device=device, dtype=dtype)))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(
                name, Parameter(taeda.empty(gates, device=device, dtype=dtype)) if bias else None
            )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws all parameters from U(-1/√hidden_size, 1/√hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        """Sizes, and whatever is not the default."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = self.__dict__.get("nonlinearity", "tanh")
        return text + (f", nonlinearity={nonlinearity}" if nonlinearity != "tanh" else "")

    def _step(self, op: str, input: Tensor, states: Any) -> Any:
        """One step of the native cell; states is a tensor, a tuple of tensors, or None for zeros."""
        name = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        several = op == "lstm_cell"
        for i, state in enumerate((states if several else (states,)) if states is not None else ()):
            if state.dim() not in (1, 2):
                what = f"hx[{i}]" if several else "hidden"
                raise ValueError(f"{name}: Expected {what} to be 1D or 2D, got {state.dim()}D instead")
        batched = input.dim() == 2
        rows = input if batched else input.unsqueeze(0)
        if states is None:
            zeros = taeda.zeros(rows.size(0), self.hidden_size, dtype=input.dtype, device=input.device)
            states = (zeros, zeros) if several else zeros
        elif not batched:
            states = tuple(s.unsqueeze(0) for s in states) if several else states.unsqueeze(0)
        result = getattr(ops, op)(
            rows,
            list(states) if several else states,
            self.weight_ih,
            self.weight_hh,
            self.bias_ih,
            self.bias_hh,
        )
        if batched:
            return result
        return tuple(r.squeeze(0) for r in result) if several else result.squeeze(0)


class RNNCell(RNNCellBase):
    """One step of Elman's network.

    Args:
        input_size: features of the input.
        hidden_size: features of the hidden state.
        bias: whether there are biases.
        nonlinearity: 'tanh' or 'relu'.
        device: where the parameters are.
        dtype: element type of the parameters.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """(N, input_size) or (input_size) and the hidden state to the new hidden state.

        Raises:
            RuntimeError: unknown nonlinearity.
        """
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        state: Tensor = self._step(f"rnn_{self.nonlinearity}_cell", input, hx)
        return state


class LSTMCell(RNNCellBase):
    """One step of an LSTM.

    Args:
        input_size: features of the input.
        hidden_size: features of the hidden state.
        bias: whether there are biases.
        device: where the parameters are.
        dtype: element type of the parameters.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """(N, input_size) or (input_size) and (h, c) to the new (h, c)."""
        states: tuple[Tensor, Tensor] = self._step("lstm_cell", input, hx)
        return states


class GRUCell(RNNCellBase):
    """One step of a GRU.

    Args:
        input_size: features of the input.
        hidden_size: features of the hidden state.
        bias: whether there are biases.
        device: where the parameters are.
        dtype: element type of the parameters.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """(N, input_size) or (input_size) and the hidden state to the new hidden state."""
        state: Tensor = self._step("gru_cell", input, hx)
        return state
