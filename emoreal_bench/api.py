"""The public functions. The command line, notebooks and tests call these and nothing else.

A first run needs no data of yours::

    import emoreal_bench

    report = emoreal_bench.evaluate(model="tiny/omni")
    print(report.results.scores["strict"].average_accuracy)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoreal_bench.catalog import TaskFile, explain, find_task, suggest, task_paths
from emoreal_bench.contracts.errors import RunError, UsageError
from emoreal_bench.contracts.run_record import MANIFEST_FILE, RESULTS_FILE
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.vocabulary import Factor, Scoring
from emoreal_bench.model_adapters import create_adapter, list_providers
from emoreal_bench.readers import Dataset, load_items
from emoreal_bench.reporting.runs import RunReport, load_report
from emoreal_bench.running.budget import Budget
from emoreal_bench.running.cache import ResponseCache
from emoreal_bench.running.files import write_atomically
from emoreal_bench.running.manifest import load_manifest, run_id
from emoreal_bench.running.observer import RunObserver
from emoreal_bench.running.plan import Plan, PlanOptions, make_plan
from emoreal_bench.running.policy import RunPolicy, parse_fail_on_error
from emoreal_bench.running.results import score_folder
from emoreal_bench.running.runner import RunInterrupted, run_task

if TYPE_CHECKING:
    from http.server import ThreadingHTTPServer

    from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
    from emoreal_bench.contracts.check import Baseline, CheckReport
    from emoreal_bench.contracts.comparison import ComparisonReport, RunChanges
    from emoreal_bench.contracts.probe import Condition, ProbeReport
    from emoreal_bench.doctor import Finding
    from emoreal_bench.probing.reproduction import ReproductionReport
    from emoreal_bench.readers.check import DataReport
    from emoreal_bench.readers.prepare import PreparedLayout
    from emoreal_bench.running.dry_run import DryRun

__all__ = [
    "Budget",
    "PlanOptions",
    "RunInterrupted",
    "RunOptions",
    "RunPolicy",
    "RunReport",
    "add_leaderboard_entry",
    "build_leaderboard",
    "check",
    "check_data",
    "compare",
    "describe_model",
    "diff_runs",
    "doctor",
    "dry_run",
    "evaluate",
    "export_run",
    "get_data",
    "judge",
    "list_models",
    "list_runs",
    "list_tasks",
    "load_run",
    "make_site_server",
    "make_synthetic_benchmark",
    "merge_lora",
    "merge_runs",
    "parse_fail_on_error",
    "parse_scorings",
    "prepare_layout",
    "probe",
    "reproduce",
    "save_baseline",
    "score_predictions",
    "score_run",
    "view_run",
    "write_check",
    "write_json",
]

Progress = Callable[[int, int], None]

DEFAULT_MODEL = "tiny/omni"
DEFAULT_TASK = "emorealm-synth"
DEFAULT_SYNTH_SETTINGS: Mapping[str, Any] = {"items": 240, "seed": 1}
DEFAULT_SCORINGS = (Scoring.STRICT, Scoring.OFFICIAL)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a user may choose about a run besides model, task and data.

    Attributes:
        plan: What is asked, and how.
        policy: Retries, limits, decoding.
        data_options: Options of the reader.
        model_arguments: Arguments of the model, as texts.
        lora: Folder of a LoRA adapter.
        runs: Where run folders are made, named after what the run is.
        out: The folder of this one run, instead of one below ``runs``.
        cache: File of a response cache; None for no cache.
    """

    plan: PlanOptions = field(default_factory=PlanOptions)
    policy: RunPolicy = field(default_factory=RunPolicy)
    data_options: Mapping[str, str] = field(default_factory=dict)
    model_arguments: Mapping[str, str] = field(default_factory=dict)
    lora: Path | None = None
    runs: Path = Path("runs")
    out: Path | None = None
    cache: Path | None = None


