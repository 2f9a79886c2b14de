"""Mixed precision on a GPU: products in float16 or bfloat16, losses in float32."""

from __future__ import annotations

import taeda
from taeda import nn
from taeda.nn import functional as F


def test_products_and_losses() -> None:
    a = taeda.ones(4, 4).cuda()
    with taeda.autocast("cuda"):
        assert (a @ a).dtype == taeda.float16
        assert taeda.softmax(a.half(), 1).dtype == taeda.float32
        assert F.cross_entropy(a.half(), taeda.zeros(4, dtype=taeda.int64).cuda()).dtype == taeda.float32
    with taeda.autocast("cuda", dtype=taeda.bfloat16):
        assert (a @ a).dtype == taeda.bfloat16
        assert (a.cpu() @ a.cpu()).dtype == taeda.float32


def test_gradients_reach_float32_parameters() -> None:
    model = nn.Linear(8, 2).cuda()
    with taeda.autocast("cuda", dtype=taeda.bfloat16):
        loss = model(taeda.ones(3, 8).cuda()).float().square().mean()
    loss.backward()
    assert model.weight.grad.dtype == taeda.float32
    assert model.weight.grad.abs().sum().item() > 0
