"""gradcheck and gradgradcheck find wrong gradients, and only those."""

import pytest

import taeda
from taeda.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck


def doubles(*shape, dtype=taeda.float64):
    generator = taeda.Generator().manual_seed(len(shape))
    values = taeda.rand(*shape, dtype=taeda.float64, generator=generator) + 0.5
    return values.to(dtype).requires_grad_()


class WrongBackward(taeda.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 3


class WrongSecond(taeda.autograd.Function):
    """x squared, whose gradient is right and whose second derivative is lost."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * 2 * x.detach()


class Forgetful(taeda.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return taeda.full_like(gradient, 2.0)


class Moody(taeda.autograd.Function):
    calls = 0

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        Moody.calls += 1
        return gradient * (2 + 1e-9 * Moody.calls)


@pytest.mark.parametrize("fast", [False, True])
def test_right_gradients(fast):
    x, weight = doubles(2, 3), doubles(3, 2)
    assert gradcheck(lambda x, weight: (x @ weight, x.exp()), (x, weight), fast_mode=fast)
    assert gradcheck(lambda x: x.sum(), x, fast_mode=fast)
    assert gradcheck(lambda x: x.t()[1:], x, fast_mode=fast)
    assert gradgradcheck(lambda x, weight: (x @ weight).exp(), (x, weight), fast_mode=fast)


@pytest.mark.parametrize("fast", [False, True])
def test_complex_gradients(fast):
    z = doubles(3, dtype=taeda.complex128)
    assert gradcheck(lambda z: z * z, (z,), fast_mode=fast)
    assert gradcheck(lambda z: z.abs(), (z,), fast_mode=fast)
    assert gradcheck(lambda z: z * z.conj(), (z,), fast_mode=fast)


def test_wrong_gradients_show_both_jacobians():
    with pytest.raises(GradcheckError) as caught:
        gradcheck(WrongBackward.apply, (doubles(2),))
    text = str(caught.value)
    assert "Jacobian mismatch for output 0 with respect to input 0" in text
    assert "numerical 2.0" in text or "numerical 1.99" in text
    assert "analytical 3.0" in text
    assert "(rows: input elements, columns: output elements)" in text
    with pytest.raises(GradcheckError, match="along a random direction"):
        gradcheck(WrongBackward.apply, (doubles(2),), fast_mode=True)
    assert gradcheck(WrongBackward.apply, (doubles(2),), raise_exception=False) is False


def test_wrong_second_derivatives():
    assert gradcheck(WrongSecond.apply, (doubles(2),))
    with pytest.raises(GradcheckError, match="with respect to input 0"):
        gradgradcheck(WrongSecond.apply, (doubles(2),))


def test_gradients_that_ignore_what_comes_from_above():
    with pytest.raises(GradcheckError):
        gradcheck(Forgetful.apply, (doubles(2),))


def test_gradients_that_change():
    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradcheck(Moody.apply, (doubles(2),))
    assert gradcheck(Moody.apply, (doubles(2),), nondet_tol=1e-6)


def test_constants():
    assert gradcheck(lambda x: x.detach() * 0, (doubles(2),))
    with pytest.raises(GradcheckError, match="Numerical gradient for function expected to be zero"):
        gradcheck(lambda x: x.detach() * 2, (doubles(2),))


def test_inputs_are_left_as_they_were():
    x = doubles(3)
    before = x.detach().clone()
    gradcheck(lambda x: x**3, (x,))
    assert taeda.equal(x.detach(), before)
    assert x.grad is None


def test_arguments():
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda x: x, (taeda.ones(2),))
    with pytest.warns(UserWarning, match="Input #0 requires gradient and is not a double precision"):
        gradcheck(lambda x: x * 1, (taeda.ones(1, requires_grad=True),), atol=1e-1, eps=1e-2)
    with pytest.raises(RuntimeError, match="has a dimension with stride 0"):
        gradcheck(lambda x: x, (taeda.ones(1, dtype=taeda.float64).expand(3).requires_grad_(),))
    assert gradcheck(lambda x, scale, flag: x * scale if flag else x, (doubles(2), 3.0, True))
