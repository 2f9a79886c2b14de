"""Interpolation of images and signals. Everything is `_resample`, one dimension after the other."""

from catalogue.families import composite, op

_KIND = "str filter, bool align_corners, float? scale, bool antialias"
_GIVEN = "filter, align_corners, scale, antialias"

op(f"_resample(Tensor self, int dim, int size, {_KIND}) -> Tensor",
   "Resampled to `size` elements along dim >= 0.", where=(),
   vjp={"self": f"_resample_adjoint(grad, dim, self_sizes[size_t(dim)], {_GIVEN})"})  # fmt: skip
op(f"_resample_adjoint(Tensor self, int dim, int size, {_KIND}) -> Tensor",
   "Gradient of _resample, whose input has `size` elements.", where=(),
   vjp={"self": f"_resample(grad, dim, self_sizes[size_t(dim)], {_GIVEN})"})  # fmt: skip

_SCALES = {1: "float? scales=None", 2: "float? scales_h=None, float? scales_w=None",
           3: "float? scales_d=None, float? scales_h=None, float? scales_w=None"}  # fmt: skip


def _upsampler(name: str, dims: int, doc: str, align_corners: bool) -> None:
    corners = "bool align_corners, " if align_corners else ""
    text = f"{name}{dims}d(Tensor self, int[{dims}] output_size, {corners}{_SCALES[dims]}) -> Tensor"
    composite(text, doc, where=())


for _dims in (1, 2, 3):
    _upsampler("upsample_nearest", _dims, "The nearest element below.", False)
    _upsampler("_upsample_nearest_exact", _dims, "The nearest element.", False)
_upsampler("upsample_linear", 1, "Straight lines between elements.", True)
_upsampler("upsample_bilinear", 2, "Linear along both dimensions.", True)
_upsampler("upsample_trilinear", 3, "Linear along the three dimensions.", True)
_upsampler("upsample_bicubic", 2, "Cubic convolution (Keys 1981, a = -0.75).", True)
for _filter in ("bilinear", "bicubic"):
    _aa = f"_upsample_{_filter}2d_aa(Tensor self, int[2] output_size, bool align_corners, {_SCALES[2]})"
    composite(f"{_aa} -> Tensor",
              "With a filter as wide as an output element when shrinking.", where=())  # fmt: skip
