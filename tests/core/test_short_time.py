"""Short-time Fourier transforms and windows beside NumPy and SciPy."""

import numpy as np
import pytest
import scipy.signal

import taeda

WINDOWS = {
    "hann_window": "hann",
    "hamming_window": "hamming",
    "blackman_window": "blackman",
    "bartlett_window": "bartlett",
}


@pytest.mark.parametrize("length", [0, 1, 2, 7, 400])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("name", [*WINDOWS, "kaiser_window"])
def test_windows(name, periodic, length):
    window = getattr(taeda, name)(length, periodic=periodic, dtype=taeda.float64)
    kind = WINDOWS.get(name, ("kaiser", 12.0))
    expected = scipy.signal.get_window(kind, length, fftbins=periodic) if length else np.zeros(0)
    np.testing.assert_allclose(window.numpy(), expected, atol=1e-12)


def test_window_options():
    assert taeda.hann_window(5).dtype == taeda.float32
    assert taeda.hann_window(5, requires_grad=True).requires_grad
    np.testing.assert_allclose(taeda.hamming_window(4, True, 0.5, 0.5).numpy(), taeda.hann_window(4).numpy())
    with pytest.raises(RuntimeError, match=r"hann_window: expected window_length >= 0, got -1"):
        taeda.hann_window(-1)
    with pytest.raises(RuntimeError, match=r"hann_window: expected a floating-point dtype, got .*int64"):
        taeda.hann_window(4, dtype=taeda.int64)


