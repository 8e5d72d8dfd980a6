"""The strict reading against replies written by hand in the styles that models produce.

``reply_corpus.jsonl`` was written beside the parser. ``reply_corpus_blind.jsonl``
was written by someone who had not seen it, and is judged apart.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Subtask
from emoreal_bench.contracts.vocabulary import AnswerKind, DeliveryStatus, Scoring
from emoreal_bench.scoring.reading.readings import read_reply

HERE = Path(__file__).parent
CORPUS = HERE / "reply_corpus.jsonl"
BLIND_CORPUS = HERE / "reply_corpus_blind.jsonl"
AGREEMENT = 0.99


def _load(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _disagreement(record: dict[str, Any]) -> str | None:
    item = Item("i", "s", "", tuple(record["choices"]), record["expected"] or "A", "c")
    subtask = Subtask(answer=AnswerKind(record["kind"]), chance=0.5)
    status = DeliveryStatus(record["status"])
    reading = read_reply(Scoring.STRICT, item, subtask, status, record["reply"])
    if (reading.answer, reading.outcome) == (record["expected"], record["outcome"]):
        return None
    return (
        f"[{record['style']}] {record['reply']!r} to {record['choices']}: read"
        f" {reading.answer} ({reading.outcome}), meant {record['expected']} ({record['outcome']})"
    )


@pytest.mark.parametrize("path", [CORPUS, BLIND_CORPUS], ids=["seen", "blind"])
def test_the_strict_reading_agrees_with_people_on_hand_written_replies(path: Path) -> None:
    records = _load(path)
    disagreements = [text for record in records if (text := _disagreement(record))]
    share = 1 - len(disagreements) / len(records)
    print(f"{path.name}: {share:.2%} of {len(records)}", *disagreements, sep="\n")  # noqa: T201 - the list is the result
    assert share >= AGREEMENT, "\n".join(disagreements)


def test_the_corpora_hold_400_and_100_different_replies_in_every_style() -> None:
    assert len({json.dumps(record) for record in _load(BLIND_CORPUS)}) >= 100
    records = _load(CORPUS)
    replies = {(record["reply"], *record["choices"], record["status"]) for record in records}
    assert len(replies) == len(records) >= 400
    styles = {record["style"] for record in records}
    assert styles >= {
        "bare",
        "bracketed",
        "full_text",
        "chat",
        "reasoning",
        "not_a_but_b",
        "refusal",
        "cut_off",
        "yes_no_words",
        "several",
        "markdown",
        "json",
        "full_width",
        "non_english",
    }


def test_the_same_reply_is_read_alike_whatever_the_letters_mean() -> None:
    """With yes and no exchanged, letters stay and words change sides."""
    for text, straight, exchanged in [("(A)", "A", "A"), ("Yes.", "A", "B"), ("B. No", "B", None)]:
        for choices, expected in [
            (("(A) Yes", "(B) No"), straight),
            (("(A) No", "(B) Yes"), exchanged),
        ]:
            item = Item("i", "s", "", choices, "A", "c")
            subtask = Subtask(answer=AnswerKind.YES_NO, chance=0.5)
            reading = read_reply(Scoring.STRICT, item, subtask, DeliveryStatus.OK, text)
            assert reading.answer == expected


@pytest.mark.parametrize(
    "piece", [".", "(", "A ", "(A) ", "<|", "no ", "answer is ", "`~", "she is sad ", "<think>"]
)
def test_no_reply_can_hold_scoring_up(piece: str) -> None:
    """However long: what is read is bounded, so ten times the length costs no more steps."""
    item = Item("i", "s", "", ("(A) Yes", "(B) No"), "A", "c")
    subtask = Subtask(answer=AnswerKind.YES_NO, chance=0.5)
    lengths = (20_000, 200_000)
    readings = [
        read_reply(Scoring.STRICT, item, subtask, DeliveryStatus.OK, piece * (n // len(piece)))
        for n in lengths
    ]
    assert readings[0] == readings[1]
