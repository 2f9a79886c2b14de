"""Random numbers beside Philox 4x32-10 written out in Python integers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

import taeda

LOW = 0xFFFFFFFF


def philox(seed: int, block: int) -> list[int]:
    """The four 32-bit words of a block (Salmon et al. 2011)."""
    c, k = [block & LOW, block >> 32, 0, 0], [seed & LOW, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & LOW, (a >> 32) ^ c[3] ^ k[1], a & LOW]
        k = [(k[0] + 0x9E3779B9) & LOW, (k[1] + 0xBB67AE85) & LOW]
    return c


def stream(seed: int, words: int) -> list[int]:
    """Groups of 16 blocks, the first words of all blocks before the second ones."""
    result: list[int] = []
    while len(result) < words:
        first = len(result) // 4
        blocks = [philox(seed, first + i) for i in range(16)]
        result += [block[k] for k in range(4) for block in blocks]
    return result[:words]


@pytest.mark.parametrize("seed", [0, 7, 2**40 + 3])
def test_uniform_numbers(seed: int) -> None:
    taeda.manual_seed(seed)
    got = taeda.rand(150).tolist()
    assert got == [(word >> 8) / 2**24 for word in stream(seed, 150)]


@pytest.mark.parametrize("bound", [1000, 2**32 - 1, 2**32 + 5, 2**62])
def test_integers(bound: int) -> None:
    taeda.manual_seed(5)
    got = taeda.randint(-3, bound - 3, (70,)).tolist()
    words = stream(5, 3 * 64)
    for e, value in enumerate(got):
        group, place = divmod(e, 32)
        number = words[64 * group + place] | words[64 * group + place + 32] << 32
        assert value == (number * bound >> 64) - 3


@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 200])
def test_permutations(n: int) -> None:
    taeda.manual_seed(9)
    got = taeda.randperm(n).tolist()
    want = list(range(n))
    for i in range(n):
        words = philox(9, i // 2)[i % 2 * 2 :]
        j = i + ((words[0] | words[1] << 32) * (n - i) >> 64)
        want[i], want[j] = want[j], want[i]
    assert got == want


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_dropout_keeps_by_words(dtype: str) -> None:
    taeda.manual_seed(3)
    x = taeda.arange(1.0, 101.0).to(getattr(taeda, dtype))
    got = taeda.nn.functional.dropout(x, 0.25).float().numpy()
    kept = np.array([word >= 2**30 for word in stream(3, 100)])
    np.testing.assert_array_equal(got != 0, kept)
    np.testing.assert_allclose(got[kept], (x.float().numpy() / 0.75)[kept], rtol=1e-2)


def test_poisson_numbers():
    taeda.manual_seed(5)
    each = [0.0, 0.3, 8.0, 10.0, 25.0, 1234.5, 3e9]
    drawn = taeda.poisson(taeda.tensor(np.repeat(each, 20_000))).numpy().reshape(len(each), -1)
    np.testing.assert_array_equal(drawn, np.rint(drawn))
    # Mean and variance are the rate; bounds of five standard errors.
    for rate, row in zip(each, drawn):
        assert abs(row.mean() - rate) <= 5 * np.sqrt(rate / row.size)
        assert abs(row.var() - rate) <= 5 * np.sqrt((rate + 2 * rate**2) / row.size)
    assert taeda.poisson(taeda.ones(3, dtype=taeda.float16)).dtype == taeda.float16
    for wrong in (-1.0, float("inf"), float("nan")):
        with pytest.raises(RuntimeError, match="expected rate to be non-negative and finite"):
            taeda.poisson(taeda.tensor([1.0, wrong]))


@pytest.mark.parametrize("rate", [4.0, 10.0, 30.0])
def test_poisson_numbers_follow_their_probabilities(rate: float) -> None:
    taeda.manual_seed(6)
    drawn = taeda.poisson(taeda.full((100_000,), rate, dtype=taeda.float64)).numpy().astype(int)
    edges = np.arange(max(0, int(rate - 3 * rate**0.5)), int(rate + 3 * rate**0.5))
    # Tails below and above the edges, so that every class has its numbers.
    observed = np.bincount(np.clip(drawn, edges[0], edges[-1]) - edges[0], minlength=edges.size)
    expected = scipy.stats.poisson.pmf(edges, rate)
    expected[0], expected[-1] = (
        scipy.stats.poisson.cdf(edges[0], rate),
        scipy.stats.poisson.sf(edges[-1] - 1, rate),
    )
    assert scipy.stats.chisquare(observed, expected * drawn.size).pvalue > 1e-4


def test_poisson_numbers_of_huge_rates_end() -> None:
    drawn = taeda.poisson(taeda.tensor([1e20, 1e300], dtype=taeda.float64)).numpy()
    np.testing.assert_allclose(drawn, [1e20, 1e300], rtol=1e-8)