def evaluate(
    model: str = DEFAULT_MODEL,
    task: str = DEFAULT_TASK,
    data: Path | None = None,
    options: RunOptions | None = None,
    observer: RunObserver | None = None,
) -> RunReport:
    """Ask a model the questions of a task and score its replies.

    The run is kept in a folder. Calling again with the same arguments goes on
    where an earlier call stopped, and asks nothing twice.

    Args:
        model: ``provider/model``; :func:`list_models` gives the providers.
        task: A task's name, or the path of a YAML file.
        data: The data folder; None makes the synthetic benchmark.
        options: Everything else.
        observer: Hears of every finished item.

    Raises:
        UsageError: For a wrong name, argument or option.
        DataError: If the data is not as its owner describes it.
        NotComparableError: If ``options.out`` holds another run.
        RunError: If the folder is in use or cannot be written.
        RunInterrupted: On Ctrl-C or SIGTERM; the run can be continued.
    """
    options = options or RunOptions()
    adapter, plan = _prepare(model, task, data, options)
    return _carry_out(plan, adapter, options, observer)


def judge(
    run: Path,
    model: str,
    repeats: int = 1,
    options: RunOptions | None = None,
    observer: RunObserver | None = None,
) -> RunReport:
    """Let a model judge the free descriptions of a run.

    It makes a second run, which is kept, continued and cached like any other;
    the scores are in ``report.results.judged``. The judge reads texts only.

    Args:
        run: Folder of a finished run that has open questions.
        model: The judge, ``provider/model``; pin it, since its name is its identity.
        repeats: Judgements of each reply, 1 to 10; two or more give their agreement.
        options: Everything else; what is asked (``plan``, ``data_options``) is fixed.
        observer: Hears of every finished judgement.

    Raises:
        UsageError: For a wrong name, argument or option, or a run without open questions.
        NotComparableError: If ``options.out`` holds another run.
        RunError: If ``run`` is not finished, or the folder is in use or cannot be written.
        RunInterrupted: On Ctrl-C or SIGTERM; the run can be continued.
    """
    from emoreal_bench.judging.plan import make_judge_plan

    options = options or RunOptions()
    if options.plan != PlanOptions() or options.data_options:
        raise UsageError("What a judge is asked is fixed; leave `plan` and `data_options` alone.")
    adapter = create_adapter(model, options.model_arguments, options.lora)
    return _carry_out(make_judge_plan(run, repeats), adapter, options, observer)


def _carry_out(
    plan: Plan, adapter: ModelAdapter, options: RunOptions, observer: RunObserver | None
) -> RunReport:
    folder = options.out or options.runs / run_id(plan, adapter.describe())
    cache = None if options.cache is None else ResponseCache(options.cache)
    try:
        run_task(plan, adapter, folder, options.policy, observer, cache=cache)
    finally:
        if cache is not None:
            cache.close()
    return load_report(folder)


def dry_run(
    model: str = DEFAULT_MODEL,
    task: str = DEFAULT_TASK,
    data: Path | None = None,
    options: RunOptions | None = None,
) -> DryRun:
    """Say what :func:`evaluate` would ask, without asking: items, clips, cost, first prompts."""
    from emoreal_bench.running.dry_run import make_dry_run

    adapter, plan = _prepare(model, task, data, options or RunOptions())
    return make_dry_run(plan, adapter)


def _prepare(
    model: str, task: str, data: Path | None, options: RunOptions
) -> tuple[ModelAdapter, Plan]:
    adapter = create_adapter(model, options.model_arguments, options.lora)
    task_file, root, dataset = _load_data(task, data, options)
    return adapter, make_plan(task_file, dataset, root, options.plan)


def _load_data(task: str, data: Path | None, options: RunOptions) -> tuple[TaskFile, Path, Dataset]:
    task_file = find_task(task)
    root = data if data is not None else _default_data(task_file)
    return task_file, root, load_items(task_file.task, root, options.data_options)


def _default_data(task_file: TaskFile) -> Path:
    """Give the folder of the default synthetic benchmark, made on first use."""
    if task_file.task.name != DEFAULT_TASK:
        raise UsageError(
            f"The task {task_file.task.name} needs a data folder.",
            remedy="Name it with --data. `emoreal-bench list tasks` says where to get the data.",
        )
    from platformdirs import user_cache_path

    return make_synthetic_benchmark(user_cache_path("emoreal-bench") / "synth")


def load_run(folder: Path) -> RunReport:
    """Read a finished run: its manifest, its scores and its timings.

    Raises:
        RunError: If the folder holds no finished run.
    """
    return load_report(folder)


