"""Tokenizers by name, n-grams, generators and BLEU."""

import math

import pytest

from taeda_text import data


def test_basic_english():
    tokenize = data.get_tokenizer("basic_english")
    assert tokenize("It's (really) \"good\", isn't it?<br />Yes: do; Go.") == [
        "it", "'", "s", "(", "really", ")", "good", ",", "isn", "'", "t", "it", "?", "yes", "do", "go", ".",
    ]  # fmt: skip


def test_other_tokenizers():
    assert data.get_tokenizer(None)("A  b,c") == ["A", "b,c"]
    assert data.get_tokenizer(str.upper) is str.upper or data.get_tokenizer(str.upper)("a") == "A"
    with pytest.raises(
        ValueError, match=r"unknown tokenizer 'spacy'; expected None, 'basic_english' or a function"
    ):
        data.get_tokenizer("spacy")
    with pytest.raises(ValueError, match=r"supports language 'en' only, got 'de'"):
        data.get_tokenizer("basic_english", "de")


def test_ngrams():
    assert list(data.ngrams_iterator(["a", "b", "c"], 3)) == ["a", "b", "c", "a b", "b c", "a b c"]
    assert list(data.ngrams_iterator(["a"], 3)) == ["a"]


def test_interleave_keys_alternates_the_bits():
    a, b = 0b1011, 0b0110
    expected = int("".join(x + y for x, y in zip(f"{a:016b}", f"{b:016b}")), 2)
    assert data.interleave_keys(a, b) == expected


def test_generators():
    assert list(data.simple_space_split(["a b", " c "])) == [["a", "b"], ["c"]]
    assert list(data.custom_replace([(r"\d+", "#"), ("##", "#")])(["a1b22"])) == ["a#b#"]
    ids = data.numericalize_tokens_from_iterator(
        {"a": 4, "b": 5}, [["a", "b", "a"], []], removed_tokens=["b"]
    )
    assert [list(row) for row in ids] == [[4, 4], []]
    dataset = data.to_map_style_dataset(iter("xyz"))
    assert (len(dataset), dataset[1]) == (3, "y")


def test_bleu_by_hand():
    # 1-grams 4 of 6, 2-grams 3 of 4, 3-grams 2 of 2, 4-grams 1 of 1; six words against six: no brevity
    # penalty.
    candidates = [["My", "full", "pytorch", "test"], ["Another", "Sentence"]]
    references = [[["My", "full", "pytorch", "test"], ["Completely", "Different"]], [["No", "Match"]]]
    assert data.bleu_score(candidates, references) == pytest.approx((4 / 6 * 3 / 4) ** 0.25)


def test_bleu_clips_repeated_words_and_punishes_brevity():
    # "the" occurs twice in the reference: 2 of 3 count; 3 words against 6: exp(1 - 6 / 3).
    score = data.bleu_score(
        [["the", "the", "the"]], [[["the", "cat", "is", "on", "the", "mat"]]], max_n=1, weights=[1.0]
    )
    assert score == pytest.approx(2 / 3 * math.exp(-1))


def test_bleu_without_a_match_is_zero():
    assert data.bleu_score([["a", "b", "c", "d"]], [[["a", "c", "b", "d"]]]) == 0.0


def test_bleu_errors():
    with pytest.raises(ValueError, match=r"expected one weight for each of max_n=2 orders, got 4"):
        data.bleu_score([["a"]], [[["a"]]], max_n=2)
    with pytest.raises(ValueError, match=r"got 2 candidates but 1 lists of references"):
        data.bleu_score([["a"], ["b"]], [[["a"]]])
    with pytest.raises(ValueError, match=r"a candidate has no reference"):
        data.bleu_score([["a"]], [[]])
