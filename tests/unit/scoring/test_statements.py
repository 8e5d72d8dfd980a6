"""The outcome of a reply that states what is asked and says neither yes nor no.

``statement_examples_seen.jsonl`` was written beside the rules, ``statement_examples.jsonl``
by somebody who had not seen them. Both are known by now: docs/metrics.md has the figures
of the first sight.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Subtask
from emoreal_bench.contracts.vocabulary import AnswerKind, DeliveryStatus, Outcome, Scoring
from emoreal_bench.scoring.reading.readings import Reading, read_reply
from emoreal_bench.scoring.reading.statements import is_statement
from emoreal_bench.scoring.score import score
from tests.unit.scoring.scoring_data import YES_NO, make_task, replies

HERE = Path(__file__).parent
STRESS = "reasoning_stress_audio"
ANGRY, FURIOUS = "Is the man angry?", "The man is shouting and looks furious."
TABLE = "A man in a blue shirt is sitting at a table."


def _read(
    reply: str,
    question: str = ANGRY,
    *,
    choices: tuple[str, ...] = YES_NO,
    scoring: Scoring = Scoring.STRICT,
    status: DeliveryStatus = DeliveryStatus.OK,
    kind: AnswerKind = AnswerKind.YES_NO,
) -> Reading:
    item = Item("i", "s", question, choices, "A", "c")
    return read_reply(scoring, item, Subtask(answer=kind, chance=0.5), status, reply)


def _load(name: str) -> list[dict[str, Any]]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("name", "least"),
    [("statement_examples_seen.jsonl", 0.95), ("statement_examples.jsonl", 0.95)],
)
def test_statements_are_told_from_texts_that_answer_nothing(name: str, least: float) -> None:
    found, meant, both = 0, 0, 0
    for record in _load(name):
        is_found = is_statement(record["reply"], record["question"], record["choices"])
        is_meant = record["outcome"] == "statement"
        found, meant, both = found + is_found, meant + is_meant, both + (is_found and is_meant)
        if is_found != is_meant:
            print(f"{record['question']} {record['reply']}: {is_found}")  # noqa: T201 - the list is the result
    assert both / found >= least, "precision"
    assert both / meant >= least, "recall"


@pytest.mark.parametrize(
    ("question", "statement", "other"),
    [
        (ANGRY, "He seems calm and relaxed.", TABLE),
        (ANGRY, "The man does not appear angry.", "It is unclear whether the man is angry."),
        (ANGRY, FURIOUS, "The woman is angry."),
        (ANGRY, "His facial expression is neutral.", 'The man says, "I am angry."'),
        ("Do the face and the voice agree?", "They do not match.", "The face is that of a man."),
        ("这个女人在哭吗?", "她在哭泣。", "视频中有一张桌子。"),
        ("女性は泣いていますか?", "女性は泣いています。", "部屋には机があります。"),
        ("¿Está llorando la mujer?", "La mujer está llorando.", "Hay una mesa en la cocina."),
        ("Weint die Frau?", "Die Frau weint.", "Auf dem Tisch steht eine Lampe."),
    ],
)
def test_a_statement_takes_up_what_is_asked(question: str, statement: str, other: str) -> None:
    assert _read(statement, question) == Reading(Outcome.STATEMENT, None, correct=False)
    assert _read(other, question) == Reading(Outcome.UNPARSABLE, None, correct=False)


def test_the_options_say_too_what_is_asked() -> None:
    choices = ("(A) Yes, her voice trembles", "(B) No, her voice is steady")
    reply = "There is a tremor when she speaks."
    assert _read(reply, "Is it so?", choices=choices).outcome is Outcome.STATEMENT
    assert _read(reply, "Is it so?").outcome is Outcome.UNPARSABLE


@pytest.mark.parametrize("reply", ["Yes and no, he is angry and calm.", "(A) or (B): he is angry."])
def test_a_reply_with_answer_words_that_contradict_each_other_is_no_statement(reply: str) -> None:
    assert _read(reply).outcome is Outcome.UNPARSABLE


def test_refusals_and_replies_cut_off_stay_what_they_are() -> None:
    assert _read("I'm sorry, I can't say if the man is angry.").outcome is Outcome.REFUSED
    assert _read(FURIOUS, status=DeliveryStatus.LENGTH).outcome is Outcome.TRUNCATED


@pytest.mark.parametrize("scoring", [Scoring.OFFICIAL, Scoring.OFFICIAL_LENIENT])
def test_other_scorings_know_no_statements(scoring: Scoring) -> None:
    assert _read(FURIOUS, scoring=scoring).outcome is Outcome.ANSWERED


def test_other_questions_know_no_statements() -> None:
    four = ("(A) A smile", "(B) A frown", "(C) A nod", "(D) A wave")
    reading = _read("He is angry.", choices=four, kind=AnswerKind.CHOICE)
    assert reading.outcome is Outcome.UNPARSABLE


def test_statements_are_counted_apart_and_as_wrong() -> None:
    items = [Item(str(n), STRESS, ANGRY, YES_NO, "A", f"clip-{n}") for n in range(4)]
    texts = [("0", "Yes."), ("1", FURIOUS), ("2", FURIOUS), ("3", TABLE)]
    results = score(make_task(), items, replies(texts))
    strict, official = (results.scores[name].subtasks[STRESS] for name in ("strict", "official"))
    assert {name.value: count for name, count in strict.outcomes.items() if count} == {
        "answered": 1,
        "statement": 2,
        "unparsable": 1,
    }
    assert (strict.n, strict.accuracy) == (4, 0.25)
    assert "statement" not in official.outcomes
    (warning,) = (text for text in results.warnings if "no single answer" in text)
    assert "from 3 of 4 replies" in warning
    assert "Statements about what is asked, without yes or no: 2 of them" in warning
    assert "answer-format" in warning
    assert "judge RUN --statements" in warning


@pytest.mark.parametrize("piece", [" ", "\n", "but ", "angry ", '"', "a is ", "not ", "生气", "?"])
def test_no_reply_can_hold_the_rules_up(piece: str) -> None:
    readings = [_read(f"he {piece * (size // len(piece))}") for size in (20_000, 200_000)]
    assert readings[0] == readings[1]
