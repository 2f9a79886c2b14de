"""Sentence embeddings: BERT, pooling over the pieces, normalisation (Reimers and Gurevych 2019)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import taeda
from taeda import Tensor, nn
from taeda.nn import functional as F

from ..huggingface import read_json
from ..tokenizer import TokenBatch, WordPieceTokenizer
from .bert import BertModel

__all__ = ["SentenceEncoder"]

POOLINGS = ("mean", "cls", "max")


class SentenceEncoder(nn.Module):
    """One vector for each text.

    Args:
        bert: the encoder.
        tokenizer: its tokenizer.
        pooling: "mean" over the real pieces, "cls" (the first piece) or "max" over the real pieces.
        normalize: scale each vector to length 1, so that a dot product is the cosine similarity.
        max_length: bound on the pieces of one text; longer texts are cut.

    Raises:
        ValueError: `pooling` is unknown, or the tokenizer has more pieces than the encoder has embeddings.
    """

    def __init__(
        self,
        bert: BertModel,
        tokenizer: WordPieceTokenizer,
        pooling: str = "mean",
        normalize: bool = True,
        max_length: int = 256,
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"SentenceEncoder: unknown pooling {pooling!r}; expected one of {POOLINGS}")
        if tokenizer.vocab_size > bert.config.vocab_size:
            raise ValueError(
                f"SentenceEncoder: the tokenizer has {tokenizer.vocab_size} pieces but the encoder only "
                f"{bert.config.vocab_size} embeddings; take both from one folder"
            )
        self.bert = bert
        self.tokenizer = tokenizer
        self.pooling = pooling
        self.normalize = normalize
        self.max_length = max_length

    @classmethod
    def from_folder(cls, folder: str | Path, device: taeda.device | str = "cpu") -> SentenceEncoder:
        """Read a folder in the layout of sentence-transformers, or a plain BERT folder (mean, normalised).

        Pooling comes from `1_Pooling/config.json`, normalisation from `modules.json`, the bound on the
        length from `sentence_bert_config.json`, where these exist.

        Raises:
            FileNotFoundError: config.json, the weights or the tokenizer are missing.
            ValueError: a file is damaged, or the pooling is not one of "mean", "cls" and "max".
        """
        root = Path(folder)
        bert = BertModel.from_folder(root, device)
        tokenizer = WordPieceTokenizer.from_folder(root)
        limit = bert.config.max_position_embeddings
        if (root / "sentence_bert_config.json").is_file():
            limit = int(read_json(root / "sentence_bert_config.json").get("max_seq_length") or limit)
        pooling, normalize = "mean", True
        if (root / "1_Pooling" / "config.json").is_file():
            pooling = _pooling_of(root / "1_Pooling" / "config.json")
            normalize = _has_normalize(root / "modules.json")
        return cls(bert, tokenizer, pooling, normalize, limit).eval()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Vectors of shape (B, hidden_size) for a tokenized batch of shape (B, T); gradients flow."""
        hidden = self.bert(input_ids, attention_mask, token_type_ids).last_hidden_state
        real = attention_mask.unsqueeze(-1).to(hidden.dtype)
        if self.pooling == "mean":
            pooled = (hidden * real).sum(1) / real.sum(1).clamp(min=1e-9)
        elif self.pooling == "max":
            pooled = hidden.masked_fill(real == 0, float("-inf")).amax(1)
        else:
            pooled = hidden[:, 0]
        return F.normalize(pooled, dim=-1) if self.normalize else pooled

    def encode(self, texts: str | Sequence[str], batch_size: int = 32) -> Tensor:
        """Embed texts, without gradients; a batch holds texts of like length, so that little is padded.

        Args:
            texts: one text, or `N` of them.
            batch_size: texts a step.

        Returns:
            Tensor of shape (hidden_size,) for one text, (N, hidden_size) for a sequence of them.

        Raises:
            ValueError: the sequence is empty, or `batch_size` is below 1.
        """
        if isinstance(texts, str):
            return self.encode([texts])[0]
        if batch_size < 1:
            raise ValueError(f"SentenceEncoder.encode: expected batch_size >= 1, got {batch_size}")
        if len(texts) == 0:
            raise ValueError("SentenceEncoder.encode: no texts; expected at least one")
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        device = self.bert.embeddings.word_embeddings.weight.device
        training = [module for module in self.modules() if module.training]
        self.eval()
        try:
            with taeda.inference_mode():
                parts = [
                    self(
                        *self._tokens([texts[index] for index in order[start : start + batch_size]]).to(
                            device
                        )
                    )
                    for start in range(0, len(order), batch_size)
                ]
                place = sorted(range(len(order)), key=order.__getitem__)
                return taeda.cat(parts)[taeda.tensor(place, device=device)]
        finally:
            for module in training:
                module.training = True

    def _tokens(self, texts: Sequence[str]) -> TokenBatch:
        return self.tokenizer(texts, max_length=self.max_length)


def _has_normalize(path: Path) -> bool:
    """Whether the module list of a sentence-transformers folder ends in a normalisation; no list means no."""
    if not path.is_file():
        return False
    modules = json.loads(path.read_text(encoding="utf-8"))
    return any(str(module.get("type", "")).endswith(".Normalize") for module in modules)


def _pooling_of(path: Path) -> str:
    """The one pooling mode that a sentence-transformers pooling configuration switches on."""
    chosen = [
        name.removeprefix("pooling_mode_")
        for name, value in read_json(path).items()
        if name.startswith("pooling_mode_") and value is True
    ]
    known = {"mean_tokens": "mean", "cls_token": "cls", "max_tokens": "max"}
    if len(chosen) != 1 or chosen[0] not in known:
        raise ValueError(
            f"{path}: pooling {chosen} is not supported; expected exactly one of {sorted(known)}"
        )
    return known[chosen[0]]
