"""Plans the run of a judge: replies of a run as items.

They are those to its open questions, to be rated; or those to its yes/no
questions in which no answer was found, of which the judge says what they amount
to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
    JudgedMatter,
    Outcome,
    Scoring,
)
from emoreal_bench.identity import data_hash, hash_json, model_hash
from emoreal_bench.prompting import PromptRenderer, quoted, whole_characters
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.log import read_final_records
from emoreal_bench.record.manifest import load_manifest, read_task
from emoreal_bench.resources import package_folders
from emoreal_bench.running.plan import Plan, PlanOptions, group_by_clip, identify_request
from emoreal_bench.scoring.collect import Reply
from emoreal_bench.scoring.reading.cleaning import without_reasoning
from emoreal_bench.scoring.reading.readings import read_reply
from emoreal_bench.scoring.verdicts import UNREAD

MOST_REPEATS = 10
REPLY, REPEAT, OPTIONS = "reply", "repeat", "options"
"""Metadata of a judge's item: the text to judge, the number of the judgement, from 1, and
the options of its question."""

_TEXT_ONLY = MediaWanted(modalities=())


@dataclass(frozen=True, slots=True)
class _Matter:
    """How replies of one kind are judged.

    Attributes:
        answer: What the questions want.
        outcomes: What strict says of the replies that are judged.
        most_repeats: Judgements of each reply at the most.
        variant: How the judge is asked.
        metrics: What its tables show.
        not_asked: What is wrong with a task that has no such question.
        remedy: What to do then.
    """

    answer: AnswerKind
    outcomes: tuple[Outcome, ...]
    most_repeats: int
    variant: Variant
    metrics: tuple[str, ...]
    not_asked: str
    remedy: str


_MATTERS = {
    JudgedMatter.DESCRIPTIONS: _Matter(
        answer=AnswerKind.OPEN,
        outcomes=(Outcome.ANSWERED,),
        most_repeats=MOST_REPEATS,
        variant=Variant(
            description="Four ratings of 1 to 10 as JSON; greedy, 200 new tokens.",
            prompt="prompts/judge/descriptions.j2",
            system="You compare a description of a person's emotion with a reference, and answer "
            "with one JSON object and nothing else.",
            generation=GenerationSettings(max_new_tokens=200, temperature=0.0),
        ),
        metrics=tuple(dimension.value for dimension in JudgedDimension),
        not_asked="asks for no free text, so there is nothing to judge",
        remedy="Its answers are scored without a judge: emoreal-bench score RUN. Replies to "
        "yes/no questions that say neither are judged with --statements.",
    ),
    JudgedMatter.STATEMENTS: _Matter(
        answer=AnswerKind.YES_NO,
        outcomes=UNREAD,
        most_repeats=1,
        variant=Variant(
            description="Yes, no or neither as JSON; greedy, 200 new tokens.",
            prompt="prompts/judge/statements.j2",
            system="You say which answer to a yes/no question a reply amounts to, with one JSON "
            "object and nothing else.",
            generation=GenerationSettings(max_new_tokens=200, temperature=0.0),
        ),
        metrics=(),
        not_asked="has no yes/no questions, so there are no statements to judge",
        remedy="Free descriptions are judged without --statements.",
    ),
}


class JudgeRenderer(PromptRenderer):
    """Renders the rubric around one reply and its reference or options, other people's text."""

    def values(self, item: Item) -> dict[str, object]:
        """Return the texts that the rubric puts between its tags."""
        return judge_values(item)


def judge_values(item: Item) -> dict[str, object]:
    """Return what a rubric sees of a reply to be judged, by name."""
    texts = {"question": item.question, "reply": reply_of(item)}
    if OPTIONS in (item.metadata or {}):
        texts[OPTIONS] = (item.metadata or {})[OPTIONS]
    else:
        texts["reference"] = item.answer
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


