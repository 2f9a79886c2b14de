"""Text for taeda: tokenizers, vocabularies, transforms, data sets and models."""

from . import data, datasets, functional, models, transforms, vocab
from .tokenizer import TokenBatch, WordPieceTokenizer

__version__ = "0.1.0"

__all__ = [
    "TokenBatch",
    "WordPieceTokenizer",
    "__version__",
    "data",
    "datasets",
    "functional",
    "models",
    "transforms",
    "vocab",
]
