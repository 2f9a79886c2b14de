"""Uses installed packages for a moment: `smoke.py core` after the core's wheel alone, `smoke.py packages` after all."""

from __future__ import annotations

import importlib
import sys
from importlib import metadata
from pathlib import Path

PACKAGES = ("taeda_vision", "taeda_text", "taeda_audio", "taeda_lightning", "taeda_serve")
MOST_MEGABYTES = 100


def check_core() -> None:
    """Arithmetic, a matrix product and a gradient; the size; where the libraries were loaded from."""
    import taeda

    folder = Path(taeda.__file__).parent
    assert folder.is_relative_to(sys.prefix), f"{folder} is outside the environment {sys.prefix}"
    total = taeda.tensor([1.0, 2.0]) + taeda.tensor([10.0, 20.0])
    assert total.tolist() == [11.0, 22.0], total
    product = taeda.tensor([[1.0, 2.0], [3.0, 4.0]]) @ taeda.tensor([[1.0, 1.0], [0.0, 1.0]])
    assert product.tolist() == [[1.0, 3.0], [3.0, 7.0]], product
    x = taeda.tensor([3.0], requires_grad=True)
    (x * x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6.0], x.grad
    images = taeda.ones(1, 1, 4, 4)
    assert taeda.nn.functional.conv2d(images, taeda.ones(1, 1, 3, 3)).flatten().tolist() == [9.0] * 4
    strangers = {
        line.split()[-1]
        for line in Path("/proc/self/maps").read_text("utf-8").splitlines()
        if any(name in line for name in ("libtaeda", "libdnnl", "libgomp", "openblas"))
    }
    outside = sorted(path for path in strangers if "numpy" not in path and not path.startswith(str(folder)))
    assert not outside, f"loaded from outside the package: {outside}"
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
    print(f"core installed: {size:.1f} MB (at most {MOST_MEGABYTES})")
    assert size <= MOST_MEGABYTES


def check_packages() -> None:
    """Every package can be imported, and its public names are there."""
    for name in PACKAGES:
        module = importlib.import_module(name)
        missing = [public for public in module.__all__ if not hasattr(module, public)]
        assert not missing, f"{name} lacks {missing}"
        print(name, metadata.version(name.replace("_", "-")))


if __name__ == "__main__":
    {"core": check_core, "packages": check_packages}[sys.argv[1]]()
