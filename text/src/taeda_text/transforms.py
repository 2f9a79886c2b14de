"""Text transforms as modules, so that they compose with `Sequential` and travel with a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import taeda
from taeda import Tensor, nn

from . import functional as F
from .tokenizer import WordPieceTokenizer
from .vocab import Vocab

__all__ = [
    "AddToken",
    "BERTTokenizer",
    "LabelToIndex",
    "MaskTransform",
    "PadTransform",
    "RegexTokenizer",
    "Sequential",
    "StrToIntTransform",
    "ToTensor",
    "Truncate",
    "VocabTransform",
]


class VocabTransform(nn.Module):
    """Map tokens (or batches of tokens) to indices with a `Vocab`.

    Example:
        >>> VocabTransform(Vocab(["<unk>", "hi"], default_index=0))([["hi"], ["you", "hi"]])
        [[1], [0, 1]]
    """

    def __init__(self, vocab: Vocab) -> None:
        super().__init__()
        if not isinstance(vocab, Vocab):
            raise TypeError(f"VocabTransform: expected a Vocab, got {type(vocab).__name__}")
        self.vocab = vocab

    def forward(self, input: list[Any]) -> list[Any]:
        """Indices in the shape of the input lists."""
        if input and isinstance(input[0], (list, tuple)):
            return [self.vocab.lookup_indices(tokens) for tokens in input]
        return self.vocab.lookup_indices(input)


class ToTensor(nn.Module):
    """`functional.to_tensor` as a module.

    Example:
        >>> ToTensor(padding_value=9)([[1], [2, 3]]).tolist()
        [[1, 9], [2, 3]]
    """

    def __init__(self, padding_value: int | None = None, dtype: taeda.dtype = taeda.long) -> None:
        super().__init__()
        self.padding_value = padding_value
        self.dtype = dtype

    def forward(self, input: list[Any]) -> Tensor:
        """Tensor of shape (T,) or (B, T)."""
        return F.to_tensor(input, padding_value=self.padding_value, dtype=self.dtype)


class LabelToIndex(nn.Module):
    """Map label names to indices.

    Args:
        label_names: the labels in index order; or
        label_path: a text file with one label a line.
        sort_names: sort the labels first.

    Raises:
        ValueError: not exactly one of the two sources is given, or a label is unknown.

    Example:
        >>> LabelToIndex(["neg", "pos"])(["pos", "neg"])
        [1, 0]
    """

    def __init__(
        self,
        label_names: Sequence[str] | None = None,
        label_path: str | Path | None = None,
        sort_names: bool = False,
    ) -> None:
        super().__init__()
        if (label_names is None) == (label_path is None):
            raise ValueError("LabelToIndex: expected exactly one of label_names and label_path")
        if label_path is not None:
            lines = Path(label_path).read_text(encoding="utf-8").splitlines()
            label_names = [line.strip() for line in lines if line.strip()]
        names = list(label_names or ())
        self._labels = Vocab(sorted(names) if sort_names else names)

    @property
    def label_names(self) -> list[str]:
        """The labels in index order."""
        return self._labels.get_itos()

    def _index(self, label: str) -> int:
        if label not in self._labels:
            raise ValueError(f"LabelToIndex: unknown label {label!r}; expected one of {self.label_names}")
        return self._labels[label]

    def forward(self, labels: str | list[str]) -> int | list[int]:
        """Index of one label, or indices of a list of them."""
        return self._index(labels) if isinstance(labels, str) else [self._index(label) for label in labels]


class Truncate(nn.Module):
    """`functional.truncate` as a module.

    Example:
        >>> Truncate(1)([4, 5])
        [4]
    """

    def __init__(self, max_seq_len: int) -> None:
        super().__init__()
        self.max_seq_len = max_seq_len

    def forward(self, input: list[Any]) -> list[Any]:
        """The first `max_seq_len` entries."""
        return F.truncate(input, self.max_seq_len)


class AddToken(nn.Module):
    """`functional.add_token` as a module.

    Example:
        >>> AddToken(2, begin=False)([4, 5])
        [4, 5, 2]
    """

    def __init__(self, token: int | str, begin: bool = True) -> None:
        super().__init__()
        self.token = token
        self.begin = begin

    def forward(self, input: list[Any]) -> list[Any]:
        """The input with the token at its begin or end."""
        return F.add_token(input, self.token, self.begin)


class PadTransform(nn.Module):
    """Pad the last dimension of a tensor up to `max_length`; longer tensors pass unchanged.

    Example:
        >>> PadTransform(4, pad_value=0)(taeda.tensor([7, 8])).tolist()
        [7, 8, 0, 0]
    """

    def __init__(self, max_length: int, pad_value: int) -> None:
        super().__init__()
        self.max_length = max_length
        self.pad_value = float(pad_value)

    def forward(self, x: Tensor) -> Tensor:
        """Tensor of shape (..., max(T, max_length)) for input (..., T)."""
        missing = self.max_length - x.size(-1)
        return nn.functional.pad(x, (0, missing), value=self.pad_value) if missing > 0 else x


class StrToIntTransform(nn.Module):
    """`functional.str_to_int` as a module.

    Example:
        >>> StrToIntTransform()([["1"], ["2", "3"]])
        [[1], [2, 3]]
    """

    def forward(self, input: list[Any]) -> list[Any]:
        """Integers in the shape of the input lists."""
        return F.str_to_int(input)


class RegexTokenizer(nn.Module):
    """Apply (pattern, replacement) pairs in turn, then split on white space.

    Example:
        >>> RegexTokenizer([(r"!", " ! ")])("Hello you!")
        ['Hello', 'you', '!']
    """

    def __init__(self, patterns_list: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.patterns = []
        for pattern, replacement in patterns_list:
            try:
                self.patterns.append((re.compile(pattern), replacement))
            except re.error as error:
                raise ValueError(
                    f"RegexTokenizer: {pattern!r} is not a regular expression: {error}"
                ) from error

    def forward(self, line: str) -> list[str]:
        """The tokens of one line."""
        for pattern, replacement in self.patterns:
            line = pattern.sub(replacement, line)
        return line.split()


class BERTTokenizer(nn.Module):
    """WordPiece tokens of BERT for a text or a list of texts, without [CLS] and [SEP].

    Args:
        vocab_path: a `vocab.txt` with one piece a line.
        do_lower_case: lower-case the text first.
        strip_accents: remove accents; None follows `do_lower_case`.
        return_tokens: give the pieces; otherwise their indices as decimal strings, as torchtext does.
    """

    def __init__(
        self,
        vocab_path: str | Path,
        do_lower_case: bool = True,
        strip_accents: bool | None = None,
        return_tokens: bool = False,
    ) -> None:
        super().__init__()
        self.tokenizer = WordPieceTokenizer.from_vocab(
            vocab_path, lowercase=do_lower_case, strip_accents=strip_accents
        )
        self.return_tokens = return_tokens

    def _one(self, text: str) -> list[str]:
        if self.return_tokens:
            return self.tokenizer.tokenize(text)
        return [str(index) for index in self.tokenizer.encode(text, add_special_tokens=False)]

    def forward(self, input: str | list[str]) -> list[Any]:
        """Pieces (or index strings) of the text, or of each text of the list."""
        return self._one(input) if isinstance(input, str) else [self._one(text) for text in input]


class Sequential(nn.Sequential):
    """Transforms one after the other.

    Example:
        >>> Sequential(Truncate(2), AddToken(0))([5, 6, 7])
        [0, 5, 6]
    """

    def forward(self, input: Any) -> Any:
        """The output of the last transform."""
        for module in self:
            input = module(input)
        return input


class MaskTransform(nn.Module):
    """BERT's masking for masked language modelling (Devlin et al. 2019, section 3.1).

    Of the positions chosen with probability `mask_prob`, 80 % become the mask token, 10 % a random token and
    10 % stay. Padding is never chosen; the begin token only with ``mask_bos=True``.

    Args:
        vocab_len: number of tokens; random tokens are drawn from 0 .. vocab_len - 1.
        mask_idx: index of the mask token.
        bos_idx: index of the begin token.
        pad_idx: index of the padding token.
        mask_bos: whether begin tokens can be chosen.
        mask_prob: the probability that a position is chosen.

    Raises:
        ValueError: `mask_prob` lies outside 0 .. 1.
    """

    mask_share = 0.8
    random_share = 0.1

    def __init__(
        self,
        vocab_len: int,
        mask_idx: int,
        bos_idx: int,
        pad_idx: int,
        mask_bos: bool = False,
        mask_prob: float = 0.15,
    ) -> None:
        super().__init__()
        if not 0.0 <= mask_prob <= 1.0:
            raise ValueError(f"MaskTransform: expected 0 <= mask_prob <= 1, got {mask_prob}")
        self.vocab_len = vocab_len
        self.mask_idx = mask_idx
        self.bos_idx = bos_idx
        self.pad_idx = pad_idx
        self.mask_bos = mask_bos
        self.mask_prob = mask_prob

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mask a batch.

        Args:
            tokens: indices of shape (B, T).

        Returns:
            The masked tokens (B, T), the true tokens at the chosen positions (N,), and the choice (B, T) as
            bool.
        """
        candidates = tokens != self.pad_idx
        if not self.mask_bos:
            candidates = candidates & (tokens != self.bos_idx)
        chosen = candidates & (taeda.rand(tokens.shape) < self.mask_prob)
        fate = taeda.rand(tokens.shape)
        masked = tokens.masked_fill(chosen & (fate < self.mask_share), self.mask_idx)
        becomes_random = chosen & (fate >= self.mask_share) & (fate < self.mask_share + self.random_share)
        random_tokens = taeda.randint(0, self.vocab_len, tuple(tokens.shape), dtype=tokens.dtype)
        return taeda.where(becomes_random, random_tokens, masked), tokens.masked_select(chosen), chosen
