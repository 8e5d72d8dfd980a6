"""Asks models the questions that making pairs takes: each stage is a run of its own.

So it is planned, logged, resumed, cached and counted like any run. A budget is one
sitting's, over all of its stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from emoreal_bench.catalog import TaskFile
from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.request import GenerationSettings
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.run_record import ITEMS_FILE, DataIdentity
from emoreal_bench.contracts.task import DEFAULT_VARIANT, DataSource, Subtask, Task, Variant
from emoreal_bench.contracts.vocabulary import AnswerKind, DeliveryStatus
from emoreal_bench.identity import clip_hash, data_hash, hash_json
from emoreal_bench.prompting import PromptRenderer, quoted, whole_characters
from emoreal_bench.record.log import read_final_records
from emoreal_bench.resources import package_folders
from emoreal_bench.running.budget import Budget
from emoreal_bench.running.ledger import ANSWERED
from emoreal_bench.running.manifest import run_id
from emoreal_bench.running.observer import RunObserver, RunSummary
from emoreal_bench.running.plan import Plan, PlanOptions, group_by_clip, identify_request
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.reasons import reason_lines
from emoreal_bench.running.runner import run_task
from emoreal_bench.scoring.reading.cleaning import without_reasoning

TEXT_ONLY = MediaWanted(modalities=())


@dataclass(frozen=True, slots=True)
class Stage:
    """One kind of question that is asked of a model.

    Attributes:
        name: For the run's folder and manifest.
        description: What it is for, in one sentence.
        prompt: File of the template, below ``prompts/preferences``.
        generation: How a reply is written.
        system: A system message in front.
        media: What is wanted of each clip.
        subtasks: Of its items; by default one of free text, named like the stage.
    """

    name: str
    description: str
    prompt: str
    generation: GenerationSettings
    system: str | None = None
    media: MediaWanted = TEXT_ONLY
    subtasks: Mapping[str, Subtask] = field(default_factory=dict)

    def task(self) -> Task:
        """Make the task that a run's manifest names."""
        free_text = {self.name: Subtask(answer=AnswerKind.OPEN, chance=0.0)}
        variant = Variant(
            description=self.description,
            prompt=f"prompts/preferences/{self.prompt}",
            system=self.system,
            generation=self.generation,
        )
        return Task(
            name=f"preferences-{self.name}",
            version="1",
            title=f"Preference pairs, {self.name}",
            description=self.description,
            data=DataSource(reader="preferences"),
            media=self.media,
            subtasks=dict(self.subtasks) or free_text,
            variants={DEFAULT_VARIANT: variant},
        )


class MaterialRenderer(PromptRenderer):
    """Renders a template around texts that models or people wrote.

    The template sees the metadata of an item besides its question and options.
    """

    def values(self, item: Item) -> dict[str, object]:
        """Return what the template sees of an item, by name."""
        material = {
            name: quoted(whole_characters(text)) for name, text in (item.metadata or {}).items()
        }
        return {**super().values(item), **material}


def plan_stage(stage: Stage, items: Sequence[Item], clips: Mapping[str, Clip], root: Path) -> Plan:
    """Plan the run of a stage.

    Args:
        stage: What is asked.
        items: About what.
        clips: Their clips by key; empty where only texts are given.
        root: The folder that they come from; it enters no hash.
    """
    folder = package_folders("emoreal_bench.tasks")[0]
    task = stage.task()
    renderer = MaterialRenderer(
        TaskFile(task, folder / "preferences"), DEFAULT_VARIANT, stage.media.modalities
    )
    groups = group_by_clip(items)
    hashes: dict[str, str | None] = {
        # Where no clip is opened, the texts about it stand in its place.
        key: clip_hash(clips[key]) if key in clips else hash_json([items[i].id for i in group])
        for key, group in groups.items()
    }
    return Plan(
        task=task,
        renderer=renderer,
        items=items,
        groups=groups,
        clips={key: clips[key] for key in groups if key in clips},
        clip_hashes=hashes,
        partners={},
        data=DataIdentity(
            hash=data_hash(items, hashes), items=len(items), clips=len(groups), root=str(root)
        ),
        request=identify_request(renderer, stage.media, PlanOptions()),
        limit=None,
    )


