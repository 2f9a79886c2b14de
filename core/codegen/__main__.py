"""python codegen --out DIR: writes everything that is derived from the operator catalogue."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from catalogue import load
from catalogue.families import Op
from codegen.functions import native_header, ops_header, ops_shard
from codegen.pointwise import CPU, CUDA, pointwise_shard
from codegen.python_glue import glue_shard, glue_table, python_names
from codegen.stubs import functions_module, stub
from codegen.text import write_if_changed

OPS_SHARDS, POINTWISE_SHARDS, CUDA_SHARDS, GLUE_SHARDS = 8, 6, 8, 6


def _families(ops: list[Op], shards: int) -> list[list[Op]]:
    """Shards of about equal length that keep the catalogue's order."""
    size = -(-len(ops) // shards)
    return [ops[i * size : (i + 1) * size] for i in range(shards)]


def generate(template: str) -> dict[str, str]:
    """File name -> content."""
    ops = load()
    names = python_names(ops)
    files = {"ops.h": ops_header(ops), "native.h": native_header(ops), "glue_table.cpp": glue_table(names)}
    for i, part in enumerate(_families(ops, OPS_SHARDS)):
        files[f"ops_{i}.cpp"] = ops_shard(part)
    pointwise = [op for op in ops if op.kind == "pointwise"]
    for i in range(POINTWISE_SHARDS):
        files[f"pointwise_{i}.cpp"] = pointwise_shard(pointwise[i::POINTWISE_SHARDS], CPU)
    for i in range(CUDA_SHARDS):
        files[f"pointwise_cuda_{i}.cu"] = pointwise_shard(pointwise[i::CUDA_SHARDS], CUDA)
    size = -(-len(names) // GLUE_SHARDS)
    for i in range(GLUE_SHARDS):
        files[f"glue_{i}.cpp"] = glue_shard(names[i * size : (i + 1) * size])
    files["_C.pyi"] = stub(names, template)
    files["_functions.py"] = functions_module(names)
    return files


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--package", type=Path, help="also put the Python files here")
    options = parser.parse_args()
    template = (Path(__file__).parent / "_C.pyi.in").read_text()
    for name, content in generate(template).items():
        write_if_changed(options.out / name, content)
        if options.package and name.endswith((".py", ".pyi")):
            write_if_changed(options.package / name, content)
    write_if_changed(options.out / "stamp", "")
    (options.out / "stamp").touch()


if __name__ == "__main__":
    main()
