"""Products of matrices, and convolutions by their definition."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from samples import Sample, operator, values

_A, _B = values(2, 3), values(3, 4, seed=1)
_BATCH, _OTHER = values(2, 2, 3), values(2, 3, 2, seed=1)
_V, _W = values(3), values(3, seed=1)
_ALL = {"dtypes": "fdi", "grad": True, "gradgrad": True, "scale": 4}
_FLOAT = {"dtypes": "fd", "grad": True, "gradgrad": True, "scale": 4}


def _tuple(value: Any, n: int) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * n


def convolve(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
             groups: int = 1) -> np.ndarray:  # fmt: skip
    """Cross-correlation of (N, C, ...), one output element after the other."""
    n = w.ndim - 2
    stride, padding, dilation = _tuple(stride, n), _tuple(padding, n), _tuple(dilation, n)
    x = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    sizes = [(x.shape[2 + d] - dilation[d] * (w.shape[2 + d] - 1) - 1) // stride[d] + 1 for d in range(n)]
    result = np.zeros((len(x), len(w), *sizes))
    inputs, outputs = w.shape[1], len(w) // groups
    for place in itertools.product(*map(range, sizes)):
        window = tuple(
            slice(
                place[d] * stride[d],
                place[d] * stride[d] + dilation[d] * (w.shape[2 + d] - 1) + 1,
                dilation[d],
            )
            for d in range(n)
        )
        for g in range(groups):
            read = (slice(None), slice(g * inputs, (g + 1) * inputs), *window)
            written = (slice(None), slice(g * outputs, (g + 1) * outputs), *place)
            kernel = w[g * outputs : (g + 1) * outputs].reshape(outputs, -1)
            result[written] = x[read].reshape(len(x), -1) @ kernel.T
    return result if bias is None else result + bias.reshape(-1, *[1] * n)


def convolve_transposed(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None = None, stride: Any = 1, padding: Any = 0,
                        output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> np.ndarray:  # fmt: skip
    """Each input element adds its multiple of the kernel to the output."""
    n = w.ndim - 2
    stride, padding, dilation = _tuple(stride, n), _tuple(padding, n), _tuple(dilation, n)
    extra = _tuple(output_padding, n)
    full = [
        (x.shape[2 + d] - 1) * stride[d] + dilation[d] * (w.shape[2 + d] - 1) + 1 + extra[d] for d in range(n)
    ]
    outputs, inputs = w.shape[1], len(w) // groups
    result = np.zeros((len(x), outputs * groups, *full))
    for g in range(groups):
        kernel = w[g * inputs : (g + 1) * inputs]
        for place in itertools.product(*map(range, x.shape[2:])):
            window = tuple(
                slice(
                    place[d] * stride[d],
                    place[d] * stride[d] + dilation[d] * (w.shape[2 + d] - 1) + 1,
                    dilation[d],
                )
                for d in range(n)
            )
            read = (slice(None), slice(g * inputs, (g + 1) * inputs), *place)
            written = (slice(None), slice(g * outputs, (g + 1) * outputs), *window)
            result[written] += np.tensordot(x[read], kernel, 1)
    inside = (..., *(slice(padding[d], full[d] - padding[d]) for d in range(n)))
    result = result[inside]
    return result if bias is None else result + bias.reshape(-1, *[1] * n)


operator("mm", np.matmul, Sample(_A, _B), **{**_ALL, "dtypes": "fdic"})
operator("bmm", np.matmul, Sample(_BATCH, _OTHER), **_ALL)
operator("mv", np.matmul, Sample(_A, _V), **_ALL)
operator("dot", np.dot, Sample(_V, _W), **_ALL)
operator("vdot", np.vdot, Sample(_V, _W), **{**_ALL, "dtypes": "fdc"})
operator("matmul", np.matmul, Sample(_A, _B), Sample(_V, _W), Sample(_A, _V), Sample(_V, _B), Sample(_BATCH, _B), Sample(_A, _OTHER),
         Sample(values(2, 1, 2, 3), _OTHER), **_ALL)  # fmt: skip
operator("addmm", lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b), Sample(values(2, 4, seed=2), _A, _B),
         Sample(values(4, seed=2), _A, _B, beta=2, alpha=3), **_ALL)  # fmt: skip


def activated(x: np.ndarray, use_gelu: bool) -> np.ndarray:
    """relu, or GELU in its form with tanh (Hendrycks and Gimpel 2016)."""
    gelu = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return gelu if use_gelu else np.maximum(x, 0)


operator("_addmm_activation", lambda c, a, b, beta=1, alpha=1, use_gelu=False: activated(beta * c + alpha * (a @ b), use_gelu),
         Sample(values(4, seed=2), _A, _B), Sample(values(2, 4, seed=2), _A, _B, beta=2, alpha=3, use_gelu=True),
         Sample(values(4, seed=2), _A, _B, use_gelu=True), **_FLOAT)  # fmt: skip
operator("baddbmm", lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b), Sample(values(2, 2, 2, seed=2), _BATCH, _OTHER),
         Sample(values(2, 2, seed=2), _BATCH, _OTHER, beta=2, alpha=3), **_ALL)  # fmt: skip
operator(
    "addbmm",
    lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b).sum(0),
    Sample(values(2, 2, seed=2), _BATCH, _OTHER),
    **_FLOAT,
)
operator(
    "addmv",
    lambda c, a, v, beta=1, alpha=1: beta * c + alpha * (a @ v),
    Sample(values(2, seed=2), _A, _V, beta=2, alpha=3),
    **_FLOAT,
)
operator(
    "addr",
    lambda c, v, w, beta=1, alpha=1: beta * c + alpha * np.outer(v, w),
    Sample(values(3, 3, seed=2), _V, _W, beta=2),
    **_FLOAT,
)
operator("outer", np.outer, Sample(_V, values(2)), **_ALL)
operator("inner", np.inner, Sample(_V, _W), Sample(_A, values(4, 3)), **_ALL)
operator("linear", lambda x, w, b=None: x @ w.T + (0 if b is None else b), Sample(_A, values(4, 3)), Sample(_BATCH, values(4, 3), values(4)),
         Sample(_V, values(4, 3), values(4)), **_FLOAT)  # fmt: skip
operator(
    "bilinear",
    lambda x, y, w, b=0: np.einsum("ni,kij,nj->nk", x, w, y) + b,
    Sample(_A, values(2, 2), values(4, 3, 2), values(4)),
    **_FLOAT,
)
operator("einsum", lambda equation, operands: np.einsum(equation, *operands), Sample("ij,jk->ik", [_A, _B]), Sample("bij,bjk->bk", [_BATCH, _OTHER]), Sample("ii->i", [values(3, 3)]),
         Sample("i,j", [_V, _W]), Sample("...ij->...ji", [_BATCH]), Sample("ij->", [_A]), **_FLOAT)  # fmt: skip
operator(
    "tensordot_dims",
    lambda x, y, a, b: np.tensordot(x, y, (a, b)),
    Sample(_BATCH, _OTHER, (0, 2), (0, 1)),
    **_FLOAT,
)
operator("kron", np.kron, Sample(_A, values(2, 2)), **_ALL)
operator(
    "linalg_matrix_power", np.linalg.matrix_power, Sample(values(3, 3), 0), Sample(values(3, 3), 3), **_FLOAT
)
operator("linalg_cross", np.cross, Sample(_A, values(2, 3, seed=4)), **_FLOAT)
operator("cross", np.cross, Sample(_A, values(2, 3, seed=4)), **_FLOAT)

_SEQUENCE, _FILTER = values(2, 4, 6), values(6, 2, 3, seed=1)
_IMAGE, _KERNEL = values(1, 2, 5, 4), values(4, 2, 3, 2, seed=1)
_VOLUME, _CUBE = values(1, 2, 3, 3, 3), values(2, 2, 2, 2, 2, seed=1)
operator(
    "conv1d",
    convolve,
    Sample(_SEQUENCE, _FILTER, values(6), 2, 1, 1, 2),
    Sample(_SEQUENCE, values(3, 4, 2), None, 1, 0, 2),
    **_FLOAT,
)
operator("conv2d", convolve, Sample(_IMAGE, _KERNEL), Sample(_IMAGE, _KERNEL, values(4), (2, 1), (1, 0)),
         Sample(_IMAGE, values(2, 1, 2, 2), values(2), 1, 1, (2, 1), 2), **_FLOAT)  # fmt: skip
operator("conv3d", convolve, Sample(_VOLUME, _CUBE, values(2), 1, (1, 0, 0)), **_FLOAT)
operator(
    "conv_transpose1d",
    convolve_transposed,
    Sample(_SEQUENCE, values(4, 2, 3), values(4), 2, 1, 1, 2),
    **_FLOAT,
)
operator("conv_transpose2d", convolve_transposed, Sample(_IMAGE, values(2, 3, 3, 2), values(3)),
         Sample(_IMAGE, values(2, 3, 2, 2), None, (2, 1), (1, 0), (1, 0)), **_FLOAT)  # fmt: skip
operator("conv_transpose3d", convolve_transposed, Sample(_VOLUME, _CUBE), **_FLOAT)