def make_judge_plan(
    folder: Path, repeats: int = 1, matter: JudgedMatter = JudgedMatter.DESCRIPTIONS
) -> JudgePlan:
    """Plan to judge replies of a finished run.

    Each reply becomes an item per repeated judgement, whose id ends in the
    number of the judgement. An open question without a reply is not asked about,
    but counted. The identity of the data is over the judged run's and its replies.

    Args:
        folder: The run to be judged.
        repeats: Judgements of each reply, 1 to 10; of a statement 1.
        matter: Which of its replies.

    Raises:
        UsageError: If there are no such questions, the run is a judge's own, or
            ``repeats`` is out of range.
        RunError: If the folder holds no finished run, or there is no reply.
    """
    _check_repeats(repeats, matter)
    manifest = load_manifest(folder)
    judged_task = read_task(manifest, folder)
    questions = _questions(folder, manifest, judged_task, matter)
    replies, without_reply = _sort_replies(folder, judged_task, questions, matter)
    if not replies:
        raise RunError("There is no reply to judge in this run.", where=str(folder))
    if matter is JudgedMatter.STATEMENTS:
        # All other replies hold an answer, or nothing to judge, and need no counting.
        questions, without_reply = [one for one in questions if one.id in replies], {}
    items = [
        _judge_item(question, replies[question.id], repeat)
        for question in questions
        if question.id in replies
        for repeat in range(1, repeats + 1)
    ]
    task = _judge_task(judged_task, matter)
    groups = group_by_clip(items)
    return JudgePlan(
        task=task,
        renderer=(renderer := _make_renderer(task)),
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
        judged=_describe_judged(folder, manifest, questions, repeats, without_reply, matter),
    )


def _check_repeats(repeats: int, matter: JudgedMatter) -> None:
    most = _MATTERS[matter].most_repeats
    if not 1 <= repeats <= most:
        allowed = f"1 to {most}" if most > 1 else f"1 for {matter}"
        raise UsageError(f"Repeats must be {allowed}, not {repeats}.")


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


def _questions(folder: Path, manifest: Manifest, task: Task, matter: JudgedMatter) -> list[Item]:
    how = _MATTERS[matter]
    if manifest.judged is not None:
        raise UsageError(
            "This is the run of a judge, and a judge is not judged.",
            where=str(folder),
            remedy=f"Name the run that it judges: {manifest.judged.folder}",
        )
    questions = [
        item
        for item in load_plan_items(folder, manifest)
        if task.subtasks[item.subtask].answer is how.answer
    ]
    if not questions:
        raise UsageError(
            f"The task {task.name} {how.not_asked}.", where=str(folder), remedy=how.remedy
        )
    if not (folder / RESULTS_FILE).is_file():
        raise RunError(
            "This run is not finished.",
            where=str(folder),
            remedy="Give the command that began it again, and judge it then.",
        )
    return questions


def _sort_replies(
    folder: Path, task: Task, questions: Sequence[Item], matter: JudgedMatter
) -> tuple[dict[str, str], dict[str, dict[Outcome, int]]]:
    """Part the questions into those with a reply to judge, by id, and counts of those without."""
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
        text = whole_characters(reply.text).strip()
        if text and outcome in _MATTERS[matter].outcomes:
            texts[question.id] = text
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
    matter: JudgedMatter,
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
        matter=matter,
        items=dict(Counter(question.subtask for question in questions)),
        without_reply=without_reply,
    )


def _judge_item(question: Item, reply: str, repeat: int) -> Item:
    metadata = {REPLY: reply, REPEAT: str(repeat)}
    if question.choices:
        metadata[OPTIONS] = "\n".join(question.choices)
    return replace(question, id=f"{question.id}#{repeat}", choices=(), metadata=metadata)


def _judge_task(judged: Task, matter: JudgedMatter) -> Task:
    """Make the task of a judge: the data of the judged one, asked about by the rubric."""
    how = _MATTERS[matter]
    name = "judged" if matter is JudgedMatter.DESCRIPTIONS else f"{matter}-judged"
    return judged.model_copy(
        update={
            "name": f"{judged.name}-{name}",
            "title": f"{judged.title}, judged",
            "description": f"Replies to questions of {judged.title}, before a judge.",
            "extends": None,
            "media": _TEXT_ONLY,
            "subtasks": {
                name: subtask.model_copy(update={"answer": AnswerKind.OPEN})
                for name, subtask in judged.subtasks.items()
                if subtask.answer is how.answer
            },
            "variants": {DEFAULT_VARIANT: how.variant},
            "metrics": how.metrics,
            "slices": (),
            "shots": 0,
        }
    )
