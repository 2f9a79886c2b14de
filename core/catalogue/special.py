"""Special functions; `taeda.special` gives them without the prefix."""

from catalogue.families import FUNCTION, binary, op, unary_float

unary_float("special_erfcx", "The scaled complementary error function exp(x^2) erfc(x), without overflow.", expr="erfcx(x)", dtypes="f", where=(FUNCTION,),
            vjp="grad * (2 * self * result - 1.1283791670955126)", ulp=8)  # fmt: skip
unary_float("special_ndtr", "The normal distribution's cumulative probability.", expr="ndtr(x)", dtypes="f", where=(FUNCTION,),
            vjp="grad * exp(self * self * -0.5) * 0.3989422804014327", ulp=8)  # fmt: skip
unary_float("special_ndtri", "The normal distribution's quantile.", expr="ndtri(x)", dtypes="f", where=(FUNCTION,),
            vjp="grad * exp(result * result * 0.5) * 2.5066282746310002", ulp=8)  # fmt: skip
unary_float("special_log_ndtr", "The logarithm of ndtr, accurate in the lower tail.", expr="log_ndtr(x)", dtypes="f", where=(FUNCTION,),
            vjp="grad * 0.7978845608028654 / special_erfcx(self * -0.7071067811865476)", ulp=8)  # fmt: skip
binary("special_zeta", "zeta(x, y)", "The Hurwitz zeta function: sum of (other + k)^-self.", dtypes="f", rule="float",
       where=(FUNCTION,), vjp={"other": "-grad * self * special_zeta(self + 1, other)"}, ulp=16)  # fmt: skip

# Below: scalar routines, computed in float64.
for name, doc in (
    ("bessel_j0", "Bessel function of the first kind, order 0."),
    ("bessel_j1", "Bessel function of the first kind, order 1."),
    ("bessel_y0", "Bessel function of the second kind, order 0."),
    ("bessel_y1", "Bessel function of the second kind, order 1."),
    ("modified_bessel_k0", "Modified Bessel function of the second kind, order 0."),
    ("modified_bessel_k1", "Modified Bessel function of the second kind, order 1."),
    ("scaled_modified_bessel_k0", "The product of exp(x) and modified_bessel_k0."),
    ("scaled_modified_bessel_k1", "The product of exp(x) and modified_bessel_k1."),
    ("airy_ai", "The Airy function Ai."),
):
    op(f"special_{name}(Tensor self) -> Tensor", doc, where=(FUNCTION,), out=True)
for name, sign, doc in (
    ("igamma", "", "The regularised lower incomplete gamma function P(self, other)."),
    ("igammac", "-", "The regularised upper incomplete gamma function Q(self, other)."),
):
    op(f"{name}(Tensor self, Tensor other) -> Tensor", doc, inplace=True, out=True,
       vjp={"other": f"{sign}grad * exp(log(other) * (self - 1) - other - lgamma(self))"})  # fmt: skip
