"""Operators that work element by element."""

from catalogue.families import FUNCTION, METHOD, binary, comparison, composite, pointwise, unary, unary_float

# -- arithmetic ----------------------------------------------------------------------------------------------------------

pointwise("add(AnyOperand self, AnyOperand other, *, Scalar alpha=1) -> Tensor", "x + y * alpha",
          "self + alpha * other.", dtypes="fibc", exprs={"b": "x | y"},
          vjp={"self": "grad", "other": "scaled(grad, conj_scalar(alpha))"})  # fmt: skip
pointwise("sub(AnyOperand self, AnyOperand other, *, Scalar alpha=1) -> Tensor", "x - y * alpha",
          "self - alpha * other.", dtypes="fic", aliases=("subtract",),
          vjp={"self": "grad", "other": "scaled(grad, -conj_scalar(alpha))"})  # fmt: skip
pointwise("rsub(Tensor self, AnyOperand other, *, Scalar alpha=1) -> Tensor", "y - x * alpha",
          "other - alpha * self.", dtypes="fic", inplace=False, out=False,
          vjp={"self": "scaled(grad, -conj_scalar(alpha))", "other": "grad"})  # fmt: skip
binary("mul", "x * y", "self * other.", numbers="both", dtypes="fibc", exprs={"b": "x & y"}, aliases=("multiply",),
       vjp={"self": "grad * conj(other)", "other": "grad * conj(self)"})  # fmt: skip
binary("true_divide", "x / y", "self / other; integers are divided as floating-point numbers.", numbers="both", dtypes="fc", rule="float",
       vjp={"self": "grad / conj(other)", "other": "-grad * conj(self / (other * other))"})  # fmt: skip
composite("div(AnyOperand self, AnyOperand other, *, str? rounding_mode=None) -> Tensor",
          "self / other, optionally rounded: rounding_mode 'trunc' or 'floor'.", inplace=True, out=True,
          aliases=("divide",))  # fmt: skip
binary("div_trunc", "div_trunc(x, y)", "self / other rounded toward zero.", dtypes="fi", where=(),
       vjp={"self": "zeros_like(grad)", "other": "zeros_like(grad)"})  # fmt: skip
binary("floor_divide", "div_floor(x, y)", "self / other rounded down.", numbers="both", dtypes="fi",
       vjp={"self": "zeros_like(grad)", "other": "zeros_like(grad)"})  # fmt: skip
binary("remainder", "remainder(x, y)", "The remainder with the sign of the divisor, as Python's %.", dtypes="fi",
       vjp={"self": "grad", "other": "-grad * floor_divide(self, other)"})  # fmt: skip
binary("fmod", "fmod(x, y)", "The remainder with the sign of the dividend, as C's fmod.", numbers="other", dtypes="fi",
       vjp={"self": "grad", "other": "-grad * div_trunc(self, other)"})  # fmt: skip
unary("neg", "-self.", expr="-x", vjp="-grad", aliases=("negative",))
unary("positive", "self.", expr="x", vjp="grad")
unary("abs", "Absolute value; for complex numbers their magnitude.", expr="abs(x)", rule="real", dtypes="fic",
      vjp="grad * sgn(self)", aliases=("absolute",))  # fmt: skip
unary("sign", "-1, 0 or 1 by sign.", dtypes="fib", exprs={"b": "x"}, vjp="zeros_like(grad)")
unary("sgn", "The sign; for complex numbers self / abs(self).", dtypes="fibc", exprs={"b": "x"}, vjp="sgn_backward(self, grad)")
unary_float("reciprocal", "1 / self.", vjp="-grad * conj(result * result)")
unary_float("sqrt", "Square root.", vjp="grad / (2 * conj(result))", ulp=0.5)
unary_float("rsqrt", "1 / sqrt(self).", vjp="-0.5 * grad * conj(result * result * result)")
unary("square", "self ** 2.", expr="x * x", vjp="grad * conj(self) * 2")
pointwise("addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", "x + y * z * value",
          "self + value * tensor1 * tensor2.", dtypes="fic",
          vjp={"self": "grad", "tensor1": "scaled(grad * conj(tensor2), conj_scalar(value))",
               "tensor2": "scaled(grad * conj(tensor1), conj_scalar(value))"})  # fmt: skip
