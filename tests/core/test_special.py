"""Special functions against SciPy."""

import numpy as np
import pytest
import scipy.special

import taeda
from taeda import special
from taeda.autograd import gradcheck

POINTS = np.array([0.05, 0.3, 0.9, 1.7, 2.5, 5.0, 12.0, 30.0, 60.0])
SIGNED = np.concatenate([-POINTS, [0.0], POINTS])

UNARY = {
    "airy_ai": (lambda x: scipy.special.airy(x)[0], SIGNED / 4),
    "bessel_j0": (scipy.special.j0, SIGNED),
    "bessel_j1": (scipy.special.j1, SIGNED),
    "bessel_y0": (scipy.special.y0, POINTS),
    "bessel_y1": (scipy.special.y1, POINTS),
    "digamma": (scipy.special.digamma, POINTS),
    "entr": (scipy.special.entr, POINTS),
    "erfcx": (scipy.special.erfcx, SIGNED / 10),
    "expit": (scipy.special.expit, SIGNED),
    "gammaln": (scipy.special.gammaln, POINTS),
    "i0e": (scipy.special.i0e, SIGNED),
    "i1": (scipy.special.i1, SIGNED / 2),
    "i1e": (scipy.special.i1e, SIGNED),
    "log_ndtr": (scipy.special.log_ndtr, SIGNED / 3),
    "modified_bessel_k0": (scipy.special.k0, POINTS),
    "modified_bessel_k1": (scipy.special.k1, POINTS),
    "ndtr": (scipy.special.ndtr, SIGNED / 10),
    "ndtri": (scipy.special.ndtri, POINTS / 61),
    "scaled_modified_bessel_k0": (scipy.special.k0e, POINTS),
    "scaled_modified_bessel_k1": (scipy.special.k1e, POINTS),
    "spherical_bessel_j0": (lambda x: scipy.special.spherical_jn(0, x), SIGNED),
}


@pytest.mark.parametrize("name", UNARY)
def test_values(name):
    reference, points = UNARY[name]
    for dtype, tolerance in ((taeda.float64, 1e-11), (taeda.float32, 2e-5)):
        x = taeda.tensor(points, dtype=dtype)
        expected = reference(x.numpy().astype(np.float64))
        np.testing.assert_allclose(
            getattr(special, name)(x).numpy(), expected, rtol=tolerance, atol=tolerance / 100
        )


def test_values_of_two_arguments():
    a, x = (taeda.tensor(v, dtype=taeda.float64) for v in (POINTS[:, None], POINTS))
    np.testing.assert_allclose(
        special.gammainc(a, x).numpy(),
        scipy.special.gammainc(POINTS[:, None], POINTS),
        rtol=1e-10,
        atol=1e-14,
    )
    np.testing.assert_allclose(
        special.gammaincc(a, x).numpy(),
        scipy.special.gammaincc(POINTS[:, None], POINTS),
        rtol=1e-9,
        atol=1e-14,
    )
    s = taeda.tensor(POINTS[3:], dtype=taeda.float64)
    np.testing.assert_allclose(
        special.zeta(s, x[:6]).numpy(), scipy.special.zeta(POINTS[3:], POINTS[:6]), rtol=1e-11
    )
    np.testing.assert_allclose(
        special.multigammaln(a + 2, 3).numpy(), scipy.special.multigammaln(POINTS[:, None] + 2, 3), rtol=1e-12
    )


POLYNOMIALS = {
    "chebyshev_polynomial_t": scipy.special.eval_chebyt,
    "chebyshev_polynomial_u": scipy.special.eval_chebyu,
    "shifted_chebyshev_polynomial_t": scipy.special.eval_sh_chebyt,
    "shifted_chebyshev_polynomial_u": scipy.special.eval_sh_chebyu,
    "hermite_polynomial_h": scipy.special.eval_hermite,
    "hermite_polynomial_he": scipy.special.eval_hermitenorm,
    "laguerre_polynomial_l": scipy.special.eval_laguerre,
    "legendre_polynomial_p": scipy.special.eval_legendre,
}


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name):
    x, n = np.linspace(-1, 1.5, 7), np.arange(6)[:, None]
    got = getattr(special, name)(taeda.tensor(x, dtype=taeda.float64), taeda.tensor(n))
    np.testing.assert_allclose(got.numpy(), POLYNOMIALS[name](n, x), rtol=1e-10, atol=1e-12)
    assert getattr(special, name)(taeda.tensor([0.5]), 0).tolist() == [1.0]


