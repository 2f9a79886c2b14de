"""Borders around tensors."""

from catalogue.families import FUNCTION, composite, op

op("constant_pad_nd(Tensor self, int[] pad, Scalar value=0) -> Tensor",
   "A border of `value`; pad counts from the last dimension: (before, after, before, after, ...).",
   where=(FUNCTION,), vjp={"self": "constant_pad_nd(grad, negated(pad), Scalar(0))"})  # fmt: skip
op("pad_with_itself(Tensor self, int[] pad, str mode) -> Tensor",
   "Reflected, replicated or wrapped around by pad, which has no negative numbers.",
   where=(), vjp={"self": "pad_with_itself_backward(grad, pad, mode)"})  # fmt: skip
composite("pad_with_itself_backward(Tensor grad, int[] pad, str mode) -> Tensor", "Gradient of pad_with_itself.", where=())
composite("pad(Tensor self, int[] pad, str mode='constant', float? value=None) -> Tensor",
          "A border: constant, reflect, replicate or circular.", where=())  # fmt: skip
