"""Recurrent networks over sequences of equal lengths, and single steps of them."""

from catalogue.families import FUNCTION, composite

_LAYERS = "Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first"
_CELL = "Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None"
_WHERE = (FUNCTION,)

composite(f"lstm(Tensor input, Tensor[] hx, {_LAYERS}) -> (Tensor output, Tensor h_n, Tensor c_n)",
          "Layers of long short-term memory (Hochreiter and Schmidhuber 1997) over (T, N, C).", where=_WHERE)  # fmt: skip
composite(f"lstm_cell(Tensor input, Tensor[] hx, {_CELL}) -> (Tensor h, Tensor c)", "One step of an LSTM.", where=_WHERE)
for _name, _doc in (("gru", "gated recurrent units (Cho et al. 2014)"), ("rnn_tanh", "tanh units"), ("rnn_relu", "relu units")):
    composite(f"{_name}(Tensor input, Tensor hx, {_LAYERS}) -> (Tensor output, Tensor h_n)", f"Layers of {_doc} over (T, N, C).",
              where=_WHERE)  # fmt: skip
    composite(f"{_name}_cell(Tensor input, Tensor hx, {_CELL}) -> Tensor", f"One step of {_doc}.", where=_WHERE)
