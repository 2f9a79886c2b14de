"""Loss scaling beside torch's: factors, skipped steps and gradients, bit by bit."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import taeda  # noqa: E402


@pytest.mark.parametrize(("growth", "backoff", "interval"), [(2.0, 0.5, 2), (1.7, 0.3, 1), (1.1, 0.9, 3)])
def test_forty_steps(growth: float, backoff: float, interval: int):
    rng = np.random.default_rng(interval)
    values = [rng.standard_normal(shape).astype(np.float32) for shape in ((3, 4), (5,), (2, 2, 2))]
    runs = []
    for library in (taeda, torch):
        parameters = [library.nn.Parameter(library.tensor(v)) for v in values]
        scaler = library.amp.GradScaler(
            "cpu", init_scale=1e3, growth_factor=growth, backoff_factor=backoff, growth_interval=interval
        )
        runs.append((library, parameters, library.optim.SGD(parameters, lr=0.1, momentum=0.9), scaler))
    for step in range(40):
        bad = rng.random() < 0.3
        gradients = [rng.standard_normal(v.shape).astype(np.float32) * 1e3 for v in values]
        if bad:
            gradients[step % 3].flat[0] = [np.inf, -np.inf, np.nan][step % 3]
        for library, parameters, optimizer, scaler in runs:
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = library.tensor(gradient)
            scaler.scale(library.ones(()))  # torch makes its factor here
            if step % 2:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
        (_, ours, _, our_scaler), (_, theirs, _, their_scaler) = runs
        assert our_scaler.get_scale() == their_scaler.get_scale()
        assert our_scaler.state_dict() == their_scaler.state_dict()
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (3,)], ids=str)
def test_scaled_outputs(dtype: str, shape: tuple):
    results = []
    for library in (taeda, torch):
        scaler = library.amp.GradScaler("cpu", init_scale=2.0**17)
        scaled = scaler.scale(library.full(shape, 2.0**-10, dtype=getattr(library, dtype)))
        results.append((str(scaled.dtype).split(".")[-1], scaled.tolist()))
    assert results[0] == results[1]
