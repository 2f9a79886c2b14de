"""Recurrent networks over sequences of equal lengths, and single steps of them."""

from catalogue.families import FUNCTION, composite, op

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

# One layer in one direction. `keep`: the gates are wanted for the backward pass; without it they have no elements.
_LSTM = "Tensor shares, Tensor h_0, Tensor c_0, Tensor w_hh"
_LSTM_GRADS = "(Tensor grad_shares, Tensor grad_h_0, Tensor grad_c_0, Tensor grad_w_hh)"
_LSTM_BACKWARD = (f"lstm_layer_backward(Tensor grad_output, Tensor grad_h_n, Tensor grad_c_n, {_LSTM}, Tensor output, Tensor cells, "
                  f"Tensor gates, bool reverse) -> {_LSTM_GRADS}")  # fmt: skip
op(f"lstm_layer({_LSTM}, bool reverse, bool keep) -> (Tensor output, Tensor h_n, Tensor c_n, Tensor cells, Tensor gates)",
   "An LSTM layer from the input's shares (T, N, 4 H) of the sums of the gates.", where=(),
   vjp={"shares, h_0, c_0, w_hh": "lstm_layer_backward(grads[0], grads[1], grads[2], shares, h_0, c_0, w_hh, result0, result3, "
                                  "result4, reverse)"})  # fmt: skip
composite(_LSTM_BACKWARD, "Gradients of lstm_layer.", where=())
op(f"fused_{_LSTM_BACKWARD}", "Gradients of lstm_layer by a kernel.", where=())
_GRU = "Tensor shares, Tensor h_0, Tensor w_hh"
_GRU_KEPT = "Tensor output, Tensor gates, bool reverse"
_GRU_GRADS = "(Tensor grad_shares, Tensor grad_h_0, Tensor grad_w_hh, Tensor grad_b_hh)"
op(f"gru_layer({_GRU}, Tensor? b_hh, bool reverse, bool keep) -> (Tensor output, Tensor h_n, Tensor gates)",
   "A GRU layer from the input's shares (T, N, 3 H) of the sums of the gates.", where=(),
   vjp={"shares, h_0, w_hh, b_hh": "gru_layer_backward(grads[0], grads[1], shares, h_0, w_hh, b_hh, result0, result2, reverse)"})  # fmt: skip
composite(f"gru_layer_backward(Tensor grad_output, Tensor grad_h_n, {_GRU}, Tensor? b_hh, {_GRU_KEPT}) -> {_GRU_GRADS}",
          "Gradients of gru_layer.", where=())  # fmt: skip
op(f"fused_gru_layer_backward(Tensor grad_output, Tensor grad_h_n, {_GRU}, {_GRU_KEPT}) -> {_GRU_GRADS}",
   "Gradients of gru_layer by a kernel.", where=())  # fmt: skip
