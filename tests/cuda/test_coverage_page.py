"""docs/cuda-coverage.md says what the library has: no kernel is missing without being listed."""

from __future__ import annotations

from cuda_library import EMULATED, ROOT

import taeda
from codegen import cuda_coverage


def test_the_page_is_up_to_date():
    page = (ROOT / "docs" / "cuda-coverage.md").read_text()
    assert page == cuda_coverage.page(), "run: python core/codegen/cuda_coverage.py --write"


def test_the_page_says_what_is_registered():
    declared = {name for names in cuda_coverage.declared_kernels().values() for name in names}
    kernels = taeda._C._kernels("cuda")
    assert set(kernels) == declared
    registered = {name for name, there in kernels.items() if there}
    listed = cuda_coverage.registered_kernels()
    if EMULATED:
        assert registered <= listed, f"an emulated twin without its original: {sorted(registered - listed)}"
    else:
        assert registered == listed


def test_every_pointwise_operator_runs():
    from catalogue import load

    operators = [op for op in load() if op.kind == "pointwise"]
    assert len(operators) > 100
    for op in operators:
        tensors = [a for a in op.schema.arguments if a.is_tensor]
        scalars = {a.name: 1 for a in op.schema.arguments if not a.is_tensor and a.default is None}
        how = op.pointwise
        dtypes = {"f": taeda.float32, "i": taeda.int32, "b": taeda.bool, "c": taeda.complex64}
        dtype = dtypes[how.dtypes[0]]
        named = {
            a.name: taeda.ones(3, device="cuda", dtype=taeda.bool if i in how.bool_inputs else dtype)
            for i, a in enumerate(tensors)
        }
        result = getattr(taeda._C.ops, op.schema.name)(**named, **scalars)
        assert result.device.type == "cuda", op.schema.name
