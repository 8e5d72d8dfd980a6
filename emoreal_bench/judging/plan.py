"""Plans the run of a judge: the replies of a run to its open questions, as items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emoreal_bench.catalog import TaskFile
from emoreal_bench.contracts.errors import RunError, UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.request import GenerationSettings, Request
from emoreal_bench.contracts.run_record import (
    ITEMS_FILE,
    RESULTS_FILE,
    DataIdentity,
    JudgedRun,
    Manifest,
)
from emoreal_bench.contracts.task import DEFAULT_VARIANT, Task, Variant
from emoreal_bench.contracts.vocabulary import (
    AnswerKind,
    DeliveryStatus,
    JudgedDimension,
    Outcome,
    Scoring,
)
from emoreal_bench.identity import data_hash, hash_json, model_hash
from emoreal_bench.prompting import PromptRenderer, quoted, whole_characters
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.log import read_final_records
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.resources import package_folders
from emoreal_bench.running.plan import Plan, PlanOptions, group_by_clip, identify_request
from emoreal_bench.scoring.collect import Reply
from emoreal_bench.scoring.reading.cleaning import without_reasoning
from emoreal_bench.scoring.reading.readings import read_reply

MOST_REPEATS = 10
REPLY, REPEAT = "reply", "repeat"
"""Metadata of a judge's item: the text to judge, and the number of the judgement, from 1."""

_RUBRIC = "prompts/judge/descriptions.j2"
_SYSTEM = (
    "You compare a description of a person's emotion with a reference, and answer with one JSON "
    "object and nothing else."
)
_TEXT_ONLY = MediaWanted(modalities=())
_GENERATION = GenerationSettings(max_new_tokens=200, temperature=0.0)


class JudgeRenderer(PromptRenderer):
    """Renders the rubric around one reply and its reference, which are other people's text."""

    def values(self, item: Item) -> dict[str, object]:
        """Return the texts that the rubric puts between its tags."""
        texts = {"question": item.question, "reference": item.answer, "reply": reply_of(item)}
        return {name: quoted(text) for name, text in texts.items()}


@dataclass(frozen=True, slots=True)
class JudgePlan(Plan):
    """The plan of a judge's run."""

    def make_request(self, item: Item, media: ClipMedia | None) -> Request:
        """Ask for one judgement; the repeated ones of a reply differ in their seed only."""
        # Named in full: slots=True makes the class anew, which super() would miss.
        request = Plan.make_request(self, item, media)
        settings = request.settings.model_copy(update={"seed": repeat_of(item) - 1})
        return replace(request, settings=settings)


def make_judge_plan(folder: Path, repeats: int = 1) -> JudgePlan:
    """Plan to judge the replies of a finished run to its open questions.

    Each reply becomes an item per repeated judgement, whose id ends in the
    number of the judgement. A question without a reply is not asked about, but
    counted. The identity of the data is over the judged run's and its replies.

    Args:
        folder: The run to be judged.
        repeats: Judgements of each reply, 1 to 10.

    Raises:
        UsageError: If there are no open questions, the run is a judge's own, or
            ``repeats`` is out of range.
        RunError: If the folder holds no finished run, or there is no reply.
    """
    if not 1 <= repeats <= MOST_REPEATS:
        raise UsageError(f"Repeats must be 1 to {MOST_REPEATS}, not {repeats}.")
    manifest = load_manifest(folder)
    judged_task = Task.model_validate(manifest.task_definition)
    questions = _open_questions(folder, manifest, judged_task)
    replies, without_reply = _sort_replies(folder, judged_task, questions)
    if not replies:
        raise RunError("There is no reply to judge in this run.", where=str(folder))
    items = [
        _judge_item(question, replies[question.id], repeat)
        for question in questions
        if question.id in replies
        for repeat in range(1, repeats + 1)
    ]
    task = _judge_task(judged_task)
    renderer = _make_renderer(task)
    groups = group_by_clip(items)
    return JudgePlan(
        task=task,
        renderer=renderer,
        items=items,
        groups=groups,
        # No clip is opened: in its place stand the replies about it.
        clips={},
        clip_hashes={
            key: hash_json([reply_of(items[position]) for position in group])
            for key, group in groups.items()
        },
        partners={},
        data=DataIdentity(
            hash=_identity(manifest, items),
            items=len(items),
            clips=len(groups),
            root=str(folder),
        ),
        request=identify_request(renderer, _TEXT_ONLY, PlanOptions()),
        limit=manifest.limit,
        judged=_describe_judged(folder, manifest, questions, repeats, without_reply),
    )