pointwise("addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor", "x + value * y / z",
          "self + value * tensor1 / tensor2.", dtypes="fc",
          vjp={"self": "grad", "tensor1": "scaled(grad / conj(tensor2), conj_scalar(value))",
               "tensor2": "scaled(-grad * conj(tensor1 / (tensor2 * tensor2)), conj_scalar(value))"})  # fmt: skip
pointwise("lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor", "x + weight * (y - x)",
          "Linear interpolation self + weight * (end - self).", dtypes="fc",
          vjp={"self": "scaled(grad, one_minus(weight))", "end": "scaled(grad, conj_scalar(weight))"})  # fmt: skip
pointwise("lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor", "x + z * (y - x)",
          "Linear interpolation self + weight * (end - self).", dtypes="fc",
          vjp={"self": "grad * (1 - conj(weight))", "end": "grad * conj(weight)",
               "weight": "grad * conj(end - self)"})  # fmt: skip

# -- powers, exponentials, logarithms --------------------------------------------------------------------------------------

binary("pow", "pow(x, y)", "self ** exponent.", dtypes="fic", ulp=2, check="check_exponent(self, other)",
       vjp={"self": "pow_backward_self(grad, self, other)", "other": "pow_backward_exponent(grad, self, other, result)"})
composite("float_power(Operand self, Operand exponent) -> Tensor", "self ** exponent in double precision.")
composite("float_power_(Tensor self, AnyOperand exponent) -> Tensor", "In place, of float64 or complex128: self ** exponent.",
          where=(METHOD,))  # fmt: skip
unary_float("exp", "e ** self.", vjp="grad * conj(result)")
unary_float("exp2", "2 ** self.", vjp="grad * conj(result) * 0.6931471805599453")
unary_float("expm1", "exp(self) - 1, accurate near zero.", vjp="grad * (conj(result) + 1)", ulp=2)
unary_float("log", "Natural logarithm.", vjp="grad / conj(self)")
unary_float("log2", "Base-2 logarithm.", vjp="grad / (conj(self) * 0.6931471805599453)", ulp=2)
unary_float("log10", "Base-10 logarithm.", vjp="grad / (conj(self) * 2.302585092994046)")
unary_float("log1p", "log(1 + self), accurate near zero.", vjp="grad / (conj(self) + 1)", ulp=2)
binary("logaddexp", "logaddexp(x, y)", "log(exp(self) + exp(other)).", numbers="none", dtypes="f",
       vjp={"self": "grad / (1 + exp(other - self))", "other": "grad / (1 + exp(self - other))"})  # fmt: skip
binary("logaddexp2", "logaddexp2(x, y)", "log2(2 ** self + 2 ** other).", numbers="none", dtypes="f",
       vjp={"self": "grad / (1 + exp2(other - self))", "other": "grad / (1 + exp2(self - other))"})  # fmt: skip
binary("xlogy", "xlogy(x, y)", "self * log(other), 0 where self is 0.", dtypes="f", rule="float",
       vjp={"self": "xlogy_backward_self(grad, self, other)", "other": "grad * self / other"})  # fmt: skip

# -- trigonometry ----------------------------------------------------------------------------------------------------------

