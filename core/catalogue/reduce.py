"""Reductions over all or some dimensions."""

from catalogue.families import FUNCTION, METHOD, composite, op

_DIMS = "int[0]? dim=None, bool keepdim=False"
_KEPT = "keep_reduced({}, self_sizes, dim, keepdim)"
_GRAD = _KEPT.format("grad")
_RESULT = _KEPT.format("result")


op("sum.all(Tensor self, *, dtype? dtype=None) -> Tensor", "The sum of all elements.", vjp={"self": "expand(grad, self_sizes)"})
op("sum(Tensor self, int[0]? dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor", "Sums over dimensions.", out=True,
   vjp={"self": f"expand({_GRAD}, self_sizes)"})  # fmt: skip
op(f"nansum(Tensor self, {_DIMS}, *, dtype? dtype=None) -> Tensor", "Sums over dimensions, NaN counting as 0.", out=True,
   vjp={"self": f"where(isnan(self), wrapped_number(Scalar(0)), expand({_GRAD.replace('self_sizes', 'self.sizes()')}, self.sizes()))"})  # fmt: skip
op("mean.all(Tensor self, *, dtype? dtype=None) -> Tensor", "The mean of all elements.",
   vjp={"self": "expand(grad, self_sizes) / Scalar(double(product(self_sizes)))"})  # fmt: skip
op("mean(Tensor self, int[0]? dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor", "Means over dimensions.", out=True,
   vjp={"self": f"expand({_GRAD}, self_sizes) / Scalar(reduced_count(self_sizes, dim))"})  # fmt: skip
composite(f"nanmean(Tensor self, {_DIMS}, *, dtype? dtype=None) -> Tensor", "Means over dimensions, NaN left out.", out=True)
op("prod.all(Tensor self, *, dtype? dtype=None) -> Tensor", "The product of all elements.",
   vjp={"self": "prod_backward(reshape(grad, Ints{1}), reshape(self, Ints{-1}), reshape(result, Ints{1}), 0, self.sizes())"})  # fmt: skip
op("prod(Tensor self, int dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor", "Products over a dimension.", out=True,
   vjp={"self": "prod_backward(keep_reduced(grad, self.sizes(), Ints{dim}, keepdim), self, "
                "keep_reduced(result, self.sizes(), Ints{dim}, keepdim), dim, self.sizes())"})  # fmt: skip
composite("prod_backward(Tensor grad, Tensor self, Tensor result, int dim, int[] sizes) -> Tensor", "Gradient of prod.", where=())

for name, word in (("amax", "Largest"), ("amin", "Smallest")):
    op(f"{name}(Tensor self, int[0] dim=[], bool keepdim=False) -> Tensor", f"{word} elements over dimensions.", out=True,
       vjp={"self": "spread_evenly(keep_reduced(grad, self.sizes(), dim, keepdim), self, keep_reduced(result, self.sizes(), dim, keepdim), dim)"})  # fmt: skip
for name, extreme, word in (("max", "maximum", "Largest"), ("min", "minimum", "Smallest")):
    composite(f"{name}.all(Tensor self) -> Tensor", f"{word} of all elements.")
    # Before the dimension: a 0-dim tensor of an integer is no dimension here.
    composite(f"{name}.other(Tensor self, Tensor other) -> Tensor", f"{extreme}(self, other).", out=True)
    op(f"{name}(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
       f"{word} elements along a dimension, and where they are.", out=True,
       vjp={"self": "select_values_backward(grad, self_sizes, result1, dim, keepdim)"})  # fmt: skip
    op(f"arg{name}(Tensor self, int? dim=None, bool keepdim=False) -> Tensor", f"Where the {word.lower()} element is.", out=True)
composite("select_values_backward(Tensor grad, int[] sizes, Tensor indices, int dim, bool keepdim) -> Tensor",
          "Gradient of operators that pick one element along a dimension.", where=())  # fmt: skip
composite("spread_evenly(Tensor grad, Tensor self, Tensor result, int[] dim) -> Tensor", "Gradient of amax and amin.", where=())
composite("aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)", "Smallest and largest elements.",
          out=True)  # fmt: skip