class StageRunner:
    """Carries out one stage after another, on one budget.

    Args:
        runs: Where their run folders are made, named after what they are.
        policy: Retries, limits, and the budget of the whole sitting.
        observer: Hears of every finished item.
    """

    def __init__(
        self, runs: Path, policy: RunPolicy | None = None, observer: RunObserver | None = None
    ):
        self._runs = runs
        self._policy = policy or RunPolicy()
        self._spent = _SpendingObserver(observer or RunObserver())

    def run(self, plan: Plan, adapter: ModelAdapter) -> Path:
        """Ask what is still open of a stage, and give its run folder.

        Raises:
            RunError: If items failed; a later stage would be of other items once
                they succeed, so it is not begun.
            BudgetSpentError: If the budget is spent.
            RunInterrupted: On Ctrl-C or SIGTERM.
        """
        folder = self._runs / run_id(plan, adapter.describe())
        policy = replace(
            self._policy,
            budget=self._spent.left(self._policy.budget),
            # What was never answered holds nothing worth keeping.
            retry_statuses=self._policy.retry_statuses | _unanswered_in(folder),
        )
        summary = run_task(plan, adapter, folder, policy, self._spent)
        failed = summary.statuses.get(DeliveryStatus.FAILED, 0)
        if failed:
            raise RunError(
                f"{failed} of {summary.items} requests failed.",
                where=str(folder),
                remedy="Give the same command again: only these are asked again.",
            )
        if summary.items and not any(summary.statuses.get(status) for status in ANSWERED):
            reasons = "; ".join(reason_lines(summary.reasons)) or "see its log"
            raise RunError(
                f"The model has answered none of {summary.items} requests: {reasons}.",
                where=str(folder),
                remedy="Fix the cause and give the same command again.",
            )
        return folder


def replies_of(folder: Path) -> dict[str, str]:
    """Read the replies that a run's model wrote to the end, by item; reasoning is left out."""
    return {
        record["id"]: without_reasoning(record["text"]).strip()
        for record in read_final_records(folder / ITEMS_FILE)
        if record["status"] == DeliveryStatus.OK
    }


def _unanswered_in(folder: Path) -> frozenset[DeliveryStatus]:
    """Return the statuses of a run in which nothing was answered; none of any other."""
    log = folder / ITEMS_FILE
    if not log.exists():
        return frozenset()
    statuses = {DeliveryStatus(record["status"]) for record in read_final_records(log)}
    return frozenset() if statuses & set(ANSWERED) else frozenset(statuses)


class _SpendingObserver(RunObserver):
    """Counts what finished items used up, and passes everything on."""

    def __init__(self, listener: RunObserver):
        self._listener = listener
        self._requests = self._tokens = 0
        self._cost = 0.0

    def left(self, budget: Budget) -> Budget:
        """Return what is left of a budget."""
        return Budget(
            requests=None if budget.requests is None else max(0, budget.requests - self._requests),
            tokens=None if budget.tokens is None else max(0, budget.tokens - self._tokens),
            cost=None if budget.cost is None else max(0.0, budget.cost - self._cost),
        )

    def on_item(self, result: Result) -> None:
        self._requests += result.attempts
        self._tokens += result.usage.input_tokens + result.usage.output_tokens
        self._cost += result.usage.cost or 0.0
        self._listener.on_item(result)

    def on_start(self, items: int, finished: int) -> None:
        self._listener.on_start(items, finished)

    def on_open(self) -> None:
        self._listener.on_open()

    def on_notice(self, notice: str) -> None:
        self._listener.on_notice(notice)

    def on_retry(self, items: int, seconds: float, detail: str) -> None:
        self._listener.on_retry(items, seconds, detail)

    def on_end(self, summary: RunSummary) -> None:
        self._listener.on_end(summary)