unary_float("sin", "Sine of radians.", vjp="grad * conj(cos(self))")
unary_float("cos", "Cosine of radians.", vjp="-grad * conj(sin(self))")
unary_float("tan", "Tangent of radians.", vjp="grad * conj(result * result + 1)", ulp=3)
unary_float("asin", "Arcsine.", vjp="grad / conj(sqrt(1 - self * self))", aliases=("arcsin",), ulp=2)
unary_float("acos", "Arccosine.", vjp="-grad / conj(sqrt(1 - self * self))", aliases=("arccos",), ulp=2)
unary_float("atan", "Arctangent.", vjp="grad / conj(self * self + 1)", aliases=("arctan",), ulp=2)
unary_float("sinh", "Hyperbolic sine.", vjp="grad * conj(cosh(self))", ulp=2)
unary_float("cosh", "Hyperbolic cosine.", vjp="grad * conj(sinh(self))", ulp=2)
unary_float("tanh", "Hyperbolic tangent.", vjp="tanh_backward(grad, result)", ulp=2)
unary_float("asinh", "Inverse hyperbolic sine.", vjp="grad / conj(sqrt(self * self + 1))", aliases=("arcsinh",), ulp=3)
unary_float("acosh", "Inverse hyperbolic cosine.", vjp="grad / conj(sqrt(self - 1) * sqrt(self + 1))", aliases=("arccosh",),
            ulp=3)  # fmt: skip
unary_float("atanh", "Inverse hyperbolic tangent.", vjp="grad / conj(1 - self * self)", aliases=("arctanh",), ulp=3)
binary("atan2", "atan2(x, y)", "The angle of the point (other, self).", numbers="none", dtypes="f", rule="float", aliases=("arctan2",),
       vjp={"self": "grad * other / (self * self + other * other)",
            "other": "-grad * self / (self * self + other * other)"})  # fmt: skip
binary("hypot", "hypot(x, y)", "sqrt(self ** 2 + other ** 2).", numbers="none", dtypes="f",
       vjp={"self": "grad * (self / result)", "other": "grad * (other / result)"})  # fmt: skip
unary_float("sinc", "sin(pi x) / (pi x), 1 at 0.", dtypes="f", vjp="sinc_backward(grad, self)")
unary_float("deg2rad", "Degrees to radians.", expr="x * 0.017453292519943295", vjp="grad * 0.017453292519943295", dtypes="f")
unary_float("rad2deg", "Radians to degrees.", expr="x * 57.29577951308232", vjp="grad * 57.29577951308232", dtypes="f")

# -- special functions -------------------------------------------------------------------------------------------------------

unary_float("erf", "The error function.", dtypes="f", vjp="grad * exp(-(self * self)) * 1.1283791670955126", ulp=2)
unary_float("erfc", "1 - erf(self).", dtypes="f", vjp="-grad * exp(-(self * self)) * 1.1283791670955126", ulp=2)
unary_float("erfinv", "Inverse of erf.", dtypes="f", vjp="grad * exp(result * result) * 0.886226925452758", ulp=4)
unary_float("lgamma", "log(abs(gamma(self))).", dtypes="f", vjp="grad * digamma(self)", ulp=8)
unary_float("digamma", "Derivative of lgamma.", dtypes="f", vjp="grad * polygamma(1, self)", ulp=8)
pointwise("polygamma(int n, Tensor self) -> Tensor", "polygamma(n, x)", "The n-th derivative of digamma.", rule="float",
          vjp={"self": "grad * polygamma(n + 1, self)"}, inplace=False)  # fmt: skip
unary_float("sigmoid", "1 / (1 + exp(-self)).", vjp="sigmoid_backward(grad, result)", ulp=2)
composite("logit(Tensor self, float? eps=None) -> Tensor", "log(self / (1 - self)), self clamped to [eps, 1 - eps].",
          inplace=True, out=True)  # fmt: skip
unary_float("i0", "Modified Bessel function of the first kind, order 0.", dtypes="f", vjp="grad * special_i1(self)", ulp=4)
unary_float("special_i0e", "exp(-abs(x)) * i0(x).", expr="i0e(x)", dtypes="f", where=(FUNCTION,),
            vjp="grad * (special_i1e(self) - sgn(self) * result)", ulp=4)  # fmt: skip
