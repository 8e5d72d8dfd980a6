"""The official scorings against an independent oracle, on random replies."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.reading.official import lenient_answer, names_letter
from emoreal_bench.scoring.reading.official_words import official_emotion, official_words_for
from emoreal_bench.scoring.score import score
from tests.unit.scoring import official_oracle as oracle
from tests.unit.scoring.scoring_data import make_item, make_task, replies

QUICK, LONG = 5_000, 100_000
_PIECES = (
    "a A b (B) [c] c) D. E: (d the an I'd d'accord yes no Yes, NO! yes/no eyes know nobody not"
    " option answer is or and but _a a_ b2 é aé \uff21 ß \u0131 \u017f \u0130 \u01f0 I S"
    " \n \t . , ; : ? ! e.g. i.e. U.S."
    " ... ( ) [ ] happy sad happiness smiling trembling voice (A) (B)\nYes\n12 No. none of these"
)
PIECES = _PIECES.split(" ")
OPTION_TEXTS = (
    "Yes",
    "No",
    "yes, both",
    "No, they do not",
    "a smile",
    "Happy",
    "",
    "None",
    "Eyes",
    "a smile\nno tears",
)
FORMS = ("({}) {}", "{}. {}", "{}) {}", "({}){}", "{} {}")
WORDS = (
    *sorted(oracle.WORD_DATA["dfew_ravdess"]),
    *("sad", "angry", "not", "no", "isn't", "know", "never", "won't", "the", "is", "very"),
    *(".", "?", "!", "\n", ". ", "? ", ".\n", "e.g. ", "a.b. ", ",", "nor", "calm_", " "),
)


def _reply(source: random.Random) -> str:
    glue = source.choice(["", " ", " ", "  "])
    return glue.join(source.choices(PIECES, k=source.randrange(0, 9)))


def _options(source: random.Random) -> tuple[str, ...]:
    form = source.choice(FORMS)
    texts = source.choices(OPTION_TEXTS, k=source.choice([2, 2, 3, 4]))
    return tuple(
        form.format(letter, text)
        for letter, text in zip(source.choice(["ABCD", "AISJ"]), texts, strict=False)
    )


def _words(source: random.Random) -> str:
    return source.choice(["", " "]).join(source.choices(WORDS, k=source.randrange(0, 14)))


def _check_letters(source: random.Random) -> None:
    reply, letter = _reply(source), source.choice("ABCDEIS")
    assert names_letter(reply, letter) == oracle.letter_is_somewhere(reply, letter), reply


def _check_lenient(source: random.Random) -> None:
    reply, options = _reply(source), _options(source)
    assert lenient_answer(reply, options) == oracle.lenient(reply, list(options)), (reply, options)


def _check_words(source: random.Random) -> None:
    text = _words(source)
    for name, order in (("dfew_ravdess", oracle.SEVEN), ("mer2023", oracle.FIVE)):
        words = official_words_for(order)
        assert words is not None
        assert official_emotion(text, words) == oracle.emotion(text, name), repr(text)


CHECKS = [_check_letters, _check_lenient, _check_words]


@pytest.mark.parametrize("check", CHECKS)
def test_official_readings_equal_the_oracle(check: Callable[[random.Random], None]) -> None:
    source = random.Random(7)
    for _ in range(QUICK):
        check(source)


@pytest.mark.long
@pytest.mark.parametrize("check", CHECKS)
def test_official_readings_equal_the_oracle_on_100000_replies(
    check: Callable[[random.Random], None],
) -> None:
    source = random.Random(8)
    for _ in range(LONG):
        check(source)


@pytest.mark.parametrize("seed", range(20))
def test_official_numbers_of_yes_no_subtasks_equal_the_oracle(seed: int) -> None:
    source = random.Random(seed)
    texts = source.choice([("Yes", "No"), ("Yes, they do", "No, dry eyes"), ("No", "Yes")])
    choices = tuple(f"({letter}) {text}" for letter, text in zip("AB", texts, strict=True))
    size = source.choice([4, 40])
    items = [make_item(str(i), source.choice("AB"), choices=choices) for i in range(size)]
    answered = [item for item in items if source.random() < 0.9]
    given = [(item.id, source.choice(["A", "(B)", "b or a", "", "Yes"])) for item in answered]
    rows = [
        (texts["AB".index(item.answer)], oracle.letter_is_somewhere(text, item.answer))
        for item, (_, text) in zip(answered, given, strict=True)
    ]
    expected = oracle.yes_no_numbers(rows)
    results = score(make_task(), items, replies(given), scorings=[Scoring.OFFICIAL])
    scores = results.scores["official"].subtasks["reasoning_stress_audio"]
    assert scores.n == len(rows)
    for name, value in expected.items():
        ours = getattr(scores, name)
        assert ours is None if value is None else ours == pytest.approx(value, abs=1e-15), name


def test_the_average_is_the_plain_mean_over_the_subtasks() -> None:
    items = [
        make_item("1", "A", "modality_agreement"),
        make_item("2", "B", "modality_agreement"),
        make_item("3", "A", "reasoning_stress_audio"),
        make_item("4", "B", "reasoning_stress_audio"),
        make_item("5", "B", "reasoning_stress_audio"),
    ]
    given = replies([("1", "A"), ("2", "A"), ("3", "A"), ("4", "B"), ("5", "B")])
    report = score(make_task(), items, given, scorings=[Scoring.OFFICIAL]).scores["official"]
    assert report.average_accuracy == (0.5 + 1.0) / 2


def test_a_choice_subtask_without_predictions_counts_0_and_a_yes_no_one_has_no_average() -> None:
    choice = make_item("c", "A", "reasoning_basic_audio", choices=("(A) x", "(B) y"))
    yes, no = make_item("y", "A"), make_item("n", "B")
    without_choice = score(make_task(), [choice, yes, no], replies([("y", "A"), ("n", "B")]))
    official = without_choice.scores["official"]
    assert official.subtasks["reasoning_basic_audio"].accuracy == 0
    assert official.average_accuracy == 0.5
    without_yes_no = score(make_task(), [choice, yes, no], replies([("c", "A")]))
    official = without_yes_no.scores["official"]
    assert official.subtasks["reasoning_stress_audio"].accuracy is None
    assert official.average_accuracy is None
    assert official.notes
