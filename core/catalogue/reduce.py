"""Reductions."""

from catalogue.families import BOTH, composite, op

op("sum.all(Tensor self, *, dtype? dtype=None) -> Tensor", "The sum of all elements.", vjp={"self": "expand(grad, self_sizes)"})
op("sum(Tensor self, int[0]? dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor", "Sums over dimensions.", out=True,
   vjp={"self": "expand(keep_reduced(grad, self_sizes, dim, keepdim), self_sizes)"})  # fmt: skip
