"""Logged samples of lm-evaluation-harness and of lmms-eval (``--log_samples``).

One JSON object a line. lm-evaluation-harness 0.4.13 (``lm_eval/loggers/evaluation_tracker.py``)
keeps the document of each sample, and with it the id of the item if the data set has one;
lmms-eval 0.7.3 (``lmms_eval/loggers/evaluation_tracker.py``) leaves the document out and keeps
its place in the data set and the prompt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from emoreal_bench.choices import letters_of
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Origin
from emoreal_bench.identity import check_plain_file
from emoreal_bench.importing.log_lines import LoggedReplies, Sample, match_samples, scalars
from emoreal_bench.parsing import UnreadableError, parse_json
from emoreal_bench.text_files import number_lines, read_text

_LIKELIEST = ("id", "question_id", "qid", "item_id", "uid")
_BY_LIKELIHOOD = (
    "The log holds the likelihood of each option and no text: the likeliest was taken for the "
    "answer."
)
_Line = tuple[str, Mapping[str, Any]]


def is_sample_log(path: Path) -> Origin | None:
    """Return whose logged samples a file holds; None if it holds something else."""
    if path.suffix not in (".jsonl", ".json"):
        return None
    try:
        with path.open("rb") as file:
            record = parse_json(file.readline(1 << 24))
    except (OSError, UnreadableError):
        return None
    if not isinstance(record, Mapping) or not {"doc_id", "filtered_resps"} <= record.keys():
        return None
    return Origin.LM_EVAL if "doc" in record else Origin.LMMS_EVAL


def read_sample_log(path: Path, items: Sequence[Item]) -> LoggedReplies:
    """Read the replies of a log.

    Raises:
        DataError: If it cannot be read, or its samples are not about these items.
    """
    lines = _first_filter(list(_lines(path)))
    samples = [_sample(where, record) for where, record in lines]
    pairs, notes = match_samples(path, samples, items)
    results, by_likelihood = [], False
    for (item, sample), (_, record) in zip(pairs, lines, strict=True):
        text, chosen = _answer(sample.where, record, item)
        by_likelihood |= chosen
        results.append(replace(sample.result, id=item.id, text=text))
    return LoggedReplies(
        results, _model(path), (*notes, *((_BY_LIKELIHOOD,) if by_likelihood else ()))
    )


def _lines(path: Path) -> list[_Line]:
    found = []
    for number, line in number_lines(read_text(path)):
        where = f"{path}, line {number}"
        try:
            record = parse_json(line)
        except UnreadableError as error:
            raise DataError(f"The line {error}.", where=where) from error
        if not isinstance(record, Mapping) or "doc_id" not in record:
            raise DataError("The line is not a logged sample: it lacks doc_id.", where=where)
        found.append((where, record))
    return found


def _first_filter(lines: Sequence[_Line]) -> list[_Line]:
    """Keep one line for each sample: a log repeats them for every filter of the task.

    What the model wrote is the same in all of them.
    """
    filters = {str(record.get("filter")) for _, record in lines}
    first = "none" if "none" in filters else str(lines[0][1].get("filter")) if lines else ""
    return [line for line in lines if str(line[1].get("filter")) == first]


def _sample(where: str, record: Mapping[str, Any]) -> Sample:
    place = record["doc_id"]
    return Sample(
        where=where,
        names=scalars(record.get("doc"), _LIKELIEST),
        place=place if isinstance(place, int) and not isinstance(place, bool) else None,
        prompt=record.get("arguments", record.get("input")),
        target=record.get("target"),
        result=Result("", DeliveryStatus.OK),
    )


def _answer(where: str, record: Mapping[str, Any], item: Item) -> tuple[str, bool]:
    """Return what a model answered, and whether by likelihoods instead of words."""
    replies = record.get("resps", record.get("filtered_resps"))
    only = replies
    while isinstance(only, list) and len(only) == 1:
        only = only[0]
    if isinstance(only, str):
        return only, False
    if item.choices and isinstance(replies, list):
        scores = [score for score in map(_likelihood, replies) if score is not None]
        if len(scores) == len(item.choices) == len(replies):
            return letters_of(item.choices)[scores.index(max(scores))], True
    texts = only if isinstance(only, list) else []
    if texts and all(isinstance(text, str) for text in texts):
        raise DataError(
            f"The sample holds {len(texts)} replies.",
            where=where,
            remedy="A run holds one reply to each item: log one repeat.",
        )
    raise DataError("The sample holds neither a text nor a likelihood of each option.", where=where)


def _likelihood(reply: Any) -> float | None:
    """Return the log-likelihood of an option; the log holds pairs, with numbers as texts."""
    while isinstance(reply, list) and len(reply) == 1:
        reply = reply[0]
    if not isinstance(reply, list) or len(reply) != 2:
        return None
    try:
        value = float(reply[0])
    except (TypeError, ValueError):
        return None
    return None if math.isnan(value) else value


def _model(path: Path) -> str | None:
    """Return the model that the results beside a log name."""
    # samples_TASK_DATE.jsonl beside results_DATE.json, DATE_samples_TASK.jsonl beside
    # DATE_results.json
    stem = path.stem
    date, samples, _ = stem.partition("_samples_")
    names = [f"{date}_results.json"] if samples else []
    names.append(f"results_{stem.rpartition('_')[2]}.json")
    for name in names:
        try:
            check_plain_file(path.parent / name)
            record = parse_json((path.parent / name).read_bytes())
        except (OSError, UnreadableError):
            continue
        model = record.get("model_name") if isinstance(record, Mapping) else None
        if isinstance(model, str) and model.strip():
            return model
    return None
