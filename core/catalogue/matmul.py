"""Matrix products."""

from catalogue.families import FUNCTION, composite, op

op("mm(Tensor self, Tensor mat2) -> Tensor", "The product of two matrices.", out=True,
   vjp={"self": "mm(grad, conj(t(mat2)))", "mat2": "mm(conj(t(self)), grad)"})  # fmt: skip
op("bmm(Tensor self, Tensor mat2) -> Tensor", "The products of two batches of matrices.", out=True,
   vjp={"self": "bmm(grad, adjoint(mat2))", "mat2": "bmm(adjoint(self), grad)"})  # fmt: skip
op("addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
   "beta * self + alpha * mat1 @ mat2.", inplace=True, out=True,
   vjp={"self": "scaled(grad, conj_scalar(beta))", "mat1": "scaled(mm(grad, conj(t(mat2))), conj_scalar(alpha))",
        "mat2": "scaled(mm(conj(t(mat1)), grad), conj_scalar(alpha))"})  # fmt: skip
composite("_addmm_activation(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1, bool use_gelu=False) -> "
          "Tensor", "relu of beta * self + alpha * mat1 @ mat2, or GELU in its form with tanh.", out=True)  # fmt: skip
op("baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
   "beta * self + alpha * batch1 @ batch2.", inplace=True, out=True,
   vjp={"self": "scaled(grad, conj_scalar(beta))", "batch1": "scaled(bmm(grad, adjoint(batch2)), conj_scalar(alpha))",
        "batch2": "scaled(bmm(adjoint(batch1), grad), conj_scalar(alpha))"})  # fmt: skip
composite("addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
          "beta * self + alpha * the sum of the products of a batch.", inplace=True, out=True)  # fmt: skip
op("mv(Tensor self, Tensor vec) -> Tensor", "Matrix times vector.", out=True,
   vjp={"self": "outer(grad, conj(vec))", "vec": "mv(conj(t(self)), grad)"})  # fmt: skip
composite("addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
          "beta * self + alpha * mat @ vec.", inplace=True, out=True)  # fmt: skip
composite("addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
          "beta * self + alpha * outer(vec1, vec2).", inplace=True, out=True)  # fmt: skip
op("dot(Tensor self, Tensor tensor) -> Tensor", "The sum of products of two vectors.", out=True,
   vjp={"self": "grad * conj(tensor)", "tensor": "grad * conj(self)"})  # fmt: skip
composite("vdot(Tensor self, Tensor other) -> Tensor", "dot with the first vector conjugated.", out=True)
composite("outer(Tensor self, Tensor vec2) -> Tensor", "All products of two vectors.", out=True, aliases=("ger",))
composite("inner(Tensor self, Tensor other) -> Tensor", "Sums of products over the last dimensions.", out=True)
composite("matmul(Tensor self, Tensor other) -> Tensor", "Product of vectors, matrices or broadcast batches of matrices.", out=True,
          aliases=("__matmul__",))  # fmt: skip
composite("__rmatmul__(Tensor self, Tensor other) -> Tensor", "other @ self.", where=("method",))
op("linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor", "input @ weight.T + bias over the last dimension.",
   where=(),
   vjp={"input": "linear_grad_input(grad, weight)", "weight": "linear_grad_weight(grad, input)",
        "bias": "linear_grad_bias(grad)"})  # fmt: skip
op("linear_activation(Tensor input, Tensor weight, Tensor bias, bool use_gelu) -> Tensor",
   "relu of linear, or GELU in its form with tanh, in one pass where a library has it; without a gradient.", where=())  # fmt: skip
composite("linear_grad_input(Tensor grad, Tensor weight) -> Tensor", "Gradient of linear.", where=())
composite("linear_grad_weight(Tensor grad, Tensor input) -> Tensor", "Gradient of linear.", where=())
composite("linear_grad_bias(Tensor grad) -> Tensor", "Gradient of linear.", where=())
composite("bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor",
          "x1^T W_k x2 + b_k for every output k.", where=(FUNCTION,))  # fmt: skip
composite("einsum(str equation, Tensor[] operands) -> Tensor", "Sums of products in Einstein's notation.", where=())
composite("tensordot_dims(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor",
          "Sums of products over pairs of dimensions.", where=())  # fmt: skip
composite("kron(Tensor self, Tensor other) -> Tensor", "The Kronecker product.", out=True)
composite("linalg_matrix_power(Tensor self, int n) -> Tensor", "A matrix to an integer power n >= 0.", where=(), out=True)
composite("linalg_cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor", "Cross products of 3-vectors along dim.", where=(),
          out=True)  # fmt: skip
composite("cross(Tensor self, Tensor other, int? dim=None) -> Tensor", "Cross products of 3-vectors along dim.", out=True)
