"""Writes into views of a copy, and splits along NumPy's named axes."""

from catalogue.families import FUNCTION, METHOD, composite

for name, options in (("select_scatter", "int dim, int index"), ("slice_scatter", "int dim=0, int? start=None, int? end=None, int step=1"),
                      ("diagonal_scatter", "int offset=0, int dim1=0, int dim2=1"),
                      ("as_strided_scatter", "int[] size, int[] stride, int? storage_offset=None")):  # fmt: skip
    composite(f"{name}(Tensor self, Tensor src, {options}) -> Tensor", "A copy with src written into that view.", where=(FUNCTION, METHOD))
for name, options in (("hsplit", "int sections"), ("vsplit", "int sections"), ("dsplit", "int sections")):
    composite(f"{name}.sections(Tensor self, {options}) -> Tensor[]", "That many equal parts.")
    if name != "hsplit":
        composite(f"{name}(Tensor self, int[] indices) -> Tensor[]", "Parts between these indices.")
composite("hsplit.indices(Tensor self, int[] indices) -> Tensor[]", "Parts between these indices.")
