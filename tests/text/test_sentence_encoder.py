"""Sentence embeddings."""

import json

import numpy as np
import pytest

import taeda
from taeda_text import WordPieceTokenizer
from taeda_text.models import BertConfig, BertModel, SentenceEncoder

TEXTS = ["the cat", "cat plays!", "the the cat playing plays", "unwanted"]


def _pool(encoder, text, pooling):
    """Pool a single unpadded text in NumPy."""
    with taeda.no_grad():
        hidden = encoder.bert(encoder.tokenizer(text).input_ids).last_hidden_state[0].numpy()
    return {"mean": hidden.mean(0), "cls": hidden[0], "max": hidden.max(0)}[pooling]


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_pooling_in_batches(bert_folder, pooling, batch_size):
    bert, tokenizer = BertModel.from_folder(bert_folder), WordPieceTokenizer.from_folder(bert_folder)
    encoder = SentenceEncoder(bert, tokenizer, pooling, normalize=False, max_length=16)
    vectors = encoder.encode(TEXTS, batch_size=batch_size)
    expected = [_pool(encoder, text, pooling) for text in TEXTS]
    np.testing.assert_allclose(vectors.numpy(), np.stack(expected), atol=1e-5)


def test_normalised_and_single(bert_folder):
    encoder = SentenceEncoder.from_folder(bert_folder)
    vectors = encoder.encode(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors.numpy(), axis=1), np.ones(4), atol=1e-6)
    np.testing.assert_allclose(encoder.encode(TEXTS[1]).numpy(), vectors[1].numpy(), atol=1e-6)
    mean = _pool(encoder, TEXTS[0], "mean")
    np.testing.assert_allclose(vectors[0].numpy(), mean / np.linalg.norm(mean), atol=1e-5)


def test_encode_keeps_the_mode_and_makes_no_graph(bert_folder):
    encoder = SentenceEncoder.from_folder(bert_folder).train()
    first, second = encoder.encode(TEXTS), encoder.encode(TEXTS)
    assert taeda.equal(first, second)
    assert encoder.training
    assert not first.requires_grad


def test_forward_gives_gradients(bert_folder):
    encoder = SentenceEncoder.from_folder(bert_folder)
    encoder(*encoder.tokenizer(TEXTS)).sum().backward()
    assert encoder.bert.embeddings.word_embeddings.weight.grad is not None


def test_layout_of_sentence_transformers(bert_folder):
    (bert_folder / "1_Pooling").mkdir()
    modes = {"word_embedding_dimension": 8, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (bert_folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
    (bert_folder / "sentence_bert_config.json").write_text('{"max_seq_length": 4, "do_lower_case": false}')
    plain = SentenceEncoder.from_folder(bert_folder)
    assert (plain.pooling, plain.normalize, plain.max_length) == ("cls", False, 4)
    modules = [
        {"type": "sentence_transformers.models.Transformer"},
        {"type": "sentence_transformers.models.Normalize"},
    ]
    (bert_folder / "modules.json").write_text(json.dumps(modules))
    assert SentenceEncoder.from_folder(bert_folder).normalize
    modes["pooling_mode_mean_tokens"] = True
    (bert_folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
    with pytest.raises(ValueError, match=r"pooling \['cls_token', 'mean_tokens'\] is not supported"):
        SentenceEncoder.from_folder(bert_folder)


def test_errors(bert_folder):
    encoder = SentenceEncoder.from_folder(bert_folder)
    with pytest.raises(ValueError, match=r"unknown pooling 'sum'; expected one of \('mean', 'cls', 'max'\)"):
        SentenceEncoder(encoder.bert, encoder.tokenizer, "sum")
    with pytest.raises(ValueError, match=r"encode: no texts; expected at least one"):
        encoder.encode([])
    with pytest.raises(ValueError, match=r"expected batch_size >= 1, got 0"):
        encoder.encode(TEXTS, batch_size=0)
    narrow = BertModel(
        BertConfig(
            vocab_size=5, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
        )
    )
    with pytest.raises(ValueError, match=r"the tokenizer has 13 pieces but the encoder only 5 embeddings"):
        SentenceEncoder(narrow, encoder.tokenizer)
