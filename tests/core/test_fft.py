"""Fourier transforms beside NumPy, their gradients beside the transform's matrix, and their errors."""

import numpy as np
import pytest

import taeda

# Powers of 2, products of small primes, primes with a pass of their own (7 .. 31), larger primes (Bluestein).
SIZES = [
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    12,
    15,
    16,
    25,
    31,
    37,
    60,
    64,
    74,
    77,
    100,
    127,
    143,
    243,
    256,
    400,
    1000,
    1009,
]
# One row, fewer rows than lanes, a number that no lane count divides.
ROWS = [1, 4, 37]
PRECISIONS = [(np.float32, np.complex64, 5e-7), (np.float64, np.complex128, 1e-15)]


def _real(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def _complex(shape, dtype, seed=0):
    real = np.random.default_rng(seed)
    return (real.standard_normal(shape) + 1j * real.standard_normal(shape)).astype(dtype)


def _close(actual, expected, relative):
    """Error of the whole transform relative to its size: what the length of the sum allows."""
    assert actual.shape == expected.shape
    error = np.abs(actual.astype(np.complex128) - expected)
    assert error.max() <= relative * 4 * max(
        np.sqrt((np.abs(expected) ** 2).mean()), np.abs(expected).max() / 8
    )


@pytest.mark.parametrize(("real", "complex_", "relative"), PRECISIONS, ids=["float32", "float64"])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("n", SIZES)
def test_values(n, rows, real, complex_, relative):
    x, z, half = _real((rows, n), real), _complex((rows, n), complex_), _complex((rows, n // 2 + 1), complex_)
    wide = z.astype(np.complex128)
    _close(taeda.fft.fft(taeda.from_numpy(z)).numpy(), np.fft.fft(wide), relative)
    _close(taeda.fft.ifft(taeda.from_numpy(z)).numpy(), np.fft.ifft(wide), relative)
    spectrum = taeda.fft.rfft(taeda.from_numpy(x))
    assert spectrum.numpy().dtype == complex_
    _close(spectrum.numpy(), np.fft.rfft(x.astype(np.float64)), relative)
    samples = taeda.fft.irfft(taeda.from_numpy(half), n=n)
    assert samples.numpy().dtype == real
    _close(samples.numpy(), np.fft.irfft(half.astype(np.complex128), n=n), relative)


def test_a_long_row():
    x = _real(1 << 17, np.float32)
    _close(taeda.fft.rfft(taeda.from_numpy(x)).numpy(), np.fft.rfft(x.astype(np.float64)), 5e-7)
    z = _complex((4, 20000), np.complex64)
    _close(taeda.fft.fft(taeda.from_numpy(z)).numpy(), np.fft.fft(z.astype(np.complex128)), 5e-7)


def test_results_do_not_depend_on_threads():
    z = taeda.from_numpy(_complex((301, 240), np.complex64))
    before = taeda.get_num_threads()
    results = []
    for threads in (1, 2, 3):
        taeda.set_num_threads(threads)
        results.append(taeda.fft.fft(z).numpy().tobytes())
    taeda.set_num_threads(before)
    assert len(set(results)) == 1


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
@pytest.mark.parametrize("n", [None, 5, 9])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_one_dimension(name, norm, n, dim):
    x = _real((6, 7, 4), np.float64) if name in ("rfft", "ihfft") else _complex((6, 7, 4), np.complex128)
    actual = getattr(taeda.fft, name)(taeda.from_numpy(x), n=n, dim=dim, norm=norm).numpy()
    np.testing.assert_allclose(actual, getattr(np.fft, name)(x, n=n, axis=dim, norm=norm), atol=1e-13)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
@pytest.mark.parametrize(("s", "dim"), [(None, None), (None, (1, 0)), ((4, 9), (2, 0)), ((5, 6), None)])
def test_several_dimensions(name, norm, s, dim):
    x = _real((6, 5, 4), np.float64) if name == "rfftn" else _complex((6, 5, 4), np.complex128)
    actual = getattr(taeda.fft, name)(taeda.from_numpy(x), s=s, dim=dim, norm=norm).numpy()
    axes = (-2, -1) if s is not None and dim is None else dim
    np.testing.assert_allclose(actual, getattr(np.fft, name)(x, s=s, axes=axes, norm=norm), atol=1e-13)


@pytest.mark.parametrize("name", ["fft2", "ifft2", "rfft2", "irfft2"])
def test_two_dimensions(name):
    x = _real((3, 6, 8), np.float64) if name == "rfft2" else _complex((3, 6, 8), np.complex128)
    np.testing.assert_allclose(
        getattr(taeda.fft, name)(taeda.from_numpy(x)).numpy(), getattr(np.fft, name)(x), atol=1e-13
    )


def test_hermitian_in_several_dimensions():
    x = _real((4, 6), np.float64)
    half = taeda.fft.ihfftn(taeda.from_numpy(x))
    np.testing.assert_allclose(half.numpy(), np.fft.ifftn(x)[:, :4], atol=1e-14)
    np.testing.assert_allclose(taeda.fft.hfftn(half, s=(4, 6)).numpy(), x, atol=1e-13)
    np.testing.assert_allclose(taeda.fft.hfft2(taeda.fft.ihfft2(taeda.from_numpy(x))).numpy(), x, atol=1e-13)


def test_strides_and_empty_batches():
    z = _complex((8, 6, 4), np.complex128)
    t = taeda.from_numpy(z)
    np.testing.assert_allclose(taeda.fft.fft(t[::2, :, 1:], dim=1).numpy(), np.fft.fft(z[::2, :, 1:], axis=1))
    np.testing.assert_allclose(
        taeda.fft.fft(t.transpose(0, 2)).numpy(), np.fft.fft(z.transpose(2, 1, 0)), atol=1e-14
    )
    assert tuple(taeda.fft.rfft(taeda.zeros(0, 6)).shape) == (0, 4)


def test_integers_become_floats():
    assert taeda.fft.fft(taeda.tensor([1, 2, 3])).dtype == taeda.complex64
    assert taeda.fft.rfft(taeda.tensor([True, False])).real.tolist() == [1.0, 1.0]


def test_imaginary_parts_that_do_not_count():
    half = np.array([1 + 5j, 2 - 1j, 3 + 7j])
    plain = np.array([1, 2 - 1j, 3])
    samples = [taeda.fft.irfft(taeda.from_numpy(x), n=4).tolist() for x in (half, plain)]
    assert samples[0] == samples[1]


def _matrix(function, shape, dtype):
    """Columns are the transforms of unit vectors (for complex inputs also of i times them), as reals."""
    columns = []
    for unit in (1.0, 1j) if dtype == np.complex128 else (1.0,):
        for position in range(int(np.prod(shape))):
            x = np.zeros(int(np.prod(shape)), dtype)
            x[position] = unit
            columns.append(np.ascontiguousarray(function(x.reshape(shape))).view(np.float64).reshape(-1))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(
    ("name", "dtype", "options"),
    [
        ("fft", np.complex128, {}),
        ("fft", np.float64, {}),
        ("ifft", np.complex128, {"norm": "ortho"}),
        ("rfft", np.float64, {}),
        ("rfft", np.float64, {"n": 7}),
        ("rfft", np.float64, {"n": 4}),
        ("irfft", np.complex128, {}),
        ("irfft", np.complex128, {"n": 7}),
        ("irfft", np.complex128, {"n": 6, "norm": "forward"}),
        ("hfft", np.complex128, {"n": 6}),
        ("ihfft", np.float64, {}),
    ],
)
def test_gradients(name, dtype, options):
    """The gradient of <A x, w> is the transposed matrix applied to w."""
    shape = (2, 5)
    x = taeda.from_numpy(np.zeros(shape, dtype)).requires_grad_()
    y = getattr(taeda.fft, name)(x, **options)
    reals = taeda.view_as_real(y) if y.is_complex() else y
    weights = _real(tuple(reals.shape), np.float64)
    (reals * taeda.from_numpy(weights)).sum().backward()
    transposed = _matrix(lambda a: getattr(np.fft, name)(a, **options), shape, dtype).T @ weights.reshape(-1)
    expected = transposed.reshape(-1, *shape)
    expected = expected[0] + 1j * expected[1] if dtype == np.complex128 else expected[0]
    np.testing.assert_allclose(x.grad.numpy(), expected, atol=1e-12)


def test_gradients_in_two_dimensions_and_twice():
    x = taeda.from_numpy(_real((3, 4), np.float64)).requires_grad_()
    power = taeda.fft.rfft2(x).abs().square().sum()
    (first,) = taeda.autograd.grad(power, x, create_graph=True)
    matrix = _matrix(np.fft.rfft2, (3, 4), np.float64)
    expected = 2 * matrix.T @ matrix @ x.detach().numpy().reshape(-1)
    np.testing.assert_allclose(first.detach().numpy().reshape(-1), expected, atol=1e-10)
    first.square().sum().backward()
    squared = 4 * matrix.T @ matrix
    np.testing.assert_allclose(x.grad.numpy().reshape(-1), squared @ expected, atol=1e-8)


def test_out():
    x = taeda.from_numpy(_complex(6, np.complex128))
    out = taeda.zeros(6, dtype=taeda.complex128)
    assert taeda.fft.fft(x, out=out) is out
    np.testing.assert_allclose(out.numpy(), np.fft.fft(x.numpy()))


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies_and_shifts(n):
    np.testing.assert_allclose(taeda.fft.fftfreq(n, 0.5).numpy(), np.fft.fftfreq(n, 0.5), atol=1e-7)
    np.testing.assert_allclose(taeda.fft.rfftfreq(n, 2.0).numpy(), np.fft.rfftfreq(n, 2.0), atol=1e-7)
    assert taeda.fft.fftfreq(n, dtype=taeda.float64).dtype == taeda.float64
    x = np.arange(3 * n).reshape(3, n)
    for dim in (None, 0, 1, (0, 1)):
        assert taeda.fft.fftshift(taeda.from_numpy(x), dim).tolist() == np.fft.fftshift(x, dim).tolist()
        assert taeda.fft.ifftshift(taeda.from_numpy(x), dim).tolist() == np.fft.ifftshift(x, dim).tolist()


def test_errors():
    x, z = taeda.zeros(2, 4), taeda.zeros(2, 4, dtype=taeda.complex64)
    with pytest.raises(
        RuntimeError, match=r"fft: invalid norm 'none'; expected None, 'backward', 'ortho' or 'forward'"
    ):
        taeda.fft.fft(x, norm="none")
    with pytest.raises(RuntimeError, match=r"rfft: invalid number of data points \(0\) along dimension 1"):
        taeda.fft.rfft(x, n=0)
    with pytest.raises(
        RuntimeError, match=r"rfft: expected a real input, got .*complex64; use the transform without r"
    ):
        taeda.fft.rfft(z)
    with pytest.raises(RuntimeError, match=r"fft: unsupported dtype .*float16; convert to float32 first"):
        taeda.fft.fft(x.to(taeda.float16))
    with pytest.raises(IndexError, match=r"fft: Dimension out of range .*\[-2, 1\], got 2"):
        taeda.fft.fft(x, dim=2)
    with pytest.raises(RuntimeError, match=r"fftn: dims must be unique, got \(0, -2\)"):
        taeda.fft.fftn(x, dim=(0, -2))
    with pytest.raises(RuntimeError, match=r"dim and s must have the same length, got 2 and 1"):
        taeda.fft.fftn(x, s=(4,), dim=(0, 1))
    with pytest.raises(RuntimeError, match=r"fftn: s has 3 sizes but the input only 2 dimensions"):
        taeda.fft.fftn(x, s=(4, 4, 4))
    with pytest.raises(RuntimeError, match=r"irfft: invalid number of data points \(0\)"):
        taeda.fft.irfft(z[:, :1])