unary_float("special_i1", "Modified Bessel function of the first kind, order 1.", expr="i1(x)", dtypes="f",
            where=(FUNCTION,), vjp="i1_backward(grad, self, result)", ulp=4)  # fmt: skip
unary_float("special_i1e", "exp(-abs(x)) * i1(x).", expr="i1e(x)", dtypes="f", where=(FUNCTION,),
            vjp="i1e_backward(grad, self, result)", ulp=4)  # fmt: skip
unary_float("special_entr", "-x log(x), 0 at 0, -inf below.", expr="entr(x)", dtypes="f", where=(FUNCTION,),
            vjp="grad * (-log(self) - 1)")  # fmt: skip
binary("special_xlog1py", "xlog1py(x, y)", "self * log1p(other), 0 where self is 0.", dtypes="f", rule="float",
       where=(FUNCTION,), vjp={"self": "grad * log1p(other)", "other": "grad * self / (other + 1)"})  # fmt: skip

# -- rounding and parts --------------------------------------------------------------------------------------------------------

unary("floor", "Rounded down.", dtypes="fi", exprs={"i": "x"}, vjp="zeros_like(grad)")
unary("ceil", "Rounded up.", dtypes="fi", exprs={"i": "x"}, vjp="zeros_like(grad)")
unary("trunc", "Rounded toward zero.", dtypes="fi", exprs={"i": "x"}, vjp="zeros_like(grad)", aliases=("fix",))
unary("frac", "self - trunc(self).", dtypes="f", vjp="grad")
unary("round", "Rounded to the nearest integer, halves to even.", dtypes="fi", exprs={"i": "x"}, vjp="zeros_like(grad)")
composite("round.decimals(Tensor self, *, int decimals) -> Tensor", "Rounded to this many decimals.", inplace=True, out=True)
binary("copysign", "copysign(x, y)", "abs(self) with the sign of other.", numbers="other", dtypes="f", rule="float",
       vjp={"self": "copysign_backward(grad, self, result)", "other": "zeros_like(grad)"})  # fmt: skip
binary("nextafter", "nextafter(x, y)", "The next number from self toward other.", numbers="none", dtypes="f",
       vjp={"self": "where(self == other, zeros_like(grad), grad)", "other": "zeros_like(grad)"})  # fmt: skip
composite("ldexp(Tensor self, Tensor other) -> Tensor", "self * 2 ** other.", inplace=True, out=True)
binary("gcd", "gcd(x, y)", "Greatest common divisor.", numbers="none", dtypes="i")
binary("lcm", "lcm(x, y)", "Least common multiple.", numbers="none", dtypes="i")
binary("heaviside", "where(x == 0, y, where(x < 0, 0, 1))", "0 below zero, `values` at zero, 1 above.", numbers="none",
       dtypes="fib", exprs={"b": "x | y"})  # fmt: skip
unary("angle", "The argument of complex numbers; pi for negative real ones.", dtypes="fc", rule="real",
      vjp="angle_backward(grad, self)")  # fmt: skip
composite("conj(Tensor self) -> Tensor", "Complex conjugate; real tensors are returned as they are.",
          aliases=("conj_physical",))  # fmt: skip
composite("conj_physical_(Tensor self) -> Tensor", "In place: complex conjugate.", where=(METHOD,))
pointwise("conj_complex(Tensor self) -> Tensor", "conj(x)", "Complex conjugate.", dtypes="c", where=(), out=False, inplace=False,
          vjp={"self": "conj(grad)"})  # fmt: skip
composite("nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor",
          "NaN and infinities replaced by finite numbers.", inplace=True, out=True)  # fmt: skip

# -- comparison and logic --------------------------------------------------------------------------------------------------------

