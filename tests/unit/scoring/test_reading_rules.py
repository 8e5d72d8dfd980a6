"""Each rule of the strict reading that the page on metrics lists is needed."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.scoring.reading import about, cleaning, emotions, strict
from tests.unit.scoring.test_reply_corpus import (
    BLIND_CORPUS,
    BLIND_CORPUS_1,
    BLIND_CORPUS_2,
    BLIND_CORPUS_3,
    BLIND_CORPUS_4,
    BLIND_CORPUS_5,
    CORPUS,
    _disagreement,
    _load,
)

BLIND_ROUNDS = (BLIND_CORPUS_1, BLIND_CORPUS_2, BLIND_CORPUS_3, BLIND_CORPUS_4, BLIND_CORPUS_5)
PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
RULES = re.findall(r"^\| `([\w.]+)` \| [^|]* \| `([^`|]+)` \|$", PAGE.read_text("utf-8"), re.M)
NEVER = re.compile("(?!)" + "()" * 9)
READING = "emoreal_bench.scoring.reading"


def _records() -> dict[str, list[dict[str, Any]]]:
    by_name: dict[str, list[dict[str, Any]]] = {}
    for path in (CORPUS, BLIND_CORPUS, *BLIND_ROUNDS):
        for record in _load(path):
            if not record.get("ambiguous"):
                by_name.setdefault(record.get("id") or record["style"], []).append(record)
    return by_name


RECORDS = _records()


@pytest.fixture
def _nothing_remembered() -> Iterator[None]:
    """Forget readings before and after a test that changes how replies are read."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    for cache in (
        *(strict._read_short_reply, strict._read_short_label, strict._reader),
        *(
            about._asked,
            about._kind,
            emotions.vocabulary,
            cleaning.clean,
            cleaning.without_reasoning,
        ),
    ):
        cache.cache_clear()


def test_the_page_lists_the_rules() -> None:
    assert len(RULES) > 40
    assert len({rule for rule, _ in RULES}) == len(RULES)


@pytest.mark.usefixtures("_nothing_remembered")
@pytest.mark.parametrize(("rule", "needed_by"), RULES)
def test_without_a_rule_replies_that_need_it_are_read_otherwise(
    rule: str, needed_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, name = rule.rpartition(".")
    records = RECORDS[needed_by]
    right = [record for record in records if not _disagreement(record)]
    _forget()
    home = importlib.import_module(f"{READING}.{module}")
    without = NEVER if isinstance(getattr(home, name), re.Pattern) else ()
    monkeypatch.setattr(home, name, without)
    assert any(_disagreement(record) for record in right), f"{rule} changes none of {needed_by}"