def _frames(x, window, n_fft, hop, center, mode):
    if center:
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(n_fft // 2, n_fft // 2)], mode=mode)
    shape = np.zeros(n_fft)
    left = (n_fft - len(window)) // 2
    shape[left : left + len(window)] = window
    count = 1 + (x.shape[-1] - n_fft) // hop
    return np.stack([x[..., i * hop : i * hop + n_fft] * shape for i in range(count)], axis=-1)


@pytest.mark.parametrize(("n_fft", "hop", "win"), [(16, 4, 16), (20, 5, 13), (15, 7, 15)])
@pytest.mark.parametrize(("center", "mode"), [(True, "reflect"), (True, "constant"), (False, "reflect")])
@pytest.mark.parametrize("onesided", [True, False])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_definition(n_fft, hop, win, center, mode, onesided, batch):
    rng = np.random.default_rng(0)
    x, window = rng.standard_normal((*batch, 61)), rng.uniform(0.5, 1, win)
    actual = taeda.stft(
        taeda.from_numpy(x), n_fft, hop, win, taeda.from_numpy(window), center, mode, onesided=onesided,
        return_complex=True,
    )  # fmt: skip
    frames = _frames(x, window, n_fft, hop, center, mode)
    expected = np.fft.rfft(frames, axis=-2) if onesided else np.fft.fft(frames, axis=-2)
    np.testing.assert_allclose(actual.numpy(), expected, atol=1e-12)


def test_defaults_normalisation_and_pairs():
    x = np.random.default_rng(0).standard_normal(64)
    t = taeda.from_numpy(x)
    plain = taeda.stft(t, 16, return_complex=True).numpy()
    np.testing.assert_allclose(
        plain, np.fft.rfft(_frames(x, np.ones(16), 16, 4, True, "reflect"), axis=0), atol=1e-12
    )
    np.testing.assert_allclose(
        taeda.stft(t, 16, normalized=True, return_complex=True).numpy(), plain / 4, atol=1e-12
    )
    pairs = taeda.stft(t, 16, return_complex=False).numpy()
    np.testing.assert_allclose(pairs[..., 0] + 1j * pairs[..., 1], plain, atol=1e-12)


def test_complex_samples():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(50) + 1j * rng.standard_normal(50)
    actual = taeda.stft(taeda.from_numpy(x), 10, 5, center=False).numpy()
    np.testing.assert_allclose(
        actual, np.fft.fft(_frames(x, np.ones(10), 10, 5, False, ""), axis=0), atol=1e-12
    )
    full = taeda.stft(taeda.from_numpy(x), 10, 5, center=True, pad_mode="constant")
    back = taeda.istft(full, 10, 5, onesided=False, return_complex=True, length=50)
    np.testing.assert_allclose(back.numpy(), x, atol=1e-12)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("onesided", [True, False])
def test_inverse(center, normalized, onesided):
    x = np.random.default_rng(0).standard_normal((2, 100))
    options = {"n_fft": 20, "hop_length": 5, "center": center, "normalized": normalized, "onesided": onesided}
    # A window without zeros, so that the first sample is covered without padding too.
    window = taeda.hamming_window(20, dtype=taeda.float64)
    spectrum = taeda.stft(taeda.from_numpy(x), window=window, return_complex=True, **options)
    np.testing.assert_allclose(taeda.istft(spectrum, window=window, **options).numpy(), x, atol=1e-12)
    cut = taeda.istft(spectrum, window=window, length=90, **options)
    np.testing.assert_allclose(cut.numpy(), x[:, :90], atol=1e-12)
    longer = taeda.istft(spectrum, window=window, length=130, **options).numpy()
    assert longer.shape == (2, 130)
    np.testing.assert_allclose(longer[:, :100], x, atol=1e-12)
    single = taeda.istft(spectrum[0], window=window, **options)
    np.testing.assert_allclose(single.numpy(), x[0], atol=1e-12)


def test_inverse_of_all_frequencies_to_real_samples():
    """The upper frequencies are taken as the mirror image of the lower ones, whatever they hold."""
    rng = np.random.default_rng(0)
    spectrum = rng.standard_normal((16, 6)) + 1j * rng.standard_normal((16, 6))
    actual = taeda.istft(taeda.from_numpy(spectrum), 16, 16, center=False, onesided=False)
    np.testing.assert_allclose(actual.numpy(), np.fft.irfft(spectrum.T[:, :9], n=16).reshape(-1), atol=1e-12)


def test_inverse_is_the_least_squares_solution():
    rng = np.random.default_rng(0)
    spectrum = rng.standard_normal((9, 6)) + 1j * rng.standard_normal((9, 6))
    window = rng.uniform(0.5, 1, 16)
    actual = taeda.istft(
        taeda.from_numpy(spectrum), 16, 4, window=taeda.from_numpy(window), center=False
    ).numpy()
    total = 16 + 4 * 5
    rows = np.zeros((6 * 16, total))
    for frame in range(6):
        rows[frame * 16 + np.arange(16), frame * 4 + np.arange(16)] = window
    target = np.fft.irfft(spectrum.T, n=16).reshape(-1)
    np.testing.assert_allclose(actual, np.linalg.lstsq(rows, target, rcond=None)[0], atol=1e-10)


def test_gradient():
    rng = np.random.default_rng(0)
    x = taeda.from_numpy(rng.standard_normal((1, 40))).requires_grad_()
    weights = rng.standard_normal((1, 9, 11, 2))

    def loss(x):
        pairs = taeda.view_as_real(taeda.stft(x, 16, 4, window=taeda.hann_window(16, dtype=taeda.float64),
                                              return_complex=True))  # fmt: skip
        return (pairs * taeda.from_numpy(weights)).sum()

    loss(x).backward()
    base = x.detach().numpy()
    for position in (0, 1, 20, 39):
        step = np.zeros_like(base)
        step[0, position] = 1e-4
        slope = (loss(taeda.from_numpy(base + step)) - loss(taeda.from_numpy(base - step))).item() / 2e-4
        assert x.grad[0, position].item() == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (
            taeda.zeros(30),
            {"return_complex": None},
            r"return_complex parameter be given for real inputs; pass True",
        ),
        (
            taeda.zeros(30, dtype=taeda.int64),
            {},
            r"expected a tensor of floating point or complex .* got .*int64",
        ),
        (taeda.zeros(1, 1, 30), {}, r"expected a 1D or 2D tensor, but got shape \[1, 1, 30\]"),
        (taeda.zeros(30), {"hop_length": 0}, r"expected hop_length > 0, but got hop_length=0"),
        (taeda.zeros(30), {"win_length": 17}, r"expected 0 < win_length <= n_fft=16, but got win_length=17"),
        (
            taeda.zeros(30),
            {"window": taeda.ones(4)},
            r"equal to win_length=16, but got window with size \[4\]",
        ),
        (taeda.zeros(15), {"center": False}, r"expected 0 < n_fft <= 15 samples, but got n_fft=16"),
        (
            taeda.zeros(30, dtype=taeda.complex64),
            {"onesided": True},
            r"onesided=True is impossible for complex",
        ),
        (taeda.zeros(30), {"align_to_window": True}, r"align_to_window=True is not supported"),
    ],
)
def test_errors(x, options, message):
    with pytest.raises(RuntimeError, match=f"stft: .*{message}"):
        taeda.stft(x, 16, **{"return_complex": True, **options})


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((4,), {}, r"expected a non-empty tensor \(F, frames\) or \(B, F, frames\), got \[4\]"),
        ((9, 4), {"n_fft": 14}, r"expected 8 frequencies in dim -2 for n_fft=14 and onesided=True, got 9"),
        (
            (9, 4),
            {"window": taeda.hann_window(16), "center": False},
            r"overlap add min: .* lie under no window",
        ),
        ((9, 4), {"return_complex": True}, r"cannot have onesided output if window or input is complex"),
    ],
)
def test_errors_of_the_inverse(shape, options, message):
    with pytest.raises(RuntimeError, match=f"istft: .*{message}"):
        taeda.istft(taeda.zeros(*shape, dtype=taeda.complex64), **{"n_fft": 16, **options})


def test_inverse_of_real_numbers():
    with pytest.raises(RuntimeError, match=r"istft: requires a complex-valued input, got .*float32"):
        taeda.istft(taeda.zeros(9, 4), 16)
