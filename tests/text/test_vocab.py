"""Vocabularies."""

import pytest

from taeda_text.vocab import Vocab, build_vocab_from_iterator, vocab


def test_both_ways():
    table = Vocab(["<unk>", "a", "b"])
    assert table(["b", "a"]) == [2, 1]
    assert table.lookup_indices(["a"]) == [1]
    assert table.lookup_tokens([2, 0]) == ["b", "<unk>"]
    assert len(table) == 3
    assert "a" in table
    assert "z" not in table
    assert table.get_stoi() == {"<unk>": 0, "a": 1, "b": 2}
    assert table.get_itos() == ["<unk>", "a", "b"]


def test_insertion_moves_the_later_tokens():
    table = Vocab(["a", "c"])
    table.insert_token("b", 1)
    table.append_token("d")
    assert [table[token] for token in "abcd"] == [0, 1, 2, 3]


def test_a_copy_is_independent():
    table = Vocab(["a"], default_index=0)
    copy = Vocab(table)
    copy.append_token("b")
    assert len(table) == 1
    assert copy["zebra"] == 0


def test_unknown_token():
    table = Vocab(["a", "b"])
    message = (
        r"Vocab: token 'zebra' is not among the 2 tokens and no default index is set; call set_default_index"
    )
    with pytest.raises(RuntimeError, match=message):
        table["zebra"]
    table.set_default_index(1)
    assert table["zebra"] == 1
    assert table.get_default_index() == 1


def test_index_out_of_range():
    with pytest.raises(RuntimeError, match=r"index 2 is out of range for 2 tokens; expected 0 <= index < 2"):
        Vocab(["a", "b"]).lookup_token(2)
    with pytest.raises(RuntimeError, match=r"index 5 is out of range for 2 tokens; expected 0 <= index <= 2"):
        Vocab(["a", "b"]).insert_token("c", 5)


def test_repeated_token():
    with pytest.raises(
        RuntimeError, match=r"token 'a' is already there with index 0; every token must occur once"
    ):
        Vocab(["a", "a"])


def test_a_string_is_not_a_list_of_tokens():
    with pytest.raises(TypeError, match=r"expected a sequence of tokens, got the single str 'abc'"):
        Vocab("abc")
    with pytest.raises(
        TypeError, match=r"expected token lists, got the str 'a text'; tokenize each text first"
    ):
        build_vocab_from_iterator(["a text"])


def test_from_frequencies():
    counts = {"x": 5, "rare": 1, "y": 2, "<pad>": 9}
    assert vocab(counts, min_freq=2, specials=["<pad>"]).get_itos() == ["<pad>", "x", "y"]
    assert vocab(counts, min_freq=2, specials=["<pad>"], special_first=False).get_itos() == [
        "x",
        "y",
        "<pad>",
    ]
    with pytest.raises(ValueError, match=r"expected min_freq >= 1, got 0"):
        vocab(counts, min_freq=0)


def test_from_iterator_sorts_by_count_then_token():
    texts = [["b", "a", "c"], ["b", "a"], ["b"], ["d"]]
    assert build_vocab_from_iterator(iter(texts)).get_itos() == ["b", "a", "c", "d"]
    assert build_vocab_from_iterator(texts, specials=["<unk>"], max_tokens=3).get_itos() == [
        "<unk>",
        "b",
        "a",
    ]


def test_max_tokens_below_specials():
    with pytest.raises(
        ValueError, match=r"max_tokens=1 leaves no room beside 1 specials; expected max_tokens > 1"
    ):
        build_vocab_from_iterator([["a"]], specials=["<unk>"], max_tokens=1)


def test_empty_vocabulary():
    with pytest.raises(
        RuntimeError, match=r"gave no tokens and there are no specials, so the vocabulary would be empty"
    ):
        build_vocab_from_iterator(iter([]))
