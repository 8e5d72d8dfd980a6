"""Builds preference pairs: from known cues, from a model's own answers, from captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoreal_bench.api.evaluating import RunOptions, make_adapter
from emoreal_bench.catalog import TaskFile, explain, find_task
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.contracts.vocabulary import Alteration
from emoreal_bench.preferences.reading import write_pairs
from emoreal_bench.readers import load_items
from emoreal_bench.running.observer import RunObserver

if TYPE_CHECKING:
    from emoreal_bench.contracts.adapter import ModelAdapter
    from emoreal_bench.preferences.building.captions import CaptionedPairs, CaptionOptions
    from emoreal_bench.preferences.building.known_cues import CuePairOptions
    from emoreal_bench.preferences.building.sampled import SampledPairs
    from emoreal_bench.preferences.building.sorting import Sorter


def build_cue_pairs(
    out: Path,
    *,
    data: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    options: CuePairOptions | None = None,
) -> tuple[PreferencePair, ...]:
    """Write the pairs of the synthetic benchmark, whose every cue is known.

    Args:
        out: The file to write.
        data: A folder that :func:`make_synthetic_benchmark` wrote; the clips of the
            pairs are below its ``videos``.
        settings: Instead of ``data``: the settings of such a folder, of the split
            ``train`` unless they say otherwise.
        options: Which pairs are wanted.

    Raises:
        UsageError: If not exactly one of ``data`` and ``settings`` is given, or a
            setting is out of range.
        DataError: If ``data`` is not a finished synthetic benchmark.
    """
    from pydantic import ValidationError

    from emoreal_bench.preferences.building.known_cues import make_cue_pairs, read_synth_settings
    from emoreal_bench.synth.settings import Split, SynthSettings

    if (data is None) == (settings is None):
        raise UsageError("Either a folder of the synthetic benchmark is needed or its settings.")
    if data is not None:
        wanted = read_synth_settings(data)
    else:
        try:
            wanted = SynthSettings.model_validate({"split": Split.TRAIN, **(settings or {})})
        except ValidationError as error:
            raise UsageError(f"There is no such benchmark:\n{explain(error)}") from error
    pairs = make_cue_pairs(wanted, options)
    write_pairs(pairs, out)
    return pairs


@dataclass(frozen=True, slots=True)
class SortingOptions:
    """How a model's own answers are sorted and made into pairs.

    Attributes:
        judge: A model that sorts what known cues and categories leave unsorted.
        judge_arguments: Its arguments.
        data: The data folder of the runs, if it is not where it was.
        alteration: Of the other input of a pair.
    """

    judge: str | None = None
    judge_arguments: Mapping[str, str] = field(default_factory=dict)
    data: Path | None = None
    alteration: Alteration = Alteration.SWAP


def sample_answers(
    model: str,
    task: str,
    data: Path,
    *,
    samples: int = 8,
    temperature: float = 1.0,
    options: RunOptions | None = None,
    observer: RunObserver | None = None,
) -> list[Path]:
    """Let a model answer the questions of a task several times, at a temperature.

    Args:
        model: ``provider/model``.
        task: A task's name, or the path of a YAML file.
        data: The data folder.
        samples: How many times; each is a run with a seed of its own.
        temperature: Above 0, else every sample would be the same.
        options: Everything else. The budget is that of all runs together.
        observer: Hears of every finished item.

    Returns:
        The run folders.

    Raises:
        UsageError: For a wrong name, argument or number.
        DataError, RunError, RunInterrupted: As :func:`evaluate`.
    """
    from emoreal_bench.preferences.building.asking import StageRunner
    from emoreal_bench.running.plan import make_plan
    from emoreal_bench.running.runner import kept_open

    options = options or RunOptions()
    options.refuse_shard("Making pairs")
    if temperature <= 0:
        raise UsageError(f"The temperature must be above 0, not {temperature}.")
    adapter = make_adapter(model, options, observer)
    task_file = _at_temperature(find_task(task), options.plan.variant, temperature)
    dataset = load_items(task_file.task, data, options.data_options)
    runner = StageRunner(options.runs, options.policy, observer)
    plans = (
        make_plan(task_file, dataset, data, replace(options.plan, repeat=number))
        for number in range(samples)
    )
    with kept_open(adapter):
        return [runner.run(plan, adapter) for plan in plans]


def _at_temperature(task_file: TaskFile, name: str, temperature: float) -> TaskFile:
    task = task_file.task
    if name not in task.variants:
        raise UsageError(
            f"The task {task.name} has no variant '{name}'.",
            remedy=f"It has: {', '.join(task.variants)}.",
        )
    variant = task.variants[name]
    generation = variant.generation.model_copy(update={"temperature": temperature})
    sampled = variant.model_copy(update={"generation": generation})
    variants = {**task.variants, name: sampled}
    return replace(task_file, task=task.model_copy(update={"variants": variants}))


def build_sampled_pairs(
    out: Path,
    runs: Sequence[Path],
    sorting: SortingOptions | None = None,
    *,
    options: RunOptions | None = None,
    observer: RunObserver | None = None,
) -> SampledPairs:
    """Write pairs made of a model's own answers.

    Answers are sorted by the right letter and the categories of yes/no items, then by
    the known cues of the synthetic benchmark, then by a judge if there is one.

    Args:
        out: The file to write.
        runs: Two runs or more of the same questions, as of :func:`sample_answers`.
        sorting: How they are sorted.
        options: How the judge is asked.
        observer: Hears of every answer that the judge has sorted.

    Raises:
        UsageError: For a wrong name, or fewer than two runs.
        NotComparableError: If the runs are not of the same questions.
        DataError: If the data folder is not there.
        RunError: If a folder holds no run, requests failed, or no pair came out.
    """
    from emoreal_bench.preferences.building.clips import measure_lengths_of
    from emoreal_bench.preferences.building.sampled import build_sampled_pairs as build
    from emoreal_bench.preferences.building.sampled import load_samples

    sorting = sorting or SortingOptions()
    sampled = load_samples(runs, sorting.data)
    sorters = _make_sorters(sampled.root, sorting, options or RunOptions(), observer)
    built = build(sampled, sorters, partial(measure_lengths_of, sampled.root), sorting.alteration)
    write_pairs(built.pairs, out)
    return built


def _make_sorters(
    root: Path, sorting: SortingOptions, options: RunOptions, observer: RunObserver | None
) -> list[Sorter]:
    from emoreal_bench.preferences.building.asking import StageRunner
    from emoreal_bench.preferences.building.known_cues import read_synth_settings
    from emoreal_bench.preferences.building.sorting import (
        CategorySorter,
        JudgeSorter,
        KnownCueSorter,
    )
    from emoreal_bench.synth.build import RECORD

    sorters: list[Sorter] = [CategorySorter()]
    if (root / RECORD).exists():
        sorters.append(KnownCueSorter(read_synth_settings(root)))
    if sorting.judge is not None:
        judge = _make_other(sorting.judge, sorting.judge_arguments, options, observer)
        runner = StageRunner(options.runs, options.policy, observer)
        sorters.append(JudgeSorter(judge, runner, root))
    return sorters


def _make_other(
    model: str,
    arguments: Mapping[str, str],
    options: RunOptions,
    observer: RunObserver | None,
) -> ModelAdapter:
    """Make a model that helps; it has arguments of its own."""
    return make_adapter(model, replace(options, model_arguments=arguments, lora=None), observer)


@dataclass(frozen=True, slots=True)
class CaptionedSource:
    """The clips of a user that pairs are to be made of.

    Attributes:
        clips: Their folder.
        labels: A table with the columns ``clip`` and ``emotion``; None where the
            emotions are not known, and the writing model has to say them.
        limit: Take at most so many clips.
        writer: A model that writes the questions, if it is another one.
        writer_arguments: Its arguments.
    """

    clips: Path
    labels: Path | None = None
    limit: int | None = None
    writer: str | None = None
    writer_arguments: Mapping[str, str] = field(default_factory=dict)


def build_caption_pairs(
    out: Path,
    model: str,
    source: CaptionedSource,
    wanted: CaptionOptions | None = None,
    *,
    options: RunOptions | None = None,
    observer: RunObserver | None = None,
) -> CaptionedPairs:
    """Write pairs made from captions of a user's own clips.

    The same call goes on where an earlier one stopped, and asks nothing twice.

    Args:
        out: The file to write.
        model: Describes the clips, ``provider/model``.
        source: The clips.
        wanted: Which pairs.
        options: How models are asked. The budget is that of all stages together.
        observer: Hears of every finished request.

    Raises:
        UsageError: For a wrong name or argument.
        DataError: If there are no clips, or a label is of none.
        RunError: If requests failed, or no clip could be captioned.
        BudgetSpentError, RunInterrupted: The same call goes on later.
    """
    from emoreal_bench.preferences.building.asking import StageRunner
    from emoreal_bench.preferences.building.captions import build_caption_pairs as build
    from emoreal_bench.preferences.building.clips import find_clips, measure_lengths_of
    from emoreal_bench.running.runner import kept_open

    options = options or RunOptions()
    options.refuse_shard("Making pairs")
    describer = make_adapter(model, options, observer)
    writer = describer
    if source.writer is not None:
        writer = _make_other(source.writer, source.writer_arguments, options, observer)
    # Two large models find no room beside each other.
    with kept_open(describer) if writer is describer else nullcontext():
        built = build(
            find_clips(source.clips, source.labels, source.limit),
            describer,
            writer,
            StageRunner(options.runs, options.policy, observer),
            partial(measure_lengths_of, source.clips),
            wanted,
        )
    write_pairs(built.pairs, out)
    return built