def score_run(folder: Path, scorings: Sequence[Scoring] | None = None) -> Results:
    """Score a run again from its own plan and log; the model and the data are not needed.

    Args:
        folder: A run folder, finished or not.
        scorings: The rule books; strict and official if None.

    Raises:
        RunError: If the folder holds no run.
    """
    return score_folder(folder, scorings or DEFAULT_SCORINGS)


def score_predictions(
    task: str | None,
    annotations: Path | None,
    predictions: Path | None,
    scorings: Sequence[Scoring] | None = None,
) -> Results:
    """Score predictions that were made elsewhere.

    Args:
        task: A task's name, or the path of a YAML file.
        annotations: The data set's own annotation file.
        predictions: A JSON object id -> text, a JSONL with ``id`` and
            ``prediction``, or a folder of ``ID.txt`` files.
        scorings: The rule books; strict and official if None.

    Raises:
        UsageError: If one of the three is not given.
        DataError: If a file is not valid, or names an unknown or a double id.
    """
    if task is None or annotations is None or predictions is None:
        raise UsageError(
            "Nothing to score was named.",
            remedy="Give a run folder, or --task, --annotations and --predictions.",
        )
    from emoreal_bench.readers.annotations import load_annotations
    from emoreal_bench.scoring.predictions import read_predictions
    from emoreal_bench.scoring.score import score

    definition = find_task(task).task
    items = load_annotations(definition, annotations)
    replies = read_predictions(predictions, [item.id for item in items])
    return score(definition, items, replies, scorings=scorings or DEFAULT_SCORINGS)


def compare(
    folders: Sequence[Path], *, across: Collection[Factor] = (), seed: int = 0
) -> ComparisonReport:
    """Compare runs of the same items, asked in the same way, with the first of them.

    Args:
        folders: Two run folders or more.
        across: What they may differ in on purpose.
        seed: Of the intervals.

    Raises:
        UsageError: If fewer than two runs are named.
        RunError: If a folder holds no run.
        NotComparableError: If the runs are of other items or were asked in another way.
    """
    from emoreal_bench.probing.comparing import compare_runs

    return compare_runs(folders, across=across, seed=seed)


def probe(
    model: str = DEFAULT_MODEL,
    task: str = DEFAULT_TASK,
    data: Path | None = None,
    options: RunOptions | None = None,
    *,
    seed: int = 0,
    observe: Callable[[str], RunObserver] | None = None,
) -> ProbeReport:
    """Say what a score rests on: run a model in full and with something taken away.

    Each condition is an ordinary run below ``options.runs``, made or continued
    as by :func:`evaluate`; so are the blind baselines beside them.

    Args:
        model: As for :func:`evaluate`; so are ``task`` and ``data``.
        task: A task's name, or the path of a YAML file.
        data: The data folder; None makes the synthetic benchmark.
        options: How the full run asks. A condition changes one thing of it;
            ``out`` is not used.
        seed: Of the swaps, the letters and the intervals.
        observe: Gives what hears of a run, from the names of model and condition.

    Raises:
        UsageError, DataError, RunError, RunInterrupted: As :func:`evaluate`.
    """
    from emoreal_bench.probing.probe import plan_probe, run_probe

    options = replace(options or RunOptions(), out=None)
    # Made once: describing a local model hashes its weights.
    adapters = {model: create_adapter(model, options.model_arguments, options.lora)}
    task_file, root, dataset = _load_data(task, data, options)

    def make_run(name: str, condition: Condition, plan_options: PlanOptions) -> Path:
        if name not in adapters:
            adapters[name] = create_adapter(name)
        plan = make_plan(task_file, dataset, root, plan_options)
        observer = None if observe is None else observe(f"{name}, {condition}")
        return options.runs / _carry_out(plan, adapters[name], options, observer).manifest.run_id

    capabilities = adapters[model].describe().capabilities
    conditions = plan_probe(task_file.task, capabilities, options.plan, seed=seed)
    return run_probe(model, task_file.task, conditions, make_run, seed=seed)


def diff_runs(first: Path, second: Path) -> RunChanges:
    """Find what changed between two runs: settings, and the items that flipped under strict.

    Raises:
        RunError: If a folder holds no run.
    """
    from emoreal_bench.reporting.run_changes import find_changes

    return find_changes(first, second)


