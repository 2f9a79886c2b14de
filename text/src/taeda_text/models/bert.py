"""BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805) with the state-dict keys of Hugging Face.

A folder of `BertModel`, `BertForMaskedLM` and the like (config.json, and model.safetensors or
pytorch_model.bin) loads as it is; the weights of heads are left out.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import taeda
from taeda import Tensor, nn
from taeda.nn import functional as F

from ..huggingface import load_weights, read_json

__all__ = ["BertConfig", "BertForSequenceClassification", "BertModel", "BertOutput"]


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": _gelu_tanh,
    "gelu_pytorch_tanh": _gelu_tanh,
    "relu": F.relu,
    "silu": F.silu,
    "swish": F.silu,
}


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """The sizes and rates of a BERT, under the names of Hugging Face's `config.json`.

    Raises:
        ValueError: a value does not fit; the message names it.

    Example:
        >>> BertConfig(hidden_size=64, num_attention_heads=4).head_size
        16
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"BertConfig: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(
                f"BertConfig: unknown hidden_act {self.hidden_act!r}; expected one of {sorted(ACTIVATIONS)}"
            )

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BertConfig:
        """Take the values that BERT knows from a `config.json`; others, such as versions, are ignored.

        Raises:
            ValueError: the configuration is of another model, or asks for relative positions.
        """
        kind = values.get("model_type", "bert")
        if kind != "bert":
            raise ValueError(f"BertConfig: config.json describes model_type {kind!r}; expected 'bert'")
        position = values.get("position_embedding_type", "absolute")
        if position != "absolute":
            raise ValueError(
                f"BertConfig: position_embedding_type {position!r} is not supported; expected 'absolute'"
            )
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names and value is not None})

    @classmethod
    def from_folder(cls, folder: str | Path) -> BertConfig:
        """Read `config.json` of a folder."""
        return cls.from_dict(read_json(Path(folder) / "config.json"))

    def save(self, folder: str | Path) -> None:
        """Write `config.json` so that `from_folder` and Hugging Face read it."""
        content = {"architectures": ["BertModel"], "model_type": "bert", **dataclasses.asdict(self)}
        (Path(folder) / "config.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


class BertOutput(NamedTuple):
    """What `BertModel` gives.

    Attributes:
        last_hidden_state: (B, T, hidden_size).
        pooler_output: (B, hidden_size), tanh of a layer on the first position; None without pooler.
    """

    last_hidden_state: Tensor
    pooler_output: Tensor | None


class BertEmbeddings(nn.Module):
    """Sum of piece, position and type embeddings, normalised."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(
            config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id
        )
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor, position_ids: Tensor) -> Tensor:
        embedded = self.word_embeddings(input_ids) + self.token_type_embeddings(token_type_ids)
        dropped: Tensor = self.dropout(self.LayerNorm(embedded + self.position_embeddings(position_ids)))
        return dropped


class BertSelfAttention(nn.Module):
    """Multi-head attention of a sequence to itself."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.head_size = config.head_size
        self.dropout_prob = config.attention_probs_dropout_prob
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)

    def _heads(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, heads, T, D / heads)."""
        return x.view(x.size(0), x.size(1), self.num_heads, self.head_size).transpose(1, 2)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        context = F.scaled_dot_product_attention(
            self._heads(self.query(hidden)),
            self._heads(self.key(hidden)),
            self._heads(self.value(hidden)),
            attn_mask=mask,
            dropout_p=self.dropout_prob if self.training else 0.0,
        )
        return context.transpose(1, 2).reshape(hidden.shape)


class BertResidual(nn.Module):
    """Linear layer and dropout, added to the residual, normalised (after attention and after the MLP)."""

    def __init__(self, config: BertConfig, in_features: int) -> None:
        super().__init__()
        self.dense = nn.Linear(in_features, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        normalised: Tensor = self.LayerNorm(self.dropout(self.dense(x)) + residual)
        return normalised


class BertAttention(nn.Module):
    """Self-attention with its output layer."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.self = BertSelfAttention(config)
        self.output = BertResidual(config, config.hidden_size)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        output: Tensor = self.output(self.self(hidden, mask), hidden)
        return output


class BertIntermediate(nn.Module):
    """The widening half of the MLP."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, hidden: Tensor) -> Tensor:
        return self.activation(self.dense(hidden))


class BertLayer(nn.Module):
    """One block: attention, then MLP."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = BertAttention(config)
        self.intermediate = BertIntermediate(config)
        self.output = BertResidual(config, config.intermediate_size)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        attended = self.attention(hidden, mask)
        output: Tensor = self.output(self.intermediate(attended), attended)
        return output


class BertEncoder(nn.Module):
    """The stack of blocks."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList([BertLayer(config) for _ in range(config.num_hidden_layers)])

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        for layer in self.layer:
            hidden = layer(hidden, mask)
        return hidden


class BertPooler(nn.Module):
    """tanh of a layer on the first position."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return taeda.tanh(self.dense(hidden[:, 0]))


