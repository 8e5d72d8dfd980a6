"""Solvers of the synthetic benchmark: what detectors or texts alone can answer.

The detector solver is given the log-odds of the cues of one or both modalities
and answers every question as well as they allow, those about a modality it lacks
included. The text solvers are classifiers that never see a clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline

from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.item import Item
from emoreal_bench.synth.cues import AUDIO_CUES, VISUAL_CUES, Emotion

LETTERS = ("A", "B", "C", "D")
_FOLDS = 5
_EMOTION_OF = {
    str(cue): emotion
    for cues in (VISUAL_CUES, AUDIO_CUES)
    for emotion, pair in cues.items()
    for cue in pair
}


def solve(item: Item, seen: Mapping[str, float], heard: Mapping[str, float]) -> str:
    """Answer an item from log-odds by name; an empty mapping is a modality not given."""
    found = {**seen, **heard}
    if item.subtask == "modality_agreement":
        # Without both there is nothing to compare: always Yes.
        return "A" if not seen or not heard or _emotion(seen) is _emotion(heard) else "B"
    feelings = {emotion: _support(found, emotion) for emotion in Emotion}
    if item.subtask.startswith("reasoning_stress"):
        cue = (item.metadata or {})["cue"]
        if cue in found:
            return "A" if found[cue] > 0 else "B"
        return "A" if _emotion(found) == _EMOTION_OF[cue] else "B"
    scores = {
        letter: found.get(option, feelings.get(_EMOTION_OF.get(option, Emotion.NEUTRAL), 0.0))
        for letter, option in map(split_choice, item.choices)
    }
    return max(scores, key=lambda letter: scores[letter])


def _support(found: Mapping[str, float], emotion: Emotion) -> float:
    return max(found[cue] for cue in (*VISUAL_CUES[emotion], *AUDIO_CUES[emotion]) if cue in found)


def _emotion(found: Mapping[str, float]) -> Emotion:
    return max(Emotion, key=lambda emotion: _support(found, emotion))


def text_accuracy(items: Sequence[Item], others: Sequence[Item]) -> dict[str, dict[str, Any]]:
    """Score classifiers that read the words of one subtask's questions and options.

    Args:
        items: The items to answer.
        others: Items of another seed.

    Returns:
        By classifier, the number right with cross-validation grouped by clip and
        with training on the other items.
    """
    results = {}
    for name, classifier in (
        ("logistic regression", LogisticRegression(max_iter=500)),
        ("gradient boosting", GradientBoostingClassifier(n_estimators=60, random_state=0)),
    ):
        model = make_pipeline(CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+"), classifier)
        results[name] = {
            "cross_validated": _cross_validated(model, items),
            "trained_on_another_seed": _right(model, others, items),
        }
    return results


def _cross_validated(model: Any, items: Sequence[Item]) -> int:
    clips = [item.clip for item in items]
    folds = GroupKFold(_FOLDS).split(items, groups=clips)
    return sum(
        _right(model, [items[i] for i in fitted], [items[i] for i in held_out])
        for fitted, held_out in folds
    )


def _right(model: Any, fitted: Sequence[Item], asked: Sequence[Item]) -> int:
    """Fit on the options of some items and count the others whose likeliest option is right."""
    model.fit(
        [text for item in fitted for text in _option_texts(item)],
        [letter == item.answer for item in fitted for letter in LETTERS[: len(item.choices)]],
    )
    size = len(asked[0].choices)
    scores = model.predict_proba([text for item in asked for text in _option_texts(item)])[:, 1]
    chosen = scores.reshape(-1, size).argmax(1)
    return int(sum(LETTERS[c] == item.answer for c, item in zip(chosen, asked, strict=True)))


def _option_texts(item: Item) -> Iterable[str]:
    """Describe each option by words: its own, the question's with it, the others', lengths."""
    options = [split_choice(choice)[1].lower().replace(" ", "_") for choice in item.choices]
    cue = (item.metadata or {}).get("cue", "") if len(options) == 2 else ""
    for place, option in enumerate(options):
        length = np.argsort(np.argsort([len(other) for other in options], kind="stable"))[place]
        yield " ".join(
            [
                f"option={option}",
                f"letter={LETTERS[place]}",
                f"both={LETTERS[place]}/{option}",
                f"length={length}",
                *(f"{option}|{word}" for word in item.question.lower().split()),
                *(f"{option}|{other}" for other in options),
                f"{option}|{cue.replace(' ', '_')}",
                f"{option}|{len(item.question)}",
            ]
        )
