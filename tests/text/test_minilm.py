"""The real pretrained all-MiniLM-L6-v2: our embeddings are those of transformers.

tests/parity/text/make_minilm_reference.py makes the reference.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from taeda_text import WordPieceTokenizer
from taeda_text.models import SentenceEncoder

REFERENCE = json.loads((Path(__file__).parent / "minilm_reference.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def encoder(minilm_folder):
    return SentenceEncoder.from_folder(minilm_folder)


def test_configuration(encoder):
    assert (encoder.pooling, encoder.normalize, encoder.max_length) == ("mean", True, 256)
    config = encoder.bert.config
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (384, 6, 12)


def test_embeddings_match_the_reference(encoder):
    vectors = encoder.encode([row["text"] for row in REFERENCE], batch_size=4).numpy()
    expected = np.array([row["vector"] for row in REFERENCE])
    assert vectors.shape == (len(REFERENCE), 384)
    assert np.abs(vectors - expected).max() < 1e-4


def test_both_tokenizer_files_agree(encoder, minilm_folder):
    from_vocab = WordPieceTokenizer.from_vocab(minilm_folder / "vocab.txt")
    for row in REFERENCE:
        assert from_vocab.encode(row["text"]) == encoder.tokenizer.encode(row["text"])


def test_meaning(encoder):
    rice, cooking, motor = encoder.encode(
        ["How do I cook rice?", "Boiling rice, step by step", "The motor needs new spark plugs"]
    )
    assert float(rice @ cooking) > 0.5 > 0.2 > float(rice @ motor)
