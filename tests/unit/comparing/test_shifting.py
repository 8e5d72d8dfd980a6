"""The shift of the right answer's log-likelihood, from the logs of two runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import exp, log
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.api import PlanOptions, RunOptions, compare, evaluate
from emoreal_bench.choices import split_choice
from emoreal_bench.comparing.runs import load_answers, shift_between
from emoreal_bench.contracts.comparison import LogLikelihoodShift
from emoreal_bench.contracts.run_record import ITEMS_FILE, MANIFEST_FILE
from emoreal_bench.contracts.vocabulary import Alteration, ChoiceScoreKind, Factor
from emoreal_bench.record.log import read_log, seal
from emoreal_bench.reporting.terminal.comparisons import shift_lines
from tests.sealed_files import edit_sealed
from tests.small_emorealm import gold_answers, make_data, write_script

MODALITIES = ("video", "audio", "text")
SUBTASK = "modality_agreement"


class Workshop:
    """Makes runs whose logs hold choice scores as wanted."""

    def __init__(self, home: Path):
        self.home = home
        self.data = make_data(home / "data", 24, real=True)
        self.gold = gold_answers(self.data)

    def run(self, name: str, plan: PlanOptions | None = None) -> Path:
        """Make a run without choice scores."""
        model = write_script(self.home / f"{name}.json", self.gold, modalities=MODALITIES)
        options = RunOptions(plan=plan or PlanOptions(), out=self.home / name)
        evaluate(model, "emorealm", self.data, options)
        return self.home / name

    def scored(
        self,
        name: str,
        share: Callable[[str], float],
        plan: PlanOptions | None = None,
        kind: ChoiceScoreKind = ChoiceScoreKind.LETTER_LOGIT,
    ) -> Path:
        """Make a run in which the right option has the share that its subtask is given."""
        folder = self.run(name, plan)
        edit_sealed(
            folder / MANIFEST_FILE,
            lambda record: record["request"].update(answer_method="score-choices"),
        )
        planned = map(json.loads, (folder / "plan.jsonl").read_text().splitlines())
        items = {item["id"]: item for item in planned}
        lines = [
            seal({**record, "choice_scores": _scores(items[record["id"]], share, kind)})
            for record in read_log(folder / ITEMS_FILE)
        ]
        (folder / ITEMS_FILE).write_bytes(b"".join(lines))
        return folder


def _scores(
    item: dict[str, Any], share: Callable[[str], float], kind: ChoiceScoreKind
) -> dict[str, Any]:
    letters = [split_choice(choice)[0] for choice in item["choices"]]
    right = share(item["subtask"])
    shares = {
        letter: right if letter == item["answer"] else (1 - right) / (len(letters) - 1)
        for letter in letters
    }
    logs = kind is ChoiceScoreKind.LETTER_LOGIT
    scores = {letter: log(value) if logs else value for letter, value in shares.items()}
    return {"kind": kind, "scores": scores, "mass": None}


def _shift(first: Path, second: Path) -> LogLikelihoodShift | None:
    return shift_between(load_answers(first), load_answers(second))


def _altered_share(subtask: str) -> float:
    return 0.2 if subtask == SUBTASK else 0.8


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("shifts"))


@pytest.fixture(scope="module")
def plain(workshop: Workshop) -> Path:
    return workshop.scored("plain", lambda subtask: 0.8)


@pytest.fixture(scope="module")
def shift(workshop: Workshop, plain: Path) -> LogLikelihoodShift:
    swapped = PlanOptions(alteration=Alteration.SWAP, alteration_seed=0)
    altered = workshop.scored("altered", _altered_share, swapped)
    found = compare([plain, altered], across=[Factor.ALTERATION]).others[0].log_likelihood_shift
    assert found is not None
    return found


def test_the_shift_of_a_subtask_is_the_fall_of_its_right_answers(shift: LogLikelihoodShift) -> None:
    assert shift.subtasks[SUBTASK].mean == pytest.approx(log(4))
    assert shift.subtasks[SUBTASK].interval is None  # Every clip falls alike.
    others = [found.mean for name, found in shift.subtasks.items() if name != SUBTASK]
    assert others
    assert others == pytest.approx([0.0] * len(others))


def test_the_overall_shift_weighs_every_item_alike(shift: LogLikelihoodShift) -> None:
    assert shift.overall is not None
    assert shift.overall.n == 24 == sum(found.n for found in shift.subtasks.values())
    assert exp(shift.overall.mean) == pytest.approx(4 ** (shift.subtasks[SUBTASK].n / 24))


def test_the_lines_show_the_mean_and_the_interval(shift: LogLikelihoodShift) -> None:
    first, *rest = shift_lines(shift)
    assert first.startswith("Log-likelihood shift of the right answer")
    assert "  modality agreement: +1.386, n 8" in rest
    assert shift.overall is not None
    assert shift.overall.interval is not None
    low, high = shift.overall.interval
    assert any(
        line.endswith(f"{shift.overall.mean:+.3f} [{low:+.3f} to {high:+.3f}], n 24")
        for line in (first, *rest)
    )


def test_runs_without_choice_scores_have_no_shift(workshop: Workshop, plain: Path) -> None:
    written = workshop.run("written")
    assert _shift(written, written) is None
    assert _shift(plain, written) is None


def test_runs_under_other_letters_have_no_shift(workshop: Workshop, plain: Path) -> None:
    shuffled = workshop.scored("shuffled", _altered_share, PlanOptions(choice_shuffle_seed=3))
    assert _shift(plain, shuffled) is None


def test_a_right_option_without_any_probability_leaves_the_shift_undefined(
    workshop: Workshop,
) -> None:
    never = workshop.scored("never", lambda subtask: 0.0, kind=ChoiceScoreKind.SAMPLED_VOTES)
    found = _shift(never, never)
    assert found is not None
    assert found.overall is None
    assert "has no probability" in shift_lines(found)[0]


def test_scores_of_different_kinds_leave_the_shift_undefined(
    workshop: Workshop, plain: Path
) -> None:
    votes = workshop.scored("votes", lambda subtask: 0.8, kind=ChoiceScoreKind.SAMPLED_VOTES)
    found = _shift(plain, votes)
    assert found is not None
    assert found.overall is None
    assert found.undefined is not None
    assert "different kinds" in found.undefined
