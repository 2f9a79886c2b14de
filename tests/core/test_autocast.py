"""Mixed precision: which operators convert, what is kept, gradients, nesting; loss scaling."""

from __future__ import annotations

import threading
import warnings
from typing import Any, ClassVar

import numpy as np
import pytest

import taeda
from taeda import _C, amp, nn
from taeda.amp._operators import FLOAT32, LOWER, WIDEST
from taeda.nn import functional as F

HALF = [taeda.bfloat16, taeda.float16]


def test_every_listed_operator_exists() -> None:
    known = {name.split(".")[0] for name in _C._op_schemas()}
    for device_type in ("cpu", "cuda"):
        listed = [name for lists in (LOWER, FLOAT32, WIDEST) for name in lists[device_type]]
        assert [name for name in listed if name not in known] == []
        assert len(listed) == len(set(listed))


@pytest.mark.parametrize("dtype", HALF)
def test_products_compute_in_lower_precision(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 8, 8)).astype(np.float32)
    with taeda.autocast("cpu", dtype):
        products = [
            taeda.from_numpy(a) @ taeda.from_numpy(b),
            taeda.mm(taeda.from_numpy(a), taeda.from_numpy(b)),
            taeda.einsum("ij,jk->ik", taeda.from_numpy(a), taeda.from_numpy(b)),
            F.linear(taeda.from_numpy(a), taeda.from_numpy(b.T.copy())),
        ]
    for product in products:
        assert product.dtype == dtype
        np.testing.assert_allclose(product.float().numpy(), a @ b, atol=0.15)


def test_others_keep_their_dtype() -> None:
    x = taeda.ones(2, 2)
    with taeda.autocast("cpu"):
        assert (x + x).dtype == taeda.float32
        assert x.exp().dtype == taeda.float32
        assert (x.bfloat16() * 2).dtype == taeda.bfloat16
        assert (x.double() @ x.double()).dtype == taeda.float64
        assert (x.long() @ x.long()).dtype == taeda.int64
        assert taeda.mm(x, x, out=taeda.empty(2, 2)).dtype == taeda.float32


def test_losses_and_decompositions_compute_in_float32() -> None:
    x = taeda.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=taeda.bfloat16)
    with taeda.autocast("cpu"):
        assert F.mse_loss(x, x).dtype == taeda.float32
        assert F.cross_entropy(x, taeda.tensor([0, 1])).dtype == taeda.float32
        assert taeda.linalg.inv(x).dtype == taeda.float32
        assert taeda.fft.fft(x).dtype == taeda.complex64
        assert F.poisson_nll_loss(x, x).dtype == taeda.float32
        assert F.hinge_embedding_loss(input=x, target=taeda.ones(2, 2)).dtype == taeda.float32
    assert F.poisson_nll_loss(x, x).dtype == taeda.bfloat16


def test_joins_take_the_widest() -> None:
    x = taeda.ones(2)
    with taeda.autocast("cpu"):
        assert taeda.cat([x, x.bfloat16()]).dtype == taeda.float32
        assert taeda.stack([x.bfloat16(), x.half()]).dtype == taeda.bfloat16


def test_gradients_reach_float32_parameters() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((5, 4)).astype(np.float32), rng.standard_normal((3, 4)).astype(np.float32)
    weight = nn.Parameter(taeda.tensor(w))
    with taeda.autocast("cpu"):
        out = F.linear(taeda.tensor(x), weight)
        loss = F.mse_loss(out, taeda.zeros(5, 3))
    loss.backward()
    assert weight.grad is not None
    assert weight.grad.dtype == taeda.float32
    np.testing.assert_allclose(weight.grad.numpy(), 2 * (x @ w.T).T @ x / 15, rtol=0.05, atol=0.05)


def test_a_parameter_is_converted_once() -> None:
    weight = nn.Parameter(taeda.ones(3, 3))
    conversions = _conversions_of(lambda: [F.linear(taeda.ones(1, 3), weight) for _ in range(4)], weight)
    assert conversions == 1
    without = _conversions_of(
        lambda: [F.linear(taeda.ones(1, 3), weight) for _ in range(4)], weight, cache_enabled=False
    )
    assert without == 4


def _conversions_of(run: Any, weight: Any, **options: Any) -> int:
    """How many conversions of the weight are in the graph of what run() gives."""
    with taeda.autocast("cpu", **options):
        outputs = run()
    seen, waiting = set(), [out.grad_fn for out in outputs]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [each for each, _ in node.next_functions]
    return sum("To" in node.name() or "Cast" in node.name() or "Copy" in node.name() for node in seen)


