"""M5 on raw waveforms."""

import numpy as np
import pytest

import taeda
from taeda_audio.models import M5


def test_keys_and_parameters():
    model = M5(n_output=35)
    keys = [key for key in model.state_dict() if key.endswith("weight")]
    assert keys == [f"{kind}{i}.weight" for i in range(1, 5) for kind in ("conv", "bn")] + ["fc1.weight"]
    # By hand: kernel * in * out + out for each convolution, 2 * channels for each norm.
    convolutions = (80 * 32 + 32) + (3 * 32 * 32 + 32) + (3 * 32 * 64 + 64) + (3 * 64 * 64 + 64)
    expected = convolutions + 2 * (32 + 32 + 64 + 64) + 64 * 35 + 35
    assert sum(p.numel() for p in model.parameters()) == expected


def test_gives_log_probabilities():
    output = M5(n_output=5).eval()(taeda.randn(3, 1, 8000))
    np.testing.assert_allclose(output.exp().sum(-1).detach().numpy(), np.ones(3), atol=1e-5)


def test_the_shortest_waveform():
    model = M5(n_output=2).eval()
    shortest = model.min_length
    assert tuple(model(taeda.zeros(1, 1, shortest)).shape) == (1, 2)
    with pytest.raises(
        ValueError, match=rf"{shortest - 1} samples are too few for stride 16; expected at least {shortest}"
    ):
        model(taeda.zeros(1, 1, shortest - 1))
    frames = (shortest - 1 - 80) // 16 + 1
    for _ in range(3):
        frames = frames // 4 - 2
    assert frames // 4 == 0, "one sample less must really leave nothing"


def test_shape_errors():
    with pytest.raises(
        ValueError, match=r"expected waveforms of shape \(B, 1, time\), got \(8000,\); .* x\[None, None\]"
    ):
        M5()(taeda.zeros(8000))
    with pytest.raises(ValueError, match=r"expected waveforms of shape \(B, 2, time\), got \(1, 1, 8000\)"):
        M5(n_input=2)(taeda.zeros(1, 1, 8000))


def test_learns_to_tell_high_from_low():
    taeda.manual_seed(0)
    rng = np.random.default_rng(0)
    time = np.arange(4000) / 8000
    labels = np.arange(16) % 2
    frequencies = np.where(labels == 0, 300, 1500) * rng.uniform(0.9, 1.1, 16)
    waves = np.sin(2 * np.pi * frequencies[:, None] * time + rng.uniform(0, 6, (16, 1))).astype(np.float32)
    x, y = taeda.from_numpy(waves[:, None]), taeda.from_numpy(labels)
    model = M5(n_output=2, n_channel=4, stride=8)
    optimizer = taeda.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(30):
        loss = taeda.nn.functional.nll_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    assert (model(x).argmax(-1) == y).all()
