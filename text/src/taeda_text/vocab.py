"""Vocabularies: a two-way table between tokens and indices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from taeda import nn

__all__ = ["Vocab", "build_vocab_from_iterator", "vocab"]


class Vocab(nn.Module):
    """Maps tokens to indices and back; calling it maps a list of tokens to a list of indices.

    Args:
        tokens: the tokens in index order, each once; or another `Vocab`, which is copied.
        default_index: what an unknown token maps to; with None an unknown token is an error.

    Raises:
        RuntimeError: a token occurs twice.

    Example:
        >>> v = Vocab(["<unk>", "a", "b"], default_index=0)
        >>> v(["b", "zebra"])
        [2, 0]
    """

    def __init__(self, tokens: Sequence[str] | Vocab = (), default_index: int | None = None) -> None:
        super().__init__()
        if isinstance(tokens, Vocab):
            default_index = tokens.get_default_index() if default_index is None else default_index
            tokens = tokens.get_itos()
        if isinstance(tokens, str):
            raise TypeError(
                f"Vocab: expected a sequence of tokens, got the single str {tokens!r}; pass a list"
            )
        self._itos: list[str] = []
        self._stoi: dict[str, int] = {}
        self._default_index: int | None = None
        for token in tokens:
            self.append_token(token)
        self.set_default_index(default_index)

    def __len__(self) -> int:
        return len(self._itos)

    def __contains__(self, token: object) -> bool:
        return token in self._stoi

    def __getitem__(self, token: str) -> int:
        """Index of `token`, or the default index; RuntimeError when unknown and no default is set."""
        index = self._stoi.get(token, self._default_index)
        if index is None:
            raise RuntimeError(
                f"Vocab: token {token!r} is not among the {len(self)} tokens and no default index is set; "
                "call set_default_index(vocab['<unk>']) to map unknown tokens"
            )
        return index

    def forward(self, tokens: Iterable[str]) -> list[int]:
        """Indices of `tokens`, in order."""
        return [self[token] for token in tokens]

    def lookup_indices(self, tokens: Iterable[str]) -> list[int]:
        """Indices of `tokens`, in order."""
        return [self[token] for token in tokens]

    def lookup_token(self, index: int) -> str:
        """Token at `index`; RuntimeError when it is outside 0 .. len - 1."""
        if not 0 <= index < len(self):
            raise RuntimeError(
                f"Vocab.lookup_token: index {index} is out of range for {len(self)} tokens; "
                f"expected 0 <= index < {len(self)}"
            )
        return self._itos[index]

    def lookup_tokens(self, indices: Iterable[int]) -> list[str]:
        """Tokens at `indices`, in order."""
        return [self.lookup_token(index) for index in indices]

    def set_default_index(self, index: int | None) -> None:
        """Set what unknown tokens map to; None makes them an error."""
        self._default_index = index

    def get_default_index(self) -> int | None:
        """What unknown tokens map to, or None."""
        return self._default_index

    def append_token(self, token: str) -> None:
        """Add `token` at the end; RuntimeError when it is there already."""
        self.insert_token(token, len(self))

    def insert_token(self, token: str, index: int) -> None:
        """Add `token` at `index` (0 .. len) and shift the later ones up by one."""
        if not isinstance(token, str):
            raise TypeError(f"Vocab: expected a token of type str, got {type(token).__name__}: {token!r}")
        if not 0 <= index <= len(self):
            raise RuntimeError(
                f"Vocab.insert_token: index {index} is out of range for {len(self)} tokens; "
                f"expected 0 <= index <= {len(self)}"
            )
        if token in self._stoi:
            raise RuntimeError(
                f"Vocab: token {token!r} is already there with index {self._stoi[token]}; every token must "
                "occur once"
            )
        self._itos.insert(index, token)
        for position in range(index, len(self._itos)):
            self._stoi[self._itos[position]] = position

    def get_stoi(self) -> dict[str, int]:
        """A copy of the table from token to index."""
        return dict(self._stoi)

    def get_itos(self) -> list[str]:
        """A copy of the list of tokens in index order."""
        return list(self._itos)

    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses."""
        return f"{len(self)} tokens, default_index={self._default_index}"


def vocab(
    ordered_dict: Mapping[str, int],
    min_freq: int = 1,
    specials: Sequence[str] | None = None,
    special_first: bool = True,
) -> Vocab:
    """Make a `Vocab` from a mapping of tokens to frequencies, keeping its order.

    Args:
        ordered_dict: token -> how often it occurs.
        min_freq: tokens that occur less often are left out.
        specials: tokens to add whatever their frequency, in this order.
        special_first: whether the specials come before or after the others.

    Raises:
        ValueError: `min_freq` is below 1.

    Example:
        >>> vocab({"b": 3, "a": 1}, min_freq=2, specials=["<unk>"]).get_itos()
        ['<unk>', 'b']
    """
    if min_freq < 1:
        raise ValueError(f"vocab: expected min_freq >= 1, got {min_freq}")
    special_tokens = list(specials or ())
    reserved = set(special_tokens)
    tokens = [token for token, count in ordered_dict.items() if count >= min_freq and token not in reserved]
    return Vocab(special_tokens + tokens if special_first else tokens + special_tokens)


def build_vocab_from_iterator(
    iterator: Iterable[Iterable[str]],
    min_freq: int = 1,
    specials: Sequence[str] | None = None,
    special_first: bool = True,
    max_tokens: int | None = None,
) -> Vocab:
    """Count the tokens of many texts and make a `Vocab`: most frequent first, equal counts in token order.

    Args:
        iterator: yields the token list of one text after another.
        min_freq: tokens that occur less often are left out.
        specials: tokens to add whatever their frequency, in this order.
        special_first: whether the specials come before or after the others.
        max_tokens: upper bound of the size, specials included.

    Raises:
        ValueError: `max_tokens` leaves no room beside the specials.
        RuntimeError: nothing was counted and there are no specials, so the vocabulary would be empty.

    Example:
        >>> build_vocab_from_iterator([["a", "b"], ["b"]], specials=["<unk>"]).get_itos()
        ['<unk>', 'b', 'a']
    """
    special_tokens = list(specials or ())
    counts: Counter[str] = Counter()
    for tokens in iterator:
        if isinstance(tokens, str):
            raise TypeError(
                f"build_vocab_from_iterator: expected token lists, got the str {tokens[:40]!r}; "
                "tokenize each text first"
            )
        counts.update(tokens)
    if not counts and not special_tokens:
        raise RuntimeError(
            "build_vocab_from_iterator: the iterator gave no tokens and there are no specials, so the "
            "vocabulary "
            "would be empty; check that the iterator was not used up before"
        )
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if max_tokens is not None:
        room = max_tokens - len(special_tokens)
        if room <= 0:
            raise ValueError(
                f"build_vocab_from_iterator: max_tokens={max_tokens} leaves no room beside "
                f"{len(special_tokens)} specials; expected max_tokens > {len(special_tokens)}"
            )
        ordered = ordered[:room]
    return vocab(dict(ordered), min_freq=min_freq, specials=special_tokens, special_first=special_first)
