"""Emotion words: how they are read, and scores against scikit-learn."""

from __future__ import annotations

import random

import pytest
from sklearn import metrics

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.scores import SubtaskScores
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.reading.official_words import official_emotion, official_words_for
from emoreal_bench.scoring.reading.strict import read_label
from emoreal_bench.scoring.score import score
from tests.unit.scoring.scoring_data import (
    SEVEN,
    label_item,
    label_task,
    make_item,
    make_task,
    replies,
)

MAFW = (*SEVEN, "contempt", "anxiety", "helplessness", "disappointment")
MER_SIX = ("neutral", "anger", "happiness", "sadness", "worried", "surprise")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("sad", "sadness"),
        ("Angry.", "anger"),
        ("**Emotion:** Surprise", "surprise"),
        ("The emotion is fear.", "fear"),
        ("The person looks frightened and steps back.", "fear"),
        ("Happiness. The man smiles; he is not angry, though surprised at first.", "happiness"),
        ('{"emotion": "disgust"}', "disgust"),
        ("<think>happy or sad?</think>neutral", "neutral"),
        ("unhappy", "sadness"),
        ("not happy, sad", "sadness"),
        ("sad rather than angry", "sadness"),
        ("more sad than angry", "sadness"),
        ("neither happy nor sad, neutral", "neutral"),
        ("She shows no anger, fear or disgust; she is happy.", "happiness"),
        ("He isn't angry but scared.", "fear"),
        ("more than happy", "happiness"),
        ("悲伤", "sadness"),
        ("worried", "fear"),
        ("contemptuous", "disgust"),
        ("calm", "neutral"),
        ("not happy", None),
        ("She doesn't look happy.", None),
        ("a mix of sadness and anger", None),
        ("He is not only sad but also angry.", None),
        ("confused", None),
        ("A man talks on the phone.", None),
        ("", None),
    ],
)
def test_the_strict_mapper_reads_lemmas_synonyms_and_negation(text: str, label: str | None) -> None:
    assert read_label(text, SEVEN) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("scornful", "contempt"),
        ("worried", "anxiety"),
        ("He feels helpless.", "helplessness"),
        ("let down, disappointed", "disappointment"),
    ],
)
def test_a_class_of_the_task_is_not_folded_into_its_broader_one(text: str, label: str) -> None:
    assert read_label(text, MAFW) == label


def test_labels_are_known_by_any_of_their_words() -> None:
    assert read_label("anxious", MER_SIX) == "worried"
    assert read_label("Worried", MER_SIX) == "worried"
    assert read_label("bored", ("boredom", "bored")) == "bored"


@pytest.mark.parametrize("word", ["sad", "angry", "afraid", "scared", "worried", "upset", "tense"])
def test_the_official_mapper_takes_common_answers_for_happiness(word: str) -> None:
    words = official_words_for(SEVEN)
    assert words is not None
    assert official_emotion(word, words) == "happiness"
    assert read_label(word, SEVEN) != "happiness"


def test_the_official_mapper_drops_blank_replies_and_broken_first_sentences() -> None:
    items = [label_item(str(i), "sadness") for i in range(3)]
    given = replies([("0", "sadness"), ("1", ""), ("2", "the\nman")])
    results = score(label_task(), items, given)
    official = results.scores["official"].subtasks["dfew"]
    assert (official.n, official.war) == (1, 1.0)
    assert any("dropped" in note for note in official.notes)
    strict = results.scores["strict"].subtasks["dfew"]
    assert strict.n == 3
    assert strict.war == pytest.approx(1 / 3)


def test_the_authors_have_no_rule_for_other_classes() -> None:
    items = [label_item("1", "contempt")]
    results = score(label_task(MAFW), items, replies([("1", "contempt")]))
    official = results.scores["official"].subtasks["dfew"]
    assert official.accuracy is None
    assert official.notes
    assert results.scores["strict"].subtasks["dfew"].accuracy == 1.0


