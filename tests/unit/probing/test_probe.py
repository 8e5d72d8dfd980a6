"""Which conditions a probe runs, and what it says of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from emoreal_bench.api import PlanOptions, RunOptions, probe
from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.comparison import Verdict
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.probe import Condition, ProbeReport
from emoreal_bench.contracts.run_record import ITEMS_FILE
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.probing.probe import BLIND_BASELINES, CHANCE, MAJORITY, plan_probe
from emoreal_bench.record.log import read_log
from emoreal_bench.reporting.terminal.probing import what_answers_rest_on
from tests.small_emorealm import gold_answers, make_data, write_script

MODALITIES = ("video", "audio", "text")
SEEING_AND_HEARING = Capabilities(modalities=tuple(Modality))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A probe of a model that looks at nothing but the id of a question."""
    home = tmp_path_factory.mktemp("probe")
    data = make_data(home / "data", items=24, per_clip=6, real=True)
    model = write_script(home / "script.json", gold_answers(data), 4, MODALITIES)
    options = RunOptions(runs=home / "runs", model_arguments={"record": str(home / "asked")})
    report = probe(model, "emorealm", data, options, seed=2)
    return SimpleNamespace(home=home, data=data, model=model, options=options, report=report)


@pytest.fixture(scope="module")
def report(place: SimpleNamespace) -> ProbeReport:
    made = place.report
    assert isinstance(made, ProbeReport)
    return made


def test_a_probe_runs_every_condition_the_full_one_first(report: ProbeReport) -> None:
    assert list(report.conditions) == list(Condition)
    assert report.left_out == {}


def test_what_each_run_was_given_is_in_its_log(report: ProbeReport) -> None:
    given = {}
    for condition, scores in report.conditions.items():
        records = list(read_log(Path(scores.folder) / ITEMS_FILE))
        deliveries = [record["delivery"] for record in records]
        given[condition] = (deliveries[0]["frames"] > 0, deliveries[0]["audio_seconds"] > 0)
    assert given == {
        Condition.FULL: (True, True),
        Condition.SOUND_ONLY: (False, True),
        Condition.PICTURE_ONLY: (True, False),
        Condition.TEXT_ONLY: (False, False),
        Condition.SWAPPED_CLIPS: (True, True),
        Condition.SHUFFLED_LETTERS: (True, True),
    }


def test_a_model_that_does_not_look_loses_nothing_with_the_clip(report: ProbeReport) -> None:
    for condition in (Condition.SOUND_ONLY, Condition.TEXT_ONLY, Condition.SWAPPED_CLIPS):
        change = report.conditions[condition].change
        assert change is not None
        assert change.average.difference == 0


def test_a_model_that_clings_to_letters_loses_by_their_shuffle(report: ProbeReport) -> None:
    change = report.conditions[Condition.SHUFFLED_LETTERS].change
    assert change is not None
    assert change.average.difference < -0.4
    # Four clips can be exchanged in 16 ways, of which two bring as large a change.
    assert change.average.verdict is Verdict.TOO_SMALL
    scores = report.conditions[Condition.SHUFFLED_LETTERS].accuracy
    assert change.average.second == pytest.approx(scores.average)


def test_the_full_run_has_no_change_against_itself(report: ProbeReport) -> None:
    assert report.conditions[Condition.FULL].change is None
    assert report.conditions[Condition.FULL].accuracy.average == pytest.approx(0.75)


def test_blind_baselines_stand_beside(report: ProbeReport) -> None:
    assert list(report.blind) == [CHANCE, MAJORITY, *BLIND_BASELINES]
    assert report.blind[CHANCE].subtasks["modality_agreement"] == 0.5
    # The gold letters of this data set go round, so always A is right as often as guessing.
    assert report.blind["baseline/first-choice"].subtasks == report.blind[CHANCE].subtasks


def test_a_probe_given_again_asks_nothing_and_says_the_same(place: SimpleNamespace) -> None:
    asked = (place.home / "asked").read_text()
    again = probe(place.model, "emorealm", place.data, place.options, seed=2)
    assert (place.home / "asked").read_text() == asked
    assert again == place.report


@pytest.mark.parametrize(
    ("modalities", "kept"),
    [
        (tuple(Modality), list(Condition)),
        (
            (Modality.VIDEO, Modality.TEXT),
            [
                Condition.FULL,
                Condition.TEXT_ONLY,
                Condition.SWAPPED_CLIPS,
                Condition.SHUFFLED_LETTERS,
            ],
        ),
        ((Modality.TEXT,), [Condition.FULL, Condition.SHUFFLED_LETTERS]),
    ],
)
def test_a_condition_that_would_ask_nothing_new_is_left_out_with_the_reason(
    modalities: tuple[Modality, ...], kept: list[Condition]
) -> None:
    task = find_task("emorealm").task
    plan = plan_probe(task, Capabilities(modalities=modalities), PlanOptions())
    assert list(plan.conditions) == kept
    assert set(plan.left_out) == set(Condition) - set(kept)
    assert all(plan.left_out.values())


def test_questions_without_options_have_no_letters_to_shuffle() -> None:
    plan = plan_probe(find_task("dfew").task, SEEING_AND_HEARING, PlanOptions())
    assert set(plan.left_out) == {Condition.SHUFFLED_LETTERS}


def test_free_answers_cannot_be_probed() -> None:
    with pytest.raises(UsageError, match="asks for free text"):
        plan_probe(find_task("emer").task, SEEING_AND_HEARING, PlanOptions())


def test_a_condition_changes_one_thing_of_how_the_full_run_asks() -> None:
    full = PlanOptions(variant="paper", limit=7)
    plan = plan_probe(find_task("emorealm").task, SEEING_AND_HEARING, full, seed=9)
    assert {(way.variant, way.limit) for way in plan.conditions.values()} == {("paper", 7)}
    swapped = plan.conditions[Condition.SWAPPED_CLIPS]
    assert (swapped.alteration, swapped.alteration_seed) == (Alteration.SWAP, 9)
    assert swapped.modalities is None


def test_a_probe_says_in_words_what_the_answers_rest_on(report: ProbeReport) -> None:
    said = what_answers_rest_on(report)
    assert said.startswith("The answers do not rest on the clip: without the clip or with another")

    def with_verdict(verdict: Verdict, **changes: float) -> ProbeReport:
        conditions = dict(report.conditions)
        for name in (Condition.TEXT_ONLY, Condition.SWAPPED_CLIPS):
            change = conditions[name].change
            assert change is not None
            average = change.average.model_copy(update={"verdict": verdict, **changes})
            change = change.model_copy(update={"average": average})
            conditions[name] = conditions[name].model_copy(update={"change": change})
        return report.model_copy(update={"conditions": conditions})

    assert what_answers_rest_on(with_verdict(Verdict.WORSE, difference=-0.25)) == (
        "The answers rest on the clip: the average accuracy without the clip falls by 25.0 points "
        "and with another clip falls by 25.0 points."
    )
    too_small = what_answers_rest_on(with_verdict(Verdict.TOO_SMALL, items_needed=1234))
    assert "24 items cannot tell whether the answers rest on the clip" in too_small
    assert "about 1,234 items like these could" in too_small
    assert "Nothing shows" in what_answers_rest_on(with_verdict(Verdict.NO_EVIDENCE))
