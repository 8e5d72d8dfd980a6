"""Data: make it, look it over, prepare it, get it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoreal_bench.catalog import explain, find_task
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.readers import load_items

if TYPE_CHECKING:
    from emoreal_bench.datasets.check import ClipCheck, DataReport
    from emoreal_bench.datasets.new_task import NewTask, TaskDraft


Progress = Callable[[int, int], None]

DEFAULT_SYNTH_SETTINGS: Mapping[str, Any] = {"items": 240, "seed": 1}


def make_synthetic_benchmark(
    out: Path, settings: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> Path:
    """Write the synthetic benchmark: clips of drawn people, and questions with known answers.

    Args:
        out: The folder; if it already holds the same benchmark nothing is done.
        settings: ``items``, ``seed``, ``split``, ``correlation``, ``agreement_wording``
            (``named`` or ``plain``) and ``faint``.
        progress: Called with clips written and clips in all.

    Returns:
        The folder, to be given as ``data``.

    Raises:
        UsageError: If a setting is out of range, or the folder holds something else.
        MissingExtraError: If the extra ``synth`` is not installed.
    """
    from pydantic import ValidationError

    from emoreal_bench.synth import SynthSettings, write_benchmark

    try:
        wanted = SynthSettings.model_validate({**DEFAULT_SYNTH_SETTINGS, **(settings or {})})
    except ValidationError as error:
        raise UsageError(
            f"The synthetic benchmark cannot be made like this:\n{explain(error)}"
        ) from error
    return write_benchmark(wanted, out, progress)


def check_data(
    task: str,
    data: Path,
    data_options: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    check: ClipCheck | None = None,
) -> DataReport:
    """Look a data folder over: counts, missing and unreadable clips, clips without sound.

    Args:
        task: A task's name, or the path of a YAML file.
        data: The folder.
        data_options: Options of the reader.
        progress: Called with clips looked at and clips in all.
        check: How clips are checked; ``ClipCheck(decode=True)`` finds what a run would.

    Raises:
        DataError: If the annotations are not valid.
    """
    from emoreal_bench.datasets.check import check_dataset
    from emoreal_bench.datasets.data_card import open_places

    found = find_task(task)
    dataset = load_items(found.task, data, data_options or {})
    report = check_dataset(found.task, dataset, progress, check)
    return report.model_copy(update={"notes": (*report.notes, *open_places(found.path))})


def make_task(wanted: NewTask) -> TaskDraft:
    """Make a task of a table of questions: its YAML file, a prompt and a data card.

    Args:
        wanted: The table, the folder of its clips, the folder to write, and what is to be
            known of its columns.

    Raises:
        UsageError: If it cannot be told what the table holds; it names what settles it.
        DataError: With every faulty row.
        RunError: If the folder holds something already.
    """
    from emoreal_bench.datasets.new_task import make_task

    return make_task(wanted)


def get_data(
    task: str, out: Path, revision: str | None = None, progress: Progress | None = None
) -> list[Path]:
    """Download the files of a data set whose owner lets anybody have them.

    Args:
        task: A task's name, or the path of a YAML file.
        out: The folder to put them in.
        revision: Commit of the hub, where the task file pins none; else the newest.
        progress: Called with files done and files in all.

    Raises:
        UsageError: If the owner has to be asked for the data, or the folder
            holds another revision.
        DataError: If a file cannot be had or is not what it should be.
    """
    from emoreal_bench.datasets.download import download_data

    return download_data(find_task(task).task, out, revision, progress)