def _init_weights(module: nn.Module, std: float) -> None:
    """Normal weights of width `std`, zero biases, and a zero vector for padding, as BERT was trained from."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=std)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with taeda.no_grad():
            module.weight[module.padding_idx].zero_()


class BertModel(nn.Module):
    """BERT encoder, with an optional pooler.

    Args:
        config: sizes and rates.
        add_pooling_layer: whether there is a pooler.

    Example:
        >>> config = BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                     intermediate_size=16)
        >>> tuple(BertModel(config).eval()(taeda.tensor([[2, 5, 3]])).last_hidden_state.shape)
        (1, 3, 8)
    """

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True) -> None:
        super().__init__()
        self.config = config
        self.embeddings = BertEmbeddings(config)
        self.encoder = BertEncoder(config)
        self.pooler = BertPooler(config) if add_pooling_layer else None
        self.apply(lambda module: _init_weights(module, config.initializer_range))

    @classmethod
    def from_folder(cls, folder: str | Path, device: taeda.device | str = "cpu") -> BertModel:
        """Read a Hugging Face folder; the model is in eval mode and has a pooler if the weights have one.

        Raises:
            FileNotFoundError: config.json or the weights are missing.
            ValueError: a file is damaged, or describes another kind of model.
            RuntimeError: weights are missing, unexpected or of another shape.
        """
        config = BertConfig.from_folder(folder)
        weights = encoder_weights(load_weights(Path(folder), device))
        has_pooler = any(name.startswith("pooler.") for name in weights)
        model = cls(config, add_pooling_layer=has_pooler).to(device)
        model.load_state_dict(weights)
        return model.eval()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
    ) -> BertOutput:
        """Encode a batch.

        Args:
            input_ids: piece indices, int64 of shape (B, T), T at most `max_position_embeddings`.
            attention_mask: 1 (or True) at real pieces, 0 at padding, shape (B, T); None means all are real.
            token_type_ids: 0 or 1 for the text of a pair, shape (B, T); None means 0.
            position_ids: shape (B, T) or (1, T); None counts from 0.

        Raises:
            ValueError: a shape does not fit.
        """
        if input_ids.dim() != 2:
            raise ValueError(
                f"BertModel: expected input_ids of shape (B, T), got {tuple(input_ids.shape)}; "
                "a single sequence needs input_ids[None]"
            )
        length = input_ids.size(1)
        if length > self.config.max_position_embeddings:
            raise ValueError(
                f"BertModel: sequences of {length} pieces exceed "
                f"max_position_embeddings={self.config.max_position_embeddings}; "
                f"tokenize with max_length={self.config.max_position_embeddings}"
            )
        if position_ids is None:
            position_ids = taeda.arange(length, device=input_ids.device)[None]
        if token_type_ids is None:
            token_type_ids = taeda.zeros_like(input_ids)
        mask = None
        if attention_mask is not None:
            if attention_mask.shape != input_ids.shape:
                raise ValueError(
                    f"BertModel: attention_mask has shape {tuple(attention_mask.shape)}; "
                    f"expected that of input_ids, {tuple(input_ids.shape)}"
                )
            mask = attention_mask.bool()[:, None, None, :]
        hidden = self.encoder(self.embeddings(input_ids, token_type_ids, position_ids), mask)
        return BertOutput(hidden, None if self.pooler is None else self.pooler(hidden))


class BertForSequenceClassification(nn.Module):
    """BERT with a linear layer on the pooled output: one score for each class.

    Args:
        config: sizes and rates.
        num_labels: number of classes.

    Example:
        >>> config = BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                     intermediate_size=16)
        >>> tuple(BertForSequenceClassification(config, 3)(taeda.tensor([[2, 5, 3]])).shape)
        (1, 3)
    """

    def __init__(self, config: BertConfig, num_labels: int) -> None:
        super().__init__()
        self.num_labels = num_labels
        self.bert = BertModel(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, num_labels)
        _init_weights(self.classifier, config.initializer_range)

    @classmethod
    def from_folder(
        cls, folder: str | Path, num_labels: int, device: taeda.device | str = "cpu"
    ) -> BertForSequenceClassification:
        """Read a Hugging Face folder to fine-tune on `num_labels` classes.

        Encoder and pooler must be in the folder. A classifier of the same number of classes is taken over,
        otherwise it starts from random weights. The model is in training mode.

        Raises:
            FileNotFoundError, ValueError, RuntimeError: as `BertModel.from_folder`.
        """
        model = cls(BertConfig.from_folder(folder), num_labels).to(device)
        weights = load_weights(Path(folder), device)
        model.bert.load_state_dict(encoder_weights(weights))
        head = {
            name: weights[f"classifier.{name}"]
            for name in ("weight", "bias")
            if f"classifier.{name}" in weights
        }
        if len(head) == 2 and head["weight"].size(0) == num_labels:
            model.classifier.load_state_dict(head)
        return model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Scores of shape (B, num_labels); arguments as in `BertModel.forward`."""
        scores: Tensor = self.classifier(
            self.dropout(self.bert(input_ids, attention_mask, token_type_ids).pooler_output)
        )
        return scores


def encoder_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's part of a Hugging Face state dict, under the names of `BertModel`.

    A file of a model with a head has `bert.` before the encoder's names and its head beside them: the prefix
    is cut off and the head left out. Old files say gamma and beta for a LayerNorm's weight and bias, and
    carry the constant `embeddings.position_ids`.
    """
    prefix = "bert." if any(name.startswith("bert.") for name in weights) else ""
    result = {}
    for name, value in weights.items():
        if not name.startswith(prefix):
            continue
        short = name[len(prefix) :]
        if short == "embeddings.position_ids":
            continue
        result[
            short.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        ] = value
    return result
