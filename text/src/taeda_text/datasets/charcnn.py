"""The eight classification sets of Zhang, Zhao and LeCun 2015 (https://arxiv.org/abs/1509.01626).

All are pairs of train.csv and test.csv without header: the class, counted from 1, and then one or more texts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from taeda.utils.data import IterableDataset

from ._files import check_split, find_file, read_csv

__all__ = [
    "AG_NEWS",
    "AmazonReviewFull",
    "AmazonReviewPolarity",
    "DBpedia",
    "LabelledTexts",
    "SogouNews",
    "YahooAnswers",
    "YelpReviewFull",
    "YelpReviewPolarity",
]

SPLITS = ("train", "test")
AG_NEWS_SOURCE = "https://github.com/mhjabreel/CharCnn_Keras/tree/master/data/ag_news_csv"
OTHER_SOURCE = "https://huggingface.co/datasets or the folder that arXiv:1509.01626 links to"


@dataclasses.dataclass(frozen=True)
class _Record:
    """One data set: its name, the stem of its archive, and its number of classes."""

    name: str
    stem: str
    num_classes: int
    source: str = OTHER_SOURCE


class LabelledTexts(IterableDataset[tuple[int, str]]):
    """Reads (class, text) pairs off a CSV file without header, row by row; every pass starts afresh.

    Args:
        path: the file. Its first column is the class, from 1; the others are joined by a space.
        num_classes: classes above it are an error.

    Raises:
        ValueError: while reading, when a row is malformed; the message names file and line.
    """

    def __init__(self, path: str | Path, num_classes: int) -> None:
        self.path = Path(path)
        self.num_classes = num_classes

    def __iter__(self) -> Iterator[tuple[int, str]]:
        for line, row in read_csv(self.path):
            label = int(row[0]) if row and row[0].isdecimal() else 0
            if len(row) < 2 or not 1 <= label <= self.num_classes:
                raise ValueError(
                    f"{self.path}, line {line}: expected a class from 1 to {self.num_classes} and one or "
                    "more texts, "
                    f"got {[value[:30] for value in row]}"
                )
            yield label, " ".join(row[1:])


def _open(
    record: _Record, root: str | Path, split: str | Sequence[str]
) -> LabelledTexts | tuple[LabelledTexts, ...]:
    opened = []
    for part in check_split(record.name, split, SPLITS):
        path = find_file(
            record.name,
            root,
            [f"{record.stem}/{part}.csv", f"{part}.csv"],
            archive=f"{record.stem}.tar.gz",
            source=record.source,
        )
        opened.append(LabelledTexts(path, record.num_classes))
    return opened[0] if isinstance(split, str) else tuple(opened)


def AG_NEWS(
    root: str | Path, split: str | Sequence[str] = SPLITS
) -> LabelledTexts | tuple[LabelledTexts, ...]:
    """AG's news: 4 topics (world, sports, business, science), 120,000 and 7,600 headlines with descriptions.

    Args:
        root: folder with `train.csv` and `test.csv`, with `ag_news_csv/`, or with `ag_news_csv.tar.gz`.
        split: "train" or "test", or a tuple of them.

    Returns:
        An iterable data set of (class from 1, text); a tuple of them for a tuple of splits.

    Raises:
        FileNotFoundError: the files are missing; the message says what to put where.
        ValueError: a split is unknown, or the archive is damaged.
    """
    return _open(_Record("AG_NEWS", "ag_news_csv", 4, AG_NEWS_SOURCE), root, split)


def AmazonReviewFull(
    root: str | Path, split: str | Sequence[str] = SPLITS
) -> LabelledTexts | tuple[LabelledTexts, ...]:
    """Amazon reviews with 1 to 5 stars; arguments and errors as `AG_NEWS`."""
    return _open(_Record("AmazonReviewFull", "amazon_review_full_csv", 5), root, split)


def AmazonReviewPolarity(
    root: str | Path, split: str | Sequence[str] = SPLITS
) -> LabelledTexts | tuple[LabelledTexts, ...]:
    """Amazon reviews, 1 negative and 2 positive; arguments and errors as `AG_NEWS`."""
    return _open(_Record("AmazonReviewPolarity", "amazon_review_polarity_csv", 2), root, split)


def DBpedia(
    root: str | Path, split: str | Sequence[str] = SPLITS
) -> LabelledTexts | tuple[LabelledTexts, ...]:
    """DBpedia abstracts of 14 kinds of things; arguments and errors as `AG_NEWS`."""
    return _open(_Record("DBpedia", "dbpedia_csv", 14), root, split)


def SogouNews(
    root: str | Path, split: str | Sequence[str] = SPLITS
) -> LabelledTexts | tuple[LabelledTexts, ...]:
    """Chinese news in pinyin, 5 topics; arguments and errors as `AG_NEWS`."""
    return _open(_Record("SogouNews", "sogou_news_csv", 5), root, split)


def YahooAnswers(
    root: str | Path, split: str | Sequence[str] = SPLITS
) -> LabelledTexts | tuple[LabelledTexts, ...]:
    """Questions and answers, 10 topics; arguments and errors as `AG_NEWS`."""
    return _open(_Record("YahooAnswers", "yahoo_answers_csv", 10), root, split)


def YelpReviewFull(
    root: str | Path, split: str | Sequence[str] = SPLITS
) -> LabelledTexts | tuple[LabelledTexts, ...]:
    """Yelp reviews with 1 to 5 stars; arguments and errors as `AG_NEWS`."""
    return _open(_Record("YelpReviewFull", "yelp_review_full_csv", 5), root, split)


def YelpReviewPolarity(
    root: str | Path, split: str | Sequence[str] = SPLITS
) -> LabelledTexts | tuple[LabelledTexts, ...]:
    """Yelp reviews, 1 negative and 2 positive; arguments and errors as `AG_NEWS`."""
    return _open(_Record("YelpReviewPolarity", "yelp_review_polarity_csv", 2), root, split)
