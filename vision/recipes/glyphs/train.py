"""Train ``glyph_resnet`` on rendered glyphs and write the weights that ``taeda-vision`` ships.

python train.py --out glyphs_v1.safetensors
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
from fonts import TEST_FONTS, TRAIN_FONTS, draw_masters
from render import make_batch
from safetensors.numpy import save_file

import taeda
from taeda.nn import functional as F
from taeda_vision.models.glyph import GLYPHS, GlyphResNet

SEED = 20260101
TEST_SEED = 7
FOLDED = np.array([GLYPHS.index(character.upper()) for character in GLYPHS])


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Linear rise over the first twentieth, then a half cosine to zero."""
    rise = max(1, steps // 20)
    if step < rise:
        return peak * (step + 1) / rise
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def train(steps: int, batch_size: int, peak: float) -> GlyphResNet:
    """Train from scratch on fresh glyphs at every step."""
    taeda.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    masters = draw_masters(TRAIN_FONTS)
    model = GlyphResNet()
    decayed = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    kept = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    groups = [{"params": decayed, "weight_decay": 5e-4}, {"params": kept, "weight_decay": 0.0}]
    optimizer = taeda.optim.SGD(groups, lr=peak, momentum=0.9, nesterov=True)
    start, average = time.perf_counter(), 0.0
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, peak)
        pictures, labels = make_batch(masters, batch_size, rng)
        loss = F.cross_entropy(
            model(taeda.from_numpy(pictures)), taeda.from_numpy(labels), label_smoothing=0.05
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average = loss.item() if step == 0 else 0.98 * average + 0.02 * loss.item()
        if (step + 1) % 100 == 0 or step + 1 == steps:
            print(
                f"step {step + 1}/{steps}  loss {average:.4f}  {time.perf_counter() - start:.0f} s",
                flush=True,
            )
    return model


def evaluate(model: GlyphResNet, batches: int = 40) -> dict[str, float]:
    """Accuracy on distorted glyphs of the families that training never saw."""
    model.eval()
    rng = np.random.default_rng(TEST_SEED)
    masters = draw_masters(TEST_FONTS)
    hits = folded_hits = total = 0
    with taeda.no_grad():
        for _ in range(batches):
            pictures, labels = make_batch(masters, 250, rng)
            guesses = model(taeda.from_numpy(pictures)).argmax(dim=1).numpy()
            hits += int((guesses == labels).sum())
            folded_hits += int((FOLDED[guesses] == FOLDED[labels]).sum())
            total += len(labels)
    return {"acc@1": 100 * hits / total, "acc@1-ignoring-case": 100 * folded_hits / total}


def save(model: GlyphResNet, path: Path) -> None:
    """Float16 safetensors; the loader turns them back into float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        key: value.numpy().astype(np.float16)
        for key, value in model.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    save_file(state, str(path), metadata={"model": "glyph_resnet", "recipe": "vision/recipes/glyphs"})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("glyphs_v1.safetensors"))
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    taeda.set_num_threads(options.threads)
    start = time.perf_counter()
    model = train(options.steps, options.batch_size, options.lr)
    save(model, options.out)
    result = evaluate(model) | {"seconds": round(time.perf_counter() - start), "steps": options.steps}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