def merge_runs(folders: Sequence[Path], out: Path) -> RunReport:
    """Join parts of one run, as when two machines shared its items.

    Args:
        folders: Two folders or more of the same run; they stay as they are.
        out: The folder to make.

    Raises:
        UsageError: If fewer than two folders are named.
        NotComparableError: If they are not of one run.
        RunError: If a folder holds no run, or ``out`` already does.
    """
    from emoreal_bench.running.merging import merge_runs as merge

    merge(folders, out)
    return load_report(out)


def export_run(folder: Path, path: Path) -> None:
    """Write the items of a run as JSON lines, CSV or Parquet, by the ending of ``path``.

    Raises:
        UsageError: If the ending is another.
        MissingExtraError: If Parquet is wanted and its library is not installed.
        RunError: If the folder holds no run, or the file cannot be written.
    """
    from emoreal_bench.reporting.exports import export_items

    export_items(folder, path)


def save_baseline(folder: Path, path: Path) -> Baseline:
    """Write a run as a baseline: a small file that later runs are held against.

    Raises:
        RunError: If the folder holds no run or one with gaps, or the file
            cannot be written.
    """
    from emoreal_bench.reporting.baseline import save_baseline as save

    return save(folder, path)


def check(folder: Path, baseline: Path, rules: Path | None = None, *, seed: int = 0) -> CheckReport:
    """Hold a run against a baseline. ``report.outcome`` says whether it passes.

    Args:
        folder: A run folder, finished or not.
        baseline: What :func:`save_baseline` wrote.
        rules: A YAML file with the limits; the default ones if None.
        seed: Of the intervals and the tests.

    Raises:
        RunError: If the folder holds no run, or a file is damaged.
        NotComparableError: If the baseline is of other items, requests or rules.
        UsageError: If the rules are not valid or do not fit the run.
    """
    from emoreal_bench.contracts.check import CheckRules
    from emoreal_bench.reporting.baseline import load_baseline
    from emoreal_bench.reporting.check import check_run, load_rules

    limits = CheckRules() if rules is None else load_rules(rules)
    return check_run(folder, load_baseline(baseline), limits, seed)


def write_check(
    report: CheckReport, *, junit: Path | None = None, markdown: Path | None = None
) -> None:
    """Write what a check says for the services that run it.

    Raises:
        RunError: If a file cannot be written.
    """
    from emoreal_bench.reporting.check_output import check_junit, check_markdown

    if junit is not None:
        write_atomically(junit, [check_junit(report).encode()])
    if markdown is not None:
        write_atomically(markdown, [check_markdown(report).encode()])


def reproduce(
    card: str,
    model: str,
    data: Path | None = None,
    options: RunOptions | None = None,
    observer: RunObserver | None = None,
) -> ReproductionReport:
    """Run what a reproduction card describes, and say whether the published score is reached.

    Args:
        card: A card's name, or the path of a YAML file.
        model: ``provider/model``.
        data: The data folder of the card's task.
        options: Everything but what is asked, which the card says.
        observer: Hears of every finished item.

    Raises:
        UsageError, DataError, RunError, RunInterrupted: As :func:`evaluate`.
    """
    from emoreal_bench.probing.cards import find_card
    from emoreal_bench.probing.reproduction import check_reproduction

    described = find_card(card)
    options = replace(options or RunOptions(), plan=PlanOptions(variant=described.variant))
    report = evaluate(model, described.task, data, options, observer)
    return check_reproduction(described, report)


def parse_scorings(names: Sequence[str] | None) -> tuple[Scoring, ...]:
    """Read the names of scorings; ``all`` stands for every one.

    Raises:
        UsageError: If there is no scoring of a name.
    """
    if not names:
        return DEFAULT_SCORINGS
    if "all" in names:
        return tuple(sorted(Scoring, key=lambda scoring: scoring is not Scoring.STRICT))
    known = [scoring.value for scoring in Scoring]
    for name in names:
        if name not in known:
            raise suggest("scoring", name, [*known, "all"])
    return tuple(dict.fromkeys(Scoring(name) for name in names))


