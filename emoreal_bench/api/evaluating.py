"""Asking models: runs, dry runs, judges, probes and reproductions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emoreal_bench.api.data import make_synthetic_benchmark
from emoreal_bench.catalog import TaskFile, find_task
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import JudgedMatter
from emoreal_bench.executors.adapter import ModelNamed, RayAdapter
from emoreal_bench.executors.settings import RayOptions
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.readers import Dataset, load_items
from emoreal_bench.reporting.notebook import RunReport
from emoreal_bench.running.cache import ResponseCache
from emoreal_bench.running.manifest import run_id
from emoreal_bench.running.observer import RunObserver
from emoreal_bench.running.plan import Plan, PlanOptions, make_plan
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.runner import kept_open, run_task
from emoreal_bench.running.sharding import Shard, only_asked, take_shard

if TYPE_CHECKING:
    from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
    from emoreal_bench.contracts.probe import Condition, ProbeReport
    from emoreal_bench.probing.repeating import RepeatsReport
    from emoreal_bench.probing.reproduction import ReproductionReport
    from emoreal_bench.running.dry_run import DryRun
    from emoreal_bench.running.preparing import PreparedMedia


DEFAULT_MODEL = "tiny/omni"
DEFAULT_TASK = "emorealm-synth"


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
        ray: The Ray cluster that copies of the model live in; None asks from this process.
        shard: Ask only this part of the run, in a folder of its own; :func:`merge_runs` joins
            the parts. For :func:`evaluate`, :func:`judge` and :func:`dry_run`.
    """

    plan: PlanOptions = field(default_factory=PlanOptions)
    policy: RunPolicy = field(default_factory=RunPolicy)
    data_options: Mapping[str, str] = field(default_factory=dict)
    model_arguments: Mapping[str, str] = field(default_factory=dict)
    lora: Path | None = None
    runs: Path = Path("runs")
    out: Path | None = None
    cache: Path | None = None
    ray: RayOptions | None = None
    shard: Shard | None = None

    def refuse_shard(self, what: str) -> None:
        """Refuse a shard where a whole run is needed.

        Raises:
            UsageError: If there is one.
        """
        if self.shard is not None:
            raise UsageError(
                f"{what} takes no shard: it needs whole runs.",
                remedy="Leave the shard out; `run` and `judge` take one.",
            )


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
    return carry_out(plan, adapter, options, observer)


def evaluate_repeats(
    repeats: int,
    model: str = DEFAULT_MODEL,
    task: str = DEFAULT_TASK,
    data: Path | None = None,
    options: RunOptions | None = None,
    *,
    observe: Callable[[str], RunObserver] | None = None,
) -> RepeatsReport:
    """Ask a model the same several times, and say how much its answers vary.

    Each repeat is an ordinary run below ``options.runs``, made or continued as by
    :func:`evaluate`; they differ in the seed of the generation only, and the
    first is the run that :func:`evaluate` makes. A model that writes greedily
    and exactly gives the same each time.

    Args:
        repeats: How many times, 2 or more.
        model: As for :func:`evaluate`; so are ``task`` and ``data``.
        task: A task's name, or the path of a YAML file.
        data: The data folder; None makes the synthetic benchmark.
        options: As for :func:`evaluate`, without ``out``. A budget is each run's own.
        observe: Gives what hears of a run, from the names of model and repeat.

    Raises:
        UsageError: Also if there are fewer than two repeats, or ``out`` is given.
        NotComparableError: If the task has no question whose answer is scored.
        DataError, RunError, RunInterrupted: As :func:`evaluate`.
    """
    from emoreal_bench.probing.repeating import report_repeats

    options = options or RunOptions()
    if repeats < 2:
        raise UsageError(f"Repeats must be 2 or more, not {repeats}.")
    if options.out is not None:
        raise UsageError("--out is the folder of one run; repeats go below --runs.")
    options.refuse_shard("--repeats")
    # Made once: describing a local model hashes its weights.
    adapter = make_adapter(model, options)
    task_file, root, dataset = load_data(task, data, options)
    reports = []
    with kept_open(adapter):
        for number in range(repeats):
            plan_options = replace(options.plan, repeat=options.plan.repeat + number)
            plan = make_plan(task_file, dataset, root, plan_options)
            observer = observe and observe(f"{model}, repeat {number + 1} of {repeats}")
            reports.append(carry_out(plan, adapter, options, observer))
    return report_repeats(reports)


