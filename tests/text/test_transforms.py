"""Transforms of token lists."""

import pytest

import taeda
from taeda_text import transforms as T
from taeda_text.vocab import Vocab


def test_a_whole_pipeline():
    vocab = Vocab(["<pad>", "<bos>", "<eos>", "hello", "world"], default_index=4)
    pipeline = T.Sequential(
        T.VocabTransform(vocab),
        T.Truncate(2),
        T.AddToken(vocab["<bos>"]),
        T.AddToken(vocab["<eos>"], begin=False),
        T.ToTensor(padding_value=vocab["<pad>"]),
        T.PadTransform(6, vocab["<pad>"]),
    )
    assert pipeline([["hello", "you", "there"], ["hello"]]).tolist() == [
        [1, 3, 4, 2, 0, 0],
        [1, 3, 2, 0, 0, 0],
    ]


def test_pad_leaves_longer_tensors():
    x = taeda.tensor([[1, 2, 3]])
    assert T.PadTransform(2, 0)(x).tolist() == [[1, 2, 3]]


def test_vocab_transform_wants_a_vocab():
    with pytest.raises(TypeError, match=r"VocabTransform: expected a Vocab, got dict"):
        T.VocabTransform({"a": 0})


def test_labels(tmp_path):
    (tmp_path / "labels.txt").write_text("sports\nbusiness\n\n")
    from_file = T.LabelToIndex(label_path=tmp_path / "labels.txt")
    assert from_file(["business", "sports"]) == [1, 0]
    assert T.LabelToIndex(["b", "a"], sort_names=True)("b") == 1
    assert from_file.label_names == ["sports", "business"]
    with pytest.raises(ValueError, match=r"unknown label 'art'; expected one of \['sports', 'business'\]"):
        from_file("art")
    with pytest.raises(ValueError, match=r"expected exactly one of label_names and label_path"):
        T.LabelToIndex()


def test_regex_tokenizer():
    tokenizer = T.RegexTokenizer([(r"([.,])", r" \1 "), (r"[0-9]+", "#")])
    assert tokenizer("It costs 25, not 30.") == ["It", "costs", "#", ",", "not", "#", "."]
    with pytest.raises(ValueError, match=r"RegexTokenizer: '\(' is not a regular expression"):
        T.RegexTokenizer([("(", "")])


def test_str_to_int():
    assert T.StrToIntTransform()(["7"]) == [7]


def test_bert_tokenizer(vocab_file):
    assert T.BERTTokenizer(vocab_file, return_tokens=True)("Plays UNWANTING!") == [
        "play", "##s", "un", "##want", "##ing", "!",
    ]  # fmt: skip
    assert T.BERTTokenizer(vocab_file)(["The cat", "dog"]) == [["5", "6"], ["1"]]


def test_masking_shares():
    taeda.manual_seed(3)
    pad, bos, mask, size = 0, 1, 2, 50
    tokens = taeda.randint(3, size, (200, 100))
    tokens[:, 0] = bos
    tokens[:, -1] = pad
    masked, targets, chosen = T.MaskTransform(size, mask, bos, pad, mask_prob=0.2)(tokens)
    assert not chosen[:, 0].any()
    assert not chosen[:, -1].any()
    assert targets.tolist() == tokens[chosen].tolist()
    assert masked[~chosen].tolist() == tokens[~chosen].tolist()
    count = int(chosen.sum())
    # Binomial: the bounds lie five standard deviations out.
    assert abs(count / (200 * 98) - 0.2) < 0.015
    assert abs(int((masked[chosen] == mask).sum()) / count - 0.8) < 0.04
    unchanged = int((masked[chosen] == targets).sum()) / count
    assert abs(unchanged - 0.1) < 0.03


def test_mask_probability():
    with pytest.raises(ValueError, match=r"expected 0 <= mask_prob <= 1, got 1.5"):
        T.MaskTransform(10, 0, 1, 2, mask_prob=1.5)
