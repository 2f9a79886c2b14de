"""Operators that make tensors from numbers or shapes."""

from __future__ import annotations

import numpy as np

from samples import Sample, operator, values

_X = values(2, 3)


def _made(value: np.ndarray) -> np.ndarray:
    return np.asarray(value, np.float32)


operator("full", lambda size, value: np.full(size, value), Sample((2, 3), 7), dtypes="i")
operator("zeros", lambda size: _made(np.zeros(size)), Sample((2, 3)), Sample((0, 2)), dtypes="f")
operator("ones", lambda size: _made(np.ones(size)), Sample((2, 3)), Sample(()), dtypes="f")
operator("arange", lambda *ends: np.arange(*ends), Sample(5), Sample(2, 11, 3), Sample(5, -2, -2), dtypes="i")
operator("arange", lambda *ends: np.arange(*ends), Sample(0.0, 1.0, 0.25), Sample(5.0), dtypes="f")
operator("linspace", lambda a, b, n: np.linspace(a, b, n), Sample(-1, 2, 7), Sample(0, 1, 1), dtypes="f")
operator(
    "logspace",
    lambda a, b, n, base=10.0: np.logspace(a, b, n, base=base),
    Sample(-1, 2, 4),
    Sample(0, 3, 4, 2.0),
    dtypes="f",
)
operator("eye", np.eye, Sample(3), Sample(2, 4), dtypes="f")
operator(
    "tril_indices",
    lambda n, m, k=0: np.stack(np.tril_indices(n, k, m)),
    Sample(3, 4),
    Sample(3, 3, -1),
    dtypes="i",
)
operator(
    "triu_indices",
    lambda n, m, k=0: np.stack(np.triu_indices(n, k, m)),
    Sample(3, 4),
    Sample(3, 3, -1),
    dtypes="i",
)
operator("zeros_like", np.zeros_like, Sample(_X), dtypes="fdib")
operator("ones_like", np.ones_like, Sample(_X), dtypes="fdib")
operator("full_like", np.full_like, Sample(_X, 3), dtypes="fdi")
operator("new_zeros", lambda x, size: np.zeros(size, x.dtype), Sample(_X, (4, 2)), dtypes="fdi")
operator("new_ones", lambda x, size: np.ones(size, x.dtype), Sample(_X, (4, 2)), dtypes="fdi")
operator(
    "new_full", lambda x, size, value: np.full(size, value, x.dtype), Sample(_X, (4, 2), 3), dtypes="fdi"
)
for _name, _type in (("float", np.float32), ("double", np.float64), ("long", np.int64), ("int", np.int32), ("short", np.int16),
                     ("char", np.int8), ("bool", np.bool_), ("half", np.float16)):  # fmt: skip
    operator(f"to_{_name}", lambda x, t=_type: x.astype(t), Sample(_X), dtypes="fdi", own_dtype=True)