comparison("eq", "x == y", "Whether self equals other.", dtypes="fibc")
comparison("ne", "x != y", "Whether self differs from other.", dtypes="fibc", aliases=("not_equal",))
comparison("lt", "x < y", "Whether self is less than other.", aliases=("less",))
comparison("le", "x <= y", "Whether self is at most other.", aliases=("less_equal",))
comparison("gt", "x > y", "Whether self is greater than other.", aliases=("greater",))
comparison("ge", "x >= y", "Whether self is at least other.", aliases=("greater_equal",))
unary("isnan", "Whether each element is NaN.", rule="bool", dtypes="fibc", expr="x != x")
comparison("logical_and", "(x != 0) & (y != 0)", "Whether both are true.", numbers="none", dtypes="fibc")
comparison("logical_or", "(x != 0) | (y != 0)", "Whether one is true.", numbers="none", dtypes="fibc")
comparison("logical_xor", "(x != 0) ^ (y != 0)", "Whether just one is true.", numbers="none", dtypes="fibc")
unary("logical_not", "Whether each element is false.", expr="x == 0", rule="bool", dtypes="fibc")
binary("bitwise_and", "x & y", "Bitwise and.", dtypes="ib")
binary("bitwise_or", "x | y", "Bitwise or.", dtypes="ib")
binary("bitwise_xor", "x ^ y", "Bitwise exclusive or.", dtypes="ib")
unary("bitwise_not", "Bitwise complement; of bool logical not.", expr="~x", dtypes="ib", exprs={"b": "x == 0"})
binary("bitwise_left_shift", "shift_left(x, y)", "self << other.", dtypes="i")
binary("bitwise_right_shift", "shift_right(x, y)", "self >> other.", dtypes="i")

# -- extremes and selection --------------------------------------------------------------------------------------------------------

binary("maximum", "maximum(x, y)", "The larger one; NaN if either is.", numbers="none", dtypes="fib", exprs={"b": "x | y"},
       vjp={"self": "extreme_backward(grad, self, other, result)", "other": "extreme_backward(grad, other, self, result)"})
binary("minimum", "minimum(x, y)", "The smaller one; NaN if either is.", numbers="none", dtypes="fib", exprs={"b": "x & y"},
       vjp={"self": "extreme_backward(grad, self, other, result)", "other": "extreme_backward(grad, other, self, result)"})
binary("fmax", "fmax(x, y)", "The larger one; the other where one is NaN.", numbers="none", dtypes="fib", exprs={"b": "x | y"},
       vjp={"self": "where(logical_or(self >= other, isnan(other)), grad, zeros_like(grad))",
            "other": "where(logical_or(self >= other, isnan(other)), zeros_like(grad), grad)"})  # fmt: skip
binary("fmin", "fmin(x, y)", "The smaller one; the other where one is NaN.", numbers="none", dtypes="fib", exprs={"b": "x & y"},
       vjp={"self": "where(logical_or(self <= other, isnan(other)), grad, zeros_like(grad))",
            "other": "where(logical_or(self <= other, isnan(other)), zeros_like(grad), grad)"})  # fmt: skip
pointwise("where_select(Tensor condition, AnyOperand self, AnyOperand other) -> Tensor", "where(x, y, z)",
          "self where condition, else other.", dtypes="fibc", bool_inputs=(0,), where=(), inplace=False, out=False,
          vjp={"self": "where_select(condition, grad, wrapped_number(Scalar(0)))",
               "other": "where_select(condition, wrapped_number(Scalar(0)), grad)"})  # fmt: skip
composite("where(Tensor condition, AnyOperand self, AnyOperand other) -> Tensor", "self where condition, else other.", out=True)
composite("where.condition(Tensor condition) -> Tensor[]", "The coordinates of true elements, as nonzero(as_tuple=True).",
          where=(FUNCTION,))  # fmt: skip
composite("clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor", "Limited to [min, max].", inplace=True, out=True,
          aliases=("clip",))  # fmt: skip
composite("clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor", "Limited to [min, max].", inplace=True,
          out=True, aliases=("clip",))  # fmt: skip
pointwise("clamp_both(Tensor self, Scalar min, Scalar max) -> Tensor", "minimum(maximum(x, min), max)", "Limited to [min, max].",
          dtypes="fi", where=(), vjp={"self": "where(logical_and(self >= min, self <= max), grad, zeros_like(grad))"})
