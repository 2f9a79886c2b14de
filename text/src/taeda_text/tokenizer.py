"""WordPiece tokenizer of BERT, on the Hugging Face `tokenizers` library."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import taeda
from taeda import Tensor

from .huggingface import read_json

__all__ = ["TokenBatch", "WordPieceTokenizer"]

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_PADDINGS = (True, False, "longest", "max_length")


class TokenBatch(NamedTuple):
    """A tokenized batch, in the argument order of `BertModel.forward`.

    Attributes:
        input_ids: indices of the pieces, int64 of shape (B, T).
        attention_mask: 1 at real pieces and 0 at padding, int64 of shape (B, T).
        token_type_ids: 0 in the first text of a pair and 1 in the second, int64 of shape (B, T).
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor

    def to(self, device: taeda.device | str) -> TokenBatch:
        """The batch on another device."""
        return TokenBatch(*(tensor.to(device) for tensor in self))


def _normalizer(lowercase: bool, strip_accents: bool | None, chinese: bool) -> Any:
    return normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=chinese, strip_accents=strip_accents, lowercase=lowercase
    )


def _read_vocab_file(path: Path) -> dict[str, int]:
    """Read a `vocab.txt`: one piece a line, the line number is the index."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"WordPieceTokenizer: {path} is not UTF-8 text ({error}); expected one piece a line"
        ) from error
    vocab: dict[str, int] = {}
    for index, line in enumerate(lines):
        piece = line.rstrip("\r\n")
        if piece in vocab:
            raise ValueError(
                f"WordPieceTokenizer: {path} lists {piece!r} twice, in lines {vocab[piece] + 1} and "
                f"{index + 1}; "
                "every piece must occur once"
            )
        vocab[piece] = index
    return vocab


class WordPieceTokenizer:
    """Text to BERT's WordPiece indices and back.

    Make one with `from_folder`, `from_vocab` or `train`. Calling it gives a padded `TokenBatch`.

    Example:
        >>> tokenizer = WordPieceTokenizer.from_vocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "play", "##ing"])
        >>> tokenizer.tokenize("Playing")
        ['play', '##ing']
        >>> tokenizer(["playing", "play"]).input_ids.tolist()
        [[2, 4, 5, 3], [2, 4, 3, 0]]
    """

    def __init__(self, tokenizer: Tokenizer, max_length: int | None = None) -> None:
        """Wrap a `tokenizers.Tokenizer` with a WordPiece model.

        Args:
            tokenizer: the tokenizer to wrap; its own padding and truncation settings are switched off.
            max_length: default bound on the pieces of one sequence, specials included.

        Raises:
            ValueError: a special token that BERT needs is not in the vocabulary.
        """
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self.max_length = max_length
        self.pad_id = self._special("[PAD]")
        self.unk_id = self._special("[UNK]")
        self.cls_id = self._special("[CLS]")
        self.sep_id = self._special("[SEP]")
        self.mask_id: int | None = tokenizer.token_to_id("[MASK]")

    def _special(self, token: str) -> int:
        index: int | None = self._tokenizer.token_to_id(token)
        if index is None:
            raise ValueError(
                f"WordPieceTokenizer: the vocabulary of {self.vocab_size} pieces lacks {token}; "
                "expected [PAD], [UNK], [CLS] and [SEP] among its lines"
            )
        return index

    @classmethod
    def from_vocab(
        cls,
        vocab: str | Path | Sequence[str] | Mapping[str, int],
        lowercase: bool = True,
        strip_accents: bool | None = None,
        handle_chinese_chars: bool = True,
        max_length: int | None = None,
    ) -> WordPieceTokenizer:
        """Make a tokenizer from a vocabulary.

        Args:
            vocab: path of a `vocab.txt`, or the pieces in index order, or a mapping piece -> index.
            lowercase: lower-case the text first.
            strip_accents: remove accents; None follows `lowercase`.
            handle_chinese_chars: make each CJK character a word.
            max_length: default bound on the pieces of one sequence, specials included.

        Raises:
            FileNotFoundError: the file is missing.
            ValueError: the vocabulary is empty, lists a piece twice or lacks a special token.
        """
        if isinstance(vocab, (str, Path)):
            path = Path(vocab)
            if not path.is_file():
                raise FileNotFoundError(
                    f"WordPieceTokenizer.from_vocab: no file {path}; expected a vocab.txt with one piece a "
                    "line"
                )
            table = _read_vocab_file(path)
        elif isinstance(vocab, Mapping):
            table = dict(vocab)
        else:
            table = {piece: index for index, piece in enumerate(vocab)}
            if len(table) != len(vocab):
                raise ValueError(
                    "WordPieceTokenizer.from_vocab: a piece occurs twice; every piece must occur once"
                )
        if not table:
            raise ValueError(
                "WordPieceTokenizer.from_vocab: the vocabulary is empty; expected one piece a line"
            )
        tokenizer = Tokenizer(models.WordPiece(table, unk_token="[UNK]", max_input_chars_per_word=100))
        tokenizer.normalizer = _normalizer(lowercase, strip_accents, handle_chinese_chars)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        tokenizer.add_special_tokens([token for token in SPECIAL_TOKENS if token in table])
        if "[CLS]" in table and "[SEP]" in table:
            tokenizer.post_processor = processors.BertProcessing(
                ("[SEP]", table["[SEP]"]), ("[CLS]", table["[CLS]"])
            )
        return cls(tokenizer, max_length=max_length)

    @classmethod
    def from_folder(cls, folder: str | Path, max_length: int | None = None) -> WordPieceTokenizer:
        """Read a Hugging Face folder: `tokenizer.json`, or else `vocab.txt` with `tokenizer_config.json`.

        Args:
            folder: the folder with the files.
            max_length: default bound on the pieces; None takes `model_max_length` of the configuration.

        Raises:
            FileNotFoundError: the folder, or both tokenizer files, are missing.
            ValueError: a file is not what its name says.
        """
        root = Path(folder)
        if not root.is_dir():
            raise FileNotFoundError(
                f"WordPieceTokenizer.from_folder: no folder {root}; expected a Hugging Face folder"
            )
        config = (
            read_json(root / "tokenizer_config.json") if (root / "tokenizer_config.json").is_file() else {}
        )
        if max_length is None:
            limit = config.get("model_max_length")
            # Hugging Face writes 1e30 for "no limit".
            max_length = int(limit) if isinstance(limit, (int, float)) and limit < 1e9 else None
        if (root / "tokenizer.json").is_file():
            return cls(_read_tokenizer(root / "tokenizer.json"), max_length=max_length)
        if (root / "vocab.txt").is_file():
            return cls.from_vocab(
                root / "vocab.txt",
                lowercase=bool(config.get("do_lower_case", True)),
                strip_accents=config.get("strip_accents"),
                handle_chinese_chars=bool(config.get("tokenize_chinese_chars", True)),
                max_length=max_length,
            )
        raise FileNotFoundError(
            f"WordPieceTokenizer.from_folder: {root} has neither tokenizer.json nor vocab.txt; "
            f"found {sorted(entry.name for entry in root.iterdir())}"
        )

    @classmethod
    def train(
        cls, texts: Iterable[str], vocab_size: int = 30522, lowercase: bool = True, min_frequency: int = 2
    ) -> WordPieceTokenizer:
        """Learn a vocabulary from texts.

        Args:
            texts: the texts to learn from.
            vocab_size: upper bound on the pieces, specials included.
            lowercase: lower-case the texts first.
            min_frequency: pairs of pieces that occur less often are not merged.
        """
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = _normalizer(lowercase, None, True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(
            vocab_size=vocab_size,
            min_frequency=min_frequency,
            special_tokens=list(SPECIAL_TOKENS),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls.from_vocab(tokenizer.get_vocab(), lowercase=lowercase)

    @property
    def vocab_size(self) -> int:
        """Number of pieces, special tokens included."""
        return int(self._tokenizer.get_vocab_size())

    def __len__(self) -> int:
        return self.vocab_size

    def __repr__(self) -> str:
        return f"WordPieceTokenizer(vocab_size={self.vocab_size}, max_length={self.max_length})"

    def token_to_id(self, token: str) -> int:
        """Index of a piece; `unk_id` when it is unknown."""
        index: int | None = self._tokenizer.token_to_id(token)
        return self.unk_id if index is None else index

    def id_to_token(self, index: int) -> str:
        """Piece at an index; IndexError when there is none."""
        token: str | None = self._tokenizer.id_to_token(index) if index >= 0 else None
        if token is None:
            raise IndexError(
                f"WordPieceTokenizer.id_to_token: index {index} is out of range; expected 0 <= index < "
                f"{self.vocab_size}"
            )
        return token

    def tokenize(self, text: str) -> list[str]:
        """The pieces of a text, without special tokens."""
        pieces: list[str] = self._tokenizer.encode(text, add_special_tokens=False).tokens
        return pieces

    def encode(self, text: str, pair: str | None = None, add_special_tokens: bool = True) -> list[int]:
        """Indices of a text (or a pair of texts), with [CLS] and [SEP] unless told otherwise; never cut."""
        head, tail = next(self._pieces([text], None if pair is None else [pair]))
        return self._join(head, tail, None)[0] if add_special_tokens else head + (tail or [])

    def decode(self, indices: Iterable[int], skip_special_tokens: bool = True) -> str:
        """Text of the indices; pieces that start with ## join the piece before."""
        text: str = self._tokenizer.decode(list(indices), skip_special_tokens=skip_special_tokens)
        return text

    def save(self, folder: str | Path) -> None:
        """Write `tokenizer.json`, `vocab.txt` and `tokenizer_config.json`, as `from_folder` reads them."""
        root = Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        self._tokenizer.save(str(root / "tokenizer.json"))
        vocab: dict[str, int] = self._tokenizer.get_vocab()
        pieces = sorted(vocab, key=vocab.__getitem__)
        (root / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
        config: dict[str, object] = {"tokenizer_class": "BertTokenizer"}
        if self.max_length is not None:
            config["model_max_length"] = self.max_length
        (root / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    def __call__(
        self,
        texts: str | Sequence[str],
        pairs: str | Sequence[str] | None = None,
        *,
        padding: bool | str = True,
        truncation: bool = True,
        max_length: int | None = None,
    ) -> TokenBatch:
        """Tokenize a batch into tensors.

        Args:
            texts: one text (a batch of 1) or `B` texts.
            pairs: the second texts, as many.
            padding: True or "longest" pads to the longest sequence, "max_length" to `max_length`, False not
                at all.
            truncation: cut sequences to `max_length`; with pairs the longer text is cut first.
            max_length: bound on the pieces, specials included; None takes the tokenizer's default.

        Returns:
            `TokenBatch` of int64 tensors of shape (B, T).

        Raises:
            TypeError: an entry is not a str.
            ValueError: the batch is empty, lengths differ without padding, or an argument does not fit.
        """
        first, second = _as_batch(texts, pairs)
        limit = self.max_length if max_length is None else max_length
        if padding not in _PADDINGS:
            raise ValueError(
                f"WordPieceTokenizer: padding={padding!r}; expected True, False, 'longest' or 'max_length'"
            )
        if padding == "max_length" and limit is None:
            raise ValueError("WordPieceTokenizer: padding='max_length' needs a length; pass max_length=")
        specials = 2 if second is None else 3
        if truncation and limit is not None and limit < specials:
            raise ValueError(
                f"WordPieceTokenizer: max_length={limit} leaves no room beside [CLS] and [SEP]; "
                f"expected at least {specials}"
            )
        bound = limit if truncation else None
        rows = [self._join(*pieces, bound) for pieces in self._pieces(first, second)]
        lengths = [len(ids) for ids, _ in rows]
        width = max(lengths)
        if padding == "max_length":
            width = max(width, int(limit or 0))
        elif padding is False and min(lengths) != width:
            raise ValueError(
                f"WordPieceTokenizer: sequences have {min(lengths)} to {width} pieces and cannot form one "
                "tensor; "
                "pass padding=True"
            )
        return TokenBatch(
            _padded([ids for ids, _ in rows], width, self.pad_id),
            _padded([[1] * len(ids) for ids, _ in rows], width, 0),
            _padded([types for _, types in rows], width, 0),
        )

    def _pieces(
        self, first: list[str], second: list[str] | None
    ) -> Iterator[tuple[list[int], list[int] | None]]:
        """Indices of each text, and of its pair, without special tokens."""
        heads = self._tokenizer.encode_batch(first, add_special_tokens=False)
        if second is None:
            yield from ((head.ids, None) for head in heads)
            return
        tails = self._tokenizer.encode_batch(second, add_special_tokens=False)
        yield from ((head.ids, tail.ids) for head, tail in zip(heads, tails))

    def _join(
        self, head: list[int], tail: list[int] | None, max_length: int | None
    ) -> tuple[list[int], list[int]]:
        """``[CLS] head [SEP]`` or ``[CLS] head [SEP] tail [SEP]``, cut to fit, with the token types."""
        if max_length is not None:
            head, tail = _cut(head, tail, max_length - (2 if tail is None else 3))
        ids = [self.cls_id, *head, self.sep_id]
        types = [0] * len(ids)
        if tail is not None:
            ids += [*tail, self.sep_id]
            types += [1] * (len(tail) + 1)
        return ids, types


def _cut(head: list[int], tail: list[int] | None, room: int) -> tuple[list[int], list[int] | None]:
    """Cut the longer of two texts until both fit into `room`; once equal, the second keeps the odd piece."""
    if tail is None:
        return head[:room], None
    if len(head) + len(tail) <= room:
        return head, tail
    shorter = min(len(head), len(tail), room // 2)
    head_is_shorter = len(head) <= len(tail)
    keep = shorter if head_is_shorter else room - shorter
    return head[:keep], tail[: room - keep]


def _padded(rows: list[list[int]], width: int, value: int) -> Tensor:
    return taeda.tensor([row + [value] * (width - len(row)) for row in rows], dtype=taeda.int64)


def _as_batch(
    texts: str | Sequence[str], pairs: str | Sequence[str] | None
) -> tuple[list[str], list[str] | None]:
    """The texts and their pairs as lists, checked."""
    first = [texts] if isinstance(texts, str) else list(texts)
    if not first:
        raise ValueError("WordPieceTokenizer: the batch is empty; expected at least one text")
    second = [pairs] if isinstance(pairs, str) else None if pairs is None else list(pairs)
    for name, batch in (("texts", first), ("pairs", second or [])):
        for position, text in enumerate(batch):
            if not isinstance(text, str):
                raise TypeError(
                    f"WordPieceTokenizer: {name}[{position}] is {type(text).__name__} ({text!r}); expected "
                    "str"
                )
    if second is not None and len(first) != len(second):
        raise ValueError(
            f"WordPieceTokenizer: got {len(first)} texts but {len(second)} pairs; expected as many"
        )
    return first, second


def _read_tokenizer(path: Path) -> Tokenizer:
    kind = read_json(path).get("model", {}).get("type", "WordPiece")
    if kind != "WordPiece":
        raise ValueError(f"WordPieceTokenizer: {path} holds a {kind} model; expected WordPiece (BERT's)")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise ValueError(f"WordPieceTokenizer: cannot read {path}: {error}") from error
