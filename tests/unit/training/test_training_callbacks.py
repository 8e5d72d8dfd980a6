"""What happens beside the steps of a training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from emoreal_bench.model_adapters.local.file_faults import COMPLETE_FILE
from emoreal_bench.training.config import Evaluation
from emoreal_bench.training.evaluating import BEST_FOLDER, Evaluated, EvaluationCallback
from emoreal_bench.training.objectives.metrics import (
    EVALUATION,
    METRICS_FILE,
    STEP,
    TEXT_GAP,
    read_metrics,
)
from emoreal_bench.training.objectives.text_gap import TextGap
from emoreal_bench.training.observer import TrainingObserver
from emoreal_bench.training.outputs.callbacks import (
    LikelihoodCallback,
    MetricsCallback,
    StateCallback,
    TextGapCallback,
    clear_checkpoints,
    find_checkpoint,
)
from emoreal_bench.training.trainer import TermMeans


class Notices(TrainingObserver):
    """Keeps notices."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_notice(self, notice: str) -> None:
        self.heard.append(notice)


class NoTrainer:
    """A trainer as callbacks see it: saves a file, keeps what is logged."""

    def __init__(self) -> None:
        self.state = TrainerState(max_steps=100)
        self.control = TrainerControl()
        self.accelerator = SimpleNamespace(wait_for_everyone=lambda: None)

    def log_besides(self, values: dict[str, float]) -> None:
        self.state.log_history.append({**values, STEP: self.state.global_step})

    def save_adapter(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "weights").write_text(str(self.state.global_step))

    def score_without_gradient(self, packed: Any) -> torch.Tensor:
        raise NotImplementedError

    def take_steps(self, callback: StateCallback, steps: range) -> None:
        for self.state.global_step in steps:
            callback.end_step(self.state)


class NoMeter:
    """Gives the text gaps of a list."""

    def __init__(self, means: list[float]) -> None:
        self._means = iter(means)

    def measure(self, score: Any) -> TextGap:
        return TextGap(pairs=1, mean=next(self._means), positive=0.5)


def _tell(callback: StateCallback, state: TrainerState, folder: Path, logs: Any = None) -> None:
    arguments = TrainingArguments(output_dir=str(folder), use_cpu=True, report_to=[])
    if logs is None:
        callback.on_train_begin(arguments, state, TrainerControl())
    else:
        callback.on_log(arguments, state, TrainerControl(), logs=logs)


def test_metrics_begin_with_those_of_the_checkpoint(tmp_path: Path) -> None:
    (tmp_path / METRICS_FILE).write_text('{"step": 9, "loss": 1.0}\n{"torn')
    state = TrainerState(log_history=[{"loss": 0.5, STEP: 2}], global_step=2)
    callback = MetricsCallback(tmp_path, TrainingObserver())
    _tell(callback, state, tmp_path)
    state.global_step = 3
    _tell(callback, state, tmp_path, {"loss": 0.4})
    assert read_metrics(tmp_path / METRICS_FILE) == [
        {STEP: 2, "loss": 0.5},
        {STEP: 3, "loss": 0.4},
    ]


def test_a_checkpoint_counts_once_it_is_whole(tmp_path: Path) -> None:
    assert find_checkpoint(tmp_path) is None
    for step in (5, 10, 20):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (5, 10):
        (tmp_path / f"checkpoint-{step}" / COMPLETE_FILE).touch()
    assert find_checkpoint(tmp_path) == tmp_path / "checkpoint-10"


def test_only_what_has_the_name_of_a_checkpoint_is_one(tmp_path: Path) -> None:
    for name in ("checkpoint-5", "checkpoint-7 copy", "checkpoint-old", "damaged-checkpoint-9"):
        (tmp_path / name).mkdir()
        (tmp_path / name / COMPLETE_FILE).touch()
    (tmp_path / "checkpoint-list.txt").touch()
    clear_checkpoints(tmp_path, Notices())
    assert find_checkpoint(tmp_path) == tmp_path / "checkpoint-5"
    assert len(list(tmp_path.iterdir())) == 5