def list_tasks() -> list[dict[str, Any]]:
    """Give every task that can be named: its name, title, size, subtasks and terms."""
    rows: list[dict[str, Any]] = []
    for name in task_paths():
        task = find_task(name).task
        sizes = [subtask.size for subtask in task.subtasks.values()]
        rows.append(
            {
                "name": name,
                "title": task.title,
                "items": sum(size for size in sizes if size) if all(sizes) else None,
                "subtasks": list(task.subtasks),
                "variants": list(task.variants),
                "terms": task.license,
            }
        )
    return rows


def list_models() -> list[dict[str, Any]]:
    """Give every provider of models: what it is, an example, and whether it is installed."""
    return [
        {
            "provider": provider.name,
            "what": provider.summary,
            "example": provider.example,
            "installed": provider.is_installed(),
            "extra": provider.extra,
        }
        for provider in list_providers()
    ]


def describe_model(model: str, options: RunOptions | None = None) -> ModelDescription:
    """Say who a model is and what it can do, without loading it.

    Raises:
        UsageError: For a wrong name or argument.
        MissingExtraError: If the provider needs an extra that is not installed.
    """
    options = options or RunOptions()
    return create_adapter(model, options.model_arguments, options.lora).describe()


def list_runs(folder: Path) -> list[dict[str, Any]]:
    """Give the runs below a folder, finished or not, in the order of their names.

    Raises:
        RunError: If a run's manifest cannot be read.
    """
    rows: list[dict[str, Any]] = []
    for place in find_runs([folder], finished_only=False) if folder.is_dir() else []:
        manifest = load_manifest(place)
        is_finished = (place / RESULTS_FILE).is_file()
        results = load_report(place).results if is_finished else None
        headline = results.scores.get(Scoring.STRICT.value) if results else None
        rows.append(
            {
                "folder": str(place),
                "model": manifest.model.name,
                "task": manifest.task,
                "variant": manifest.request.variant,
                "items": manifest.data.items,
                "state": "finished" if is_finished else "stopped",
                "coverage": results.coverage.fraction if results else None,
                "strict_average_accuracy": headline.average_accuracy if headline else None,
            }
        )
    return rows


def find_runs(folders: Sequence[Path], *, finished_only: bool = True) -> list[Path]:
    """Find run folders: the given ones, and those anywhere below them.

    Raises:
        RunError: If a folder is not there or holds no run.
    """
    marker = RESULTS_FILE if finished_only else MANIFEST_FILE
    found: dict[Path, None] = {}
    for folder in folders:
        places = [folder] if (folder / marker).is_file() else []
        places += sorted(path.parent for path in folder.glob(f"*/**/{marker}"))
        if not places and finished_only:
            raise RunError(
                "There is no finished run here or below.",
                where=str(folder),
                remedy="Make one with `emoreal-bench run`.",
            )
        found.update(dict.fromkeys(places))
    return list(found)


