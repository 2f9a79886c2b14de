"""Fine-tune the shipped glyph model on the real digits, and train the same network from scratch as long.

python finetune.py --epochs 4
"""

from __future__ import annotations

import argparse
import json
import time

from train import learning_rate

import taeda
from taeda.nn import functional as F
from taeda_vision.datasets import Digits
from taeda_vision.models import GlyphResNet, GlyphResNet_Weights, glyph_resnet, replace_classifier


def load_split(split: str) -> tuple[taeda.Tensor, taeda.Tensor]:
    """Pictures ``(N, 1, 32, 32)`` and labels ``(N,)`` of a split, preprocessed as the weights expect."""
    digits = Digits(split, transform=GlyphResNet_Weights.DEFAULT.transforms())
    pictures, labels = zip(*(digits[index] for index in range(len(digits))), strict=True)
    return taeda.stack(pictures), taeda.tensor(labels)


def accuracy(model: GlyphResNet, split: tuple[taeda.Tensor, taeda.Tensor]) -> float:
    """Per cent of right answers."""
    model.eval()
    with taeda.no_grad():
        hits = (model(split[0]).argmax(dim=1) == split[1]).float().mean()
    return 100 * float(hits)


def finetune(model: GlyphResNet, epochs: int, batch_size: int, peak: float, seed: int) -> GlyphResNet:
    """AdamW with the recipe's learning-rate curve over random batches."""
    taeda.manual_seed(seed)
    pictures, labels = load_split("train")
    optimizer = taeda.optim.AdamW(model.parameters(), lr=peak, weight_decay=0.05)
    per_epoch = len(labels) // batch_size
    for epoch in range(epochs):
        model.train()
        order = taeda.randperm(len(labels))
        for batch in range(per_epoch):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(epoch * per_epoch + batch, epochs * per_epoch, peak)
            chosen = order[batch * batch_size : (batch + 1) * batch_size]
            loss = F.cross_entropy(model(pictures[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="GLYPHS_V1")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    taeda.set_num_threads(options.threads)
    test = load_split("test")
    for seed in range(options.seeds):
        for name in ("pretrained", "from scratch"):
            taeda.manual_seed(seed)
            pretrained = name == "pretrained"
            model = replace_classifier(glyph_resnet(weights=options.weights if pretrained else None), 10)
            start = time.perf_counter()
            finetune(model, options.epochs, options.batch_size, options.lr, seed)
            seconds = time.perf_counter() - start
            result = {"test": accuracy(model, test), "val": accuracy(model, load_split("val"))}
            print(json.dumps({"run": name, "seed": seed, **result, "seconds": round(seconds, 1)}), flush=True)


if __name__ == "__main__":
    main()
