"""A named pipe in the place of a file that nobody named: refused before it is opened."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emoreal_bench.catalog import load_task, task_paths
from emoreal_bench.contracts.errors import EmorealError
from emoreal_bench.contracts.run_record import HOLDER_FILE
from emoreal_bench.contracts.task import DEFAULT_VARIANT
from emoreal_bench.datasets.data_card import CARD, open_places
from emoreal_bench.datasets.hub import _read as read_download
from emoreal_bench.preferences.building.known_cues import read_synth_settings
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.readers.tables import read_table
from emoreal_bench.record.folder import RunFolder
from emoreal_bench.reporting.site.earlier import _is_ours
from emoreal_bench.scoring.predictions import read_predictions
from emoreal_bench.synth.build import RECORD, _is_finished
from emoreal_bench.text_files import read_text
from emoreal_bench.training.objectives.metrics import read_metrics
from emoreal_bench.training.objectives.reference_cache import ReferenceCache
from emoreal_bench.training.outputs.checkpoint_states import check_record


def _render(pipe: Path) -> None:
    path = task_paths()["emorealm"]
    shutil.copytree(path.parent, pipe.parent / "tasks")
    task = load_task(pipe.parent / "tasks" / path.name)
    template = task.path.parent / task.task.variants[DEFAULT_VARIANT].prompt
    template.unlink()
    os.mkfifo(template)
    PromptRenderer(task, DEFAULT_VARIANT, ())


REFUSING: dict[str, Callable[[Path], object]] = {
    "template": _render,
    "metrics.jsonl": read_metrics,
    "references": ReferenceCache,
    "trainer_state.json": lambda pipe: check_record(pipe.parent),
    "download.json": read_download,
    RECORD: lambda pipe: read_synth_settings(pipe.parent),
    "annotations.csv": lambda pipe: read_table(pipe, ("a",)),
    "questions.jsonl": read_text,
    "item.txt": lambda pipe: read_predictions(pipe.parent, []),
}


@pytest.mark.parametrize("name", REFUSING)
def test_it_is_named_and_holds_nobody_up(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(EmorealError) as caught:
        REFUSING[name](tmp_path / name)
    assert str(tmp_path) in str(caught.value)


def test_a_pipe_is_no_record_of_a_finished_benchmark(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / RECORD)
    with pytest.raises(EmorealError, match="pipe"):
        _is_finished(tmp_path, b"{}")


def test_a_pipe_says_nothing_where_nothing_needs_to_be_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / CARD)
    assert open_places(tmp_path / "task.yaml") == ()
    os.mkfifo(tmp_path / "page.html")
    assert not _is_ours(tmp_path / "page.html")


def test_a_pipe_in_the_place_of_who_holds_a_run_holds_nobody_up(tmp_path: Path) -> None:
    with RunFolder(tmp_path):
        (tmp_path / HOLDER_FILE).unlink()
        os.mkfifo(tmp_path / HOLDER_FILE)
        with pytest.raises(EmorealError, match="Process unknown is writing this run"):
            RunFolder(tmp_path)
