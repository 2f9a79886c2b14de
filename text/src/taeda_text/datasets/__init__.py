"""Data sets: tables and folders of one's own, and the classification sets of Zhang, Zhao and LeCun."""

from .charcnn import (
    AG_NEWS,
    AmazonReviewFull,
    AmazonReviewPolarity,
    DBpedia,
    LabelledTexts,
    SogouNews,
    YahooAnswers,
    YelpReviewFull,
    YelpReviewPolarity,
)
from .folder import TextFolder
from .table import TextTable

__all__ = [
    "AG_NEWS",
    "AmazonReviewFull",
    "AmazonReviewPolarity",
    "DBpedia",
    "LabelledTexts",
    "SogouNews",
    "TextFolder",
    "TextTable",
    "YahooAnswers",
    "YelpReviewFull",
    "YelpReviewPolarity",
]