composite("clamp_min.Tensor(Tensor self, Tensor min) -> Tensor", "At least min.", inplace=True, out=True)
composite("clamp_max.Tensor(Tensor self, Tensor max) -> Tensor", "At most max.", inplace=True, out=True)
pointwise("clamp_min(Tensor self, Scalar min) -> Tensor", "maximum(x, min)", "At least min.", dtypes="fi",
          vjp={"self": "where(self >= min, grad, zeros_like(grad))"})  # fmt: skip
pointwise("clamp_max(Tensor self, Scalar max) -> Tensor", "minimum(x, max)", "At most max.", dtypes="fi",
          vjp={"self": "where(self <= max, grad, zeros_like(grad))"})  # fmt: skip

# -- activations -------------------------------------------------------------------------------------------------------------------

unary("relu", "max(0, self).", expr="maximum(x, 0)", dtypes="fi", vjp="threshold_backward(grad, result, 0)")
pointwise("threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor", "where(x <= threshold, value, x)",
          "self where it is greater than threshold, else value.", dtypes="fi", where=(FUNCTION,),
          vjp={"self": "threshold_backward(grad, self, threshold)"})  # fmt: skip
pointwise("threshold_backward(Tensor grad_output, Tensor self, Scalar threshold) -> Tensor", "where(y <= threshold, 0, x)",
          "Gradient of threshold.", dtypes="fi", where=(), inplace=False, out=False,
          vjp={"grad_output": "threshold_backward(grad, self, threshold)"})  # fmt: skip
pointwise("tanh_backward(Tensor grad_output, Tensor output) -> Tensor", "x * (1 - y * y)", "Gradient of tanh.", dtypes="fc",
          exprs={"c": "x * conj(1 - y * y)"}, where=(), inplace=False, out=False,
          vjp={"grad_output": "tanh_backward(grad, output)", "output": "-2 * grad * grad_output * output"})  # fmt: skip
pointwise("sigmoid_backward(Tensor grad_output, Tensor output) -> Tensor", "x * (1 - y) * y", "Gradient of sigmoid.",
          dtypes="fc", exprs={"c": "x * conj((1 - y) * y)"}, where=(), inplace=False, out=False,
          vjp={"grad_output": "sigmoid_backward(grad, output)", "output": "grad * grad_output * (1 - 2 * output)"})
pointwise("gelu_exact(Tensor self) -> Tensor", "x * 0.5 * (1 + erf(x * 0.7071067811865476))", "GELU (Hendrycks, Gimpel 2016).",
          where=(), vjp={"self": "gelu_exact_backward(grad, self)"}, ulp=4)  # fmt: skip
pointwise("gelu_exact_backward(Tensor grad_output, Tensor self) -> Tensor",
          "x * (0.5 * (1 + erf(y * 0.7071067811865476)) + y * 0.3989422804014327 * exp(-0.5 * y * y))", "Gradient of GELU.",
          where=(), inplace=False, out=False,
          vjp={"grad_output": "gelu_exact_backward(grad, self)",
               "self": "grad * grad_output * exp(-0.5 * self * self) * 0.3989422804014327 * (2 - self * self)"})  # fmt: skip
pointwise("gelu_tanh(Tensor self) -> Tensor",
          "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))", "GELU with the tanh approximation.",
          where=(), vjp={"self": "gelu_tanh_backward(grad, self)"}, ulp=4)  # fmt: skip
composite("gelu_tanh_backward(Tensor grad_output, Tensor self) -> Tensor", "Gradient of gelu_tanh.", where=())
composite("gelu(Tensor self, *, str approximate='none') -> Tensor", "Gaussian error linear unit.", where=(FUNCTION,),
          inplace=True, out=True)  # fmt: skip
