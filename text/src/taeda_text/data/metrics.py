"""Metrics on token lists."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

__all__ = ["bleu_score"]


def _ngram_counts(tokens: Sequence[str], max_n: int) -> Counter[tuple[str, ...]]:
    return Counter(
        tuple(tokens[start : start + n]) for n in range(1, max_n + 1) for start in range(len(tokens) - n + 1)
    )


def bleu_score(
    candidate_corpus: Sequence[Sequence[str]],
    references_corpus: Sequence[Sequence[Sequence[str]]],
    max_n: int = 4,
    weights: Sequence[float] = (0.25, 0.25, 0.25, 0.25),
) -> float:
    """Corpus BLEU (Papineni et al. 2002): clipped n-gram precision times a brevity penalty.

    Args:
        candidate_corpus: one token list for each translated sentence.
        references_corpus: for each of them, one or more reference token lists.
        max_n: the longest n-gram.
        weights: exponent of each precision, `max_n` of them.

    Returns:
        A score between 0 and 1; 0 when some n-gram order has no match at all.

    Raises:
        ValueError: the lengths of the two corpora, or of `weights` and `max_n`, differ.

    Example:
        >>> candidates = [["the", "cat", "sat", "here"]]
        >>> round(bleu_score(candidates, [[["the", "cat", "sat", "there"]]], max_n=2, weights=[0.5, 0.5]), 4)
        0.7071
    """
    if len(weights) != max_n:
        raise ValueError(
            f"bleu_score: expected one weight for each of max_n={max_n} orders, got {len(weights)}"
        )
    if len(candidate_corpus) != len(references_corpus):
        raise ValueError(
            f"bleu_score: got {len(candidate_corpus)} candidates but {len(references_corpus)} lists of "
            "references; "
            "expected as many"
        )
    matched = [0] * max_n
    possible = [0] * max_n
    candidate_length = 0
    reference_length = 0
    for candidate, references in zip(candidate_corpus, references_corpus):
        if not references:
            raise ValueError(
                "bleu_score: a candidate has no reference; expected at least one token list for each"
            )
        candidate_length += len(candidate)
        reference_length += min((len(ref) for ref in references), key=lambda n: abs(n - len(candidate)))
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= _ngram_counts(reference, max_n)
        for ngram, count in (_ngram_counts(candidate, max_n) & most).items():
            matched[len(ngram) - 1] += count
        for n in range(1, max_n + 1):
            possible[n - 1] += max(len(candidate) - n + 1, 0)
    if min(matched) == 0:
        return 0.0
    log_precision = sum(w * math.log(hit / total) for w, hit, total in zip(weights, matched, possible))
    log_brevity = min(1.0 - reference_length / candidate_length, 0.0)
    return math.exp(log_precision + log_brevity)