def test_a_changed_parameter_is_converted_again() -> None:
    weight = nn.Parameter(taeda.ones(2, 2))
    with taeda.autocast("cpu"):
        assert F.linear(taeda.ones(1, 2), weight).tolist() == [[2, 2]]
        with taeda.no_grad():
            weight.mul_(3)
            assert F.linear(taeda.ones(1, 2), weight).requires_grad is False
        out = F.linear(taeda.ones(1, 2), weight)
    assert out.tolist() == [[6, 6]]
    assert out.requires_grad


def test_nesting() -> None:
    x = taeda.ones(2, 2)
    with taeda.autocast("cpu"):
        with taeda.autocast("cpu", enabled=False):
            assert (x @ x).dtype == taeda.float32
            assert not taeda.is_autocast_enabled("cpu")
            with taeda.autocast("cpu", taeda.float16):
                assert (x @ x).dtype == taeda.float16
                assert taeda.get_autocast_dtype("cpu") == taeda.float16
        assert (x @ x).dtype == taeda.bfloat16
        assert taeda.is_autocast_cpu_enabled()
    assert (x @ x).dtype == taeda.float32
    assert not taeda.is_autocast_enabled("cpu")


def test_devices_do_not_hide_each_other() -> None:
    a = taeda.ones(2, 2)
    with taeda.autocast("cpu"), taeda.autocast("cuda"):
        assert (a @ a).dtype == taeda.bfloat16
    with taeda.autocast("cpu"), taeda.autocast("cuda", enabled=False):
        assert (a @ a).dtype == taeda.bfloat16


def test_it_ends_with_an_exception() -> None:
    with pytest.raises(KeyError), taeda.autocast("cpu"):
        raise KeyError
    assert not taeda.is_autocast_enabled("cpu")


def test_as_decorator() -> None:
    @taeda.autocast("cpu")
    def product(x: Any) -> Any:
        """Squared."""
        return x @ x

    assert product(taeda.ones(2, 2)).dtype == taeda.bfloat16
    assert product.__doc__ == "Squared."


def test_other_threads_are_left_alone() -> None:
    found: list[Any] = []
    with taeda.autocast("cpu"):
        thread = threading.Thread(target=lambda: found.append((taeda.ones(2, 2) @ taeda.ones(2, 2)).dtype))
        thread.start()
        thread.join()
    assert found == [taeda.float32]