unary("silu", "x * sigmoid(x).", expr="x * sigmoid(x)", dtypes="fc", where=(FUNCTION,), ulp=4,
      vjp="self.is_complex() ? grad * conj(sigmoid(self) * (1 + self * (1 - sigmoid(self)))) : silu_backward(grad, self)")
pointwise("silu_backward(Tensor grad_output, Tensor self) -> Tensor",
          "x * sigmoid(y) * (1 + y * (1 - sigmoid(y)))", "Gradient of silu.", where=(), inplace=False, out=False,
          vjp={"grad_output": "silu_backward(grad, self)",
               "self": "silu_double_backward(grad, grad_output, self)"})  # fmt: skip
composite("silu_double_backward(Tensor grad, Tensor grad_output, Tensor self) -> Tensor", "Second gradient of silu.", where=())
composite("mish(Tensor self) -> Tensor", "x * tanh(softplus(x)).", where=(FUNCTION,), inplace=True, out=True)
pointwise("leaky_relu(Tensor self, Scalar negative_slope=0.01) -> Tensor", "where(x > 0, x, x * negative_slope)",
          "x where positive, else negative_slope * x.", where=(FUNCTION,),
          vjp={"self": "leaky_relu_backward(grad, self, negative_slope)"})  # fmt: skip
pointwise("leaky_relu_backward(Tensor grad_output, Tensor self, Scalar negative_slope) -> Tensor",
          "where(y > 0, x, x * negative_slope)", "Gradient of leaky_relu.", where=(), inplace=False, out=False,
          vjp={"grad_output": "leaky_relu_backward(grad, self, negative_slope)"})  # fmt: skip
pointwise("elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor",
          "where(x > 0, x * scale, expm1(x * input_scale) * (alpha * scale))", "Exponential linear unit.", where=(FUNCTION,),
          vjp={"self": "elu_backward(grad, alpha, scale, input_scale, self)"})  # fmt: skip
pointwise("elu_backward(Tensor grad_output, Scalar alpha, Scalar scale, Scalar input_scale, Tensor self) -> Tensor",
          "where(y > 0, x * scale, x * exp(y * input_scale) * (alpha * scale * input_scale))", "Gradient of elu.", where=(),
          inplace=False, out=False,
          vjp={"grad_output": "elu_backward(grad, alpha, scale, input_scale, self)",
               "self": "elu_double_backward(grad, grad_output, alpha, scale, input_scale, self)"})  # fmt: skip
composite("elu_double_backward(Tensor grad, Tensor grad_output, Scalar alpha, Scalar scale, Scalar input_scale, Tensor self) "
          "-> Tensor", "Second gradient of elu.", where=())  # fmt: skip
composite("selu(Tensor self) -> Tensor", "Scaled elu (Klambauer et al. 2017).", where=(FUNCTION,), inplace=True)
composite("celu(Tensor self, Scalar alpha=1.0) -> Tensor", "Continuously differentiable elu (Barron 2017).", where=(FUNCTION,),
          inplace=True)  # fmt: skip
pointwise("softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor",
          "where(x * beta > threshold, x, log1p(exp(x * beta)) / beta)", "log(1 + exp(beta x)) / beta.", where=(FUNCTION,),
          vjp={"self": "softplus_backward(grad, self, beta, threshold)"}, inplace=False)  # fmt: skip
pointwise("softplus_backward(Tensor grad_output, Tensor self, Scalar beta, Scalar threshold) -> Tensor",
          "where(y * beta > threshold, x, x * sigmoid(y * beta))", "Gradient of softplus.", where=(), inplace=False, out=False,
          vjp={"grad_output": "softplus_backward(grad, self, beta, threshold)",
               "self": "softplus_double_backward(grad * grad_output, self, beta, threshold)"})  # fmt: skip
composite("softplus_double_backward(Tensor grad, Tensor self, Scalar beta, Scalar threshold) -> Tensor",
          "Second gradient of softplus.", where=())  # fmt: skip
