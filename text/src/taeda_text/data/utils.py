"""Tokenizers by name, and n-grams (the names are torchtext's)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

__all__ = ["get_tokenizer", "interleave_keys", "ngrams_iterator"]

# What the basic English tokenizer does with each mark: set it apart, or drop it.
_APART = re.compile(r"(['.,()!?])")
_TO_SPACE = re.compile(r"<br />|[;:]")


def _basic_english(line: str) -> list[str]:
    """Lower-case; `' . , ( ) ! ?` become tokens; `; :` and `<br />` become spaces; `"` vanishes."""
    line = _TO_SPACE.sub(" ", line.lower().replace('"', ""))
    return _APART.sub(r" \1 ", line).split()


def _split(line: str) -> list[str]:
    return line.split()


def get_tokenizer(
    tokenizer: str | Callable[[str], list[str]] | None, language: str = "en"
) -> Callable[[str], list[str]]:
    """A function from text to tokens.

    Args:
        tokenizer: None (split on white space), "basic_english", or a function, which is given back.
        language: only "en" for "basic_english".

    Raises:
        ValueError: the name or the language is unknown.

    Example:
        >>> get_tokenizer("basic_english")("You can now install taeda!")
        ['you', 'can', 'now', 'install', 'taeda', '!']
    """
    if tokenizer is None:
        return _split
    if callable(tokenizer):
        return tokenizer
    if tokenizer != "basic_english":
        raise ValueError(
            f"get_tokenizer: unknown tokenizer {tokenizer!r}; expected None, 'basic_english' or a function "
            "(wrap spacy, moses and others in a function of your own)"
        )
    if language != "en":
        raise ValueError(f"get_tokenizer: 'basic_english' supports language 'en' only, got {language!r}")
    return _basic_english


def ngrams_iterator(token_list: Sequence[str], ngrams: int) -> Iterator[str]:
    """All n-grams up to length `ngrams`: first the tokens, then pairs joined by a space, and so on.

    Example:
        >>> list(ngrams_iterator(["here", "we", "are"], 2))
        ['here', 'we', 'are', 'here we', 'we are']
    """
    yield from token_list
    for n in range(2, ngrams + 1):
        for start in range(len(token_list) - n + 1):
            yield " ".join(token_list[start : start + n])


def interleave_keys(a: int, b: int) -> int:
    """Interleave the bits of two 16-bit lengths, so that sorting by the result keeps both close in a batch.

    Example:
        >>> interleave_keys(1, 0), interleave_keys(0, 1), interleave_keys(3, 3)
        (2, 1, 15)
    """
    key = 0
    for bit in range(16):
        key |= ((a >> bit) & 1) << (2 * bit + 1) | ((b >> bit) & 1) << (2 * bit)
    return key