def test_third_and_fourth_chebyshev_polynomials():
    # V_n(cos t) = cos((n + 1/2) t) / cos(t / 2) and W_n(cos t) = sin((n + 1/2) t) / sin(t / 2)
    t = np.linspace(0.2, 2.8, 5)
    x = taeda.tensor(np.cos(t), dtype=taeda.float64)
    np.testing.assert_allclose(
        special.chebyshev_polynomial_v(x, 4).numpy(), np.cos(4.5 * t) / np.cos(t / 2), rtol=1e-10
    )
    np.testing.assert_allclose(
        special.chebyshev_polynomial_w(x, 4).numpy(), np.sin(4.5 * t) / np.sin(t / 2), rtol=1e-10
    )
    x = (x + 1) / 2
    np.testing.assert_allclose(
        special.shifted_chebyshev_polynomial_v(x, 3).numpy(), np.cos(3.5 * t) / np.cos(t / 2), rtol=1e-9
    )
    np.testing.assert_allclose(
        special.shifted_chebyshev_polynomial_w(x, 3).numpy(), np.sin(3.5 * t) / np.sin(t / 2), rtol=1e-9
    )


@pytest.mark.parametrize("name", ["erfcx", "ndtr", "log_ndtr", "i1", "i0e", "entr"])
def test_gradients(name):
    x = taeda.tensor([0.2, 0.8, 1.5], dtype=taeda.float64, requires_grad=True)
    assert gradcheck(getattr(special, name), (x,))


def test_gradients_of_two_arguments():
    a = taeda.tensor([0.5, 2.0, 3.0], dtype=taeda.float64)
    x = taeda.tensor([0.2, 0.8, 4.0], dtype=taeda.float64, requires_grad=True)
    assert gradcheck(lambda x: special.gammainc(a, x), (x,))
    assert gradcheck(lambda x: special.gammaincc(a, x), (x,))
    assert gradcheck(lambda x: special.zeta(a + 1.5, x), (x,))
    assert gradcheck(special.ndtri, (taeda.tensor([0.1, 0.5, 0.7], dtype=taeda.float64, requires_grad=True),))


def test_methods_in_place():
    x = taeda.tensor([2.0, 3.0], dtype=taeda.float64)
    expected = scipy.special.multigammaln(x.numpy(), 2)
    np.testing.assert_allclose(taeda.mvlgamma(x, 2).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(x.clone().mvlgamma_(2).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(x.polygamma_(1).numpy(), scipy.special.polygamma(1, [2.0, 3.0]), rtol=1e-12)


def test_limits_and_errors():
    nan, inf = float("nan"), float("inf")
    x = taeda.tensor([-1.0, 0.0, inf])
    np.testing.assert_array_equal(special.modified_bessel_k0(x).numpy(), [nan, inf, 0.0])
    np.testing.assert_array_equal(
        special.gammainc(taeda.tensor([1.0, 1.0, 0.0, -1.0]), taeda.tensor([0.0, inf, 2.0, 1.0])).numpy(),
        [0, 1, 1, nan],
    )
    assert special.bessel_j0(taeda.tensor([0])).dtype is taeda.float32
    with pytest.raises(RuntimeError, match="p has to be greater than or equal to 1, got 0"):
        special.multigammaln(taeda.ones(1), 0)
    with pytest.raises(RuntimeError, match="not implemented for complex numbers"):
        special.bessel_j0(taeda.ones(1, dtype=taeda.complex64))