def test_a_link_or_a_file_in_the_place_of_a_checkpoint_costs_nobody_anything(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "elsewhere"
    kept.mkdir()
    (kept / "file").touch()
    (tmp_path / "checkpoint-5").symlink_to(kept)
    (tmp_path / "checkpoint-10").write_text("not a folder")
    notices = Notices()
    clear_checkpoints(tmp_path, notices)
    assert find_checkpoint(tmp_path) is None
    assert (kept / "file").exists()
    assert (tmp_path / "damaged-checkpoint-10").read_text() == "not a folder"
    assert "checkpoint-10 is not gone on from" in notices.heard[0]


def _watch_gap(means: list[float]) -> list[str]:
    trainer: Any = NoTrainer()
    meter: Any = NoMeter(means)
    notices = Notices()
    callback = TextGapCallback(trainer, meter, 10, notices)
    callback.begin(trainer.state)
    trainer.take_steps(callback, range(10, 10 * len(means), 10))
    return notices.heard


def test_a_text_gap_that_grows_warns_once() -> None:
    (notice,) = _watch_gap([1.0, 1.5, 4.0, 6.0])
    assert "grown by 3.0 nats to 4.0" in notice


@pytest.mark.parametrize("means", [[1.0, 0.5, -3.0], [1.0, 2.5], [-9.0, -4.0]])
def test_a_text_gap_that_stays_falls_or_is_against_the_prior_does_not_warn(
    means: list[float],
) -> None:
    assert _watch_gap(means) == []


def test_the_gap_is_measured_where_it_is_due() -> None:
    trainer: Any = NoTrainer()
    meter: Any = NoMeter([0.0] * 9)
    trainer.state.max_steps = 25
    callback = TextGapCallback(trainer, meter, 10, Notices())
    callback.begin(trainer.state)
    trainer.take_steps(callback, range(1, 26))
    assert [e[STEP] for e in trainer.state.log_history if TEXT_GAP in e] == [0, 10, 20, 25]


def _evaluate(
    folder: Path,
    accuracies: list[float],
    guards: list[float] | None = None,
    readable: list[float] | None = None,
    *,
    stop: bool = False,
) -> tuple[NoTrainer, list[str]]:
    trainer: Any = NoTrainer()
    trainer.state.max_steps = 10 * (len(accuracies) - 1)
    found = {
        "emorealm": map(Evaluated, accuracies, readable or [1.0] * len(accuracies)),
        "mafw": (Evaluated(guard, 1.0) for guard in guards or []),
    }
    settings = Evaluation.model_validate(
        {
            "task": {"task": "emorealm"},
            "guard": {"task": "mafw"} if guards else None,
            "every": 10,
            "stop_on_drop": stop,
        }
    )
    notices = Notices()
    callback = EvaluationCallback(
        trainer, settings, lambda task, *_: next(found[task.name]), folder, notices
    )
    callback.begin(trainer.state)
    trainer.take_steps(callback, range(1, trainer.state.max_steps + 1))
    return trainer, notices.heard


def test_the_best_adapter_is_kept(tmp_path: Path) -> None:
    trainer, _ = _evaluate(tmp_path, [0.2, 0.5, 0.4, 0.5])
    assert (tmp_path / BEST_FOLDER / "weights").read_text() == "10"
    name = EVALUATION + "emorealm"
    logged = [(e[STEP], e[name]) for e in trainer.state.log_history]
    assert logged == [(0, 0.2), (10, 0.5), (20, 0.4), (30, 0.5)]


def test_adapters_of_evaluations_do_not_pile_up(tmp_path: Path) -> None:
    _evaluate(tmp_path, [0.2, 0.5, 0.4])
    assert not list(tmp_path.glob("evaluations/*/adapter"))


def test_a_guard_that_falls_warns(tmp_path: Path) -> None:
    _, notices = _evaluate(tmp_path, [0.2, 0.3, 0.4], [0.9, 0.88, 0.8])
    assert len(notices) == 1
    assert "mafw has fallen from 0.900 to 0.800" in notices[0]


def test_replies_that_no_longer_hold_an_answer_warn(tmp_path: Path) -> None:
    trainer, notices = _evaluate(tmp_path, [0.2, 0.3, 0.4], readable=[1.0, 0.97, 0.51])
    assert len(notices) == 1
    assert "51.0% hold an answer, 100.0% before the training" in notices[0]
    assert "method.anchor" in notices[0]
    assert not trainer.control.should_training_stop


@pytest.mark.parametrize(
    "falling", [{"guards": [0.9, 0.8]}, {"readable": [1.0, 0.9]}], ids=["guard", "readable"]
)
def test_a_training_ends_where_something_falls_if_it_is_asked_to(
    tmp_path: Path, falling: dict[str, list[float]]
) -> None:
    trainer, notices = _evaluate(tmp_path, [0.2, 0.3], **falling, stop=True)
    assert trainer.control.should_training_stop
    assert "ends here" in notices[0]


def test_what_holds_ends_no_training(tmp_path: Path) -> None:
    trainer, notices = _evaluate(tmp_path, [0.2, 0.1], [0.9, 0.88], [1.0, 0.96], stop=True)
    assert not trainer.control.should_training_stop
    assert notices == []


def _watch_likelihood(values: list[float]) -> list[str]:
    notices = Notices()
    state = TrainerState()
    for value in values:
        logs = {"chosen_log_likelihood": value}
        state.log_history.append(logs)
        LikelihoodCallback(notices).logged(state, logs)
    return notices.heard


def test_right_answers_that_become_unlikely_warn() -> None:
    (notice,) = _watch_likelihood([-0.5, -0.4, -1.2, -1.7])
    assert "fallen by 1.2 nats a token" in notice
    assert _watch_likelihood([-3.0, -0.2, -1.1]) == []


def test_terms_are_averaged_over_examples_between_two_logs() -> None:
    terms = TermMeans()
    terms.add({"response_margin": torch.tensor([1.0, -1.0])})
    terms.add({"response_margin": torch.tensor([3.0])})
    means = terms.take(lambda tensor: tensor)
    assert means == {"response_margin": 1.0, "response_margin_positive": pytest.approx(2 / 3)}
    assert terms.take(lambda tensor: tensor) == {}
