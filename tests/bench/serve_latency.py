"""Latency and throughput of `taeda serve` per number of clients, beside prediction in this process.

python tests/bench/serve_latency.py --model glyph_resnet --clients 1 8 32 --requests 300
"""

import argparse
import io
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

import taeda_serve
from taeda_vision import models


def write_archive(folder: Path, name: str) -> Path:
    """An archive with fresh weights: speed does not depend on what they are."""
    path = folder / f"{name}.taeda"
    size, channels = (32, 1) if name == "glyph_resnet" else (224, 3)
    steps: list[dict[str, object]] = [
        {"name": "Resize", "args": {"size": [size, size]}},
        {"name": "ToTensor"},
    ]
    if channels == 1:
        steps.insert(0, {"name": "Grayscale"})
    taeda_serve.package(
        getattr(models, name)(num_classes=10),
        path,
        name=name,
        architecture=f"taeda_vision.models:{name}",
        arguments={"num_classes": 10},
        preprocessing=steps,
        labels=[str(digit) for digit in range(10)],
    )
    return path


def example_image(edge: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (edge, edge, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def measure(predict, requests: int, clients: int) -> tuple[list[float], float]:
    """Seconds of each request, and of all together, with `clients` threads asking one after another."""
    seconds: list[float] = []
    gate = threading.Barrier(clients + 1)

    def one() -> None:
        predict()
        gate.wait()
        for _ in range(requests // clients):
            begun = time.perf_counter()
            predict()
            seconds.append(time.perf_counter() - begun)

    threads = [threading.Thread(target=one) for _ in range(clients)]
    for thread in threads:
        thread.start()
    gate.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    return seconds, time.perf_counter() - begun


def report(what: str, seconds: list[float], total: float) -> None:
    cuts = statistics.quantiles(seconds, n=20)
    print(
        f"{what:<24} p50 {1e3 * statistics.median(seconds):7.2f} ms   p95 {1e3 * cuts[18]:7.2f} ms   "
        f"{len(seconds) / total:7.0f} requests/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="glyph_resnet", choices=("glyph_resnet", "resnet18"))
    parser.add_argument("--image", type=int, default=64, help="edge of the PNG that is sent, in pixels")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--workers", default="1")
    args = parser.parse_args()
    image = example_image(args.image)
    with tempfile.TemporaryDirectory() as folder:
        archive = write_archive(Path(folder), args.model)
        local = taeda_serve.load_archive(archive)
        report("in this process", *measure(lambda: local.predict(image), args.requests, 1))
        with taeda_serve.RunningServer([archive], ["--workers", args.workers]) as server:
            for clients in args.clients:
                with server.client() as client:
                    results = measure(
                        lambda client=client: client.predict(image, args.model), args.requests, clients
                    )
                report(f"server, {clients} client(s)", *results)


if __name__ == "__main__":
    main()
