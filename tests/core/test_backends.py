"""Switches between exact and fast float32 products."""

from __future__ import annotations

import pytest

import taeda


@pytest.fixture(autouse=True)
def _exact_again():
    yield
    taeda.backends.cuda.matmul.allow_tf32 = taeda.backends.cudnn.allow_tf32 = False


def test_float32_is_exact_at_first():
    assert not taeda.backends.cuda.matmul.allow_tf32
    assert not taeda.backends.cudnn.allow_tf32
    assert taeda.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("word", ["high", "medium"])
def test_precisions_are_the_switch_of_products(word):
    taeda.set_float32_matmul_precision(word)
    assert taeda.backends.cuda.matmul.allow_tf32
    assert not taeda.backends.cudnn.allow_tf32
    assert taeda.get_float32_matmul_precision() == word
    taeda.backends.cuda.matmul.allow_tf32 = False
    assert taeda.get_float32_matmul_precision() == "highest"


def test_convolutions_have_their_own_switch():
    taeda.backends.cudnn.allow_tf32 = True
    assert taeda.backends.cudnn.allow_tf32
    assert not taeda.backends.cuda.matmul.allow_tf32


def test_other_words_are_refused():
    with pytest.raises(ValueError, match="expected one of 'highest', 'high', 'medium', got 'fast'"):
        taeda.set_float32_matmul_precision("fast")
    with pytest.raises(ValueError, match="expected 'matmul' or 'convolution', got 'fft'"):
        taeda._C._allow_tf32("fft")
