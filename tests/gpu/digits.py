"""Trains the digits network for an epoch on the CPU and on the GPU, from equal weights, and compares the loss curves.

`python tests/gpu/digits.py [--steps N] [--batch N] [--json FILE]` exits with 1 where a step's losses differ by
more than the bound.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

import taeda
import taeda.nn.functional as F
from taeda_vision.datasets import Digits
from taeda_vision.models import GlyphResNet

BOUND = 1e-3


def digits() -> tuple[str, np.ndarray, np.ndarray]:
    """Where the images are from, images (N, 1, 16, 16) with mean 0 and deviation 1, and labels."""
    try:
        data = Digits(split="train")
        source, images, labels = "scikit-learn's digits", data.data.astype(np.float32), np.array(data.targets)
    except ModuleNotFoundError:
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 10, 1437)
        images = rng.random((10, 8, 8))[labels] + 0.3 * rng.standard_normal((len(labels), 8, 8))
        source, images = (
            "ten random patterns with noise (scikit-learn is not installed)",
            images.astype(np.float32),
        )
    order = np.random.default_rng(1).permutation(len(labels))
    images = np.kron((images - images.mean()) / images.std(), np.ones((1, 2, 2), np.float32))
    return source, images[order, None].astype(np.float32), labels[order]


def losses(
    device: str, images: np.ndarray, labels: np.ndarray, batch: int, steps: int
) -> tuple[list[float], float]:
    """The loss of every step of one epoch, and seconds."""
    taeda.manual_seed(0)
    model = GlyphResNet(num_classes=10).to(device)
    optimizer = taeda.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    curve = []
    start = time.perf_counter()
    for step in range(min(steps, len(labels) // batch)):
        chosen = slice(step * batch, (step + 1) * batch)
        x, y = taeda.tensor(images[chosen]).to(device), taeda.tensor(labels[chosen]).to(device)
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    return curve, time.perf_counter() - start


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=sys.maxsize, help="at most; an epoch at first")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    source, images, labels = digits()
    (cpu, cpu_seconds), (cuda, cuda_seconds) = (
        losses(device, images, labels, options.batch, options.steps) for device in ("cpu", "cuda")
    )
    difference = float(np.abs(np.subtract(cpu, cuda)).max())
    result = {
        "data": source,
        "steps": len(cpu),
        "batch": options.batch,
        "first_loss": cuda[0],
        "last_loss": cuda[-1],
        "largest_difference": difference,
        "bound": BOUND,
        "passed": difference <= BOUND,
        "cpu_seconds": cpu_seconds,
        "cuda_seconds": cuda_seconds,
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