def reply_of(item: Item) -> str:
    """Return the reply that a judge's item is about."""
    return (item.metadata or {})[REPLY]


def repeat_of(item: Item) -> int:
    """Return the number of the judgement that a judge's item asks for, from 1."""
    return int((item.metadata or {})[REPEAT])


def _identity(judged: Manifest, items: Sequence[Item]) -> str:
    """Hash the replies, and whose they are: an equal few of another run are other data."""
    whose = [judged.data.hash, judged.request.hash, model_hash(judged.model)]
    return hash_json([*whose, data_hash(items, {})])


def _open_questions(folder: Path, manifest: Manifest, task: Task) -> list[Item]:
    if manifest.judged is not None:
        raise UsageError(
            "This is the run of a judge, and a judge is not judged.",
            where=str(folder),
            remedy=f"Name the run that it judges: {manifest.judged.folder}",
        )
    questions = [
        item
        for item in load_plan_items(folder, manifest)
        if task.subtasks[item.subtask].answer is AnswerKind.OPEN
    ]
    if not questions:
        raise UsageError(
            f"The task {task.name} asks for no free text, so there is nothing to judge.",
            where=str(folder),
            remedy="Its answers are scored without a judge: emoreal-bench score RUN.",
        )
    if not (folder / RESULTS_FILE).is_file():
        raise RunError(
            "This run is not finished.",
            where=str(folder),
            remedy="Give the command that began it again, and judge it then.",
        )
    return questions


def _sort_replies(
    folder: Path, task: Task, questions: Sequence[Item]
) -> tuple[dict[str, str], dict[str, dict[Outcome, int]]]:
    """Part the questions into those with a reply, by id, and counts of those without."""
    logged = {
        record["id"]: Reply(
            record["id"], DeliveryStatus(record["status"]), without_reasoning(record["text"])
        )
        for record in read_final_records(folder / ITEMS_FILE)
    }
    texts: dict[str, str] = {}
    without: dict[str, Counter[Outcome]] = {question.subtask: Counter() for question in questions}
    for question in questions:
        reply = logged.get(question.id, Reply(question.id, DeliveryStatus.MISSING, ""))
        subtask = task.subtasks[question.subtask]
        outcome = read_reply(Scoring.STRICT, question, subtask, reply.status, reply.text).outcome
        if outcome is Outcome.ANSWERED:
            texts[question.id] = whole_characters(reply.text).strip()
        else:
            without[question.subtask][outcome] += 1
    return texts, {subtask: dict(sorted(counts.items())) for subtask, counts in without.items()}


def _make_renderer(task: Task) -> JudgeRenderer:
    rubrics = package_folders("emoreal_bench.tasks")[0]
    return JudgeRenderer(TaskFile(task, rubrics / "judge"), DEFAULT_VARIANT, ())


def _describe_judged(
    folder: Path,
    manifest: Manifest,
    questions: Sequence[Item],
    repeats: int,
    without_reply: dict[str, dict[Outcome, int]],
) -> JudgedRun:
    return JudgedRun(
        run_id=manifest.run_id,
        model=manifest.model,
        task=manifest.task,
        variant=manifest.request.variant,
        data_hash=manifest.data.hash,
        request_hash=manifest.request.hash,
        folder=str(folder),
        repeats=repeats,
        items=dict(Counter(question.subtask for question in questions)),
        without_reply=without_reply,
    )


def _judge_item(question: Item, reply: str, repeat: int) -> Item:
    metadata: Mapping[str, str] = {REPLY: reply, REPEAT: str(repeat)}
    return replace(question, id=f"{question.id}#{repeat}", choices=(), metadata=metadata)


def _judge_task(judged: Task) -> Task:
    """Make the task of a judge: the data of the judged one, asked about by the rubric."""
    return judged.model_copy(
        update={
            "name": f"{judged.name}-judged",
            "title": f"{judged.title}, judged",
            "description": f"Replies to the open questions of {judged.title}, before a judge.",
            "extends": None,
            "media": _TEXT_ONLY,
            "subtasks": {
                name: subtask
                for name, subtask in judged.subtasks.items()
                if subtask.answer is AnswerKind.OPEN
            },
            "variants": {
                DEFAULT_VARIANT: Variant(
                    description="Four ratings of 1 to 10 as JSON; greedy, 200 new tokens.",
                    prompt=_RUBRIC,
                    system=_SYSTEM,
                    generation=_GENERATION,
                )
            },
            "metrics": tuple(dimension.value for dimension in JudgedDimension),
            "slices": (),
            "shots": 0,
        }
    )
