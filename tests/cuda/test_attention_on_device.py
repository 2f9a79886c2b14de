"""Attention on the GPU against the formula in NumPy, through every kernel: tensor cores, register tiles, rows."""

from __future__ import annotations

import numpy as np
import pytest

import taeda
import taeda.nn.functional as F

BOUNDS = {taeda.float32: 2e-5, taeda.float64: 1e-12, taeda.float16: 8e-3, taeda.bfloat16: 6e-2}
# name: (B, H, G, L, S, E, D), mask, causal
CASES = {
    "narrow": ((1, 2, 2, 70, 75, 16, 16), None, False),
    "wide": ((1, 1, 1, 70, 75, 64, 64), None, False),
    "widest": ((1, 1, 1, 40, 70, 128, 128), None, False),
    "causal": ((2, 1, 1, 130, 130, 32, 32), None, True),
    "causal and wide": ((1, 1, 1, 90, 90, 128, 128), None, True),
    "causal, fewer keys": ((1, 1, 1, 90, 33, 24, 24), None, True),
    "causal, more keys": ((1, 1, 1, 33, 90, 24, 24), None, True),
    "grouped": ((1, 4, 2, 33, 70, 24, 24), None, False),
    "boolean mask": ((2, 2, 2, 40, 70, 32, 32), "boolean", False),
    "added mask": ((2, 2, 1, 70, 40, 32, 32), "added", False),
    "odd sizes": ((1, 2, 2, 5, 9, 7, 5), None, False),
    "value of another width": ((1, 2, 2, 20, 20, 72, 40), None, False),
    "beyond the fast kernels": ((1, 1, 1, 10, 40, 200, 160), None, False),
}


def by_formula(q, k, v, mask, causal, grad):
    """Attention and its gradients in float64; rows that see nothing are zero."""
    sharing = q.shape[1] // k.shape[1]
    keys, values = (np.repeat(t, sharing, 1) for t in (k, v))
    scale = 1 / np.sqrt(q.shape[-1])
    scores = scale * q @ keys.swapaxes(2, 3)
    if causal:
        scores = np.where(np.tri(*scores.shape[2:], dtype=bool), scores, -np.inf)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    top = scores.max(-1, keepdims=True)
    weights = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = weights.sum(-1, keepdims=True)
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    changes = grad @ values.swapaxes(2, 3)
    changes = scale * weights * (changes - (weights * changes).sum(-1, keepdims=True))

    def shared(t):
        return t.reshape(t.shape[0], k.shape[1], sharing, *t.shape[2:]).sum(2)

    return (
        weights @ values,
        changes @ keys,
        shared(changes.swapaxes(2, 3) @ q),
        shared(weights.swapaxes(2, 3) @ grad),
    )


@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name, dtype):
    (B, H, G, L, S, E, D), kind, causal = CASES[name]
    rng = np.random.default_rng(len(name))

    def operand(*shape):
        t = taeda.tensor(rng.standard_normal(shape)).to(dtype)
        return t.to(taeda.float64).numpy(), t.cuda().requires_grad_()

    (q, on_q), (k, on_k), (v, on_v) = operand(B, H, L, E), operand(B, G, S, E), operand(B, G, S, D)
    grad, on_grad = operand(B, H, L, D)
    mask = on_mask = None
    if kind == "boolean":
        mask = rng.random((B, 1, L, S)) > 0.4
        mask[0, 0, 0] = False  # a query that sees nothing
        on_mask = taeda.tensor(mask).cuda()
    elif kind == "added":
        mask, on_mask = operand(1, H, 1, S)
        on_mask = on_mask.detach()
    out = F.scaled_dot_product_attention(on_q, on_k, on_v, on_mask, is_causal=causal, enable_gqa=G != H)
    out.backward(on_grad.detach())
    expected = by_formula(q, k, v, mask, causal, grad)
    for result, value in zip((out, on_q.grad, on_k.grad, on_v.grad), expected, strict=True):
        np.testing.assert_allclose(
            result.detach().cpu().to(taeda.float64).numpy(), value, rtol=BOUNDS[dtype], atol=BOUNDS[dtype]
        )


def test_strided_operands():
    """Heads split from one projection, as nn.MultiheadAttention makes them: rows of a head are far apart."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2, 20, 3, 4, 16))  # batch, time, which, heads, width
    results = []
    for device in ("cpu", "cuda"):
        q, k, v = taeda.tensor(x, dtype=taeda.float32).to(device).permute(2, 0, 3, 1, 4).unbind(0)
        results.append(F.scaled_dot_product_attention(q, k, v).cpu().numpy())
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5, atol=1e-6)


def test_no_keys_give_zeros():
    q = taeda.ones(1, 1, 3, 8, device="cuda", requires_grad=True)
    k = taeda.ones(1, 1, 0, 8, device="cuda", requires_grad=True)
    out = F.scaled_dot_product_attention(q, k, k)
    out.sum().backward()
    assert out.detach().cpu().tolist() == np.zeros((1, 1, 3, 8)).tolist()
    assert q.grad.abs().sum().item() == 0


@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
def test_dropout_drops_the_same_weights_as_on_the_cpu(dtype):
    results = []
    for device in ("cpu", "cuda"):
        rng = np.random.default_rng(7)
        taeda.manual_seed(9)
        operands = [taeda.tensor(rng.standard_normal((1, 2, 70, 24))).to(dtype).to(device) for _ in range(4)]
        q, k, v = (t.requires_grad_() for t in operands[:3])
        out = F.scaled_dot_product_attention(q, k, v, dropout_p=0.3)
        out.backward(operands[3])
        results.append([t.detach().cpu().to(taeda.float64).numpy() for t in (out, q.grad, k.grad, v.grad)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=BOUNDS[dtype], atol=BOUNDS[dtype])
