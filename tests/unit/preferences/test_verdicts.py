"""What people say of pairs, counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import DataError, NotComparableError
from emoreal_bench.preferences.checking.verdicts import (
    Claim,
    Verdict,
    Verdicts,
    read_verdicts,
    weigh_verdicts,
)
from emoreal_bench.preferences.reading import hash_pairs
from emoreal_bench.statistics.intervals import wilson_interval
from tests.unit.preferences.made_up_pairs import make_pair

PAIRS = [make_pair(n) for n in range(1, 5)]
ALL_YES = dict.fromkeys(Claim, Verdict.YES)


def said(**verdicts: dict[Claim, Verdict]) -> Verdicts:
    by_pair = {name.replace("_", "-"): given for name, given in verdicts.items()}
    return Verdicts(schema_version=1, pairs_hash=hash_pairs(PAIRS), verdicts=by_pair)


def test_a_pair_holds_if_every_claim_does() -> None:
    report = weigh_verdicts(
        PAIRS,
        said(
            pair_1=ALL_YES,
            pair_2={**ALL_YES, Claim.SPURIOUS: Verdict.NO},
            pair_3={**ALL_YES, Claim.CHOSEN: Verdict.UNSURE},
        ),
    )
    assert (report.pairs, report.audited) == (4, 3)
    assert (report.sound.agreed, report.sound.asked, report.sound.unsure) == (1, 3, 1)
    assert report.sound.interval == wilson_interval(1, 3)
    assert report.claims[Claim.CHOSEN].agreed == 2
    assert report.claims[Claim.SPURIOUS].share == pytest.approx(2 / 3)


def test_a_pair_without_all_verdicts_counts_for_its_claims_only() -> None:
    report = weigh_verdicts(PAIRS, said(pair_1={Claim.CHOSEN: Verdict.YES}))
    assert report.audited == 0
    assert report.sound.share is None
    assert report.claims[Claim.CHOSEN].asked == 1
    assert Claim.SPURIOUS not in report.claims


def test_a_pair_is_complete_without_an_answer_that_it_does_not_have() -> None:
    pairs = [make_pair(spurious=None)]
    verdicts = Verdicts(
        schema_version=1,
        pairs_hash=hash_pairs(pairs),
        verdicts={
            "pair-1": {Claim.CHOSEN: Verdict.YES, Claim.HALLUCINATION: Verdict.YES},
        },
    )
    assert weigh_verdicts(pairs, verdicts).sound.agreed == 1


def test_verdicts_on_a_changed_file_are_refused() -> None:
    with pytest.raises(NotComparableError, match="another file"):
        weigh_verdicts(PAIRS[:3], said(pair_1=ALL_YES))


@pytest.mark.parametrize("content", ["", "{}", '{"schema": 2, "pairs_hash": "", "verdicts": {}}'])
def test_another_file_is_no_file_of_verdicts(tmp_path: Path, content: str) -> None:
    path = tmp_path / "verdicts.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="not a file of verdicts"):
        read_verdicts(path)
