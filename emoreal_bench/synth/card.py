"""The data card that lies beside the clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from emoreal_bench.contracts.item import Item
from emoreal_bench.synth.cues import AUDIO_CUES, BOUND_SOUNDS, BOUND_THINGS, VISUAL_CUES, Emotion
from emoreal_bench.synth.scenes import Scene
from emoreal_bench.synth.settings import SpeechEngine, SynthSettings

_ESPEAK = """\
The people speak with eSpeak NG (GPL-3, installed separately; its licence covers the
program, not the speech it makes). The sentences are about buses and doors, the same for
every emotion; pitch, rate and loudness carry the emotion."""

_WORDLESS = """\
**No words are spoken.** eSpeak NG was not installed or not wanted, so the people babble
syllables with the pitch, rate and loudness of the emotion. Results on clips with words
are not comparable with results on these."""

_BALANCED = """\
Yes and No, and the letters A to D, are balanced. Every wording occurs as often with one
gold answer as with another, so no text tells its answer. Where face and voice differ, the
other one's emotion is among the options, so neither modality tells the other's answers."""

_BIASED = """\
**This is a biased set for training.** With a correlation of {correlation:g} the typical cue
of each emotion, and a thing or sound that means nothing, come more often than chance, so
texts and surroundings do tell something about answers. Do not evaluate on it."""

_TEXT = """\
# EmoReAlM-Synth: data card

{items} questions about {clips} drawn clips, made by the program `emoreal-bench data synth`.
Nobody is depicted: people, rooms and voices are drawn and synthesized.

| setting | value |
|---|---|
| split | {split} |
| seed | {seed} |
| correlation | {correlation:g} |
| speech | {speech} |
| agreement wording | {agreement_wording} |
| share of faint cues | {faint:g} |

## What it is for

To measure whether a model looks and listens at all: which cue a person shows, whether face
and voice agree, and whether the model resists a cue that is not the person's or not there.
Every cue is known, so every answer is true by construction. It says nothing about real
faces and voices, whose emotions are subtle, mixed and differ between people and cultures;
a score here is no evidence of reading anyone's feelings.

## The clips

`videos/part_N/NUMBER.mp4`: 448 x 336, h264 at 24 frames a second, flac sound at 16 kHz mono,
2.75 to 3.75 s. A person in a room; face and voice convey an emotion each, the same one in
half of the clips. On the wall hangs a poster of another person and a radio plays: what they
show is there, but is not the person's. Things on the shelf, background sounds, clothes,
looks, the room and the sentence mean nothing. The lips do not follow the voice, because
they would show its emotion to a model that hears nothing.

{speech_note}

| emotion | seen (typical first) | heard (typical first) | thing and sound bound by a correlation |
|---|---|---|---|
{cues}

## The questions

`emorealm_v1.json`: a list of objects with `id`, `video` (below `videos/`), `task`,
`question`, `choices`, `answer`, and `cue`, `emotion` and, for stress questions, `category`.

| task | number | answers |
|---|---|---|
{tasks}

- **reasoning_basic**: one of four options is what the person shows, or is in the clip at all.
- **modality_agreement**: do face and voice convey the same emotion? The wording `named` ends
  each of these questions with the seven emotions that it may be, `plain` names none.
- **reasoning_stress**: is the emotion supported by the person's own cue? It is always the
  emotion that this modality conveys. `no_hallucination`: the person shows the cue (Yes).
  `spurious`: only the poster or the radio does (No). `hallucination`: nobody does (No).

{balance_note}

## Limits

Seven emotions with two cues each per modality; one style of drawing; four voices, English
words only; the poster and the radio are the only false sources; no mixed emotions, no
change over time within a clip.

## Licence

Free to use without conditions.
"""


def data_card(settings: SynthSettings, scenes: Sequence[Scene], items: Sequence[Item]) -> str:
    """Describe a benchmark for those who will use it, in Markdown.

    Args:
        settings: With the speech engine resolved.
        scenes: All clips.
        items: All questions.
    """
    espeak = settings.speech is SpeechEngine.ESPEAK
    biased = settings.correlation > 0
    return _TEXT.format(
        items=len(items),
        clips=len(scenes),
        split=settings.split,
        seed=settings.seed,
        correlation=settings.correlation,
        speech=settings.speech,
        agreement_wording=settings.agreement_wording,
        faint=settings.faint,
        speech_note=_ESPEAK if espeak else _WORDLESS,
        balance_note=_BIASED.format(correlation=settings.correlation) if biased else _BALANCED,
        cues="\n".join(_cue_row(emotion) for emotion in Emotion),
        tasks="\n".join(_task_rows(items)),
    )


def _cue_row(emotion: Emotion) -> str:
    seen, heard = ", ".join(VISUAL_CUES[emotion]), ", ".join(AUDIO_CUES[emotion])
    return f"| {emotion} | {seen} | {heard} | {BOUND_THINGS[emotion]}, {BOUND_SOUNDS[emotion]} |"


def _task_rows(items: Sequence[Item]) -> list[str]:
    answers: dict[str, Counter[str]] = {}
    for item in items:
        answers.setdefault(item.subtask, Counter())[item.answer] += 1
    return [
        f"| {subtask} | {count.total()} | "
        + ", ".join(f"{letter} {count[letter]}" for letter in sorted(count))
        + " |"
        for subtask, count in answers.items()
    ]
