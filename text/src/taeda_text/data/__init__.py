"""Work on token streams: tokenizers, n-grams, metrics."""

from . import functional, metrics, utils
from .functional import (
    custom_replace,
    numericalize_tokens_from_iterator,
    simple_space_split,
    to_map_style_dataset,
)
from .metrics import bleu_score
from .utils import get_tokenizer, interleave_keys, ngrams_iterator

__all__ = [
    "bleu_score",
    "custom_replace",
    "functional",
    "get_tokenizer",
    "interleave_keys",
    "metrics",
    "ngrams_iterator",
    "numericalize_tokens_from_iterator",
    "simple_space_split",
    "to_map_style_dataset",
    "utils",
]
