"""Functions on token lists."""

import pytest

import taeda
from taeda_text import functional as F


def test_to_tensor():
    assert F.to_tensor([1, 2]).tolist() == [1, 2]
    assert F.to_tensor([1, 2]).dtype == taeda.int64
    padded = F.to_tensor([[1, 2, 3], [], [4]], padding_value=-1, dtype=taeda.int32)
    assert padded.tolist() == [[1, 2, 3], [-1, -1, -1], [4, -1, -1]]
    assert padded.dtype == taeda.int32
    assert F.to_tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]


def test_to_tensor_needs_padding():
    with pytest.raises(ValueError, match=r"texts have different lengths \(1 to 2\); pass padding_value="):
        F.to_tensor([[1, 2], [3]])


def test_truncate():
    assert F.truncate([1, 2, 3], 2) == [1, 2]
    assert F.truncate([["a", "b"], ["c"]], 1) == [["a"], ["c"]]
    assert F.truncate([1], 0) == []
    with pytest.raises(ValueError, match=r"expected max_seq_len >= 0, got -1"):
        F.truncate([1], -1)


def test_add_token():
    assert F.add_token([1], 0) == [0, 1]
    assert F.add_token([["a"], []], "<eos>", begin=False) == [["a", "<eos>"], ["<eos>"]]


def test_str_to_int():
    assert F.str_to_int(["1", "-2"]) == [1, -2]
    assert F.str_to_int([["3"], []]) == [[3], []]
    with pytest.raises(ValueError, match=r"entry 1 is 'two'; expected a decimal integer"):
        F.str_to_int(["1", "two"])


def test_wrong_kinds_of_lists():
    with pytest.raises(TypeError, match=r"truncate: expected a list or a list of lists, got str"):
        F.truncate("text", 1)
    with pytest.raises(TypeError, match=r"add_token: the list mixes lists and single items"):
        F.add_token([[1], 2], 0)
