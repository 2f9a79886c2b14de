"""Fixtures of the audio tests."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def stereo(rng):
    """Half a second of two sines with a little noise: float32 (2, 4000) at 8 kHz, inside -1 .. 1."""
    time = np.arange(4000) / 8000
    waves = np.stack([np.sin(2 * np.pi * 440 * time), 0.5 * np.sin(2 * np.pi * 1000 * time)])
    return (0.6 * waves + 0.01 * rng.standard_normal(waves.shape)).astype(np.float32)
