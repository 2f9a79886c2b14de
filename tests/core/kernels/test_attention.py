"""Attention against the formula in NumPy; gradients of both orders; masks; many blocks of keys and queries."""

import numpy as np
import pytest

import taeda
from taeda.autograd.gradcheck import gradcheck, gradgradcheck
from taeda.nn.functional import scaled_dot_product_attention

rng = np.random.default_rng(0)


def formula(q, k, v, mask=None, causal=False):
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if causal:
        mask = np.tril(np.ones(scores.shape[-2:], bool))
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    with np.errstate(invalid="ignore"):
        e = np.exp(scores - scores.max(-1, keepdims=True))
        return np.nan_to_num(e / e.sum(-1, keepdims=True)) @ v


def tensors(*arrays, dtype="float64"):
    return [taeda.tensor(a).to(getattr(taeda, dtype)).requires_grad_() for a in arrays]


def qkv(L, S, E=8, D=5, heads=2):
    return tuple(rng.standard_normal((2, heads, n, w)) for n, w in ((L, E), (S, E), (S, D)))


@pytest.mark.parametrize(("L", "S"), [(1, 1), (5, 7), (33, 65), (300, 130)])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5), ("bfloat16", 0.05), ("float16", 0.01)]
)
def test_values(L, S, dtype, tolerance):
    arrays = qkv(L, S)
    for mask in (None, rng.standard_normal((L, S)), rng.random((2, 1, L, S)) > 0.3, rng.random((S,)) > 0.5):
        given = None if mask is None else taeda.tensor(mask)
        given = given.to(getattr(taeda, dtype)) if given is not None and mask.dtype != bool else given
        out = scaled_dot_product_attention(*tensors(*arrays, dtype=dtype), attn_mask=given)
        np.testing.assert_allclose(out.detach().double().numpy(), formula(*arrays, mask), atol=tolerance)
    out = scaled_dot_product_attention(*tensors(*arrays, dtype=dtype), is_causal=True)
    np.testing.assert_allclose(out.detach().double().numpy(), formula(*arrays, causal=True), atol=tolerance)


def test_a_query_that_sees_nothing_gives_zeros():
    mask = np.ones((3, 4), bool)
    mask[1] = False
    q, k, v = tensors(*qkv(3, 4))
    out = scaled_dot_product_attention(q, k, v, attn_mask=taeda.tensor(mask))
    out.sum().backward()
    assert not out.detach().numpy()[:, :, 1].any()
    assert not q.grad.numpy()[:, :, 1].any()
    assert np.isfinite(k.grad.numpy()).all()


def test_heads_that_share_keys():
    q, k, v = qkv(4, 6, heads=4)
    out = scaled_dot_product_attention(*tensors(q, k[:, :2], v[:, :2]), enable_gqa=True)
    expected = formula(q, k[:, [0, 0, 1, 1]], v[:, [0, 0, 1, 1]])
    np.testing.assert_allclose(out.detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(
    "options", [{}, {"is_causal": True}, {"attn_mask": taeda.tensor(rng.random((3, 4)) > 0.3)}]
)
def test_gradients(options):
    def function(q, k, v):
        return scaled_dot_product_attention(q, k, v, **options)

    inputs = tensors(*qkv(3, 4, 2, 3, 1))
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


def gradients(q, k, v, grad, factors=1.0):
    """Of the formula with weights times `factors`, by hand."""
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    e = np.exp(scores - scores.max(-1, keepdims=True))
    weights = e / e.sum(-1, keepdims=True)
    of_weights = grad @ np.swapaxes(v, -1, -2) * factors
    of_scores = weights * (of_weights - (weights * of_weights).sum(-1, keepdims=True)) / np.sqrt(q.shape[-1])
    return (
        of_scores @ k,
        np.swapaxes(of_scores, -1, -2) @ q,
        np.swapaxes(weights * factors, -1, -2) @ grad,
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5), ("bfloat16", 0.05)])
def test_gradients_over_many_blocks(dtype, tolerance):
    arrays = qkv(130, 200, 33, 17)
    grad = rng.standard_normal((2, 2, 130, 17))
    inputs = tensors(*arrays, dtype=dtype)
    scaled_dot_product_attention(*inputs).backward(taeda.tensor(grad).to(inputs[0].dtype))
    for tensor, expected in zip(inputs, gradients(*arrays, grad), strict=True):
        np.testing.assert_allclose(tensor.grad.double().numpy(), expected, atol=tolerance * 5)


def test_dropped_weights():
    p, (q, k, _) = 0.25, qkv(70, 100)
    v = np.broadcast_to(np.eye(100), (2, 2, 100, 100)).copy()  # the output is the weights
    inputs = tensors(q, k, v)
    taeda.manual_seed(3)
    dropped = scaled_dot_product_attention(*inputs, dropout_p=p)
    factors = dropped.detach().numpy() / formula(q, k, v)
    assert np.all(np.isclose(factors, 0) | np.isclose(factors, 1 / (1 - p)))
    count = factors.size
    assert abs((factors == 0).mean() - p) < 4 * np.sqrt(p * (1 - p) / count)
    assert len({f.tobytes() for f in factors.reshape(-1, 100)}) == count // 100  # no two rows drop alike
    grad = rng.standard_normal(dropped.shape)
    dropped.backward(taeda.tensor(grad))
    for tensor, expected in zip(inputs, gradients(q, k, v, grad, factors), strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), expected, atol=1e-12)
    taeda.manual_seed(3)
    again = scaled_dot_product_attention(*inputs, dropout_p=p)
    assert again.detach().numpy().tobytes() == dropped.detach().numpy().tobytes()
    assert (
        scaled_dot_product_attention(*inputs, dropout_p=p).detach().numpy().tobytes()
        != again.detach().numpy().tobytes()
    )
    assert not scaled_dot_product_attention(*inputs, dropout_p=1.0).detach().numpy().any()


def test_gradients_with_dropout():
    def function(q, k, v):
        taeda.manual_seed(5)
        return scaled_dot_product_attention(q, k, v, dropout_p=0.4)

    inputs = tensors(*qkv(3, 4, 2, 3, 1))
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


def test_gradient_of_a_mask():
    mask = taeda.tensor(rng.standard_normal((3, 4))).requires_grad_()
    assert gradcheck(
        lambda q, k, v, m: scaled_dot_product_attention(q, k, v, m), (*tensors(*qkv(3, 4, 2, 3, 1)), mask)
    )


def test_threads_change_no_bit():
    q, k, v = tensors(*qkv(200, 170, 16, 16), dtype="float32")
    before = taeda.get_num_threads()
    results = []
    for threads in (1, 2, 5):
        taeda.set_num_threads(threads)
        taeda.manual_seed(0)
        out = scaled_dot_product_attention(q, k, v) + scaled_dot_product_attention(q, k, v, dropout_p=0.3)
        every = (out, *taeda.autograd.grad(out, (q, k, v), out.detach()))
        results.append([t.detach().contiguous().numpy().tobytes() for t in every])
    taeda.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_errors():
    q, k, v = tensors(*qkv(3, 4))
    with pytest.raises(RuntimeError, match="explicit attn_mask should not be set when is_causal=True"):
        scaled_dot_product_attention(q, k, v, taeda.ones(3, 4), is_causal=True)
    with pytest.raises(RuntimeError, match="needs a key of the same last dimension"):
        scaled_dot_product_attention(q, k[..., :3], v)
