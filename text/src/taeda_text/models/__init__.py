"""Models: BERT, and sentence embeddings on top of it."""

from .bert import BertConfig, BertForSequenceClassification, BertModel, BertOutput
from .sentence_encoder import SentenceEncoder

__all__ = ["BertConfig", "BertForSequenceClassification", "BertModel", "BertOutput", "SentenceEncoder"]