def prepare_media(
    task: str = DEFAULT_TASK,
    data: Path | None = None,
    options: RunOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PreparedMedia:
    """Decode the clips of a task into a media cache, where runs with the same cache find them.

    Args:
        task: A task's name, or the path of a YAML file.
        data: The data folder; None makes the synthetic benchmark.
        options: The cache is that of ``options.policy``; with a shard, only its clips are decoded.
        progress: Called with clips that are done and clips in all.

    Raises:
        UsageError: For a wrong name, or if no cache is named.
        DataError: If the data is not as its owner describes it.
        RunError: If the folder of the cache cannot be made.
    """
    from emoreal_bench.running.preparing import prepare_media as prepare

    options = options or RunOptions()
    task_file, root, dataset = load_data(task, data, options)
    plan = make_plan(task_file, dataset, root, options.plan)
    if options.shard is not None:
        plan = take_shard(plan, options.shard)
    return prepare(plan, options.policy, progress)


def judge(
    run: Path,
    model: str,
    repeats: int = 1,
    options: RunOptions | None = None,
    observer: RunObserver | None = None,
    *,
    matter: JudgedMatter = JudgedMatter.DESCRIPTIONS,
) -> RunReport:
    """Let a model judge the free descriptions of a run, or its statements.

    It makes a second run, which is kept, continued and cached like any other;
    the scores are in ``report.results.judged``. The judge reads texts only.

    Args:
        run: Folder of a finished run that has such replies.
        model: The judge, ``provider/model``; pin it, since its name is its identity.
        repeats: Judgements of each reply, 1 to 10; two or more give their agreement.
        options: Everything else; what is asked (``plan``, ``data_options``) is fixed.
        observer: Hears of every finished judgement.
        matter: Descriptions, which are rated; or replies to yes/no questions without an
            answer, of which the judge says what they amount to (:func:`score_run`).

    Raises:
        UsageError: For a wrong name, argument or option, or a run without such questions.
        NotComparableError: If ``options.out`` holds another run.
        RunError: If ``run`` is not finished, or the folder is in use or cannot be written.
        RunInterrupted: On Ctrl-C or SIGTERM; the run can be continued.
    """
    from emoreal_bench.judging.plan import make_judge_plan

    options = options or RunOptions()
    if options.plan != PlanOptions() or options.data_options:
        raise UsageError("What a judge is asked is fixed; leave `plan` and `data_options` alone.")
    adapter = make_adapter(model, options)
    return carry_out(make_judge_plan(run, repeats, matter), adapter, options, observer)


def carry_out(
    plan: Plan, adapter: ModelAdapter, options: RunOptions, observer: RunObserver | None
) -> RunReport:
    """Make or continue the run of a plan.

    Args:
        plan: What is asked.
        adapter: Who is asked.
        options: Where the run is kept, and how it is carried out.
        observer: Hears of every finished item.

    Raises:
        NotComparableError, RunError, RunInterrupted: As :func:`evaluate`.
    """
    if isinstance(adapter, RayAdapter) and observer is not None:
        adapter.observer = observer
    name = run_id(plan, adapter.describe())
    if options.shard is not None:
        plan = take_shard(plan, options.shard)
        name += f"-shard-{options.shard.number}-of-{options.shard.of}"
    folder = options.out or options.runs / name
    cache = None if options.cache is None else ResponseCache(options.cache)
    try:
        run_task(plan, adapter, folder, options.policy, observer, cache=cache)
    finally:
        if cache is not None:
            cache.close()
    return RunReport.load(folder)


def make_adapter(
    model: str, options: RunOptions, observer: RunObserver | None = None
) -> ModelAdapter:
    """Make the adapter of a model, spread over a cluster if the options say so.

    Args:
        model: ``provider/model``.
        options: Its arguments, and the cluster.
        observer: Hears of copies that are lost.

    Raises:
        UsageError: For a wrong name or argument.
        MissingExtraError: If the provider needs an extra that is not installed.
    """
    adapter = create_adapter(model, options.model_arguments, options.lora)
    if options.ray is None:
        return adapter
    lora = None if options.lora is None else str(options.lora.resolve())
    named = ModelNamed(model, options.model_arguments, lora)
    return RayAdapter(adapter, named, options.ray, options.policy.media_cache, observer)


def dry_run(
    model: str = DEFAULT_MODEL,
    task: str = DEFAULT_TASK,
    data: Path | None = None,
    options: RunOptions | None = None,
) -> DryRun:
    """Return what :func:`evaluate` would ask, without asking: items, clips, cost, first prompts."""
    from emoreal_bench.media.limits import DecodeLimits
    from emoreal_bench.running.dry_run import make_dry_run

    options = options or RunOptions()
    adapter, plan = _prepare(model, task, data, options)
    if options.shard is not None:
        plan = only_asked(take_shard(plan, options.shard))
    limits = DecodeLimits.for_clips_of(options.policy.max_clip_seconds)
    return make_dry_run(plan, adapter, limits)


def _prepare(
    model: str, task: str, data: Path | None, options: RunOptions
) -> tuple[ModelAdapter, Plan]:
    # What is cheap goes first: reading a user's folder before the libraries of a model
    # are imported, but a wrong model name before the synthetic benchmark is made.
    loaded = None if data is None else load_data(task, data, options)
    find_task(task)
    adapter = make_adapter(model, options)
    task_file, root, dataset = loaded or load_data(task, data, options)
    return adapter, make_plan(task_file, dataset, root, options.plan)


def load_data(task: str, data: Path | None, options: RunOptions) -> tuple[TaskFile, Path, Dataset]:
    """Find a task and read its data, the synthetic benchmark where no folder is named.

    Returns:
        The task, the folder, and its items and clips.

    Raises:
        UsageError: For a wrong name, or a task that needs a folder.
        DataError: If the data is not as its owner describes it.
    """
    task_file = find_task(task)
    root = data if data is not None else _default_data(task_file)
    return task_file, root, load_items(task_file.task, root, options.data_options)


def _default_data(task_file: TaskFile) -> Path:
    """Return the folder of the default synthetic benchmark, made on first use."""
    if task_file.task.name != DEFAULT_TASK:
        raise UsageError(
            f"The task {task_file.task.name} needs a data folder.",
            remedy="Name it with --data. `emoreal-bench list tasks` says where to get the data.",
        )
    from platformdirs import user_cache_path

    from emoreal_bench.synth.build import GENERATOR_VERSION

    # What an earlier generator wrote stays where it is; other clips need another folder.
    folder = f"synth-{GENERATOR_VERSION}"
    return make_synthetic_benchmark(user_cache_path("emoreal-bench") / folder)


def describe_model(model: str, options: RunOptions | None = None) -> ModelDescription:
    """Return who a model is and what it can do, without loading it.

    Raises:
        UsageError: For a wrong name or argument.
        MissingExtraError: If the provider needs an extra that is not installed.
    """
    options = options or RunOptions()
    return create_adapter(model, options.model_arguments, options.lora).describe()


def probe(
    model: str = DEFAULT_MODEL,
    task: str = DEFAULT_TASK,
    data: Path | None = None,
    options: RunOptions | None = None,
    *,
    seed: int = 0,
    observe: Callable[[str], RunObserver] | None = None,
) -> ProbeReport:
    """Measure what a score rests on: run a model in full and with something taken away.

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
    options.refuse_shard("A probe")
    # Made once: describing a local model hashes its weights.
    adapters = {model: make_adapter(model, options)}
    task_file, root, dataset = load_data(task, data, options)

    def make_run(name: str, condition: Condition, plan_options: PlanOptions) -> Path:
        if name not in adapters:
            adapters[name] = create_adapter(name)
        plan = make_plan(task_file, dataset, root, plan_options)
        observer = None if observe is None else observe(f"{name}, {condition}")
        return options.runs / carry_out(plan, adapters[name], options, observer).manifest.run_id

    capabilities = adapters[model].describe().capabilities
    conditions = plan_probe(task_file.task, capabilities, options.plan, seed=seed)
    with kept_open(adapters[model]):
        return run_probe(model, task_file.task, conditions, make_run, seed=seed)


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
    options.refuse_shard("A reproduction")
    report = evaluate(model, described.task, data, options, observer)
    return check_reproduction(described, report)