def test_what_cannot_be_converted() -> None:
    with pytest.raises(ValueError, match=r"expected a device type of cpu, cuda, got 'abacus'"):
        taeda.autocast("abacus")
    with pytest.raises(ValueError, match="expected `device_type` of type `str`, got int"):
        taeda.autocast(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected a device type of cpu, cuda, meta, got 'abacus'"):
        amp.is_autocast_available("abacus")
    assert amp.is_autocast_available("cpu")
    with pytest.warns(
        UserWarning, match=r"target dtype taeda.float64 is not supported; it may be .*bfloat16 and .*float16"
    ):
        context = taeda.autocast("cpu", taeda.float64)
    with context:
        assert (taeda.ones(2, 2) @ taeda.ones(2, 2)).dtype == taeda.float32


def test_a_network() -> None:
    taeda.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64, 32), nn.LayerNorm(32), nn.GELU(), nn.Linear(32, 2),
    )  # fmt: skip
    optimizer = taeda.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    x = taeda.rand(32, 1, 8, 8)
    y = (x.mean((1, 2, 3)) > x.mean()).long()
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        with taeda.autocast("cpu"):
            logits = model(x)
            loss = F.cross_entropy(logits, y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert logits.dtype == taeda.bfloat16
    assert loss.dtype == taeda.float32
    assert all(p.grad is not None and p.grad.dtype == taeda.float32 for p in model.parameters())
    assert losses[-1] < 0.5 * losses[0]


class _Square(taeda.autograd.Function):
    dtypes: ClassVar[list[Any]] = []

    @staticmethod
    @amp.custom_fwd(device_type="cpu", cast_inputs=taeda.float32)
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        _Square.dtypes.append((x @ x).dtype)
        return x * x

    @staticmethod
    @amp.custom_bwd(device_type="cpu")
    def backward(ctx: Any, gradient: Any) -> Any:
        (x,) = ctx.saved_tensors
        _Square.dtypes.append((x @ x).dtype)
        return 2 * x * gradient


def test_custom_functions_choose_their_precision() -> None:
    _Square.dtypes.clear()
    x = taeda.tensor([[3.0]], dtype=taeda.bfloat16, requires_grad=True)
    with taeda.autocast("cpu"):
        out = _Square.apply(x)
        out.sum().backward()
    assert out.dtype == taeda.float32
    assert _Square.dtypes == [taeda.float32, taeda.float32]
    assert x.grad.item() == 6


class _Plain(taeda.autograd.Function):
    dtypes: ClassVar[list[Any]] = []

    @staticmethod
    @amp.custom_fwd(device_type="cpu")
    def forward(ctx: Any, x: Any) -> Any:
        return x.clone()

    @staticmethod
    @amp.custom_bwd(device_type="cpu")
    def backward(ctx: Any, gradient: Any) -> Any:
        _Plain.dtypes.append((gradient @ gradient).dtype)
        return gradient


def test_backward_runs_under_the_autocast_of_forward() -> None:
    _Plain.dtypes.clear()
    x = taeda.ones(1, 1, requires_grad=True)
    with taeda.autocast("cpu"):
        out = _Plain.apply(x)
    out.sum().backward()
    _Plain.apply(x).sum().backward()
    assert _Plain.dtypes == [taeda.bfloat16, taeda.float32]


# -- loss scaling ----------------------------------------------------------------------------------------------------


def _problem() -> tuple[Any, Any]:
    parameter = nn.Parameter(taeda.tensor([1.0]))
    return parameter, taeda.optim.SGD([parameter], lr=0.25)


def test_scaled_losses_make_the_same_step() -> None:
    parameter, optimizer = _problem()
    scaler = amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale(parameter * parameter).sum().backward()
    assert parameter.grad.item() == 2048
    scaler.unscale_(optimizer)
    assert parameter.grad.item() == 2
    scaler.step(optimizer)
    scaler.update()
    assert parameter.item() == 0.5


def test_overflow_leaves_the_step_out_and_shrinks_the_factor() -> None:
    parameter, optimizer = _problem()
    scaler = amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    parameter.grad = taeda.tensor([float("inf")])
    assert scaler.step(optimizer) is None
    scaler.update()
    assert parameter.item() == 1
    assert scaler.get_scale() == 4
    for expected in (4.0, 8.0):
        parameter.grad = taeda.tensor([0.0])
        scaler.step(optimizer)
        scaler.update()
        assert scaler.get_scale() == expected


def test_state_of_a_scaler() -> None:
    scaler = amp.GradScaler("cpu", init_scale=8.0, growth_interval=5)
    state = scaler.state_dict()
    assert sorted(state) == ["_growth_tracker", "backoff_factor", "growth_factor", "growth_interval", "scale"]
    other = amp.GradScaler("cpu")
    other.load_state_dict(state)
    assert other.get_scale() == 8
    assert other.get_growth_interval() == 5
    with pytest.raises(RuntimeError, match="source state dict is empty"):
        other.load_state_dict({})


def test_a_scaler_without_a_gpu_does_nothing() -> None:
    if getattr(taeda, "cuda", None) is not None and taeda.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.warns(UserWarning, match="CUDA is not available"):
        scaler = amp.GradScaler()
    parameter, optimizer = _problem()
    loss = parameter * parameter
    assert scaler.scale(loss) is loss
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert parameter.item() == 0.5
    assert scaler.get_scale() == 1
    assert scaler.state_dict() == {}


def test_misuse_of_scalers() -> None:
    parameter, optimizer = _problem()
    scaler = amp.GradScaler("cpu")
    with pytest.raises(RuntimeError, match=r"No inf checks were recorded.*call step\(optimizer\) first"):
        scaler.update()
    scaler.scale(parameter * 1).sum().backward()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) has already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"step\(\) has already been called since the last update"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) is being called after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="Closure use is not currently supported"):
        scaler.step(optimizer, closure=lambda: None)
    with pytest.raises(ValueError, match=r"growth factor must be > 1\.0, got 0\.5"):
        amp.GradScaler("cpu", growth_factor=0.5)
    with pytest.raises(ValueError, match=r"backoff factor must be < 1\.0, got 2"):
        amp.GradScaler("cpu", backoff_factor=2)
    with pytest.raises(ValueError, match="expected a tensor or a list or tuple of tensors, got int"):
        scaler.scale(3)
    half = nn.Parameter(taeda.ones(1, dtype=taeda.float16))
    half.grad = taeda.ones(1, dtype=taeda.float16)
    with pytest.raises(
        ValueError, match="attempting to unscale FP16 gradients; keep the parameters in float32"
    ):
        scaler.unscale_(taeda.optim.SGD([half], lr=1.0))


def test_older_names() -> None:
    with taeda.cpu.amp.autocast(), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (taeda.ones(2, 2) @ taeda.ones(2, 2)).dtype == taeda.bfloat16
        assert taeda.cpu.amp.GradScaler().is_enabled()
