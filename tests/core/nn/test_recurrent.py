"""Recurrent networks, packed sequences, attention and transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import taeda
from taeda import nn
from taeda.autograd.gradcheck import gradcheck, gradgradcheck
from taeda.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def step(kind: str, x: Any, state: Any, p: dict[str, Any]) -> Any:
    """One step of a cell in NumPy."""
    gates_x = x @ p["weight_ih"].T + p["bias_ih"]
    gates_h = state[0] @ p["weight_hh"].T + p["bias_hh"]
    if kind == "RNN":
        return (np.tanh(gates_x + gates_h),)
    if kind == "GRU":
        (xr, xz, xn), (hr, hz, hn) = np.split(gates_x, 3, 1), np.split(gates_h, 3, 1)
        z = sigmoid(xz + hz)
        return ((1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * state[0],)
    i, f, g, o = np.split(gates_x + gates_h, 4, 1)
    c = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def parameters(module: nn.Module, suffix: str = "") -> dict[str, Any]:
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return {kind: getattr(module, kind + suffix).detach().numpy() for kind in kinds}


X = np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_two_layers_in_both_directions(kind: str) -> None:
    net = getattr(nn, kind)(4, 6, num_layers=2, bidirectional=True)
    output, last = net(taeda.tensor(X))
    states = 2 if kind == "LSTM" else 1
    sequence, ends = X, []
    for layer in range(2):
        halves = []
        for suffix, order in (("", range(5)), ("_reverse", range(4, -1, -1))):
            state = tuple(np.zeros((3, 6)) for _ in range(states))
            half = np.zeros((5, 3, 6))
            for i in order:
                state = step(kind, sequence[i], state, parameters(net, f"_l{layer}{suffix}"))
                half[i] = state[0]
            halves.append(half)
            ends.append(state)
        sequence = np.concatenate(halves, 2)
    np.testing.assert_allclose(output.detach().numpy(), sequence, atol=1e-5)
    last = last if kind == "LSTM" else (last,)
    for i in range(states):
        np.testing.assert_allclose(last[i].detach().numpy(), np.stack([e[i] for e in ends]), atol=1e-5)


def in_numpy(kind: str, x: Any, state: tuple[Any, ...], p: dict[str, Any], reverse: bool) -> tuple[Any, ...]:
    """A layer over (T, N, C): all outputs, and the last state."""
    outputs = np.zeros((*x.shape[:2], state[0].shape[1]))
    for i in range(len(x) - 1, -1, -1) if reverse else range(len(x)):
        state = step(kind, x[i], state, p)
        outputs[i] = state[0]
    return outputs, *state


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
@pytest.mark.parametrize(("steps", "rows", "width"), [(7, 3, 6), (4, 50, 37), (1, 16, 16), (30, 1, 70)])
@pytest.mark.parametrize("dtype", [taeda.float32, taeda.float64])
def test_whole_layers(kind: str, steps: int, rows: int, width: int, dtype: taeda.dtype) -> None:
    """Values from given states, in both directions; gradients along a random direction, by finite differences."""
    rng = np.random.default_rng(steps)
    net = getattr(nn, kind)(5, width, bidirectional=True, dtype=dtype)
    x = rng.normal(size=(steps, rows, 5))
    states = [rng.normal(size=(2, rows, width)) for _ in range(2 if kind == "LSTM" else 1)]
    given = [taeda.tensor(a, dtype=dtype).requires_grad_() for a in (x, *states)]
    output, last = net(given[0], tuple(given[1:]) if kind == "LSTM" else given[1])
    results = [output, *(last if kind == "LSTM" else (last,))]
    weights = [rng.normal(size=r.shape) for r in results]
    names = [name for name, _ in net.named_parameters()]

    def expected(x: Any, *states: Any, **values: Any) -> list[Any]:
        halves = []
        for d, suffix in enumerate(("", "_reverse")):
            p = {name.removesuffix(f"_l0{suffix}"): values[name] for name in names}
            halves.append(in_numpy(kind, x, tuple(s[d] for s in states), p, d == 1))
        return [np.concatenate([h[0] for h in halves], 2)] + [
            np.stack([h[i + 1] for h in halves]) for i in range(len(states))
        ]

    values = {name: p.detach().double().numpy() for name, p in net.named_parameters()}
    tolerance = 1e-5 if dtype == taeda.float32 else 1e-12
    for result, want in zip(results, expected(x, *states, **values), strict=True):
        np.testing.assert_allclose(result.detach().numpy(), want, atol=tolerance)

    loss = sum((r * taeda.tensor(w, dtype=dtype)).sum() for r, w in zip(results, weights, strict=True))
    loss.backward()
    total = lambda parts: sum((p * w).sum() for p, w in zip(parts, weights, strict=True))  # noqa: E731
    moves = [rng.normal(size=a.shape) for a in (x, *states)]
    shifts = {name: rng.normal(size=v.shape) for name, v in values.items()}
    ends = [
        total(
            expected(
                *(a + h * m for a, m in zip((x, *states), moves, strict=True)),
                **{name: v + h * shifts[name] for name, v in values.items()},
            )
        )
        for h in (1e-5, -1e-5)
    ]
    slope = sum((t.grad.double().numpy() * m).sum() for t, m in zip(given, moves, strict=True))
    slope += sum((p.grad.double().numpy() * shifts[name]).sum() for name, p in net.named_parameters())
    np.testing.assert_allclose(
        slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-4 if dtype == taeda.float32 else 1e-6
    )


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_second_derivatives(kind: str) -> None:
    net = getattr(nn, kind)(2, 3, dtype=taeda.float64)
    x = taeda.tensor(X[:, :, :2], dtype=taeda.float64).requires_grad_()
    states = [
        taeda.tensor(np.full((1, 3, 3), v)).requires_grad_()
        for v in ((0.3, -0.2) if kind == "LSTM" else (0.3,))
    ]
    weights = [p.detach().requires_grad_() for p in net.parameters()]

    def function(x: Any, *rest: Any) -> Any:
        params = list(rest[len(states) :])
        state = list(rest[: len(states)])
        run = getattr(taeda, kind.lower())
        return run(x, state if kind == "LSTM" else state[0], params, True, 1, 0.0, True, False, False)

    assert gradcheck(function, (x, *states, *weights))
    assert gradgradcheck(function, (x, *states, *weights))


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_without_biases(kind: str) -> None:
    """As with biases of zero, gradients too."""
    bare, full = getattr(nn, kind)(3, 8, bias=False), getattr(nn, kind)(3, 8)
    with taeda.no_grad():
        for name, p in full.named_parameters():
            p.copy_(getattr(bare, name) if "weight" in name else taeda.zeros_like(p))
    results = []
    for net in (bare, full):
        x = taeda.arange(90.0).sin().reshape(6, 5, 3).requires_grad_()
        output, _ = net(x)
        output.square().sum().backward()
        results.append([output.detach(), x.grad, net.weight_ih_l0.grad, net.weight_hh_l0.grad])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_layers_where_products_are_converted(kind: str) -> None:
    net, x = getattr(nn, kind)(8, 16), taeda.randn(5, 20, 8)
    with taeda.autocast("cpu", dtype=taeda.bfloat16):
        rough, _ = net(x)
    np.testing.assert_allclose(rough.detach().float().numpy(), net(x)[0].detach().numpy(), atol=0.05)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_threads_change_no_bit(kind: str) -> None:
    net = getattr(nn, kind)(20, 40)
    x = taeda.randn(6, 60, 20)
    before, results = taeda.get_num_threads(), []
    for threads in (1, 2, 5):
        taeda.set_num_threads(threads)
        net.zero_grad()
        output, _ = net(x)
        output.square().sum().backward()
        results.append([t.numpy().tobytes() for t in (output.detach(), *(p.grad for p in net.parameters()))])
    taeda.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_cell_is_one_step(kind: str) -> None:
    cell = getattr(nn, kind + "Cell")(4, 6)
    result = cell(taeda.tensor(X[0]))
    expected = step(kind, X[0], (np.zeros((3, 6)), np.zeros((3, 6))), parameters(cell))
    result = result if kind == "LSTM" else (result,)
    for got, want in zip(result, expected, strict=True):
        np.testing.assert_allclose(got.detach().numpy(), want, atol=1e-6)
    single = cell(taeda.tensor(X[0, 0]))
    assert (single[0] if kind == "LSTM" else single).shape == (6,)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_packed_sequences_equal_single_ones(kind: str) -> None:
    net = getattr(nn, kind)(4, 6, num_layers=2, bidirectional=True, batch_first=True)
    sequences = [taeda.tensor(X[:n, i]) for i, n in enumerate((2, 5, 3))]
    packed, last = net(pack_sequence(sequences, enforce_sorted=False))
    hidden = last[0] if kind == "LSTM" else last
    for i, (sequence, result) in enumerate(zip(sequences, unpack_sequence(packed), strict=True)):
        alone, alone_last = net(sequence)
        np.testing.assert_allclose(result.detach().numpy(), alone.detach().numpy(), atol=1e-5)
        alone_hidden = alone_last[0] if kind == "LSTM" else alone_last
        np.testing.assert_allclose(hidden[:, i].detach().numpy(), alone_hidden.detach().numpy(), atol=1e-5)


def test_projected_lstm() -> None:
    net = nn.LSTM(4, 6, proj_size=2)
    output, (h, c) = net(taeda.tensor(X))
    assert output.shape == (5, 3, 2)
    assert h.shape == (1, 3, 2)
    assert c.shape == (1, 3, 6)
    p = parameters(net, "_l0")
    state: Any = (np.zeros((3, 2)), np.zeros((3, 6)))
    for i in range(5):
        hidden, cell = step("LSTM", X[i], state, p)
        state = (hidden @ net.weight_hr_l0.detach().numpy().T, cell)
    np.testing.assert_allclose(h[0].detach().numpy(), state[0], atol=1e-5)


def test_state_dict_names_of_a_recurrent_network() -> None:
    assert list(nn.GRU(1, 2, bidirectional=True).state_dict()) == [
        f"{kind}_l0{suffix}"
        for suffix in ("", "_reverse")
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: nn.LSTM(3, 4)(taeda.ones(2, 3, 5)),
            RuntimeError,
            "input.size(-1) must be equal to input_size. Expected 3, got 5",
        ),
        (
            lambda: nn.GRU(3, 4)(taeda.ones(2, 3, 3), taeda.ones(1, 1, 4)),
            RuntimeError,
            "Expected hidden size (1, 3, 4), got [1, 1, 4]",
        ),
        (
            lambda: nn.LSTM(3, 4)(taeda.ones(2, 3, 3), (taeda.ones(1, 1, 4), taeda.ones(1, 1, 4))),
            RuntimeError,
            "Expected hidden[0] size (1, 3, 4), got [1, 1, 4]",
        ),
        (
            lambda: nn.RNN(3, 4)(taeda.ones(1)),
            ValueError,
            "RNN: Expected input to be 2D or 3D, got 1D instead",
        ),
        (
            lambda: nn.RNN(3, 4, nonlinearity="gelu"),
            ValueError,
            "Unknown nonlinearity 'gelu'. Select from 'tanh' or 'relu'.",
        ),
        (lambda: nn.GRU(3, 4, proj_size=2), ValueError, "proj_size argument is only supported for LSTM"),
        (lambda: nn.LSTM(3, 0), ValueError, "hidden_size must be greater than zero"),
        (
            lambda: pack_padded_sequence(taeda.ones(3, 2, 1), [1, 3]),
            RuntimeError,
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True.",
        ),
        (lambda: pad_sequence([]), RuntimeError, "received an empty list of sequences"),
        (lambda: nn.MultiheadAttention(4, 3), AssertionError, "embed_dim must be divisible by num_heads"),
        (
            lambda: nn.MultiheadAttention(4, 2)(
                taeda.ones(2, 1, 4), taeda.ones(2, 1, 4), taeda.ones(2, 1, 4), attn_mask=taeda.zeros(3, 3)
            ),
            RuntimeError,
            "The shape of the 2D attn_mask is (3, 3), but should be (2, 2).",
        ),
    ],
)
def test_errors(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)


def test_padding_and_packing_undo_each_other() -> None:
    sequences = [taeda.tensor([1.0, 2.0]), taeda.tensor([3.0]), taeda.tensor([4.0, 5.0, 6.0])]
    padded = pad_sequence(sequences, batch_first=True, padding_value=-1)
    assert padded.tolist() == [[1, 2, -1], [3, -1, -1], [4, 5, 6]]
    assert pad_sequence(sequences, batch_first=True, padding_side="left").tolist()[1] == [0, 0, 3]
    packed = pack_padded_sequence(padded, [2, 1, 3], batch_first=True, enforce_sorted=False)
    assert isinstance(packed, PackedSequence)
    assert packed.data.tolist() == [4, 1, 3, 5, 2, 6]
    assert packed.batch_sizes.tolist() == [3, 2, 1]
    assert packed.sorted_indices.tolist() == [2, 0, 1]
    again, lengths = pad_packed_sequence(packed, batch_first=True, padding_value=-1, total_length=4)
    assert again.tolist() == [[1, 2, -1, -1], [3, -1, -1, -1], [4, 5, 6, -1]]
    assert lengths.tolist() == [2, 1, 3]


def attention_in_numpy(net: nn.MultiheadAttention, q: Any, k: Any, v: Any, mask: Any) -> Any:
    """(L, E), (S, E), (S, E) and an additive mask (L, S) to output and weights by head."""
    width, heads = net.embed_dim, net.num_heads
    w, b = net.in_proj_weight.detach().numpy(), net.in_proj_bias.detach().numpy()
    q, k, v = (
        x @ w[i * width : (i + 1) * width].T + b[i * width : (i + 1) * width] for i, x in enumerate((q, k, v))
    )
    size, outputs, weights = width // heads, [], []
    for h in range(heads):
        part = slice(h * size, (h + 1) * size)
        scores = q[:, part] @ k[:, part].T / np.sqrt(size) + mask
        scores = np.exp(scores - scores.max(1, keepdims=True))
        weights.append(scores / scores.sum(1, keepdims=True))
        outputs.append(weights[-1] @ v[:, part])
    out = np.concatenate(outputs, 1) @ net.out_proj.weight.detach().numpy().T
    return out + net.out_proj.bias.detach().numpy(), np.stack(weights)


@pytest.mark.parametrize("need_weights", [True, False])
def test_attention(need_weights: bool) -> None:
    rng = np.random.default_rng(1)
    q, k, v = (rng.normal(size=(2, n, 4)).astype(np.float32) for n in (3, 5, 5))
    net = nn.MultiheadAttention(4, 2, batch_first=True)
    padding = np.array([[False] * 5, [False] * 3 + [True] * 2])
    blocked = np.triu(np.ones((3, 5), dtype=bool), 3)
    output, weights = net(
        *map(taeda.tensor, (q, k, v)),
        key_padding_mask=taeda.tensor(padding),
        attn_mask=taeda.tensor(blocked),
        need_weights=need_weights,
        average_attn_weights=False,
    )
    for n in range(2):
        mask = np.where(blocked | padding[n], -np.inf, 0.0)
        expected, shares = attention_in_numpy(net, q[n], k[n], v[n], mask)
        np.testing.assert_allclose(output[n].detach().numpy(), expected, atol=1e-5)
        if need_weights:
            np.testing.assert_allclose(weights[n].detach().numpy(), shares, atol=1e-5)
    assert need_weights == (weights is not None)


def test_causal_encoder_does_not_look_ahead() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2)
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    assert mask[0].tolist() == [0.0] + [float("-inf")] * 3
    x = taeda.randn(1, 4, 8)
    changed = x.clone()
    changed[:, 3, 0] += 1
    before, after = encoder(x, mask=mask), encoder(changed, mask=mask)
    np.testing.assert_allclose(before[:, :3].detach().numpy(), after[:, :3].detach().numpy(), atol=1e-5)
    assert (before[:, 3] - after[:, 3]).abs().max().item() > 1e-3


def test_norm_first_layer_is_the_sum_of_its_blocks() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, norm_first=True)
    x = taeda.randn(3, 1, 4)
    middle = x + layer.self_attn(*[layer.norm1(x)] * 3)[0]
    expected = middle + layer.linear2(layer.linear1(layer.norm2(middle)).relu())
    np.testing.assert_allclose(layer(x).detach().numpy(), expected.detach().numpy(), atol=1e-5)


def test_transformer_shapes_and_checks() -> None:
    net = nn.Transformer(8, 2, 1, 1, 16)
    assert net(taeda.ones(5, 2, 8), taeda.ones(3, 2, 8)).shape == (3, 2, 8)
    with pytest.raises(RuntimeError, match="the batch number of src and tgt must be equal"):
        net(taeda.ones(5, 2, 8), taeda.ones(3, 1, 8))
    with pytest.raises(RuntimeError, match="activation should be relu/gelu, not tanh"):
        nn.TransformerEncoderLayer(4, 2, activation="tanh")


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("shape", [(5, 3, 8), (5, 8)], ids=str)
def test_transformer_layers_give_the_same_with_and_without_gradients(
    shape: tuple[int, ...], norm_first: bool
) -> None:
    encoder = nn.TransformerEncoderLayer(8, 2, 40, dropout=0.0, norm_first=norm_first)
    decoder = nn.TransformerDecoderLayer(8, 2, 40, dropout=0.0, norm_first=norm_first)
    x = taeda.randn(*shape)
    recorded = decoder(x, encoder(x))
    seen: list[taeda.Tensor] = []
    with taeda.no_grad():
        np.testing.assert_array_equal(decoder(x, encoder(x)).numpy(), recorded.detach().numpy())
        encoder.linear1.register_forward_hook(lambda module, args, result: seen.append(result))
        encoder(x)
    assert [tuple(t.shape) for t in seen] == [(*shape[:-1], 40)]


def test_transformer_layers_call_a_forward_that_was_replaced() -> None:
    encoder = nn.TransformerEncoderLayer(8, 2, 40, dropout=0.0)
    seen: list[taeda.Tensor] = []
    original = encoder.linear1.forward

    def remembered(x: taeda.Tensor) -> taeda.Tensor:
        seen.append(x)
        return original(x)

    encoder.linear1.forward = remembered  # type: ignore[assignment]
    with taeda.no_grad():
        encoder(taeda.randn(5, 3, 8))
    assert len(seen) == 1


@pytest.mark.parametrize("need_weights", [False, True])
def test_attention_over_an_empty_batch(need_weights: bool) -> None:
    x = taeda.ones(3, 0, 8)
    result, weights = nn.MultiheadAttention(8, 2)(x, x, x, need_weights=need_weights)
    assert tuple(result.shape) == (3, 0, 8)
    assert weights is None or tuple(weights.shape) == (0, 3, 3)