for name, word in (("any", "any element is"), ("all", "all elements are")):
    op(f"{name}(Tensor self) -> Tensor", f"Whether {word} true.", out=True)
    op(f"{name}.dim(Tensor self, int dim, bool keepdim=False) -> Tensor", f"Whether {word} true along a dimension.", out=True)
    op(f"{name}.dims(Tensor self, int[]? dim, bool keepdim=False) -> Tensor", f"Whether {word} true over dimensions.", out=True)
op("count_nonzero(Tensor self, int[0]? dim=None) -> Tensor", "How many elements are not zero.")

op(f"linalg_vector_norm(Tensor self, Scalar ord=2, {_DIMS}, *, dtype? dtype=None) -> Tensor", "Vector norms over dimensions.",
   where=(), out=True,
   vjp={"self": f"vector_norm_backward({_GRAD.replace('self_sizes', 'self.sizes()')}, self, "
                f"{_RESULT.replace('self_sizes', 'self.sizes()')}, ord, dim)"})  # fmt: skip
composite("vector_norm_backward(Tensor grad, Tensor self, Tensor result, Scalar ord, int[]? dim) -> Tensor",
          "Gradient of vector norms.", where=())  # fmt: skip
composite("norm(Tensor self, Scalar? p=2, int[0]? dim=None, bool keepdim=False, dtype? dtype=None) -> Tensor",
          "Vector norm of all elements, or over dimensions.")  # fmt: skip
composite("norm.name(Tensor self, str p, int[0]? dim=None, bool keepdim=False, dtype? dtype=None) -> Tensor",
          "p 'fro': the square root of the sum of squares; 'nuc': the sum of a matrix's singular values.")  # fmt: skip

op("var_correction(Tensor self, int[]? dim, float correction, bool keepdim, bool square_root) -> Tensor", "Variance or its root.",
   where=(),
   vjp={"self": "square_root ? std_backward(grad, self, result, dim, correction, keepdim) : "
                "var_backward(grad, self, dim, correction, keepdim)"})  # fmt: skip
composite("var_backward(Tensor grad, Tensor self, int[]? dim, float correction, bool keepdim) -> Tensor", "Gradient of var.", where=())
composite("std_backward(Tensor grad, Tensor self, Tensor result, int[]? dim, float correction, bool keepdim) -> Tensor",
          "Gradient of std.", where=())  # fmt: skip
for name, word in (("var", "Variance"), ("std", "Standard deviation")):
    composite(f"{name}.unbiased(Tensor self, bool unbiased) -> Tensor", f"{word} of all elements.")
    composite(f"{name}.dim(Tensor self, int[0]? dim, bool unbiased, bool keepdim=False) -> Tensor", f"{word} over dimensions.")
    composite(f"{name}(Tensor self, int[0]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor",
              f"{word} over dimensions, divided by n - correction (1).", out=True)  # fmt: skip
    composite(f"{name}_mean.unbiased(Tensor self, bool unbiased) -> (Tensor result0, Tensor result1)", f"{word} and mean.",
              where=(FUNCTION,))  # fmt: skip
    composite(f"{name}_mean.dim(Tensor self, int[0]? dim, bool unbiased, bool keepdim=False) -> (Tensor result0, Tensor result1)",
              f"{word} and mean over dimensions.", where=(FUNCTION,))  # fmt: skip
    composite(f"{name}_mean(Tensor self, int[0]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> "
              "(Tensor result0, Tensor result1)", f"{word} and mean over dimensions.", where=(FUNCTION,))  # fmt: skip
op("logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor", "log(sum(exp(self))) over dimensions.", out=True,
   vjp={"self": "logsumexp_backward(keep_reduced(grad, self.sizes(), dim, keepdim), self, keep_reduced(result, self.sizes(), dim, keepdim))"})  # fmt: skip
composite("logsumexp_backward(Tensor grad, Tensor self, Tensor result) -> Tensor", "Gradient of logsumexp.", where=())
composite("equal(Tensor self, Tensor other) -> bool", "Whether both have the same shape and elements.")
composite("allclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> bool",
          "Whether all elements are within atol + rtol * abs(other).")  # fmt: skip
composite("isclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> Tensor",
          "Whether each element is within atol + rtol * abs(other).")  # fmt: skip
composite("trace(Tensor self) -> Tensor", "The sum of the diagonal.", where=(FUNCTION, METHOD))
