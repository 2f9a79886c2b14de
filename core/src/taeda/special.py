"""Special functions of mathematical physics and probability, with the names of `torch.special`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from taeda._C import Tensor, get_default_dtype, ops

__all__ = [
    "airy_ai",
    "bessel_j0",
    "bessel_j1",
    "bessel_y0",
    "bessel_y1",
    "chebyshev_polynomial_t",
    "chebyshev_polynomial_u",
    "chebyshev_polynomial_v",
    "chebyshev_polynomial_w",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammainc",
    "gammaincc",
    "gammaln",
    "hermite_polynomial_h",
    "hermite_polynomial_he",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "laguerre_polynomial_l",
    "legendre_polynomial_p",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "modified_bessel_i0",
    "modified_bessel_i1",
    "modified_bessel_k0",
    "modified_bessel_k1",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "round",
    "scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1",
    "shifted_chebyshev_polynomial_t",
    "shifted_chebyshev_polynomial_u",
    "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w",
    "sinc",
    "softmax",
    "spherical_bessel_j0",
    "xlog1py",
    "xlogy",
    "zeta",
]

airy_ai = ops.special_airy_ai
bessel_j0 = ops.special_bessel_j0
bessel_j1 = ops.special_bessel_j1
bessel_y0 = ops.special_bessel_y0
bessel_y1 = ops.special_bessel_y1
digamma = psi = ops.digamma
entr = ops.special_entr
erf = ops.erf
erfc = ops.erfc
erfcx = ops.special_erfcx
erfinv = ops.erfinv
exp2 = ops.exp2
expit = ops.sigmoid
expm1 = ops.expm1
gammainc = ops.igamma
gammaincc = ops.igammac
gammaln = ops.lgamma
i0 = modified_bessel_i0 = ops.i0
i0e = ops.special_i0e
i1 = modified_bessel_i1 = ops.special_i1
i1e = ops.special_i1e
log1p = ops.log1p
log_ndtr = ops.special_log_ndtr
log_softmax = ops.log_softmax
logit = ops.logit
logsumexp = ops.logsumexp
modified_bessel_k0 = ops.special_modified_bessel_k0
modified_bessel_k1 = ops.special_modified_bessel_k1
ndtr = ops.special_ndtr
ndtri = ops.special_ndtri
polygamma = ops.polygamma
round = ops.round
scaled_modified_bessel_k0 = ops.special_scaled_modified_bessel_k0
scaled_modified_bessel_k1 = ops.special_scaled_modified_bessel_k1
sinc = ops.sinc
softmax = ops.softmax
xlog1py = ops.special_xlog1py
xlogy = ops.xlogy
zeta = ops.special_zeta


def _given(result: Tensor, out: Tensor | None) -> Tensor:
    if out is None:
        return result
    return out.resize_(result.shape).copy_(result)


def multigammaln(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p.

    Args:
        input: every element above (p - 1) / 2.
        p: the dimension, at least 1.
        out: takes the result.

    Raises:
        RuntimeError: p is below 1.

    Example:
        >>> import taeda
        >>> taeda.special.multigammaln(taeda.tensor([2.0]), 1)
        tensor([0.])
    """
    if p < 1:
        raise RuntimeError(f"multigammaln: p has to be greater than or equal to 1, got {p}")
    x = input if input.is_floating_point() else input.to(get_default_dtype())
    halves = ops.arange(p, dtype=x.dtype, device=x.device) * -0.5
    constant = p * (p - 1) / 4 * math.log(math.pi)
    return _given((x.unsqueeze(-1) + halves).lgamma().sum(-1) + constant, out)


def spherical_bessel_j0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """sin(x) / x, and 1 at 0."""
    return _given(ops.sinc(input * (1 / math.pi)), out)


_Step = Callable[[Tensor, Tensor, Tensor, int], Tensor]


def _polynomial(
    input: Any, n: Any, out: Tensor | None, first: Callable[[Tensor], Tensor], step: _Step
) -> Tensor:
    """The polynomial of degree n at input, both broadcast: degrees 0 and 1 are 1 and first(x); step gives the next."""
    if not isinstance(input, Tensor) and not isinstance(n, Tensor):
        raise TypeError(
            f"polynomial: expected a Tensor among input and n, got ({type(input).__name__}, {type(n).__name__})"
        )
    dtype = next(
        (t.dtype for t in (input, n) if isinstance(t, Tensor) and t.is_floating_point()), get_default_dtype()
    )
    x, degree = (t.to(dtype) if isinstance(t, Tensor) else ops.full((), t, dtype=dtype) for t in (input, n))
    degree = degree.trunc()
    before, now = ops.ones_like(x), first(x)
    result = ops.where(degree == 0, before, ops.where(degree == 1, now, ops.zeros_like(now)))
    for k in range(1, int(degree.max().item()) if degree.numel() else 0):
        before, now = now, step(x, now, before, k)
        result = ops.where(degree == k + 1, now, result)
    return _given(result, out)


def _chebyshev(x: Tensor, now: Tensor, before: Tensor, k: int) -> Tensor:
    return 2 * x * now - before


def chebyshev_polynomial_t(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomials of the first kind, T_n(input); 0 for negative n."""
    return _polynomial(input, n, out, lambda x: x, _chebyshev)


def chebyshev_polynomial_u(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomials of the second kind, U_n(input); 0 for negative n."""
    return _polynomial(input, n, out, lambda x: 2 * x, _chebyshev)


def chebyshev_polynomial_v(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomials of the third kind, V_n(input); 0 for negative n."""
    return _polynomial(input, n, out, lambda x: 2 * x - 1, _chebyshev)


def chebyshev_polynomial_w(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomials of the fourth kind, W_n(input); 0 for negative n."""
    return _polynomial(input, n, out, lambda x: 2 * x + 1, _chebyshev)


def shifted_chebyshev_polynomial_t(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """T_n(2 input - 1)."""
    return chebyshev_polynomial_t(2 * input - 1, n, out=out)


def shifted_chebyshev_polynomial_u(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """U_n(2 input - 1)."""
    return chebyshev_polynomial_u(2 * input - 1, n, out=out)


def shifted_chebyshev_polynomial_v(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """V_n(2 input - 1)."""
    return chebyshev_polynomial_v(2 * input - 1, n, out=out)


def shifted_chebyshev_polynomial_w(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """W_n(2 input - 1)."""
    return chebyshev_polynomial_w(2 * input - 1, n, out=out)


def hermite_polynomial_h(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """The physicist's Hermite polynomials H_n(input); 0 for negative n."""
    return _polynomial(input, n, out, lambda x: 2 * x, lambda x, now, before, k: 2 * x * now - 2 * k * before)


def hermite_polynomial_he(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """The probabilist's Hermite polynomials He_n(input); 0 for negative n."""
    return _polynomial(input, n, out, lambda x: x, lambda x, now, before, k: x * now - k * before)


def laguerre_polynomial_l(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """Laguerre polynomials L_n(input); 0 for negative n."""
    return _polynomial(
        input,
        n,
        out,
        lambda x: 1 - x,
        lambda x, now, before, k: ((2 * k + 1 - x) * now - k * before) / (k + 1),
    )


def legendre_polynomial_p(input: Any, n: Any, *, out: Tensor | None = None) -> Tensor:
    """Legendre polynomials P_n(input); 0 for negative n."""
    return _polynomial(
        input, n, out, lambda x: x, lambda x, now, before, k: ((2 * k + 1) * x * now - k * before) / (k + 1)
    )
