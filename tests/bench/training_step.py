"""Speed of the demo's training step: the glyph network in taeda, and the same network and weights in torch.

`python tests/bench/training_step.py` needs torch. Each library runs in a process of its own; they take turns, and
the median step of the best round counts. With one thread it is CPU time, which other programs hardly disturb. The
loss of the last step is printed beside it: both train alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

BATCH, WARM_UP, STEPS = 32, 3, 20


def residual_network(library: Any) -> Any:
    """The glyph network's layers from any library with the API; state keys are those of ``GlyphResNet``."""
    nn = library.nn

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.relu = nn.ReLU(inplace=True)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            shortcut = nn.Conv2d(inputs, outputs, 1, stride=2, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

        def forward(self, x: Any) -> Any:
            y = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(y)) + self.downsample(x))

    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True),
        Block(32, 32), Block(32, 64), Block(64, 128),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip


def measure(name: str, threads: int) -> dict[str, float]:
    """Median seconds of a step, and the last loss, in this process."""
    import importlib

    import numpy as np

    library: Any = importlib.import_module(name)
    library.set_num_threads(threads)
    model, rng = residual_network(library), np.random.default_rng(0)
    with library.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                scale = (2 / parameter[0].numel()) ** 0.5
                values = scale * rng.standard_normal(tuple(parameter.shape), dtype=np.float32)
                parameter.copy_(library.from_numpy(values))
    optimizer = library.optim.AdamW(model.parameters(), lr=2e-3)
    pictures = library.from_numpy(rng.standard_normal((BATCH, 1, 32, 32), dtype=np.float32))
    labels = library.from_numpy(rng.integers(0, 10, BATCH))
    clock = time.process_time if threads == 1 else time.perf_counter
    seconds = []
    for _ in range(WARM_UP + STEPS):
        start = clock()
        loss = library.nn.functional.cross_entropy(model(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(clock() - start)
    return {"seconds": statistics.median(seconds[WARM_UP:]), "loss": loss.item()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=["taeda", "torch"], help="measure one library, print JSON")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.threads)))
        return
    best: dict[str, dict[str, float]] = {}
    for _ in range(options.rounds):
        for name in ("taeda", "torch"):
            command = [sys.executable, __file__, "--measure", name, "--threads", str(options.threads)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            result = json.loads(output)
            if name not in best or result["seconds"] < best[name]["seconds"]:
                best[name] = result
    for name, result in best.items():
        print(
            f"{name:<6} {result['seconds'] * 1e3:7.2f} ms a step of {BATCH} pictures, loss {result['loss']:.5f}"
        )
    print(f"torch / taeda: {best['torch']['seconds'] / best['taeda']['seconds']:.2f}")


if __name__ == "__main__":
    main()
