"""Seeding, saving and restoring the default generator."""

import pytest

import taeda
from taeda import random


def test_a_seed_repeats_the_numbers():
    assert random.manual_seed(42) is random.default_generator
    first = taeda.rand(5)
    random.manual_seed(42)
    assert taeda.equal(taeda.rand(5), first)
    assert random.initial_seed() == 42


def test_fresh_seeds_differ():
    assert random.seed() != random.seed()
    assert random.initial_seed() == random.default_generator.initial_seed()


def test_states():
    random.manual_seed(1)
    taeda.rand(3)
    state = random.get_rng_state()
    assert state.dtype == taeda.uint8
    expected = taeda.randn(4)
    taeda.rand(100)
    random.set_rng_state(state)
    assert taeda.equal(taeda.randn(4), expected)


def test_forks_leave_no_trace():
    random.manual_seed(1)
    expected = taeda.rand(2)
    random.manual_seed(1)
    with random.fork_rng():
        random.manual_seed(9)
        taeda.rand(7)
    assert taeda.equal(taeda.rand(2), expected)

    @random.fork_rng()
    def fail():
        random.manual_seed(9)
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    random.manual_seed(1)
    with random.fork_rng(enabled=False):
        taeda.rand(2)
    assert not taeda.equal(taeda.rand(2), expected)


@pytest.mark.parametrize(
    ("seed", "kept"), [(-1, 2**64 - 1), (2**64 - 1, 2**64 - 1), (3.0, 3), (taeda.tensor(5), 5)]
)
def test_seeds_of_all_kinds(seed, kept):
    random.manual_seed(seed)
    assert random.initial_seed() == kept


@pytest.mark.parametrize(
    ("seed", "error"),
    [(2**64, RuntimeError), (-(2**63) - 1, RuntimeError), ("a", TypeError), (0.5, TypeError)],
)
def test_seeds_that_are_refused(seed, error):
    with pytest.raises(error, match="manual_seed: "):
        random.manual_seed(seed)


def test_uniform_complex_numbers():
    x = taeda.rand(1000, dtype=taeda.complex64)
    for part in (x.real, x.imag):
        assert 0 <= part.min().item() < 0.1
        assert 0.9 < part.max().item() < 1
        assert abs(part.mean().item() - 0.5) < 0.05
