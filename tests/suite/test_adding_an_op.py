"""The record in docs/adding-an-op.md is enough: generated, compiled, and called from C++."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from repository import PACKAGES, ROOT

CORE = ROOT / "core"
RECORD = re.search(
    r"```python\n(pointwise\(.*?)```", (ROOT / "docs" / "adding-an-op.md").read_text("utf-8"), re.DOTALL
)
GENERATE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from catalogue import families, load
from codegen.functions import native_header, ops_header, ops_shard
from codegen.pointwise import CPU, pointwise_shard
from codegen.python_glue import python_names
from codegen.stubs import stub
out = Path(sys.argv[2])
ops = list(load())
exec(sys.stdin.read(), vars(families))
added = families.OPS[-1]
everything = [*ops, *([] if added in ops else [added])]
(out / "ops.h").write_text(ops_header(everything))
(out / "native.h").write_text(native_header(everything))
(out / "shard.cpp").write_text(ops_shard([added]))
(out / "loops.cpp").write_text(pointwise_shard([added], CPU))
(out / "_C.pyi").write_text(stub(python_names(everything), "class Tensor:\\n    # methods\\n"))
"""
MAIN = """
#include <cstdio>
#include "autograd/engine.h"
#include "dispatch/libraries.h"
#include "ops.h"

using namespace taeda;

static void print(const char* name, const Tensor& t) {
    std::printf("\\"%s\\": [", name);
    for (int64_t i = 0; i < t.numel(); ++i) std::printf("%s%.9g", i ? ", " : "", double(t.data<float>()[i]));
    std::printf("]");
}

int main() {
    load_cpu_kernels();
    Tensor x = ops::arange(Scalar(-2.0), Scalar(3.0), Scalar(0.5), DType::float32);
    set_requires_grad(x, true);
    Tensor y = ops::squareplus(x, Scalar(1.0));
    Tensor gradient = run_backward({ops::sum(y)}, {Tensor()}, false, true, {x}, false)[0];
    Tensor second = run_backward({ops::sum(gradient)}, {Tensor()}, false, false, {x}, false)[0];
    std::printf("{");
    print("x", x), std::printf(", ");
    print("value", y), std::printf(", ");
    print("gradient", gradient), std::printf(", ");
    print("second", second), std::printf("}");
}
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Path:
    assert RECORD, "the page has no record of a pointwise operator"
    out = tmp_path_factory.mktemp("generated")
    subprocess.run(
        [sys.executable, "-c", GENERATE, str(CORE), str(out)], input=RECORD[1], text=True, check=True
    )
    return out


def test_all_forms_are_generated(generated):
    header = (generated / "ops.h").read_text("utf-8")
    for declaration in ("Tensor squareplus(", "Tensor squareplus_(", "Tensor squareplus_out("):
        assert declaration in header
    shard = (generated / "shard.cpp").read_text("utf-8")
    assert "squareplus" in shard
    assert "Backward" in shard
    stub = (generated / "_C.pyi").read_text("utf-8")
    assert re.search(r"def squareplus\(self, b: .* = \.\.\.", stub)
    assert "def squareplus_(self" in stub


def test_it_computes_and_differentiates(generated):
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    (generated / "main.cpp").write_text(MAIN)
    libraries = PACKAGES["taeda"]
    program = generated / "program"
    subprocess.run(
        [
            compiler, "-std=gnu++20", "-O1", "-fopenmp", "-msse4.2" if sys.platform == "linux" else "-O1",
            "-DTAEDA_VEC_BYTES=16", f"-I{CORE / 'csrc'}", f"-I{generated}",
            *(str(generated / name) for name in ("main.cpp", "shard.cpp", "loops.cpp")),
            *(str(CORE / "csrc" / "kernels" / "cpu" / name) for name in ("loops.cpp", "strided.cpp", "tiles.cpp")),
            f"-L{libraries}", "-ltaeda", f"-Wl,-rpath,{libraries}", "-o", str(program),
        ],
        check=True,
    )  # fmt: skip
    found = json.loads(subprocess.run([program], capture_output=True, text=True, check=True).stdout)
    x = np.array(found["x"])
    root = np.sqrt(x * x + 1)
    np.testing.assert_allclose(found["value"], (x + root) / 2, rtol=1e-6)
    np.testing.assert_allclose(found["gradient"], (x / root + 1) / 2, rtol=1e-6)
    np.testing.assert_allclose(found["second"], 1 / (2 * root**3), rtol=1e-5, atol=1e-7)
