"""One question about one clip, asked on the way of every run, with nothing kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from emoreal_bench.catalog import TaskFile
from emoreal_bench.choices import polarity, split_choice
from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.media import ClipMedia, Decoder, MediaWanted
from emoreal_bench.contracts.request import GenerationSettings
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.task import DEFAULT_VARIANT, DataSource, Subtask, Task, Variant
from emoreal_bench.contracts.vocabulary import (
    Alteration,
    AnswerKind,
    AnswerMethod,
    Modality,
    Scoring,
)
from emoreal_bench.identity import media_key, why_no_clip
from emoreal_bench.readers import Dataset
from emoreal_bench.resources import package_folders
from emoreal_bench.running.asking import Asker
from emoreal_bench.running.busy import HoldupClock
from emoreal_bench.running.decoding import LookAhead
from emoreal_bench.running.ledger import Ledger
from emoreal_bench.running.loops import run_to_end
from emoreal_bench.running.observer import RunObserver
from emoreal_bench.running.plan import Plan, PlanOptions, deliverable, make_plan
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.runner import make_decoder, open_model
from emoreal_bench.scoring.reading.readings import Reading, read_reply

YES_NO = ("(A) Yes", "(B) No")
_NAME = "asked"
_MOST_OPTIONS = 26
_SEEN_AND_HEARD = {Modality.VIDEO: "picture", Modality.AUDIO: "sound"}
_PROMPTS = {
    AnswerKind.CHOICE: ("prompts/emorealm/answer-format.j2", 32),
    AnswerKind.YES_NO: ("prompts/emorealm/answer-format.j2", 32),
    AnswerKind.OPEN: ("prompts/yes-no/question.j2", 256),
}
"""Template and new tokens by kind; the words are those of the tasks that ship."""


def letter_options(options: Sequence[str]) -> tuple[str, ...]:
    """Put letters before options, unless all have one.

    Raises:
        UsageError: If there is only one option or too many, one is empty or there twice, or
            some have letters and others not.
    """
    texts = [option.strip() for option in options]
    if not texts:
        return ()
    if not 2 <= len(texts) <= _MOST_OPTIONS:
        raise UsageError(f"A question has 2 to {_MOST_OPTIONS} options, not {len(texts)}.")
    split = [_split(text) for text in texts]
    lettered = [one for one in split if one is not None]
    if not lettered:
        pairs = [(chr(ord("A") + place), text) for place, text in enumerate(texts)]
    elif len(lettered) == len(texts):
        pairs = lettered
    else:
        raise UsageError(
            "Some options begin with a letter and others do not.",
            remedy="Leave the letters out; they are put before the options.",
        )
    for place, what in enumerate(("letter", "option")):
        values = [pair[place].casefold() for pair in pairs]
        double = next((value for value in values if values.count(value) > 1), None)
        if double is not None:
            raise UsageError(f"The {what} '{double}' is there twice.")
    if not all(text for _, text in pairs):
        raise UsageError("An option is empty.")
    return tuple(f"({letter}) {text}" for letter, text in pairs)


def _split(text: str) -> tuple[str, str] | None:
    try:
        return split_choice(text)
    except ValueError:
        return None


def plan_question(
    clip: Path, question: str, choices: tuple[str, ...], options: PlanOptions
) -> Plan:
    """Plan to ask one question about one clip.

    Args:
        clip: A file with a picture, a sound or both.
        question: Without the options.
        choices: The options with their letters; none for an open question.
        options: What is given of the clip.

    Raises:
        UsageError: If the question is empty, or the clip is to be swapped.
        DataError: If there is no such clip.
    """
    if not question.strip():
        raise UsageError("The question is empty.")
    if options.alteration is Alteration.SWAP:
        raise UsageError(
            "A swap puts another clip in the place of this one, and there is no other.",
            remedy="Ask about the other clip instead.",
        )
    item = Item(_NAME, _NAME, question, choices, answer="", clip=str(clip))
    dataset = Dataset([item], {item.clip: Clip(item.clip, clip)}, sources=())
    prompts = package_folders("emoreal_bench.tasks")[0]
    plan = make_plan(TaskFile(_make_task(choices), prompts / _NAME), dataset, clip.parent, options)
    if plan.clip_hashes[item.clip] is None:
        problem = "is a folder." if clip.is_dir() else why_no_clip(dataset.clips[item.clip])
        if not clip.exists():
            problem = "There is no such clip."
        raise DataError(problem, where=str(clip), remedy="Name a video or a sound file.")
    return plan


def _make_task(choices: tuple[str, ...]) -> Task:
    kind = AnswerKind.CHOICE if choices else AnswerKind.OPEN
    if len(choices) == 2 and {polarity(split_choice(one)[1]) for one in choices} == {True, False}:
        kind = AnswerKind.YES_NO
    prompt, tokens = _PROMPTS[kind]
    return Task(
        name=_NAME,
        version="1",
        title="One question",
        description="One question about one clip.",
        data=DataSource(reader=_NAME),
        subtasks={_NAME: Subtask(answer=kind, chance=1 / len(choices) if choices else 0.0)},
        variants={
            DEFAULT_VARIANT: Variant(
                description="Says how to answer; greedy.",
                prompt=prompt,
                generation=GenerationSettings(max_new_tokens=tokens, temperature=0.0),
            )
        },
    )


@dataclass(frozen=True, slots=True)
class OneAnswer:
    """What came of one question.

    Attributes:
        plan: How it was asked.
        written: The reply.
        scored: The same with its options scored; None if that was not asked for.
        media: The clip as it was decoded; None if it could not be, or was not needed.
    """

    plan: Plan
    written: Result
    scored: Result | None
    media: ClipMedia | None

    @property
    def item(self) -> Item:
        """The question."""
        return self.plan.items[0]

    @property
    def subtask(self) -> Subtask:
        """What kind of answer it wants."""
        return self.plan.task.subtasks[_NAME]

    def readings(self) -> dict[Scoring, dict[str, Reading]]:
        """Return by scoring how the reply is read, were each letter the right answer."""
        letters = [split_choice(choice)[0] for choice in self.item.choices]
        written = self.written
        return {
            scoring: {
                letter: read_reply(
                    scoring,
                    replace(self.item, answer=letter),
                    self.subtask,
                    written.status,
                    written.text,
                )
                for letter in letters
            }
            for scoring in (Scoring if letters else ())
        }


def ask_one(
    plan: Plan, adapter: ModelAdapter, *, scores: bool = True, policy: RunPolicy | None = None
) -> OneAnswer:
    """Ask a model one question, and how likely it finds each option.

    Args:
        plan: Of :func:`plan_question`.
        adapter: Whom to ask; loaded once for both.
        scores: Whether to ask for the options' scores too, where the model has any.
        policy: Retries and limits.

    Raises:
        MediaError: If the clip cannot be decoded.
        DataError: If it has nothing of what is to be given.
        RunError: If the model cannot be opened.
        ServiceError: If a service answers nobody.
    """
    adapter.check_clips(plan.clips, plan.request.media)
    plans = [plan]
    if scores and plan.items[0].choices and adapter.describe().capabilities.choice_score_kind:
        method = AnswerMethod.SCORE_CHOICES
        request = plan.request.model_copy(update={"answer_method": method})
        plans.append(replace(plan, request=request))
    sitting = _Sitting(adapter, policy or RunPolicy())
    run_to_end(sitting.ask(plans))
    written, *scored = sitting.results
    media = None if sitting.decoder is None else sitting.decoder.media
    return OneAnswer(plan, written, scored[0] if scored else None, media)


class _Sitting(RunObserver):
    """Asks each plan in turn of a model that is loaded once, and keeps what comes back."""

    def __init__(self, adapter: ModelAdapter, policy: RunPolicy):
        self._adapter = adapter
        self._policy = policy
        self.results: list[Result] = []
        self.decoder: _DecodedOnce | None = None

    def on_item(self, result: Result) -> None:
        self.results.append(result)

    async def ask(self, plans: Sequence[Plan]) -> None:
        wanted = deliverable(plans[0].request.media, self._adapter.describe().capabilities)
        async with AsyncExitStack() as stack:
            # The log is how a run finishes items; this one goes when the answer is there.
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="emoreal-asked-")))
            if wanted is not None:
                pool = await stack.enter_async_context(make_decoder(self._policy))
                self.decoder = _DecodedOnce(await _decode(plans[0], wanted, pool))
            await open_model(stack, self._adapter)
            for number, plan in enumerate(plans):
                clock = HoldupClock()
                ledger = Ledger(plan.items, folder / str(number), self._policy, self)
                with ledger:
                    asker = Asker(
                        plan, self._adapter, self._policy, ledger, self, None, held_up=clock
                    )
                    await asker.ask_all(LookAhead(plan, self.decoder, wanted, 1, clock))


class _DecodedOnce:
    """Decodes the one clip once, however often it is asked about."""

    def __init__(self, media: ClipMedia):
        self.media = media

    async def decode(
        self, clip: Clip, wanted: MediaWanted, key: str, partner: Clip | None = None
    ) -> ClipMedia:
        """Return the clip as it was decoded."""
        del clip, wanted, key, partner
        return self.media


async def _decode(plan: Plan, wanted: MediaWanted, decoder: Decoder) -> ClipMedia:
    """Decode the clip; what is wrong with it ends the command, before the model is loaded.

    Raises:
        MediaError: If it cannot be decoded.
        DataError: If it has nothing of what is wanted.
    """
    clip = next(iter(plan.clips.values()))
    clip_hash = plan.clip_hashes[clip.key]
    assert clip_hash is not None, "a missing clip is refused when the question is planned"
    media = await decoder.decode(clip, wanted, media_key(clip_hash, wanted))
    if media.frames is None and media.waveform is None:
        lacking = [_SEEN_AND_HEARD[modality] for modality in wanted.modalities]
        raise DataError(
            f"The clip has no {' and no '.join(lacking)}.",
            where=str(clip.video),
            remedy="Give the model what it has, with --modalities, or name another clip.",
        )
    return media
