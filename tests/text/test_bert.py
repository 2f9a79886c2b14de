"""BERT: numbers by hand in NumPy, folders of Hugging Face, errors."""

import json
import math

import numpy as np
import pytest

import taeda
from taeda_text.models import BertConfig, BertForSequenceClassification, BertModel


def _linear(weights, name, x):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _layer_norm(weights, name, x):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def numpy_bert(weights, ids, mask, types, heads):
    """The paper's equations, one head of one sequence at a time, in float64."""
    batch, length = ids.shape
    x = (
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][:length]
        + weights["embeddings.token_type_embeddings.weight"][types]
    )
    x = _layer_norm(weights, "embeddings.LayerNorm", x)
    width = x.shape[-1] // heads
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in weights:
        prefix = f"encoder.layer.{layer}"
        query, key, value = (
            _linear(weights, f"{prefix}.attention.self.{name}", x) for name in ("query", "key", "value")
        )
        context = np.zeros_like(x)
        for b in range(batch):
            for h in range(heads):
                part = slice(h * width, (h + 1) * width)
                scores = query[b, :, part] @ key[b, :, part].T / math.sqrt(width)
                scores = np.where(mask[b][None, :] == 1, scores, -np.inf)
                exponentials = np.exp(scores - scores.max(-1, keepdims=True))
                context[b, :, part] = exponentials / exponentials.sum(-1, keepdims=True) @ value[b, :, part]
        output = f"{prefix}.attention.output"
        x = _layer_norm(weights, f"{output}.LayerNorm", _linear(weights, f"{output}.dense", context) + x)
        inner = _gelu(_linear(weights, f"{prefix}.intermediate.dense", x))
        x = _layer_norm(
            weights, f"{prefix}.output.LayerNorm", _linear(weights, f"{prefix}.output.dense", inner) + x
        )
        layer += 1
    return x, np.tanh(_linear(weights, "pooler.dense", x[:, 0]))