pointwise("log_sigmoid(Tensor self) -> Tensor", "minimum(x, 0) - log1p(exp(-abs(x)))", "log(sigmoid(x)).", where=(FUNCTION,),
          vjp={"self": "grad * sigmoid(-self)"}, inplace=False, aliases=("logsigmoid",))  # fmt: skip
pointwise("hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor", "minimum(maximum(x, min_val), max_val)",
          "Limited to [min_val, max_val].", dtypes="fi", where=(FUNCTION,),
          vjp={"self": "where(logical_and(self > min_val, self < max_val), grad, zeros_like(grad))"})  # fmt: skip
unary("hardsigmoid", "relu6(x + 3) / 6.", expr="minimum(maximum(x / 6 + 0.5, 0), 1)", dtypes="f", where=(FUNCTION,),
      vjp="where(logical_and(self > -3, self < 3), grad / 6, zeros_like(grad))")  # fmt: skip
unary("hardswish", "x * relu6(x + 3) / 6.", expr="x * minimum(maximum(x + 3, 0), 6) / 6", dtypes="f", where=(FUNCTION,),
      vjp="hardswish_backward(grad, self)")  # fmt: skip
composite("hardswish_backward(Tensor grad_output, Tensor self) -> Tensor", "Gradient of hardswish.", where=())
pointwise("hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor", "where(abs(x) <= lambd, 0, x)", "0 within [-lambd, lambd].",
          vjp={"self": "where(logical_and(self >= -lambd, self <= lambd), zeros_like(grad), grad)"}, inplace=False)  # fmt: skip
pointwise("softshrink(Tensor self, Scalar lambd=0.5) -> Tensor", "where(x > lambd, x - lambd, where(x < -lambd, x + lambd, 0 * x))",
          "Shrunk toward 0 by lambd.", where=(FUNCTION,), inplace=False,
          vjp={"self": "where(logical_and(self >= -lambd, self <= lambd), zeros_like(grad), grad)"})  # fmt: skip
composite("prelu(Tensor self, Tensor weight) -> Tensor", "x where positive, else weight * x, per channel.")
composite("glu(Tensor self, int dim=-1) -> Tensor", "First half times sigmoid of the second.", where=(FUNCTION,), out=True)
composite("rrelu(Tensor self, Scalar lower=0.125, Scalar upper=0.3333333333333333, bool training=False, Generator? generator=None) "
          "-> Tensor", "leaky_relu with random slopes while training.", where=(FUNCTION,), inplace=True)  # fmt: skip

# -- derivatives that are formulas of their own --------------------------------------------------------------------------------------

for text in (
    "pow_backward_self(Tensor grad, Tensor self, Tensor exponent)",
    "pow_backward_exponent(Tensor grad, Tensor self, Tensor exponent, Tensor result)",
    "sgn_backward(Tensor self, Tensor grad)",
    "xlogy_backward_self(Tensor grad, Tensor self, Tensor other)",
    "sinc_backward(Tensor grad, Tensor self)",
    "i1_backward(Tensor grad, Tensor self, Tensor result)",
    "i1e_backward(Tensor grad, Tensor self, Tensor result)",
    "copysign_backward(Tensor grad, Tensor self, Tensor result)",
    "angle_backward(Tensor grad, Tensor self)",
    "extreme_backward(Tensor grad, Tensor self, Tensor other, Tensor result)",
):
    composite(f"{text} -> Tensor", "Part of a derivative.", where=())
composite("isinf(Tensor self) -> Tensor", "Whether each element is infinite.")
composite("isfinite(Tensor self) -> Tensor", "Whether each element is neither infinite nor NaN.")
composite("isneginf(Tensor self) -> Tensor", "Whether each element is -inf.", out=True)
composite("isposinf(Tensor self) -> Tensor", "Whether each element is inf.", out=True)
composite("isreal(Tensor self) -> Tensor", "Whether each element has no imaginary part.")
composite("signbit(Tensor self) -> Tensor", "Whether each sign bit is set.", out=True)
