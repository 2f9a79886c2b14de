"""The main job from end to end: fine-tune, report, package, serve, predict over HTTP.

`python examples/digits_demo.py` fine-tunes the shipped glyph network on real handwritten digits, trains the
same network from scratch for comparison, writes `runs/digits/`, packages the best checkpoint, serves it on a
free port, sends it images, and checks that the answers equal those computed in this process.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from taeda_lightning.fine_tuning import FineTuning, fine_tune
from taeda_lightning.tasks.image_data import ImageData, preprocessing_steps
from taeda_serve import RunningServer, load_archive, package

WANTED_ACCURACY = 0.98


def arguments() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/digits"), help="folder to write")
    parser.add_argument("--epochs", type=int, default=3, help="passes over the training images")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the weights and the order")
    parser.add_argument("--images", type=int, default=40, help="test images to send over HTTP")
    return parser.parse_args()


def train(data: ImageData, out: Path, options: argparse.Namespace) -> tuple[FineTuning, FineTuning]:
    """Fine-tune the shipped weights, and train the same network from scratch."""
    common: dict[str, Any] = {"epochs": options.epochs, "seed": options.seed, "accelerator": "cpu"}
    epochs = f"{options.epochs} epoch{'s' if options.epochs != 1 else ''}"
    print(f"\n== Training from scratch, {epochs}")
    scratch = fine_tune(
        data,
        "glyph_resnet",
        out / "from_scratch",
        lr=2e-3,
        with_report=False,
        enable_model_summary=False,
        **common,
    )
    print(f"test accuracy {scratch.test_accuracy:.2%}")
    print(f"\n== Fine-tuning the shipped glyph weights, {epochs}")
    facts = {"test accuracy from scratch, same epochs": f"{scratch.test_accuracy:.2%}"}
    tuned = fine_tune(data, "glyph_resnet", out, weights="DEFAULT", lr=2e-3, facts=facts, **common)
    print(f"test accuracy {tuned.test_accuracy:.2%} (from scratch: {scratch.test_accuracy:.2%})")
    return tuned, scratch


def make_archive(tuned: FineTuning, out: Path) -> Path:
    """Package the best checkpoint with its preprocessing and labels."""
    archive = out / "digits.taeda"
    package(
        tuned.checkpoint,
        archive,
        name="digits",
        architecture="taeda_vision.models:glyph_resnet",
        arguments={"num_classes": len(tuned.data.classes)},
        preprocessing=tuned.data.preprocessing,
        labels=tuned.data.classes,
        provenance={"accuracy": tuned.test_accuracy, "checkpoint": Path(tuned.checkpoint).name},
        prefix="model.",
    )
    print(f"\n== Packaged {archive} ({archive.stat().st_size / 1e6:.2f} MB)")
    return archive


def encoded_images(data: ImageData, count: int) -> list[tuple[bytes, str]]:
    """Test images as PNG files in memory, with their labels."""
    images = data.images["test"]
    found = []
    for row in range(0, len(images), max(1, len(images) // count)):
        image, label = images[row]
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        found.append((buffer.getvalue(), data.classes[label]))
    return found[:count]


def serve_and_compare(archive: Path, samples: list[tuple[bytes, str]]) -> bool:
    """Send images over HTTP, print answers and latency; returns whether they equal those of this process."""
    local = load_archive(archive)
    is_equal, right, latencies = True, 0, []
    with RunningServer([archive]) as server, server.client() as client:
        print(f"\n== Serving at {server.url}")
        for number, (image, label) in enumerate(samples):
            start = time.perf_counter()
            answer = client.predict(image, "digits", top=10)
            latencies.append(time.perf_counter() - start)
            expected = local.predict(image, top=10)
            is_equal = is_equal and answer == expected
            top, probability = next(iter(answer.items()))
            right += top == label
            if number < 8:
                print(f"  a {label}: predicted {top} with {probability:.1%} in {latencies[-1] * 1e3:.1f} ms")
    median, worst = statistics.median(latencies) * 1e3, max(latencies) * 1e3
    print(f"  {right} of {len(samples)} right; latency median {median:.1f} ms, worst {worst:.1f} ms")
    print(
        f"  answers over HTTP {'equal' if is_equal else 'DIFFER FROM'} those of this process; server stopped"
    )
    return is_equal


def main() -> int:
    """Run all steps; 0 if the accuracy is reached and the answers are equal."""
    options = arguments()
    start = time.perf_counter()
    data = ImageData(
        "digits", preprocessing_steps(32, is_grey=True), batch_size=32, augment=True, seed=options.seed
    )
    tuned, _ = train(data, options.out, options)
    archive = make_archive(tuned, options.out)
    is_equal = serve_and_compare(archive, encoded_images(data, options.images))
    print(f"\nreport: {tuned.report}; all done in {time.perf_counter() - start:.1f} s")
    if tuned.test_accuracy < WANTED_ACCURACY:
        print(f"test accuracy {tuned.test_accuracy:.2%} is below {WANTED_ACCURACY:.0%}", file=sys.stderr)
    return 0 if is_equal and tuned.test_accuracy >= WANTED_ACCURACY else 1


if __name__ == "__main__":
    sys.exit(main())