def make_synthetic_benchmark(
    out: Path, settings: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> Path:
    """Write the synthetic benchmark: clips of drawn people, and questions with known answers.

    Args:
        out: The folder; if it already holds the same benchmark nothing is done.
        settings: ``items``, ``seed``, ``split`` and ``correlation``.
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
) -> DataReport:
    """Look a data folder over: counts, missing and unreadable clips, clips without sound.

    Raises:
        DataError: If the annotations are not valid.
    """
    from emoreal_bench.readers.check import check_dataset

    definition = find_task(task).task
    return check_dataset(definition, load_items(definition, data, data_options or {}), progress)


def prepare_layout(source: Path, out: Path, progress: Progress | None = None) -> PreparedLayout:
    """Make the two trees that the paper's authors read: 24 frames a second mp4, 16 kHz wav.

    Args:
        source: A folder of clips.
        out: Where the trees are made; what an earlier call finished is kept.
        progress: Called with clips done and clips in all.
    """
    from emoreal_bench.readers.prepare import prepare_layout as prepare

    return prepare(source, out, progress)


def get_data(
    task: str, out: Path, revision: str | None = None, progress: Progress | None = None
) -> list[Path]:
    """Download the files of a data set whose owner lets anybody have them.

    Args:
        task: A task's name, or the path of a YAML file.
        out: The folder to put them in.
        revision: Commit of the hub, where the task file pins none.
        progress: Called with files done and files in all.

    Raises:
        UsageError: If the owner has to be asked for the data, or no revision is given.
        DataError: If a file cannot be had or is not what it should be.
    """
    from emoreal_bench.readers.download import download_data

    return download_data(find_task(task).task, out, revision, progress)


def view_run(
    run: Path,
    out: Path,
    *,
    other: Path | None = None,
    data: Path | None = None,
    clips: bool = True,
    stills: int = 100,
) -> Path:
    """Write a page of a run and every item of it, to be opened from disk.

    Args:
        run: A run folder, finished or not.
        out: Folder of the page; made if it is not there.
        other: Another run of the same items, to show where the two part.
        data: The data folder, if it is no longer where the run found it.
        clips: Whether to lead to the clips.
        stills: Of how many clips to draw frames and sound.

    Returns:
        The page.

    Raises:
        RunError: If a folder holds no run, or the page cannot be written.
        NotComparableError: If the other run is of other items.
        DataError: If ``data`` is not the data of the run's task.
    """
    from emoreal_bench.reporting.run_page import RunPageOptions, write_run_page

    return write_run_page(run, out, RunPageOptions(other, data, clips, stills))


def build_leaderboard(
    runs: Sequence[Path],
    out: Path,
    *,
    run_pages: bool = False,
    paired: bool = True,
    own: Sequence[Path] = (),
) -> Path:
    """Build a self-contained page from finished runs.

    Args:
        runs: Run folders, or folders that hold some.
        out: Folder of the page.
        run_pages: Whether to write a page for each run, with its questions and
            replies but without clips, and link to it.
        paired: Whether to rank by paired tests, which reads every item; else by
            the intervals of the scores.
        own: Runs that you made yourself, or folders that hold some; runs of
            others that they bear out are marked as reproduced.

    Returns:
        The page.

    Raises:
        RunError: If a folder holds no finished run.
    """
    from emoreal_bench.reporting.leaderboard import LeaderboardOptions
    from emoreal_bench.reporting.leaderboard import build_leaderboard as build

    options = LeaderboardOptions(run_pages=run_pages, paired=paired, own=find_runs(own))
    return build(find_runs(runs), out, options)


def merge_lora(
    model: str, lora: Path, out: Path, model_arguments: Mapping[str, str] | None = None
) -> Path:
    """Write a checkpoint with a LoRA adapter merged into it.

    Args:
        model: ``provider/model`` of the base.
        lora: Folder of the adapter.
        out: Folder of the checkpoint, new or empty.
        model_arguments: Arguments of the model, as texts; the weights are written in the
            number format in which it runs.

    Returns:
        The folder, for ``hf/`` or, if that was the base, ``avere/``.

    Raises:
        UsageError: If the model takes no adapter or another one, or ``out`` holds something.
    """
    from emoreal_bench.model_adapters.lora import Mergeable

    adapter = create_adapter(model, model_arguments, lora)
    if not isinstance(adapter, Mergeable):
        raise UsageError(f"{model} cannot be written with an adapter merged into it.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("is there already.", where=str(out), remedy="Name a new folder.")
    adapter.save_merged(out)
    return out


def add_leaderboard_entry(entry: Path, to: Path, data: Path | None = None) -> Path:
    """Check a run that somebody submits, and copy it among the entries of a leaderboard.

    Args:
        entry: A run folder.
        to: Folder of all entries.
        data: The data folder, to compare items, right answers and clips with.

    Returns:
        The folder of the entry.

    Raises:
        RefusedEntryError: If a score does not follow from the items, or the task is not known.
        RunError: If a file is not there or not as it should be.
    """
    from emoreal_bench.reporting.submission import add_entry

    return add_entry(entry, to, data)


def make_site_server(site: Path, port: int = 0) -> ThreadingHTTPServer:
    """Make a server that shows a site to this machine only; call its ``serve_forever``.

    Raises:
        RunError: If the folder holds no page.
        UsageError: If the port is taken.
    """
    from emoreal_bench.reporting.serving import make_server

    return make_server(site, port)


def doctor(model: str | None = None) -> list[Finding]:
    """Say what is installed and what is missing, in general and for one model."""
    from emoreal_bench.doctor import examine

    return examine(model)


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON object, indented, so that a reader never sees half a file."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, [text.encode()])
