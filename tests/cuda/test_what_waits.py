"""Which operators wait for the GPU: those whose results or errors on the host depend on values, and no others."""

from __future__ import annotations

import os
from typing import Any

import pytest
from cuda_library import EMULATED, skipped_where_listed
from samples.calls import cast, each, mapped

import taeda
from taeda import _C, cuda

if not EMULATED or os.environ.get("TAEDA_EMULATED_STREAMS", "deferred") == "at-once":
    pytest.skip("a GPU may be done before anybody asks", allow_module_level=True)

WAITING = {
    # a Python value, or a shape, that depends on values
    *(
        "allclose",
        "argwhere",
        "bincount",
        "equal",
        "masked_select",
        "nonzero",
        "one_hot",
        "repeat_interleave",
    ),
    # a wrong index has to raise
    *(
        "cross_entropy_loss",
        "embedding",
        "embedding_bag_forward",
        "gather",
        "index",
        "index_add",
        "index_copy",
    ),
    *("index_fill", "index_put", "index_reduce", "index_select", "nll_loss", "put", "scatter", "scatter_add"),
    *("scatter_reduce", "take", "take_along_dim"),
    # made of gather or take
    *("isin", "median", "nanmedian"),
    # another wrong value has to raise: too few elements, a quantile beyond 1
    *("masked_scatter", "nanquantile", "quantile"),
}


def waits(operator: Any, arguments: list[Any], options: dict[str, Any]) -> bool:
    """Whether the call returns with the work done that the stream had before."""
    cuda.synchronize()
    taeda.zeros(8, device="cuda").add_(1)
    before = cuda.current_stream().record_event()
    with skipped_where_listed():
        getattr(_C.ops, operator.name)(*arguments, **options)
    return before.query()


@each()
def test_operators(operator: Any):
    dtype = operator.dtypes[0]
    found = set()
    for sample in operator.samples:
        arguments = [mapped(a, lambda array: taeda.tensor(cast(array, dtype)).cuda()) for a in sample.args]
        found.add(waits(operator, arguments, sample.kwargs))
    assert (True in found) == (operator.name in WAITING)
