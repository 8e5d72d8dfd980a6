"""Pairs from captions: a model describes picture and sound apart, and a model writes questions.

Four stages, each a run that can be stopped and goes on where it stopped: captions
of the pictures, captions of the sounds, questions with answers written from both,
and the same questions asked without the clip. What can be answered without the
clip is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field, ValidationError

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import RunError, UsageError
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.preference import CLIP_MODALITIES, PreferencePair, Text
from emoreal_bench.contracts.request import GenerationSettings
from emoreal_bench.contracts.run_record import ITEMS_FILE
from emoreal_bench.contracts.vocabulary import Alteration, AnswerForm, Modality
from emoreal_bench.preferences.altering import Lengths, with_altered_inputs
from emoreal_bench.preferences.building.asking import Stage, StageRunner, plan_stage, replies_of
from emoreal_bench.preferences.building.facts import Fact
from emoreal_bench.preferences.checking.blind import plan_blind, read_blind
from emoreal_bench.record.log import read_final_records
from emoreal_bench.running.plan import Plan
from emoreal_bench.scoring.judgement import read_json_reply

_CAPTION = GenerationSettings(max_new_tokens=300, temperature=0.0)
_SYSTEM = "You answer with one JSON object and nothing else."
_TOKENS_PER_QUESTION = 220
_BLIND_TURNS = 3
"""As many as there are answers: a model that always takes one letter is right in one turn."""


class WrittenQuestion(Record):
    """One question as the writing model has to give it."""

    modality: Modality
    emotion: Text
    cue: Text
    missing_cue: Text
    question: Text
    chosen: Text
    hallucination: Text
    spurious: Text


class WrittenQuestions(Record):
    """The object that the writing model has to give."""

    questions: tuple[WrittenQuestion, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class CaptionedClips:
    """The clips that pairs are made of.

    Attributes:
        root: Their folder.
        clips: By their paths below it.
        emotions: What is known of how the person feels, by clip; the writing model
            says it where it is not known.
    """

    root: Path
    clips: Mapping[str, Clip]
    emotions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Captions:
    """What a model said of the picture and of the sound of a clip."""

    picture: str
    sound: str


@dataclass(frozen=True, slots=True)
class CaptionOptions:
    """What is wanted of captioned clips.

    Attributes:
        questions: Of each clip.
        alteration: Of the other input, as for the synthetic benchmark.
        media: What is wanted of each clip to caption it; modalities aside.
    """

    questions: int = 2
    alteration: Alteration = Alteration.SWAP
    media: MediaWanted = field(default_factory=MediaWanted)


@dataclass(frozen=True, slots=True)
class CaptionedPairs:
    """What came of it.

    Attributes:
        pairs: The pairs.
        clips: Clips that were to be captioned.
        captioned: Clips with both captions.
        unreadable: Clips whose questions were not written as they had to be.
        written: Questions that were.
        blind: Questions that were answered without the clip, and dropped.
    """

    pairs: tuple[PreferencePair, ...]
    clips: int
    captioned: int
    unreadable: int
    written: int
    blind: int

    @property
    def counts(self) -> dict[str, int]:
        """Return what was counted, by the names that are printed."""
        return {
            "clips": self.clips,
            "captioned": self.captioned,
            "unreadable": self.unreadable,
            "written": self.written,
            "answered_blind": self.blind,
        }


def build_caption_pairs(
    source: CaptionedClips,
    describer: ModelAdapter,
    writer: ModelAdapter,
    runner: StageRunner,
    lengths: Lengths,
    options: CaptionOptions | None = None,
) -> CaptionedPairs:
    """Make pairs of a user's own clips.

    Args:
        source: The clips.
        describer: Writes the captions; it must see and hear.
        writer: Writes the questions and tries them blind; it is given texts only.
        runner: Carries the stages out.
        lengths: Of the clips, to match partners.
        options: What is wanted.

    Raises:
        UsageError: If the describing model does not take picture and sound.
        RunError: If requests failed, no clip could be captioned, or no question came of it.
        BudgetSpentError: If the budget is spent; the same call goes on later.
        RunInterrupted: On Ctrl-C or SIGTERM.
    """
    options = options or CaptionOptions()
    _check_takes_clips(describer)
    captions = _caption(source, describer, runner, options.media)
    asked = runner.run(_plan_questions(source, captions, options.questions), writer)
    replies = replies_of(asked)
    written = {clip: read_questions(replies.get(clip, "")) for clip in captions}
    if not any(written.values()):
        raise _no_questions(asked, list(replies.values()))
    pairs = [
        _make_pair(source, clip, number, question)
        for clip, questions in written.items()
        for number, question in enumerate(questions, start=1)
    ]
    kept = _without_blind(pairs, source.root, writer, runner)
    if not kept:
        raise RunError(
            f"Questions were answered without the clip: {len(pairs)} of {len(pairs)}, so no pair "
            "is left.",
            where=str(source.root),
            remedy="Take another writer, or more clips.",
        )
    return CaptionedPairs(
        pairs=with_altered_inputs(kept, lengths, options.alteration),
        clips=len(source.clips),
        captioned=len(captions),
        unreadable=sum(not questions for questions in written.values()),
        written=len(pairs),
        blind=len(pairs) - len(kept),
    )


def _no_questions(folder: Path, replies: Sequence[str]) -> RunError:
    begins = f"; the first begins: {replies[0][:80]!r}" if replies else ""
    return RunError(
        f"None of {len(replies)} replies of the writer holds a question{begins}.",
        where=str(folder),
        remedy="Name another writer. To ask this one anew once it is mended, remove this folder "
        "and give the same command again.",
    )


def _caption(
    source: CaptionedClips, describer: ModelAdapter, runner: StageRunner, media: MediaWanted
) -> dict[str, Captions]:
    """Describe pictures and sounds apart, and give what was said of clips with both."""
    pictures, sounds = (
        captions_of(runner.run(_plan_captions(source, modality, media), describer))
        for modality in CLIP_MODALITIES
    )
    captions = {
        clip: Captions(pictures[clip], sounds[clip])
        for clip in source.clips
        if pictures.get(clip) and sounds.get(clip)
    }
    if not captions:
        raise RunError(
            "No clip was given both captions.",
            where=str(source.root),
            remedy="Clips need a picture and a sound; `emoreal-bench runs list` has the runs that "
            "say what reached the model.",
        )
    return captions


def _check_takes_clips(describer: ModelAdapter) -> None:
    """Refuse a model that would describe what it never saw or heard."""
    description = describer.describe()
    lacking = [one for one in CLIP_MODALITIES if one not in description.capabilities.modalities]
    if lacking:
        raise UsageError(
            f"{description.name} takes no {' and no '.join(lacking)}, so it cannot describe clips.",
            remedy="Name a model that takes both; `emoreal-bench list models` says which do.",
        )


def captions_of(folder: Path) -> dict[str, str]:
    """Read the captions of a run, by clip; one whose clip did not reach the model is none."""
    delivered = {
        record["id"]
        for record in read_final_records(folder / ITEMS_FILE)
        if "delivery" in record
        and (record["delivery"]["frames"] or record["delivery"]["audio_seconds"])
    }
    return {clip: text for clip, text in replies_of(folder).items() if clip in delivered}


def _plan_captions(source: CaptionedClips, modality: Modality, media: MediaWanted) -> Plan:
    names = {Modality.VIDEO: "picture", Modality.AUDIO: "sound"}
    stage = Stage(
        name=f"caption-{modality}",
        description=f"What the {names[modality]} of each clip holds, in words.",
        prompt=f"caption-{modality}.j2",
        generation=_CAPTION,
        media=media.model_copy(update={"modalities": (modality,)}),
    )
    items = [Item(clip, stage.name, "", (), "", clip) for clip in source.clips]
    return plan_stage(stage, items, source.clips, source.root)


def _plan_questions(source: CaptionedClips, captions: Mapping[str, Captions], number: int) -> Plan:
    stage = Stage(
        name="questions",
        description="Questions and answers, written from the captions of each clip.",
        prompt="questions.j2",
        generation=GenerationSettings(max_new_tokens=_TOKENS_PER_QUESTION * number),
        system=_SYSTEM,
    )
    items = [
        Item(
            id=clip,
            subtask=stage.name,
            question="",
            choices=(),
            answer="",
            clip=clip,
            metadata={
                "picture": said.picture,
                "sound": said.sound,
                "emotion": source.emotions.get(clip, ""),
                "number": str(number),
            },
        )
        for clip, said in captions.items()
    ]
    return plan_stage(stage, items, {}, source.root)


def read_questions(reply: str) -> tuple[WrittenQuestion, ...]:
    """Read what the writing model wrote; nothing if it is not as it has to be."""
    try:
        questions = WrittenQuestions.model_validate(read_json_reply(reply)).questions
    except (ValueError, ValidationError):
        return ()
    return tuple(question for question in questions if _is_sound(question))


def _is_sound(question: WrittenQuestion) -> bool:
    """Return whether the answers differ and the question is about the picture or the sound."""
    answers = (question.chosen, question.hallucination, question.spurious)
    distinct = {answer.casefold().strip() for answer in answers}
    return len(distinct) == len(answers) and question.modality in CLIP_MODALITIES


def _make_pair(
    source: CaptionedClips, clip: str, number: int, question: WrittenQuestion
) -> PreferencePair:
    return PreferencePair(
        id=f"{clip}#{number}",
        clip=clip,
        question=question.question,
        chosen=question.chosen,
        hallucination=question.hallucination,
        spurious=question.spurious,
        modality=question.modality,
        metadata={
            Fact.EMOTION.value: source.emotions.get(clip, question.emotion),
            Fact.CUE.value: question.cue,
            Fact.DENIED_CUE.value: question.missing_cue,
            Fact.FORM.value: AnswerForm.WORDS.value,
        },
    )


def _without_blind(
    pairs: Sequence[PreferencePair], root: Path, writer: ModelAdapter, runner: StageRunner
) -> list[PreferencePair]:
    """Drop the pairs whose chosen answer is found without the clip in every turn."""
    if not pairs:
        return []
    found = read_blind(runner.run(plan_blind(pairs, root, _BLIND_TURNS), writer))
    return [pair for pair in pairs if not all(found.get(pair.id, (False,)))]
