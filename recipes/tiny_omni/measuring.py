"""What is measured of a member of the family, on files, through the harness.

The benchmark's own questions name the emotion and tempt; the neutral questions
about the same clips do not, and tell whether a model perceives. The text prior
is how much likelier the words alone make "yes" for the typical cue of an emotion
than for the other one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import torch

from emoreal_bench.api.evaluating import RunOptions, evaluate
from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.preference import CLIP_MODALITIES
from emoreal_bench.contracts.request import GenerationSettings, Message, Request, TextPart
from emoreal_bench.contracts.scores import Interval, ScoringReport, SubtaskScores
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, Modality
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.record.files import write_atomically
from emoreal_bench.running.plan import PlanOptions
from emoreal_bench.synth import Scene, SynthSettings, make_scenes
from emoreal_bench.synth.build import emorealm_record
from emoreal_bench.synth.cues import AUDIO_CUES, VISUAL_CUES
from emoreal_bench.synth.questions import (
    NO,
    OWN_CUE,
    SUPPORTS,
    YES,
    YES_NO,
    emotion_phrase,
    sides_of,
)
from emoreal_bench.training.examples.answers import PromptWithAnswers
from emoreal_bench.training.lora_settings import LoraSettings
from emoreal_bench.training.trainable import load_trainable
from recipes.tiny_omni.lessons import TASK

MODEL = "tiny/omni"
NEUTRAL_ANNOTATIONS = "neutral.json"


@dataclass(frozen=True, slots=True)
class Measured:
    """A fraction or a number of nats, with its interval at 95 % where there is one."""

    value: float
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the family.

    Attributes:
        arguments: Of the model, as ``--model-arg``.
        adapter: Folder of its adapter; None for the base.
    """

    arguments: Mapping[str, str]
    adapter: Path | None = None


def write_neutral_questions(settings: SynthSettings, folder: Path) -> None:
    """Write the neutral questions about a written benchmark beside its own questions."""
    items = [item for scene in make_scenes(settings) for item in _neutral_items(scene)]
    text = json.dumps([emorealm_record(item) for item in items], indent=1)
    write_atomically(folder / NEUTRAL_ANNOTATIONS, [text.encode()])


def measure(member: Member, data: Path, runs: Path) -> dict[str, Measured]:
    """Measure a member.

    Args:
        member: Of the family.
        data: A written benchmark with its neutral questions.
        runs: Where run folders are made.

    Returns:
        By name: ``average``, ``<subtask>``, ``balanced_stress_<modality>``,
        ``hallucination_<modality>``, ``perception_<modality>``, ``text_prior_<modality>``.
    """
    asked = _run(member, data, runs, {})
    assert asked.average_accuracy is not None
    found = {"average": Measured(asked.average_accuracy, asked.average_accuracy_interval)}
    for name, scores in asked.subtasks.items():
        found[name] = _number(scores, "accuracy")
    neutral = _run(member, data, runs, {"annotations": NEUTRAL_ANNOTATIONS})
    for modality in CLIP_MODALITIES:
        stress = f"reasoning_stress_{modality}"
        found[f"balanced_{stress}"] = _number(asked.subtasks[stress], "balanced_accuracy")
        for rate in ("hallucination_rate", "spurious_rate"):
            found[f"{rate}_{modality}"] = _number(asked.subtasks[stress], rate)
        found[f"perception_{modality}"] = _number(neutral.subtasks[stress], "balanced_accuracy")
    for modality, nats in text_prior(member).items():
        found[f"text_prior_{modality}"] = Measured(nats)
    return found


def text_prior(member: Member) -> dict[Modality, float]:
    """Measure the text prior of a member in nats, the mean over emotions and wordings."""
    lora = LoraSettings(start=member.adapter)
    model = load_trainable(MODEL, member.arguments, lora)
    renderer = PromptRenderer(find_task(TASK), "answer-format", ())
    prior = {}
    for modality, cues in ((Modality.VIDEO, VISUAL_CUES), (Modality.AUDIO, AUDIO_CUES)):
        prompts = [
            _ask(renderer, wording.format(cue=cue, emotion=emotion_phrase(emotion)))
            for wording in SUPPORTS[modality]
            for emotion, both in cues.items()
            for cue in both
        ]
        with torch.no_grad():
            said = model.network(model.prepare(prompts)).tolist()
        prior[modality] = fmean(
            typical - other for typical, other in zip(said[::2], said[1::2], strict=True)
        )
    return prior


def as_json(found: Mapping[str, Measured]) -> dict[str, dict[str, object]]:
    """Return measurements as plain data."""
    return {name: asdict(number) for name, number in found.items()}


def _neutral_items(scene: Scene) -> list[Item]:
    """Ask about the person's cue and about the emotion's other one, in one wording."""
    items = []
    for side in sides_of(scene):
        wordings = OWN_CUE[side.modality]
        for cue, answer in ((side.person.cue, YES), (side.other_cue, NO)):
            item = Item(
                id=f"{scene.index + 1}_neutral_{side.modality}_{answer}",
                subtask=f"reasoning_stress_{side.modality}",
                question=wordings[scene.index % len(wordings)].format(cue=cue),
                choices=YES_NO,
                answer=answer,
                clip=scene.clip,
            )
            items.append(item)
    return items


def _run(member: Member, data: Path, runs: Path, options: Mapping[str, str]) -> ScoringReport:
    report = evaluate(
        MODEL,
        TASK,
        data,
        RunOptions(
            plan=PlanOptions(),
            data_options=options,
            model_arguments=member.arguments,
            lora=member.adapter,
            runs=runs,
        ),
    )
    return report.results.scores[HEADLINE_SCORING]


def _number(scores: SubtaskScores, name: str) -> Measured:
    value = getattr(scores, name)
    assert isinstance(value, float)
    return Measured(value, scores.intervals.get(name))


def _ask(renderer: PromptRenderer, question: str) -> PromptWithAnswers:
    item = Item("", "modality_agreement", question, YES_NO, YES, "")
    words = TextPart(renderer.text(item))
    request = Request("", (Message("user", (words,)),), GenerationSettings())
    return PromptWithAnswers(request, (f"({YES})",))
