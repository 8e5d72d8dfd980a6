"""The identity of the scoring rules: equal hashes, equal readings and equal numbers."""

from __future__ import annotations

from collections.abc import Sequence

from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.identity import hash_file, hash_json
from emoreal_bench.scoring.reading import emotions, official_words, statements

SCORING_VERSION = 6
"""Raised with every change of a rule that can change a number."""


def scoring_hash(scorings: Sequence[Scoring]) -> str:
    """Hash the version of the rules, the names of the scorings and the word lists."""
    return hash_json(
        {
            "version": SCORING_VERSION,
            "scorings": sorted(scorings),
            "words": [
                hash_file(words.WORDS_FILE) for words in (official_words, emotions, statements)
            ],
        }
    )
