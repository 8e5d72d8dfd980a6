"""Choice scores from the likeliest first tokens that a service shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from emoreal_bench.contracts.result import ChoiceScores
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind

BOUND_NOTE = "an option was not among the tokens that the service scores; its score is a bound"


def score_letters(
    tokens: Iterable[tuple[str, float]], letters: Sequence[str]
) -> tuple[ChoiceScores, tuple[str, ...]] | None:
    """Score each letter by the tokens that spell it.

    A letter may have several tokens, with a space or a bracket before it; their
    probabilities add up. A letter that is not among the tokens is less likely
    than all of them, so it gets the smallest score there is and a note.

    Args:
        tokens: The likeliest first tokens with their natural log-probabilities.
        letters: The options' letters.

    Returns:
        The scores and notes; None if no letter is among the tokens.
    """
    found: dict[str, list[float]] = {}
    lowest = 0.0
    for token, score in tokens:
        lowest = min(lowest, score)
        letter = token.strip().strip("()")
        if letter in letters:
            found.setdefault(letter, []).append(score)
    if not found:
        return None
    scores = {
        letter: math.log(math.fsum(map(math.exp, found[letter]))) if letter in found else lowest
        for letter in letters
    }
    mass = math.fsum(math.exp(scores[letter]) for letter in found)
    notes = () if len(found) == len(letters) else (BOUND_NOTE,)
    return ChoiceScores(ChoiceScoreKind.LETTER_LOGIT, scores, min(mass, 1.0)), notes