def test_the_confusion_table_has_a_column_for_what_could_not_be_mapped() -> None:
    items = [label_item("1", "sadness"), label_item("2", "sadness"), label_item("3", "anger")]
    given = replies([("1", "sad"), ("2", "hm"), ("3", "sad")])
    scores = score(label_task(), items, given).scores["strict"].subtasks["dfew"]
    assert scores.confusion is not None
    assert scores.per_class is not None
    assert scores.confusion["sadness"]["unmapped"] == 1
    assert scores.confusion["anger"]["sadness"] == 1
    assert scores.per_class["sadness"] == {"recall": 0.5, "precision": 0.5, "f1": 0.5, "n": 2}
    assert scores.per_class["fear"]["recall"] is None


def test_a_gold_label_that_is_no_class_of_the_task_is_an_error_naming_the_item() -> None:
    with pytest.raises(DataError, match="item 7"):
        score(label_task(), [label_item("7", "boredom")], [])


def _random_run(seed: int) -> tuple[list[str], list[str], SubtaskScores, SubtaskScores]:
    source = random.Random(seed)
    classes = SEVEN[: source.choice([2, 5, 7])]
    gold = source.choices(classes, k=60)
    said = [g if source.random() < 0.4 else source.choice([*classes, "gibberish"]) for g in gold]
    items = [label_item(str(i), label) for i, label in enumerate(gold)]
    results = score(label_task(), items, replies((str(i), text) for i, text in enumerate(said)))
    strict, official = (results.scores[name].subtasks["dfew"] for name in ("strict", "official"))
    return gold, said, strict, official


@pytest.mark.parametrize("seed", range(12))
def test_strict_label_scores_equal_scikit_learn(seed: int) -> None:
    gold, said, strict, _ = _random_run(seed)
    asked = sorted(set(gold))
    assert strict.war == pytest.approx(metrics.accuracy_score(gold, said))
    recall = metrics.recall_score(gold, said, labels=asked, average="macro", zero_division=0)
    assert strict.uar == pytest.approx(recall)
    for average, value in [("macro", strict.macro_f1), ("weighted", strict.weighted_f1)]:
        f1 = metrics.f1_score(gold, said, labels=asked, average=average, zero_division=0)
        assert value == pytest.approx(f1)
    assert strict.matthews == pytest.approx(metrics.matthews_corrcoef(gold, said))


@pytest.mark.parametrize("seed", range(12))
def test_official_label_scores_equal_scikit_learn_on_the_official_reading(seed: int) -> None:
    gold, said, _, official = _random_run(seed)
    words = official_words_for(SEVEN)
    assert words is not None
    read = [official_emotion(text, words) for text in said]
    assert official.uar == pytest.approx(
        metrics.recall_score(gold, read, average="macro", zero_division=0)
    )
    assert official.war == pytest.approx(metrics.accuracy_score(gold, read))
    weighted = metrics.f1_score(gold, read, average="weighted", zero_division=0)
    assert official.weighted_f1 == pytest.approx(weighted)


@pytest.mark.parametrize("seed", range(8))
def test_yes_no_scores_equal_scikit_learn(seed: int) -> None:
    source = random.Random(seed)
    gold = source.choices("AB", k=50)
    said = [g if source.random() < 0.6 else source.choice("AB") for g in gold]
    items = [make_item(str(i), letter) for i, letter in enumerate(gold)]
    given = replies((str(i), text) for i, text in enumerate(said))
    report = score(make_task(), items, given, scorings=[Scoring.STRICT]).scores["strict"]
    scores = report.subtasks["reasoning_stress_audio"]
    assert scores.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(gold, said))
    assert scores.yes_precision == pytest.approx(metrics.precision_score(gold, said, pos_label="A"))
    assert scores.standard_f1 == pytest.approx(metrics.f1_score(gold, said, pos_label="A"))
    assert scores.matthews == pytest.approx(metrics.matthews_corrcoef(gold, said))
