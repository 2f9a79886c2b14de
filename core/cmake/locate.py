"""Prints where the oneDNN and OpenBLAS of the build environment are, one CMake assignment per line."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path


def find(distribution: str, name: str) -> Path:
    """The first file of a distribution with that name."""
    files = importlib.metadata.files(distribution) or []
    for file in files:
        if file.name == name:
            return Path(str(file.locate())).resolve()
    raise SystemExit(f"{distribution} is installed without {name}; reinstall it")


def main() -> None:
    """Prints DNNL_INCLUDE, DNNL_LIBRARY, OPENBLAS_LIBRARY and OPENBLAS_INCLUDE."""
    header = find("onednn-devel-cpu-gomp", "dnnl.hpp")
    include = header.parent if header.parent.name == "include" else header.parent.parent.parent
    print(f"DNNL_INCLUDE={include}")
    library = next(
        Path(str(f.locate()))
        for package in ("onednn-devel-cpu-gomp", "onednn-cpu-gomp")
        for f in importlib.metadata.files(package) or []
        if f.name.startswith("libdnnl.so")
    )
    print(f"DNNL_LIBRARY={library.resolve()}")
    print(f"OPENBLAS_LIBRARY={find('scipy-openblas32', 'libscipy_openblas.so')}")
    print(f"OPENBLAS_INCLUDE={find('scipy-openblas32', 'cblas.h').parent}")


main()
