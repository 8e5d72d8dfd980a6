"""The strict reading against replies written by hand in the styles that models produce.

``reply_corpus.jsonl`` was written beside the parser. The blind ones were written
by people who had not seen it, and are judged apart; how they were read at first
sight is in ``docs/metrics.md``.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Subtask
from emoreal_bench.contracts.vocabulary import AnswerKind, DeliveryStatus, Outcome, Scoring
from emoreal_bench.scoring.reading.readings import Reading, read_reply

HERE = Path(__file__).parent
CORPUS = HERE / "reply_corpus.jsonl"
BLIND_CORPUS = HERE / "reply_corpus_blind.jsonl"
BLIND_CORPUS_1 = HERE / "reply_corpus_blind_1.jsonl"
BLIND_CORPUS_2 = HERE / "reply_corpus_blind_2.jsonl"
BLIND_CORPUS_3 = HERE / "reply_corpus_blind_3.jsonl"
BLIND_CORPUS_4 = HERE / "reply_corpus_blind_4.jsonl"
BLIND_CORPUS_5 = HERE / "reply_corpus_blind_5.jsonl"
DESCRIPTIONS = HERE / "reply_descriptions.jsonl.gz"
NO_ANSWER = {"unparsable", "statement", "refused"}
"""What the blind rounds call one and the parser another; the answer is none each time."""


def _load(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _read(record: dict[str, Any]) -> Reading:
    kind = AnswerKind(record.get("answer") or record["kind"])
    labels = tuple(record.get("labels") or ())
    choices = tuple(record["choices"] or ())
    gold = record["expected"] or (labels[0] if labels else "A")
    item = Item("i", "s", record.get("question") or "", choices, gold, "c")
    subtask = Subtask(answer=kind, chance=0.5, labels=labels)
    return read_reply(
        Scoring.STRICT, item, subtask, DeliveryStatus(record["status"]), record["reply"]
    )


def _disagreement(record: dict[str, Any]) -> str | None:
    try:
        reading = _read(record)
    except ValueError as error:
        return f"{record['choices']}: {error}"
    outcomes = NO_ANSWER if "answer" in record else set()
    same = reading.outcome == record["outcome"] or {reading.outcome, record["outcome"]} <= outcomes
    # The writers of round 2 noted what a statement amounts to; that is not for rules to say.
    expected = None if record["outcome"] == "statement" else record["expected"]
    if reading.answer == expected and same:
        return None
    return (
        f"[{record.get('style', record['kind'])}] {record['reply']!r} to {record['choices']}: read"
        f" {reading.answer} ({reading.outcome}), meant {record['expected']} ({record['outcome']})"
    )


@pytest.mark.parametrize(
    ("path", "agreement"),
    [
        (CORPUS, 0.999),
        (BLIND_CORPUS, 1.0),
        (BLIND_CORPUS_1, 0.97),
        (BLIND_CORPUS_2, 0.95),
        (BLIND_CORPUS_3, 0.965),
        (BLIND_CORPUS_4, 0.955),
        (BLIND_CORPUS_5, 0.99),
    ],
    ids=["seen", "blind", "blind 1", "blind 2", "blind 3", "blind 4", "blind 5"],
)
def test_the_strict_reading_agrees_with_people_on_hand_written_replies(
    path: Path, agreement: float
) -> None:
    records = [record for record in _load(path) if not record.get("ambiguous")]
    disagreements = [text for record in records if (text := _disagreement(record))]
    share = 1 - len(disagreements) / len(records)
    print(f"{path.name}: {share:.2%} of {len(records)}", *disagreements, sep="\n")  # noqa: T201 - the list is the result
    assert share >= agreement, "\n".join(disagreements)


def test_no_answer_is_read_from_what_only_describes_a_clip() -> None:
    with gzip.open(DESCRIPTIONS, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    assert len(records) == 2000
    read, stated = [], 0
    for record in records:
        reading = _read(record | {"expected": None, "status": "ok"})
        stated += reading.outcome is Outcome.STATEMENT
        if reading.answer is not None:
            read.append(f"{record['reply']!r} to {record['choices']}: read {reading.answer}")
    assert not read, "\n".join(read)
    assert stated <= 35


def test_options_that_are_no_yes_and_no_answer_as_those_of_a_choice() -> None:
    item = Item("i", "s", "", ("(A) 没有", "(B) 提高了"), "B", "c")
    subtask = Subtask(answer=AnswerKind.YES_NO, chance=0.5)
    for text, expected in [("B", "B"), ("提高了", "B"), ("(A) 没有", "A"), ("不知道", None)]:
        reading = read_reply(Scoring.STRICT, item, subtask, DeliveryStatus.OK, text)
        assert reading.answer == expected


def test_the_corpora_hold_2000_and_800_different_replies_in_every_style() -> None:
    blind = [record for path in (BLIND_CORPUS, BLIND_CORPUS_1) for record in _load(path)]
    assert len({json.dumps(record) for record in blind}) >= 800
    records = _load(CORPUS)
    replies = {
        (record["reply"], *record["choices"], record["status"], record["kind"])
        for record in records
    }
    assert len(replies) == len(records) >= 2000
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


EMOTIONS = ("(A) Fear", "(B) Joy", "(C) Anger", "(D) Boredom")


@pytest.mark.parametrize(
    "text",
    [
        "The girl's T-shirt has a big letter B on it.",
        "Mr. D. opens the door.",
        "The song playing is called Joy.",
        "Her friend Joy enters the room.",
        "Anger management leaflets lie on the table.",
        "The lift goes to level D.",
        "A and B are the initials on the door.",
        "The video was recorded in boredom-free Berlin.",
        "Joy is the name of her sister.",
    ],
)
def test_a_name_or_a_thing_is_no_answer(text: str) -> None:
    item = Item("i", "s", "What does the girl feel?", EMOTIONS, "A", "c")
    subtask = Subtask(answer=AnswerKind.CHOICE, chance=0.25)
    assert read_reply(Scoring.STRICT, item, subtask, DeliveryStatus.OK, text).answer is None


@pytest.mark.parametrize(
    "form",
    ["{x}: {v}", "({x}) {v}", "- **{x}** - {v}", "{t} -> {v}", "{t} ({x}): {v}", "| {t} | {v} |"],
)
@pytest.mark.parametrize(
    ("right", "wrong"),
    [("yes", "no"), ("\u2713", "\u2717"), ("0.7", "0.1"), ("9/10", "3/10"), ("high", "low"),
     ("confirmed", "refuted"), ("fully", "partly"), ("strong evidence", "no evidence")],
)  # fmt: skip
def test_a_list_is_read_whatever_its_form(form: str, right: str, wrong: str) -> None:
    item = Item("i", "s", "What does the girl feel?", EMOTIONS, "C", "c")
    subtask = Subtask(answer=AnswerKind.CHOICE, chance=0.25)
    lines = [
        form.format(x=choice[1], t=choice[4:], v=right if choice[1] == "C" else wrong)
        for choice in EMOTIONS
    ]
    for text in ("\n".join(lines), "Each in turn:\n\n" + "\n".join(lines)):
        assert read_reply(Scoring.STRICT, item, subtask, DeliveryStatus.OK, text).answer == "C"