def _randomised(config):
    """A model whose every weight is random, so that no term hides behind a zero or a one."""
    model = BertModel(config).eval()
    rng = np.random.default_rng(5)
    state = {
        name: taeda.from_numpy(rng.standard_normal(tuple(value.shape)).astype(np.float32) * 0.5)
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(state)
    return model, {name: value.numpy().astype(np.float64) for name, value in state.items()}


def test_values_against_numpy(small_config):
    model, weights = _randomised(small_config)
    ids = np.array([[2, 5, 6, 7, 3], [2, 10, 3, 0, 0]])
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    types = np.array([[0, 0, 1, 1, 1], [0, 0, 0, 0, 0]])
    with taeda.no_grad():
        output = model(taeda.from_numpy(ids), taeda.from_numpy(mask), taeda.from_numpy(types))
    hidden, pooled = numpy_bert(weights, ids, mask, types, small_config.num_attention_heads)
    np.testing.assert_allclose(output.last_hidden_state.numpy(), hidden, atol=1e-4)
    np.testing.assert_allclose(output.pooler_output.numpy(), pooled, atol=1e-4)


def test_padding_does_not_change_real_positions(small_config):
    model, _ = _randomised(small_config)
    with taeda.no_grad():
        alone = model(taeda.tensor([[2, 5, 3]])).last_hidden_state
        ids, mask = taeda.tensor([[2, 5, 3, 0, 0]]), taeda.tensor([[1, 1, 1, 0, 0]])
        padded = model(ids, mask).last_hidden_state
    np.testing.assert_allclose(padded[:, :3].numpy(), alone.numpy(), atol=1e-5)


def test_state_dict_keys(small_config):
    keys = list(BertModel(small_config).state_dict())
    assert keys[:5] == [
        "embeddings.word_embeddings.weight",
        "embeddings.position_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
        "embeddings.LayerNorm.weight",
        "embeddings.LayerNorm.bias",
    ]
    assert "encoder.layer.1.attention.self.query.weight" in keys
    assert "encoder.layer.0.attention.output.LayerNorm.bias" in keys
    assert "encoder.layer.0.intermediate.dense.bias" in keys
    assert keys[-2:] == ["pooler.dense.weight", "pooler.dense.bias"]
    assert len(keys) == 5 + 2 * 16 + 2


def test_initial_weights(small_config):
    model = BertModel(BertConfig(**{**small_config.__dict__, "vocab_size": 4000, "initializer_range": 0.02}))
    words = model.embeddings.word_embeddings.weight
    assert words[0].abs().sum().item() == 0.0
    assert abs(words.std().item() - 0.02) < 0.001
    assert model.encoder.layer[0].output.dense.bias.abs().sum().item() == 0.0


def test_gradients_reach_every_weight(small_config):
    model = BertForSequenceClassification(small_config, 3).train()
    loss = taeda.nn.functional.cross_entropy(
        model(taeda.tensor([[2, 5, 3], [2, 6, 3]])), taeda.tensor([0, 2])
    )
    loss.backward()
    missing = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert missing == []


def test_learns_a_toy_task(small_config):
    taeda.manual_seed(0)
    config = BertConfig(
        **{**small_config.__dict__, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    )
    model = BertForSequenceClassification(config, 2)
    optimizer = taeda.optim.AdamW(model.parameters(), lr=5e-3)
    ids = taeda.tensor([[2, 5, 6, 3], [2, 6, 5, 3], [2, 7, 6, 3], [2, 7, 5, 3]])
    labels = taeda.tensor([0, 0, 1, 1])
    losses = []
    for _ in range(60):
        loss = taeda.nn.functional.cross_entropy(model(ids), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 < losses[0]


def test_folder(bert_folder, small_config):
    model = BertModel.from_folder(bert_folder)
    assert model.config == small_config
    assert not model.training
    stored = taeda.load(bert_folder / "pytorch_model.bin")
    assert taeda.equal(model.state_dict()["pooler.dense.weight"], stored["pooler.dense.weight"])


def test_folder_with_a_head_and_old_names(bert_folder, small_config):
    stored = taeda.load(bert_folder / "pytorch_model.bin")
    old = {
        "bert."
        + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for name, value in stored.items()
        if not name.startswith("pooler")
    }
    old["bert.embeddings.position_ids"] = taeda.arange(16)[None]
    old["cls.predictions.bias"] = taeda.zeros(13)
    taeda.save(old, bert_folder / "pytorch_model.bin")
    model = BertModel.from_folder(bert_folder)
    assert model.pooler is None
    assert model(taeda.tensor([[2, 3]])).pooler_output is None
    assert taeda.equal(model.embeddings.LayerNorm.weight.detach(), stored["embeddings.LayerNorm.weight"])


def test_classifier_folder(bert_folder, small_config):
    stored = taeda.load(bert_folder / "pytorch_model.bin")
    full = {f"bert.{name}": value for name, value in stored.items()}
    full["classifier.weight"], full["classifier.bias"] = taeda.ones(3, 8), taeda.ones(3)
    taeda.save(full, bert_folder / "pytorch_model.bin")
    same = BertForSequenceClassification.from_folder(bert_folder, num_labels=3)
    other = BertForSequenceClassification.from_folder(bert_folder, num_labels=2)
    assert same.classifier.bias.tolist() == [1.0, 1.0, 1.0]
    assert other.classifier.bias.tolist() == [0.0, 0.0]
    assert same.training


def test_config_errors():
    with pytest.raises(ValueError, match=r"hidden_size=10 is not a multiple of num_attention_heads=3"):
        BertConfig(hidden_size=10, num_attention_heads=3)
    with pytest.raises(ValueError, match=r"unknown hidden_act 'mish'; expected one of \['gelu'"):
        BertConfig(hidden_act="mish")
    with pytest.raises(ValueError, match=r"describes model_type 'gpt2'; expected 'bert'"):
        BertConfig.from_dict({"model_type": "gpt2"})
    with pytest.raises(ValueError, match=r"position_embedding_type 'relative_key' is not supported"):
        BertConfig.from_dict({"position_embedding_type": "relative_key"})


def test_input_errors(small_config):
    model = BertModel(small_config)
    with pytest.raises(
        ValueError, match=r"expected input_ids of shape \(B, T\), got \(3,\); .* input_ids\[None\]"
    ):
        model(taeda.tensor([2, 5, 3]))
    with pytest.raises(
        ValueError, match=r"sequences of 17 pieces exceed max_position_embeddings=16; tokenize with"
    ):
        model(taeda.zeros(1, 17, dtype=taeda.int64))
    with pytest.raises(
        ValueError, match=r"attention_mask has shape \(1, 2\); expected that of input_ids, \(1, 3\)"
    ):
        model(taeda.tensor([[2, 5, 3]]), taeda.tensor([[1, 1]]))


def test_folder_errors(bert_folder, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(FileNotFoundError, match=r"no file .*config.json; the folder holds \[\]"):
        BertModel.from_folder(empty)
    with pytest.raises(FileNotFoundError, match=r"no file .*config.json; the folder .*gone does not exist"):
        BertModel.from_folder(empty / "gone")
    (empty / "config.json").write_text((bert_folder / "config.json").read_text())
    with pytest.raises(FileNotFoundError, match=r"has neither model.safetensors nor pytorch_model.bin"):
        BertModel.from_folder(empty)
    (empty / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"weights are in several files: merge them first"):
        BertModel.from_folder(empty)
    (empty / "config.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"config.json: expected a JSON object, got list"):
        BertModel.from_folder(empty)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a safetensors file",
        (1 << 40).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
    ],
    ids=["empty", "text", "header-too-long", "header-not-a-table"],
)
def test_corrupt_safetensors(bert_folder, content):
    (bert_folder / "model.safetensors").write_bytes(content)
    message = (
        rf"load_weights: cannot read .*model.safetensors \({len(content)} bytes\).*download the file again"
    )
    with pytest.raises(ValueError, match=message):
        BertModel.from_folder(bert_folder)


def test_truncated_safetensors(bert_folder):
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    content = len(header).to_bytes(8, "little") + header + b"\0" * 9
    (bert_folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"load_weights: cannot read .*model.safetensors"):
        BertModel.from_folder(bert_folder)


class _Hostile:
    def __reduce__(self):
        return (print, ("code ran",))


def test_hostile_pickle(bert_folder, capsys):
    import pickle

    (bert_folder / "pytorch_model.bin").write_bytes(pickle.dumps({"w": _Hostile()}))
    with pytest.raises(ValueError, match=r"load_weights: cannot read .*pytorch_model.bin"):
        BertModel.from_folder(bert_folder)
    assert "code ran" not in capsys.readouterr().out


def test_weights_that_are_no_state_dict(bert_folder):
    taeda.save([1, 2], bert_folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"does not hold a table of tensors; expected a state dict"):
        BertModel.from_folder(bert_folder)


def test_missing_weight(bert_folder):
    stored = taeda.load(bert_folder / "pytorch_model.bin")
    del stored["encoder.layer.1.output.dense.weight"]
    taeda.save(stored, bert_folder / "pytorch_model.bin")
    with pytest.raises(RuntimeError, match=r"(?s)Missing key.*encoder.layer.1.output.dense.weight"):
        BertModel.from_folder(bert_folder)
