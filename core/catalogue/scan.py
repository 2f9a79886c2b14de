"""Running reductions along a dimension, and softmax."""

from catalogue.families import composite, op

op("cumsum(Tensor self, int dim, *, dtype? dtype=None) -> Tensor", "Running sums.", inplace=True, out=True,
   vjp={"self": "reversed_cumsum(grad, dim)"})  # fmt: skip
composite("reversed_cumsum(Tensor grad, int dim) -> Tensor", "Running sums from the end.", where=())
op("cumprod(Tensor self, int dim, *, dtype? dtype=None) -> Tensor", "Running products.", inplace=True, out=True,
   vjp={"self": "cumprod_backward(grad, self, result, dim)"})  # fmt: skip
composite("cumprod_backward(Tensor grad, Tensor self, Tensor result, int dim) -> Tensor", "Gradient of cumprod.", where=())
op("logcumsumexp(Tensor self, int dim) -> Tensor", "log of the running sums of exp(self).", out=True,
   vjp={"self": "logcumsumexp_backward(grad, self, result, dim)"})  # fmt: skip
composite("logcumsumexp_backward(Tensor grad, Tensor self, Tensor result, int dim) -> Tensor", "Gradient of logcumsumexp.", where=())
for name, word in (("cummax", "largest"), ("cummin", "smallest")):
    op(f"{name}(Tensor self, int dim) -> (Tensor values, Tensor indices)", f"The {word} elements so far, and where they are.",
       out=True, vjp={"self": "cumulative_extreme_backward(grad, self_sizes, result1, dim)"})  # fmt: skip
composite("cumulative_extreme_backward(Tensor grad, int[] sizes, Tensor indices, int dim) -> Tensor", "Gradient of cummax, cummin.",
          where=())  # fmt: skip

for name in ("softmax", "log_softmax"):
    op(f"raw_{name}(Tensor self, int dim) -> Tensor", f"{name} of a floating tensor.", where=(),
       vjp={"self": f"{name}_backward(grad, result, dim)"})  # fmt: skip
    composite(f"{name}(Tensor self, int dim, dtype? dtype=None) -> Tensor", f"{name} along a dimension.",
              aliases=(f"special_{name}",), out=True)  # fmt: skip
op("softmax_backward(Tensor grad_output, Tensor output, int dim) -> Tensor", "Gradient of softmax.", where=(),
   vjp={"grad_output, output": "softmax_double_backward(grad, grad_output, output, dim)"})  # fmt: skip
op("log_softmax_backward(Tensor grad_output, Tensor output, int dim) -> Tensor", "Gradient of log_softmax.", where=(),
   vjp={"grad_output, output": "log_softmax_double_backward(grad, grad_output, output, dim)"})  # fmt: skip
composite("softmin(Tensor self, int dim, dtype? dtype=None) -> Tensor", "softmax(-self).", where=())
